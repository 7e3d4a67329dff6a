package whm

import (
	"cmp"
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// WHM API 1: addpkg, editpkg. The pages write two of the names in capitals in
// the one and in small letters in the other; both are taken by both.
type packageParams struct {
	Name        label  `param:"name" doc:"The package's name; it cannot be changed later, nor be extensions."`
	FeatureList string `param:"featurelist,optional" doc:"The feature list of its accounts; default if it is left out."`
	Theme       word   `param:"cpmod,optional" doc:"The theme of its accounts."`
	Locale      word   `param:"language,optional" doc:"The locale of its accounts, such as en."`
	CGI         flag   `param:"cgi,optional" doc:"1 (the default) to allow CGI, 0 not to."`
	Shell       flag   `param:"hasshell,optional" doc:"1 to allow a shell, 0 (the default) not to."`
	Digest      flag   `param:"digestauth,optional" doc:"1 to allow Digest Authentication, 0 (the default) not to."`
	IP          flag   `param:"ip,optional" doc:"y for an address of their own, n (the default) for the shared one."`

	Quota        ceiling   `param:"quota,optional" doc:"The most a home may hold, in MB: 10240 if it is left out; 0 or unlimited for no limit."`
	Bandwidth    ceiling   `param:"bwlimit,optional" doc:"The most traffic in a month, in MB: 1048576 if it is left out; 0 or unlimited for no limit."`
	Mailboxes    allowance `param:"maxpop,optional" doc:"How many mailboxes there may be: unlimited if it is left out, 0 for none."`
	MailboxQuota ceiling   `param:"max_emailacct_quota,optional" doc:"The most one mailbox may hold, in MB: 1024 if it is left out; 0 or unlimited for no limit."`
	FTP          allowance `param:"maxftp,optional" doc:"How many FTP accounts there may be: unlimited if it is left out, 0 for none."`
	Databases    allowance `param:"maxsql,optional" doc:"How many databases there may be of each kind: unlimited if it is left out, 0 for none."`
	Lists        allowance `param:"maxlst,optional" doc:"How many mailing lists there may be: unlimited if it is left out, 0 for none."`
	Subdomains   allowance `param:"maxsub,optional" doc:"How many subdomains there may be: unlimited if it is left out, 0 for none."`
	Parked       allowance `param:"maxpark,optional" doc:"How many parked domains there may be: 0 if it is left out, or unlimited."`
	Addons       allowance `param:"maxaddon,optional" doc:"How many addon domains there may be: 0 if it is left out, or unlimited."`
	PerHour      ceiling   `param:"MAX_EMAIL_PER_HOUR,optional" doc:"How many messages may be sent in an hour; 0 or unlimited (the default) for no limit."`
	PerHour2     ceiling   `param:"max_email_per_hour,optional" doc:"Another name for MAX_EMAIL_PER_HOUR."`
	DeferFail    ceiling   `param:"MAX_DEFER_FAIL_PERCENTAGE,optional" doc:"The share of messages that may fail: only unlimited, which is what 0 says too."`
	DeferFail2   ceiling   `param:"max_defer_fail_percentage,optional" doc:"Another name for MAX_DEFER_FAIL_PERCENTAGE."`

	Rest api.Args `param:"*" doc:"What has no effect here is taken and named in a warning; what this server cannot do is refused."`
}

// packageUnable are the arguments of addpkg and editpkg that ask for more than
// there is.
var packageUnable = unable{"_PACKAGE_EXTENSIONS": nil}

type packageName struct {
	Pkg string `json:"pkg"`
}

// newPlan fills in what a package has of which nothing but the name was said.
func newPlan(p *latchkey.Package) {
	l := latchkey.NoLimits()
	l.DiskMB, l.BandwidthMB, l.MailboxMB, l.Parked, l.Addons = 10240, 1048576, 1024, 0, 0
	*p = latchkey.Package{Name: p.Name, FeatureList: latchkey.DefaultList, Limits: l, CGI: true}
}

func addPackage(ctx context.Context, h hosting.Host, p packageParams) (api.Answer, error) {
	return p.save(ctx, h, true)
}

func editPackage(ctx context.Context, h hosting.Host, p packageParams) (api.Answer, error) {
	return p.save(ctx, h, false)
}

// packageNamed says why a package cannot be called name.
func packageNamed(name string) error {
	if name == "extensions" {
		return latchkey.InvalidParam("name", "A package cannot be called “extensions”: choose another name.")
	}
	return nil
}

// ownName is what something new of the caller's own is called: what a reseller
// makes has the reseller's name and a _ before its own.
func ownName(h hosting.Host, name string) string {
	prefix := string(h.Caller().Name) + "_"
	if h.Caller().OverAll() || strings.HasPrefix(name, prefix) {
		return name
	}
	return prefix + name
}

// save changes the package as it was said, or makes it.
func (p *packageParams) save(ctx context.Context, h hosting.Host, mustBeNew bool) (api.Answer, error) {
	if err := packageUnable.check(p.Rest, nil); err != nil {
		return api.Answer{}, err
	}
	for _, c := range []ceiling{p.DeferFail, p.DeferFail2} {
		if c.given && c.n != latchkey.Unlimited {
			return api.Answer{}, cannot("MAX_DEFER_FAIL_PERCENTAGE")
		}
	}
	name := string(p.Name)
	if mustBeNew {
		name = ownName(h, name)
	}
	err := h.ChangePackage(ctx, name, func(plan *latchkey.Package, exists bool) error {
		switch {
		case exists && mustBeNew:
			return latchkey.Errorf(latchkey.Exists, "A package named “%s” already exists.", name)
		case !exists && !h.Caller().Privileges.Has(latchkey.PrivilegeAddPackage):
			return &latchkey.Error{Kind: latchkey.NotFound, Param: "name",
				Msg: "There is no package “" + name + "”, and to create it you need the privilege “add-pkg”."}
		case !exists:
			newPlan(plan)
			if err := packageNamed(name); err != nil {
				return err
			}
		}
		p.apply(plan)
		return nil
	})
	if err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Data: packageName{name}, Warnings: packageUnable.noEffect(p.Rest)}, nil
}

