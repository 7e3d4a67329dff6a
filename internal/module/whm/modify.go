package whm

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// WHM API 1: modifyacct. The letters of a parameter count. Which limits are
// none when they are 0 is as the page has it, and differs from createacct.
type modifyAccountParams struct {
	User    hosting.AccountParam `param:"user" doc:"The account."`
	NewUser hosting.AccountParam `param:"newuser,optional" doc:"The account's new name; its tokens and everything else stay."`
	Plan    string               `param:"plan,optional" doc:"The package to move the account to."`
	Package string               `param:"package,optional" doc:"Another name for plan."`
	Contact contact              `param:"contactemail,optional" doc:"Where the account's owner is written to."`
	Locale  word                 `param:"LOCALE,optional" doc:"The account's locale, such as en."`
	Theme   word                 `param:"RS,optional" doc:"The account's theme."`
	Owner   hosting.AccountParam `param:"owner,optional" doc:"Who owns the account: root, itself or another account."`
	Owner2  hosting.AccountParam `param:"OWNER,optional" doc:"Another name for owner."`
	Start   int64                `param:"STARTDATE,optional" doc:"When the account was made, in seconds since 1970."`

	Quota        ceiling   `param:"QUOTA,optional" doc:"The most the home may hold, in MB; 0 or unlimited for no limit."`
	Bandwidth    ceiling   `param:"BWLIMIT,optional" doc:"The most traffic in a month, in bytes; 0 or unlimited for no limit."`
	Mailboxes    allowance `param:"MAXPOP,optional" doc:"How many mailboxes there may be; 0 for none, or unlimited."`
	MailboxQuota ceiling   `param:"MAX_EMAILACCT_QUOTA,optional" doc:"The most one mailbox may hold, in MB; 0 or unlimited for no limit."`
	FTP          allowance `param:"MAXFTP,optional" doc:"How many FTP accounts there may be; 0 for none, or unlimited."`
	Databases    allowance `param:"MAXSQL,optional" doc:"How many databases there may be of each kind; 0 for none, or unlimited."`
	Lists        ceiling   `param:"MAXLST,optional" doc:"How many mailing lists there may be; 0 or unlimited for no limit."`
	PerHour      ceiling   `param:"MAX_EMAIL_PER_HOUR,optional" doc:"How many messages may be sent in an hour; 0 or unlimited for no limit."`
	Subdomains   allowance `param:"MAXSUB,optional" doc:"How many subdomains there may be; 0 for none, or unlimited."`
	Parked       allowance `param:"MAXPARK,optional" doc:"How many parked domains there may be; 0 for none, or unlimited."`
	Addons       ceiling   `param:"MAXADDON,optional" doc:"How many addon domains there may be; 0 or unlimited for no limit."`

	Rest api.Args `param:"*" doc:"What would change nothing is taken, such as the account's own domain; any other change is refused."`
}

// modifyNothing are the arguments of modifyacct whose values may ask for
// nothing, and those values.
var modifyNothing = map[string][]string{
	"BACKUP": {"0"}, "HASCGI": {"0"}, "HASDKIM": {"0"}, "HASDMARC": {"0"}, "HASSHELL": {"0"}, "HASSPF": {"0"},
	"MAILBOX_FORMAT": {"maildir"}, "MAX_DEFER_FAIL_PERCENTAGE": {"0", "unlimited"}, "OUTGOING_EMAIL_SUSPENDED": {"0"},
	"max_team_users": {"0"}, "modify_firewall": {"0"}, "rename_database_objects": {"0"}, "reseller": {"0"},
	"spamassassin": {"0"}, "update_existing_email_account_quotas": {"0"},
}

type modifiedAccount struct {
	CPUser   accountFile          `json:"cpuser"`
	Domain   latchkey.Domain      `json:"domain"`
	SetShell string               `json:"setshell"`
	User     latchkey.AccountName `json:"user"`
}

// accountFile is an account with the keys and values that cPanel's account
// files have: all of it text.
type accountFile struct {
	Backup       string               `json:"BACKUP"`
	Bandwidth    string               `json:"BWLIMIT"` // bytes
	Contact      string               `json:"CONTACTEMAIL"`
	Contact2     string               `json:"CONTACTEMAIL2"`
	Demo         string               `json:"DEMO"`
	Domain       latchkey.Domain      `json:"DOMAIN"`
	FeatureList  string               `json:"FEATURELIST"`
	IP           string               `json:"IP"`
	LegacyBackup string               `json:"LEGACY_BACKUP"`
	Locale       string               `json:"LOCALE"`
	Mailbox      string               `json:"MAILBOX_FORMAT"`
	Addons       string               `json:"MAXADDON"`
	FTP          string               `json:"MAXFTP"`
	Lists        string               `json:"MAXLST"`
	Parked       string               `json:"MAXPARK"`
	Mailboxes    string               `json:"MAXPOP"`
	Databases    string               `json:"MAXSQL"`
	Subdomains   string               `json:"MAXSUB"`
	DeferFail    string               `json:"MAX_DEFER_FAIL_PERCENTAGE"`
	MailboxQuota string               `json:"MAX_EMAILACCT_QUOTA"`
	PerHour      string               `json:"MAX_EMAIL_PER_HOUR"`
	Owner        latchkey.AccountName `json:"OWNER"`
	Plan         string               `json:"PLAN"`
	Quota        string               `json:"QUOTA"`
	Theme        string               `json:"RS"`
	Start        string               `json:"STARTDATE"`
	User         latchkey.AccountName `json:"USER"`
	Extensions   string               `json:"_PACKAGE_EXTENSIONS"`
}

