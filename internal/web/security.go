package web

import (
	"net/http"
	"strings"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// session is somebody's session.
type session struct {
	ID      string
	Service string
	Created stamp `json:"create_time"`
	Used    stamp `json:"last_used"`
	Ends    stamp `json:"expires_at"`
	Own     int   `json:"current"`
	Waits   int   `json:"handed_over"`
	ByToken int   `json:"by_token"`
	From    string
	Client  string
}

// factorData is the second factor of an account.
type factorData struct {
	On     int `json:"is_enabled"`
	Issuer string
}

type securityData struct {
	Sessions []session
	Factor   factorData
	Form     *form
	Secret   string // of a second factor that is being set up
	URL      string
}

// sessionsWithSource is of how many sessions it is looked up from where they were
// used.
const sessionsWithSource = 10

// security shows who is signed in, and the second factor.
func security(v *visit) error { return v.security(&securityData{Form: &form{}}) }

func (v *visit) security(d *securityData) error {
	if err := v.uapi("Session::list_sessions", &d.Sessions); err != nil {
		return err
	}
	for i := range d.Sessions[:min(len(d.Sessions), sessionsWithSource)] {
		var found events
		if v.uapi("Tokens::activity", &found, "token", d.Sessions[i].ID, "limit", "1") == nil && len(found.Events) > 0 {
			d.Sessions[i].From, d.Sessions[i].Client = found.Events[0].Address, found.Events[0].Client
		}
	}
	if err := v.uapi("TwoFactorAuth::get_user_configuration", &d.Factor); err != nil {
		return err
	}
	status := http.StatusOK
	if d.Form.Bad() {
		status = http.StatusUnprocessableEntity
	}
	v.show(status, "security", d)
	return nil
}

// endSession ends a session, or all others.
func endSession(v *visit) error {
	args := []string{"others", "1"}
	if id := v.value("id"); id != "" {
		args = []string{"id", id}
	}
	if err := v.uapi("Session::end_session", nil, args...); err != nil && latchkey.KindOf(err) != latchkey.NotFound {
		return err
	}
	v.done("security.ended")
	v.redirect("/security")
	return nil
}

// setFactor sets up the second factor: first it makes a secret and shows it, then
// it takes the code that shows that somebody has it.
func setFactor(v *visit) error {
	d := &securityData{Form: &form{}, Secret: v.value("secret"), URL: v.value("url")}
	if d.Secret == "" {
		var made struct {
			URL    string `json:"otpauth_str"`
			Secret string `json:"secret"`
		}
		if err := v.uapi("TwoFactorAuth::generate_user_configuration", &made); err != nil {
			return err
		}
		d.Secret, d.URL = made.Secret, made.URL
		return v.security(d)
	}
	code := strings.ReplaceAll(v.value("code"), " ", "")
	if code == "" {
		d.Form.say("code", v.lang.say("form.needed"))
		return v.security(d)
	}
	err := v.byPassword(d.Form, "TwoFactorAuth::set_user_configuration", "secret", d.Secret, "tfa_token", code)
	if err := d.Form.refuse(err, map[string]string{"tfa_token": "code"}); err != nil {
		return err
	}
	if d.Form.Bad() {
		return v.security(d)
	}
	v.done("security.factor_set")
	v.redirect("/security")
	return nil
}

// removeFactor takes the second factor away.
func removeFactor(v *visit) error {
	d := &securityData{Form: &form{}}
	err := v.byPassword(d.Form, "TwoFactorAuth::remove_user_configuration")
	if err := d.Form.refuse(err, nil); err != nil {
		return err
	}
	if d.Form.Bad() {
		return v.security(d)
	}
	v.done("security.factor_gone")
	v.redirect("/security")
	return nil
}

// byPassword makes a call with the password, given once more, in place of the
// session: after the session was asked whether the form is a page of ours.
func (v *visit) byPassword(f *form, function string, args ...string) error {
	if err := v.greet(); err != nil {
		return err
	}
	if v.caller.Looking {
		return latchkey.Errorf(latchkey.Denied, "%s", v.lang.say("create.not_from_here"))
	}
	cred := request.Password(string(v.caller.Name), v.form.Text("password"), v.value("now"))
	if cred.Scheme != latchkey.SchemeBasic {
		f.say("password", v.lang.say("create.password_needed"))
		return nil
	}
	module, name, _ := strings.Cut(function, "::")
	err := v.callAs(cred, call.UAPI, module, name, nil, args...)
	if err != nil && latchkey.KindOf(err) == latchkey.BadCredentials {
		f.say("password", v.lang.say("create.password_wrong"))
		return nil
	}
	return err
}

// Grouped is a secret in groups of four, to be typed.
func (s *shown) Grouped(secret string) string {
	var groups []string
	for len(secret) > 4 {
		groups, secret = append(groups, secret[:4]), secret[4:]
	}
	return strings.Join(append(groups, secret), " ")
}