func (p *packageParams) apply(plan *latchkey.Package) {
	plan.FeatureList = cmp.Or(p.FeatureList, plan.FeatureList)
	plan.Theme = cmp.Or(string(p.Theme), plan.Theme)
	plan.Locale = cmp.Or(string(p.Locale), plan.Locale)
	p.CGI.put(&plan.CGI)
	p.Shell.put(&plan.Shell)
	p.Digest.put(&plan.Digest)
	p.IP.put(&plan.DedicatedIP)
	l := &plan.Limits
	p.Quota.put(&l.DiskMB)
	p.Bandwidth.put(&l.BandwidthMB)
	p.Mailboxes.put(&l.Mailboxes)
	p.MailboxQuota.put(&l.MailboxMB)
	p.FTP.put(&l.FTPAccounts)
	p.Databases.put(&l.Databases)
	p.Lists.put(&l.Lists)
	p.Subdomains.put(&l.Subdomains)
	p.Parked.put(&l.Parked)
	p.Addons.put(&l.Addons)
	p.PerHour.put(&l.EmailPerHour)
	p.PerHour2.put(&l.EmailPerHour)
}

// packageLimits are the keys that every form of a package has, all of them
// text.
type packageLimits struct {
	Bandwidth    string `json:"BWLIMIT"`
	Theme        string `json:"CPMOD"`
	Digest       string `json:"DIGESTAUTH"`
	FeatureList  string `json:"FEATURELIST"`
	Locale       string `json:"LANG"`
	Addons       string `json:"MAXADDON"`
	FTP          string `json:"MAXFTP"`
	Lists        string `json:"MAXLST"`
	Parked       string `json:"MAXPARK"`
	Mailboxes    string `json:"MAXPOP"`
	Databases    string `json:"MAXSQL"`
	Subdomains   string `json:"MAXSUB"`
	DeferFail    string `json:"MAX_DEFER_FAIL_PERCENTAGE"`
	MailboxQuota string `json:"MAX_EMAILACCT_QUOTA"`
	PerHour      string `json:"MAX_EMAIL_PER_HOUR"`
	TeamUsers    *int64 `json:"MAX_TEAM_USERS"`
	Quota        string `json:"QUOTA"`
	Extensions   string `json:"_PACKAGE_EXTENSIONS"`
}

func limitsOf(p latchkey.Package) packageLimits {
	l := p.Limits
	return packageLimits{
		Bandwidth: limitText(l.BandwidthMB), Theme: p.Theme, Digest: yesNo(p.Digest), FeatureList: p.FeatureList, Locale: p.Locale,
		Addons: limitText(l.Addons), FTP: limitText(l.FTPAccounts), Lists: limitText(l.Lists), Parked: limitText(l.Parked),
		Mailboxes: limitText(l.Mailboxes), Databases: limitText(l.Databases), Subdomains: limitText(l.Subdomains), DeferFail: "unlimited",
		MailboxQuota: limitText(l.MailboxMB), PerHour: limitText(l.EmailPerHour), Quota: limitText(l.DiskMB),
	}
}

func yesNo(on bool) string {
	if on {
		return "y"
	}
	return "n"
}

// packageRow is a package as listpkgs shows it.
type packageRow struct {
	Name  string `json:"name"`
	CGI   string `json:"CGI"`
	Front string `json:"FRONTPAGE"` // older panels read it
	Shell string `json:"HASSHELL"`
	IP    string `json:"IP"`
	packageLimits
}

type packageList struct {
	Pkg []packageRow `json:"pkg"`
}

// listing is which packages are asked for. The administrator may do everything
// with all of them.
type listing string

// Words are what can be asked for.
func (listing) Words() []string { return []string{"all", "creatable", "editable", "viewable"} }

// ParseParam reads which packages are asked for.
func (l *listing) ParseParam(text string) error {
	*l = listing(text)
	return oneWord(text, l.Words())
}

