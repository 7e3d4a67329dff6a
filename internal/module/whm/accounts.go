package whm

import (
	"cmp"
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
)

// WHM API 1: createacct. A limit of 0 is no limit, but for domains, of which 0
// are none.
type createAccountParams struct {
	Username    hosting.AccountParam `param:"username" doc:"The account's name: 1 to 16 letters and digits, beginning with a letter and not with test. Letters become lower case."`
	Domain      hosting.DomainParam  `param:"domain" doc:"The account's main domain."`
	Password    latchkey.Secret      `param:"password,optional" doc:"The account's password; without one nobody can sign in with a password until one is set."`
	Pass        latchkey.Secret      `param:"pass,optional" doc:"Another name for password."`
	Plan        string               `param:"plan,optional" doc:"The account's package; default if it is left out."`
	PkgName     label                `param:"pkgname,optional" doc:"Save the account's limits as a new package with this name."`
	SavePkg     flag                 `param:"savepkg,optional" doc:"1 to save the account's limits as a new package, named like the account unless pkgname says otherwise; 0 not to."`
	Contact     contact              `param:"contactemail,optional" doc:"Where the account's owner is written to."`
	FeatureList string               `param:"featurelist,optional" doc:"The feature list of the package that is saved."`
	Owner       hosting.AccountParam `param:"owner,optional" doc:"Who owns the account: root, itself or another account."`
	OwnerSelf   bool                 `param:"ownerself,optional" doc:"1 for an account that owns itself, unless owner says otherwise."`
	Reseller    bool                 `param:"reseller,optional" doc:"1 to make the account a reseller, with the privileges that every reseller begins with."`
	Locale      word                 `param:"language,optional" doc:"The account's locale, such as en."`
	Theme       word                 `param:"cpmod,optional" doc:"The account's theme."`

	Quota        ceiling   `param:"quota,optional" doc:"The most the home may hold, in MB; 0 or unlimited for no limit."`
	Bandwidth    ceiling   `param:"bwlimit,optional" doc:"The most traffic in a month, in MB; 0 or unlimited for no limit."`
	Mailboxes    ceiling   `param:"maxpop,optional" doc:"How many mailboxes there may be; 0 or unlimited for no limit."`
	MailboxQuota ceiling   `param:"max_emailacct_quota,optional" doc:"The most one mailbox may hold, in MB; 0 or unlimited for no limit."`
	FTP          ceiling   `param:"maxftp,optional" doc:"How many FTP accounts there may be; 0 or unlimited for no limit."`
	Databases    ceiling   `param:"maxsql,optional" doc:"How many databases there may be of each kind; 0 or unlimited for no limit."`
	Lists        ceiling   `param:"maxlst,optional" doc:"How many mailing lists there may be; 0 or unlimited for no limit."`
	PerHour      ceiling   `param:"max_email_per_hour,optional" doc:"How many messages may be sent in an hour; 0 or unlimited for no limit."`
	Subdomains   allowance `param:"maxsub,optional" doc:"How many subdomains there may be; 0 for none, or unlimited."`
	Parked       allowance `param:"maxpark,optional" doc:"How many parked domains there may be; 0 for none, or unlimited."`
	Addons       allowance `param:"maxaddon,optional" doc:"How many addon domains there may be; 0 for none, or unlimited."`

	Rest api.Args `param:"*" doc:"What has no effect here is taken and named in a warning; what this server cannot do is refused."`
}

// createUnable are the arguments of createacct that ask for more than there is.
var createUnable = unable{
	"account_enhancements": nil, "customip": nil, "gid": nil, "hasshell": {"0", "n"}, "homedir": nil, "ip": {"n", "0"},
	"mail_node_alias": nil, "mailbox_format": {"maildir"}, "mxcheck": {"local", "auto"},
	"reseller_without_domain": {"0"}, "uid": nil,
}

