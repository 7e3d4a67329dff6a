package web

import (
	"net/url"
	"strconv"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// removal is the form that removes an account, and what would be gone with it.
type removal struct {
	hosted
	Form    *form
	Domains []domain
	More    int // domains beyond those
	Boxes   string
	Tokens  int
	Unknown bool // what it has cannot be looked up now
}

// domainsNamed is how many domains a form names that removes an account.
const domainsNamed = 10

func askRemoval(v *visit) error { return v.removal(&form{}) }

func (v *visit) removal(f *form) error {
	a, err := v.oneAccount()
	if err != nil {
		return err
	}
	r := removal{hosted: a, Form: f}
	if err := r.lookUp(v); err != nil {
		return err
	}
	v.show(f.status(), "removal", &r)
	return nil
}

// lookUp finds out what the account has, as far as that can be told now: of one
// that is suspended, or to somebody who may not look into it, it cannot.
func (r *removal) lookUp(v *visit) error {
	owned, err := domainsBy(func(function string, out any, args ...string) error { return v.uapiFor(r.User, function, out, args...) })
	if err != nil {
		r.Unknown = true
		return unlessAway(err)
	}
	r.Domains, r.More = owned[:min(len(owned), domainsNamed)], max(0, len(owned)-domainsNamed)
	var stats []statistic
	if err := v.uapiFor(r.User, "StatsBar::get_stats", &stats, "display", "emailaccounts"); err != nil {
		return unlessAway(err)
	}
	for _, s := range stats {
		r.Boxes = s.Count
	}
	var tokens []struct{ Name string }
	if err := v.uapiFor(r.User, "Tokens::list", &tokens); err != nil {
		return unlessAway(err)
	}
	r.Tokens = len(tokens)
	return nil
}

// unlessAway is err if the visitor's session has ended, and nothing where they only
// may not know.
func unlessAway(err error) error {
	if latchkey.KindOf(err) == latchkey.BadCredentials {
		return err
	}
	return nil
}

// Count is how many domains the account has.
func (r *removal) Count() int { return len(r.Domains) + r.More }

// Mailboxes is how many mailboxes it has, as far as that is known.
func (r *removal) Mailboxes() int {
	n, _ := strconv.Atoi(r.Boxes)
	return n
}

// removeAccount removes the account that the address names, if its name was typed.
func removeAccount(v *visit) error {
	a, err := v.oneAccount()
	if err != nil {
		return err
	}
	f := &form{}
	if v.value("confirm") != a.User {
		f.say("confirm", v.lang.say("removal.differs", "Name", a.User))
		return v.removal(f)
	}
	told, err := v.long(&longWork{Title: "removal.busy", Name: a.User, To: "/accounts"}, func(func(int)) error {
		err := v.whm("removeacct", nil, "username", a.User)
		if err == nil {
			v.done("removal.done", "Name", a.User)
		}
		return err
	})
	if err := f.refuse(err, nil); err != nil || told || !f.Bad() {
		return err
	}
	return v.removal(f)
}

// accountPassword is the form that gives an account another password.
type accountPassword struct {
	hosted
	Form *form
}

func askAccountPassword(v *visit) error { return v.accountPassword(&form{}) }

func (v *visit) accountPassword(f *form) error {
	a, err := v.oneAccount()
	if err != nil {
		return err
	}
	v.show(f.status(), "account_password", &accountPassword{a, f})
	return nil
}

// setAccountPassword gives the account that the address names another password.
func setAccountPassword(v *visit) error {
	f, user, fresh := &form{}, v.names["user"], v.form.Text("new_password")
	if fresh == "" {
		f.say("new_password", v.lang.say("security.needs_password"))
		return v.accountPassword(f)
	}
	err := f.refuse(v.whm("passwd", nil, "user", user, "password", fresh), map[string]string{"password": "new_password"})
	if err != nil {
		return err
	}
	if f.Bad() {
		return v.accountPassword(f)
	}
	v.done("accounts.password_set", "Name", user)
	v.redirect("/account/" + url.PathEscape(user))
	return nil
}
