package web

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// hosted is an account as the server tells of it.
type hosted struct {
	User, Domain, Email, Owner, Plan, IP string
	DiskLimit                            string
	DiskUsed                             string
	MaxMailboxes                         string `json:"maxpop"`
	MaxAddons                            string
	MaxParked                            string
	MaxSubdomains                        string `json:"maxsub"`
	MaxDatabases                         string `json:"maxsql"`
	Suspended                            int
	Reason                               string `json:"suspendreason"`
	Since                                stamp  `json:"suspendtime"`
	Locked                               int    `json:"is_locked"`
	Created                              stamp  `json:"unix_startdate"`
}

// Disk is how much of the disk that the account may have is used, in percent; -1
// where there is no limit.
func (h hosted) Disk() int {
	used, err1 := strconv.ParseInt(strings.TrimSuffix(h.DiskUsed, "M"), 10, 64)
	most, err2 := strconv.ParseInt(strings.TrimSuffix(h.DiskLimit, "M"), 10, 64)
	if err1 != nil || err2 != nil || most <= 0 {
		return -1
	}
	return int(min(100, 100*used/most))
}

const (
	accountsOnPage = 25
	lastPage       = 1 << 20
)

// accountKinds are what accounts are searched by.
var accountKinds = []string{"domain", "user", "package", "owner"}

// accountListing is the part of the list that is asked for.
type accountListing struct {
	Accounts []hosted
	Total    int
	Q, Kind  string
	Pages    pager
}

// Kinds are what accounts can be searched by.
func (*accountListing) Kinds() []string { return accountKinds }

// listAccounts shows the accounts. The server searches them, and reads no more of
// them than the page shows.
func listAccounts(v *visit) error {
	l := accountListing{Q: v.value("q"), Kind: v.value("kind")}
	if !slices.Contains(accountKinds, l.Kind) {
		l.Kind = accountKinds[0]
	}
	var args []string
	if l.Q != "" {
		args = []string{"search", regexp.QuoteMeta(l.Q), "searchtype", l.Kind}
	}
	at, err := strconv.Atoi(v.value("page"))
	if err != nil || at < 1 || at > lastPage {
		at = 1
	}
	if err := l.read(v, at, args); err != nil {
		return err
	}
	if last := max(1, (l.Total+accountsOnPage-1)/accountsOnPage); at > last { // there were more once
		if at = last; l.Total > 0 {
			if err := l.read(v, at, args); err != nil {
				return err
			}
		}
	}
	l.Pages = pager{At: at, Last: max(1, (l.Total+accountsOnPage-1)/accountsOnPage), Path: v.link("/accounts"), Query: url.Values{"q": {l.Q}, "kind": {l.Kind}}.Encode() + "&"}
	v.show(http.StatusOK, "accounts", &l)
	return nil
}

func (l *accountListing) read(v *visit, at int, args []string) (err error) {
	var found struct{ Acct []hosted }
	l.Total, err = v.whmPage("listaccts", &found, (at-1)*accountsOnPage, accountsOnPage, args...)
	l.Accounts = found.Acct
	return err
}

// newAccount is the form that makes an account.
type newAccount struct {
	Form                        *form
	User, Domain, Contact, Plan string
	Plans                       []plan
}

func askAccount(v *visit) error {
	return v.askAccount(&newAccount{Form: &form{}, Plan: "default"})
}

func (v *visit) askAccount(n *newAccount) error {
	var err error
	if n.Plans, err = v.plans(); err != nil {
		return err
	}
	v.show(n.Form.status(), "account_new", n)
	return nil
}

// makeAccount makes an account. What is left out the server says.
func makeAccount(v *visit) error {
	n := &newAccount{Form: &form{}, User: v.value("username"), Domain: v.value("domain"), Contact: v.value("contactemail"), Plan: v.value("plan")}
	for field, text := range map[string]string{"username": n.User, "domain": n.Domain} {
		if text == "" {
			n.Form.say(field, v.lang.say("accounts.needs_"+field))
		}
	}
	if n.Form.Bad() {
		slices.SortFunc(n.Form.list, func(a, b wrong) int { return strings.Compare(b.Field, a.Field) })
		return v.askAccount(n)
	}
	args := []string{"username", n.User, "domain", n.Domain, "plan", n.Plan}
	for name, text := range map[string]string{"contactemail": n.Contact, "password": v.form.Text("password")} {
		if text != "" {
			args = append(args, name, text)
		}
	}
	told, err := v.long(&longWork{Title: "accounts.busy", Name: n.User, To: "/account/" + url.PathEscape(strings.ToLower(n.User))}, func(func(int)) error {
		err := v.whm("createacct", nil, args...)
		if err == nil {
			v.done("accounts.made", "Name", n.User)
		}
		return err
	})
	err = n.Form.refuse(err, map[string]string{"username": "username", "domain": "domain", "password": "password", "contactemail": "contactemail", "plan": "plan"})
	if err != nil || told || !n.Form.Bad() {
		return err
	}
	return v.askAccount(n)
}

// accountPage is one account's own page.
type accountPage struct {
	hosted
	Form  *form
	Why   string // to suspend it for, as it was filled in
	Plans []plan
}

func showAccount(v *visit) error { return v.account(&form{}) }

func (v *visit) account(f *form) error {
	a, err := v.oneAccount()
	if err != nil {
		return err
	}
	p := accountPage{hosted: a, Form: f, Why: v.value("reason")}
	if p.Plans, err = v.plans(); err != nil {
		return err
	}
	v.show(f.status(), "account", &p)
	return nil
}

// oneAccount is the account that the address names.
func (v *visit) oneAccount() (a hosted, err error) {
	var found struct{ Acct []hosted }
	if err := v.whm("accountsummary", &found, "user", v.names["user"]); err != nil {
		return a, noSuch(err)
	}
	if len(found.Acct) == 0 {
		return a, latchkey.Errorf(latchkey.NotFound, "There is no account “%s”.", v.names["user"])
	}
	return found.Acct[0], nil
}

// noSuch makes what is wrong with a name that stands in an address a page that is
// not there.
func noSuch(failure error) error {
	if err := latchkey.AsError(failure); err != nil && (err.Kind == latchkey.Invalid || err.Kind == latchkey.Missing) {
		return &latchkey.Error{Kind: latchkey.NotFound, Msg: err.Msg}
	}
	return failure
}

// changeAccount calls a function that changes the account that the address names,
// and says so on its page, or there what is wrong.
func (v *visit) changeAccount(said, field, function string, args ...string) error {
	f, user := &form{}, v.names["user"]
	err := f.refuse(v.whm(function, nil, append([]string{"user", user}, args...)...), map[string]string{"reason": "reason", "pkg": "pkg"})
	if err != nil {
		return err
	}
	if f.Bad() {
		if f.list[0].Field == "" {
			f.list[0].Field = field
		}
		return v.account(f)
	}
	v.done(said, "Name", user)
	v.redirect("/account/" + url.PathEscape(user))
	return nil
}

func suspendAccount(v *visit) error {
	return v.changeAccount("accounts.suspended_done", "reason", "suspendacct", "reason", v.value("reason"))
}

func unsuspendAccount(v *visit) error {
	return v.changeAccount("accounts.unsuspended_done", "", "unsuspendacct")
}

func movePackage(v *visit) error {
	return v.changeAccount("accounts.moved", "pkg", "changepackage", "pkg", v.value("pkg"))
}