type createdAccount struct {
	IP               string  `json:"ip"`
	Nameserver       string  `json:"nameserver"`
	Nameserver2      string  `json:"nameserver2"`
	Nameserver3      string  `json:"nameserver3"`
	Nameserver4      string  `json:"nameserver4"`
	NameserverA      *string `json:"nameservera"`
	NameserverA2     *string `json:"nameservera2"`
	NameserverA3     *string `json:"nameservera3"`
	NameserverA4     *string `json:"nameservera4"`
	NameserverEntry  *string `json:"nameserverentry"`
	NameserverEntry2 *string `json:"nameserverentry2"`
	NameserverEntry3 *string `json:"nameserverentry3"`
	NameserverEntry4 *string `json:"nameserverentry4"`
	Package          string  `json:"package"`
}

func createAccount(ctx context.Context, h hosting.Host, p createAccountParams) (api.Answer, error) {
	n, err := p.account(h)
	if err != nil {
		return api.Answer{}, err
	}
	if err := p.plan(ctx, h, &n); err != nil {
		return api.Answer{}, err
	}
	a, err := h.CreateAccount(ctx, n)
	if err != nil {
		return api.Answer{}, already(err, "The username “%s” or the domain “%s” already exists: choose another.", n.Name, n.Domain)
	}
	return api.Answer{Data: created(h.Server().IP, nameservers(ctx, h, a.Owner), a.Package), Warnings: createUnable.noEffect(p.Rest)}, nil
}

// account checks what can be checked without looking at other accounts.
func (p *createAccountParams) account(h hosting.Host) (hosting.NewAccount, error) {
	n := hosting.NewAccount{
		Name: p.Username.Name, Domain: p.Domain.Domain, Contact: string(p.Contact), Limits: p.limits,
		Locale: string(p.Locale), Theme: string(p.Theme), Owner: p.Owner.Name, Reseller: p.Reseller,
	}
	if n.Owner == "" && p.OwnerSelf {
		n.Owner = n.Name
	}
	if err := hosting.CheckNewName(n.Name); err != nil {
		return n, err
	}
	if err := createUnable.check(p.Rest, map[string]string{"customip": h.Server().IP}); err != nil {
		return n, err
	}
	var err error
	n.Password, err = newPassword(h, p.Password, p.Pass)
	return n, err
}

// limits changes what the package allows.
func (p *createAccountParams) limits(l *latchkey.Limits) {
	p.Quota.put(&l.DiskMB)
	p.Bandwidth.put(&l.BandwidthMB)
	p.Mailboxes.put(&l.Mailboxes)
	p.MailboxQuota.put(&l.MailboxMB)
	p.FTP.put(&l.FTPAccounts)
	p.Databases.put(&l.Databases)
	p.Lists.put(&l.Lists)
	p.PerHour.put(&l.EmailPerHour)
	p.Subdomains.put(&l.Subdomains)
	p.Parked.put(&l.Parked)
	p.Addons.put(&l.Addons)
}

// plan says which package the account is to have: the one named, or a new one
// made of it with the account's limits.
func (p *createAccountParams) plan(ctx context.Context, h hosting.Host, n *hosting.NewAccount) error {
	n.Package = cmp.Or(p.Plan, "default")
	save := p.SavePkg.on || p.PkgName != "" && !p.SavePkg.given
	if save {
		n.SaveAs, n.FeatureList = cmp.Or(string(p.PkgName), string(n.Name)), p.FeatureList
		return packageNamed(n.SaveAs)
	}
	if p.FeatureList == "" {
		return nil
	}
	plan, err := h.Package(ctx, n.Package)
	if err == nil && p.FeatureList != plan.FeatureList {
		err = latchkey.InvalidParam("featurelist",
			"The feature list belongs to the package, and that of “%s” is “%s”: name another package, or give “pkgname” to save a new one.", plan.Name, plan.FeatureList)
	}
	return err
}

func created(ip string, nameservers []string, plan string) createdAccount {
	var ns [4]string
	copy(ns[:], nameservers)
	return createdAccount{IP: ip, Nameserver: ns[0], Nameserver2: ns[1], Nameserver3: ns[2], Nameserver4: ns[3], Package: plan}
}

// already makes sure that the error of a taken name says so by the word that
// clients look for.
func already(err error, format string, args ...any) error {
	e := latchkey.AsError(err)
	if e == nil || e.Kind != latchkey.Exists || strings.Contains(e.Msg, "already") {
		return err
	}
	said := latchkey.Errorf(latchkey.Exists, format, args...)
	said.Param, said.Err = e.Param, err
	return said
}

