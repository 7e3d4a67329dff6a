package web

import (
	"github.com/latchkey/latchkey/internal/latchkey"
)

// passwordForm is the form that gives the visitor another password.
type passwordForm struct {
	Form   *form
	Factor factorData
}

// maySetPassword reports whether the visitor may change their password here.
func (v *visit) maySetPassword() bool {
	return v.Audience == latchkey.ForHost && v.caller.Privileges.Has(latchkey.PrivilegePassword)
}

func askPassword(v *visit) error { return v.password(&form{}) }

func (v *visit) password(f *form) error {
	p := passwordForm{Form: f}
	if err := v.own("TwoFactorAuth::count_recovery_codes", &p.Factor); err != nil {
		return err
	}
	v.show(f.status(), "password", &p)
	return nil
}

// changePassword gives the visitor another password. It ends all their sessions,
// this one too.
func changePassword(v *visit) error {
	f, fresh := &form{}, v.form.Text("new_password")
	switch {
	case fresh == "":
		f.say("new_password", v.lang.say("form.needed"))
	case fresh != v.form.Text("again"):
		f.say("again", v.lang.say("security.password_differs"))
	}
	if f.Bad() {
		return v.password(f)
	}
	if err := v.greet(); err != nil {
		return err
	}
	err := v.byPassword(f, "passwd", nil, "user", string(v.caller.Name), "password", fresh)
	if err := f.refuse(err, map[string]string{"password": "new_password", "pass": "new_password"}); err != nil {
		return err
	}
	if f.Bad() {
		return v.password(f)
	}
	v.done("security.password_set")
	v.Prefix = "" // the session has ended
	v.redirect("/login/")
	return nil
}
