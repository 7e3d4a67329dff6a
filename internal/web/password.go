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

// strong notes that a password is too weak, before a code is used up by the call that
// would say so. To who may not ask, that call says it.
func (v *visit) strong(f *form, fresh string) error {
	var is struct{ Strength int }
	if no, err := denied(v.whm("get_password_strength", &is, "password", fresh)); no || err != nil {
		return err
	}
	var least struct{ Passwd int }
	if err := v.whm("getminimumpasswordstrengths", &least, "name", "passwd"); err != nil {
		return err
	}
	if is.Strength < least.Passwd {
		f.say("new_password", v.lang.say("security.weak", "Strength", is.Strength, "Least", least.Passwd))
	}
	return nil
}

// changePassword gives the visitor another password. It ends all their sessions,
// this one too.
func changePassword(v *visit) error {
	f, fresh := &form{}, v.form.Text("new_password")
	switch {
	case fresh == "":
		f.say("new_password", v.lang.say("security.needs_password"))
	case fresh != v.form.Text("again"):
		f.say("again", v.lang.say("security.password_differs"))
	}
	if f.Bad() {
		return v.password(f)
	}
	if err := v.strong(f, fresh); err != nil {
		return err
	}
	if f.Bad() {
		return v.password(f)
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