// newPassword is the password of the two arguments for it, empty if neither was
// given. It must be as strong as the server asks.
func newPassword(h hosting.Host, a, b latchkey.Secret) (latchkey.Secret, error) {
	secret, err := oneOf(a, b)
	if err != nil || secret.Empty() {
		return secret, err
	}
	if got, want := password.Strength(secret), h.Server().MinStrength; got < want {
		return secret, latchkey.InvalidParam("password",
			"The password is too weak: its strength is %d of 100 and must be at least %d. Make it longer, or mix letters, digits and signs.", got, want)
	}
	return secret, nil
}

// WHM API 1: removeacct.
type removeAccountParams struct {
	Username hosting.AccountParam `param:"username,optional" doc:"The account."`
	User     hosting.AccountParam `param:"user,optional" doc:"Another name for username."`
	KeepDNS  flag                 `param:"keepdns,optional" doc:"Must be 0: DNS entries go with the account."`
}

func removeAccount(ctx context.Context, h hosting.Host, p removeAccountParams) (api.Answer, error) {
	name := cmp.Or(p.Username.Name, p.User.Name)
	switch {
	case name == "":
		return api.Answer{}, &latchkey.Error{Kind: latchkey.Missing, Param: "username"}
	case p.User.Name != "" && p.User.Name != name:
		return api.Answer{}, latchkey.InvalidParam("user", "The arguments “username” and “user” differ: give one of them.")
	case p.KeepDNS.on:
		return api.Answer{}, latchkey.InvalidParam("keepdns", "This server cannot keep the DNS entries of an account it removes: leave “keepdns” out or set it to 0.")
	}
	return api.Answer{Reason: string(name) + " account removed"}, h.RemoveAccount(ctx, name)
}

// WHM API 1: passwd.
type setPasswordParams struct {
	User     hosting.AccountParam `param:"user" doc:"The account."`
	Password latchkey.Secret      `param:"password,optional" doc:"The new password."`
	Pass     latchkey.Secret      `param:"pass,optional" doc:"Another name for password."`
	Database flag                 `param:"db_pass_update,optional" doc:"1 to set the password of the account's databases too; there are none here."`
	Digest   flag                 `param:"enabledigest,optional" doc:"Must be 0: there is no Digest Authentication."`
	Digest2  flag                 `param:"digestauth,optional" doc:"Another name for enabledigest."`
}

type passwordSet struct {
	App []string `json:"app"`
}

func setPassword(ctx context.Context, h hosting.Host, p setPasswordParams) (api.Answer, error) {
	if p.Digest.on || p.Digest2.on {
		return api.Answer{}, latchkey.InvalidParam("enabledigest", "This server has no Digest Authentication: leave “enabledigest” out or set it to 0.")
	}
	secret, err := newPassword(h, p.Password, p.Pass)
	if err != nil {
		return api.Answer{}, err
	}
	if secret.Empty() {
		return api.Answer{}, &latchkey.Error{Kind: latchkey.Missing, Param: "password"}
	}
	done := api.Answer{Data: passwordSet{[]string{"system"}}, Reason: "Password changed for user “" + string(p.User.Name) + "”."}
	return done, h.SetPassword(ctx, p.User.Name, secret)
}

// WHM API 1: changepackage.
type changePackageParams struct {
	User hosting.AccountParam `param:"user" doc:"The account."`
	Pkg  string               `param:"pkg" doc:"The package to move it to."`
}

func changePackage(ctx context.Context, h hosting.Host, p changePackageParams) (api.Void, error) {
	_, err := h.ModifyAccount(ctx, p.User.Name, "", func(now hosting.Moment, a *latchkey.Account) error {
		return join(now, a, p.Pkg)
	})
	return nil, err
}

// join puts an account into the package called plan. The locale stays what
// people chose.
func join(now hosting.Moment, a *latchkey.Account, plan string) error {
	p, err := now.Package(plan)
	if err != nil {
		return err
	}
	a.Package, a.Limits = p.Name, p.Limits
	a.Theme = cmp.Or(p.Theme, a.Theme)
	return nil
}