func modifyAccount(ctx context.Context, h hosting.Host, p modifyAccountParams) (modifiedAccount, error) {
	a, err := h.ModifyAccount(ctx, p.User.Name, p.NewUser.Name, p.change)
	if err != nil {
		return modifiedAccount{}, already(err, "The username “%s” already exists: choose another.", p.NewUser.Name)
	}
	plan, err := h.Package(ctx, a.Package)
	return modifiedAccount{fileOf(a, plan, h.Server()), a.Domain, "unmodified", a.Name}, err
}

// change does all that is asked for but the name.
func (p *modifyAccountParams) change(now hosting.Moment, a *latchkey.Account) error {
	if err := p.possible(*a); err != nil {
		return err
	}
	if plan := cmp.Or(p.Plan, p.Package); plan != "" {
		if err := join(now, a, plan); err != nil {
			return err
		}
	}
	a.Owner = cmp.Or(p.Owner.Name, p.Owner2.Name, a.Owner)
	p.put(a)
	return nil
}

// possible refuses what cannot be changed of an account, which is everything
// that no other field of p names.
func (p *modifyAccountParams) possible(a latchkey.Account) error {
	if p.Start < 0 || p.Start > lastSecond {
		return latchkey.InvalidParam("STARTDATE", "The “STARTDATE” argument is invalid: it must be a time in seconds since 1970.")
	}
	present := map[string]string{"DBOWNER": string(a.Name), "DNS": string(a.Domain), "domain": string(a.Domain), "shell": a.Shell}
	for _, arg := range p.Rest {
		values := modifyNothing[arg.Key]
		if strings.HasPrefix(arg.Key, "notify_") {
			values = []string{"0"}
		}
		if arg.Value != "" && arg.Value != present[arg.Key] && !slices.Contains(values, arg.Value) && !stray(arg.Key) {
			return cannotChange(arg.Key)
		}
	}
	return nil
}

func cannotChange(key string) error {
	switch key {
	case "DNS", "domain":
		return latchkey.InvalidParam(key, "This server cannot change the main domain of an account: leave “%s” out, or create an account for the other domain.", key)
	}
	return latchkey.InvalidParam(key, "This server cannot change “%s” of an account: leave it out. Capital and small letters differ in these names.", key)
}

// put changes what has been asked for besides name, package and owner.
func (p *modifyAccountParams) put(a *latchkey.Account) {
	a.ContactEmail = cmp.Or(string(p.Contact), a.ContactEmail)
	a.Locale = cmp.Or(string(p.Locale), a.Locale)
	a.Theme = cmp.Or(string(p.Theme), a.Theme)
	if p.Start > 0 {
		a.Created = time.Unix(p.Start, 0).UTC()
	}
	l := &a.Limits
	p.Quota.put(&l.DiskMB)
	p.Mailboxes.put(&l.Mailboxes)
	p.MailboxQuota.put(&l.MailboxMB)
	p.FTP.put(&l.FTPAccounts)
	p.Databases.put(&l.Databases)
	p.Lists.put(&l.Lists)
	p.PerHour.put(&l.EmailPerHour)
	p.Subdomains.put(&l.Subdomains)
	p.Parked.put(&l.Parked)
	p.Addons.put(&l.Addons)
	if b := p.Bandwidth; b.given && b.n != latchkey.Unlimited {
		l.BandwidthMB = megabytes(b.n)
	} else {
		b.put(&l.BandwidthMB)
	}
}

func fileOf(a latchkey.Account, plan latchkey.Package, s *hosting.Server) accountFile {
	l := a.Limits
	bandwidth := "unlimited"
	if l.BandwidthMB != latchkey.Unlimited {
		bandwidth = strconv.FormatInt(l.BandwidthMB<<20, 10)
	}
	return accountFile{
		Backup: "0", Bandwidth: bandwidth, Contact: a.ContactEmail, Demo: "0", Domain: a.Domain, FeatureList: plan.FeatureList,
		IP: s.IP, LegacyBackup: "0", Locale: a.Locale, Mailbox: "maildir", Addons: limitText(l.Addons), FTP: limitText(l.FTPAccounts),
		Lists: limitText(l.Lists), Parked: limitText(l.Parked), Mailboxes: limitText(l.Mailboxes), Databases: limitText(l.Databases),
		Subdomains: limitText(l.Subdomains), DeferFail: "unlimited", MailboxQuota: limitText(l.MailboxMB), PerHour: limitText(l.EmailPerHour),
		Owner: a.Owner, Plan: a.Package, Quota: limitText(l.DiskMB), Theme: a.Theme,
		Start: strconv.FormatInt(a.Created.Unix(), 10), User: a.Name,
	}
}