// WHM API 1: listpkgs.
type listPackagesParams struct {
	Want listing `param:"want,optional" doc:"Which packages, by what one may do with them; all by default."`
}

func rowOfPackage(p latchkey.Package) packageRow {
	return packageRow{p.Name, yesNo(p.CGI), "n", yesNo(p.Shell), yesNo(p.DedicatedIP), limitsOf(p)}
}

func listPackages(ctx context.Context, h hosting.Host, _ listPackagesParams) (packageList, error) {
	all, err := h.Packages(ctx)
	var list packageList
	for _, p := range all {
		list.Pkg = append(list.Pkg, rowOfPackage(p))
	}
	return list, err
}

// packageDetail is a package as getpkginfo shows it.
type packageDetail struct {
	CGI       bool `json:"CGI"`
	FrontPage int  `json:"FRONTPAGE"`
	Shell     bool `json:"HASSHELL"`
	IP        bool `json:"IP"`
	packageLimits
}

type shownPackage struct {
	Pkg packageDetail `json:"pkg"`
}

// WHM API 1: getpkginfo.
type showPackageParams struct {
	Pkg string `param:"pkg" doc:"The package's name."`
}

func showPackage(ctx context.Context, h hosting.Host, p showPackageParams) (shownPackage, error) {
	plan, err := h.Package(ctx, p.Pkg)
	return shownPackage{packageDetail{CGI: plan.CGI, Shell: plan.Shell, IP: plan.DedicatedIP, packageLimits: limitsOf(plan)}}, err
}

// WHM API 1: killpkg.
type removePackageParams struct {
	Name string `param:"pkgname" doc:"The package, which no account has."`
}

func removePackage(ctx context.Context, h hosting.Host, p removePackageParams) (api.Void, error) {
	return nil, h.RemovePackage(ctx, p.Name)
}

// WHM API 1: matchpkgs. Its arguments are the keys of packages, in capitals.
type matchPackagesParams struct {
	Values api.Args `param:"*" doc:"Each key of a package, as listpkgs has it, with the value it must have; a switch may be 1 or 0 too."`
}

// matchPackages lists the packages that have the values, as listpkgs does: more
// than one may.
func matchPackages(ctx context.Context, h hosting.Host, p matchPackagesParams) (packageList, error) {
	all, err := h.Packages(ctx)
	var list packageList
	for _, plan := range all {
		row := rowOfPackage(plan)
		matches, err := row.has(p.Values)
		if err != nil {
			return packageList{}, err
		}
		if matches {
			list.Pkg = append(list.Pkg, row)
		}
	}
	return list, err
}

// has reports whether the package has the values.
func (r packageRow) has(values api.Args) (bool, error) {
	for _, arg := range values {
		if stray(arg.Key) || arg.Value == "" && arg.Key != "_PACKAGE_EXTENSIONS" {
			continue
		}
		v, known := encode.Column(r, arg.Key)
		if !known {
			return false, latchkey.InvalidParam(arg.Key, "A package has no “%s”: name keys as listpkgs has them, in capitals.", arg.Key)
		}
		want := arg.Value
		switch arg.Key {
		case "CGI", "HASSHELL", "IP", "DIGESTAUTH", "FRONTPAGE":
			want = strings.NewReplacer("1", "y", "0", "n").Replace(want)
		}
		if v.Text() != want {
			return false, nil
		}
	}
	return true, nil
}

// WHM API 1: addpkgext, delpkgext, _getpkgextensionform. A package extension is
// a program of its own beside the server, of which there are none.
type addExtensionParams struct {
	Name string   `param:"name" doc:"The package."`
	Add  string   `param:"_PACKAGE_EXTENSIONS" doc:"The extensions to add, separated by spaces. This server has none."`
	Rest api.Args `param:"*" doc:"The extensions' own variables."`
}

func addExtension(ctx context.Context, h hosting.Host, p addExtensionParams) (packageName, error) {
	return packageName{}, noExtension(ctx, h, p.Name, p.Add)
}

type removeExtensionParams struct {
	Name   string   `param:"name" doc:"The package."`
	Remove string   `param:"_DELETE_EXTENSIONS" doc:"The extensions to remove, separated by spaces. This server has none."`
	Rest   api.Args `param:"*" doc:"The extensions' own variables."`
}

func removeExtension(ctx context.Context, h hosting.Host, p removeExtensionParams) (packageName, error) {
	return packageName{}, noExtension(ctx, h, p.Name, p.Remove)
}

func noExtension(ctx context.Context, h hosting.Host, plan, names string) error {
	if _, err := h.Package(ctx, plan); err != nil {
		return err
	}
	return latchkey.Errorf(latchkey.NotFound, "There is no package extension “%s”: this server has none.", strings.Join(strings.Fields(names), "”, “"))
}

// showExtensionForm has nothing to show, as of every package without
// extensions.
func showExtensionForm(ctx context.Context, h hosting.Host, p showPackageParams) (api.Void, error) {
	_, err := h.Package(ctx, p.Pkg)
	return nil, err
}
