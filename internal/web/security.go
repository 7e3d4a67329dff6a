package web

import (
	"net/http"
	"strings"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// securityPages are the pages about the visitor's own signing in, at either door.
var securityPages = []page{
	{path: "/security", nav: "security", get: security},
	{path: "/security/end", nav: "security", get: security, post: endSession},
	{path: "/security/factor", nav: "security", get: security, post: setFactor},
	{path: "/security/factor/remove", nav: "security", get: askOnce(withoutFactor), post: removeFactor},
	{path: "/security/recovery", nav: "security", get: askOnce(newRecovery), post: makeRecovery},
}

// ofHost are the functions about one's own signing in as WHM calls them, by their
// names in UAPI.
var ofHost = map[string]string{
	"Session::list_sessions":                     "list_sessions",
	"Session::end_session":                       "end_session",
	"Tokens::activity":                           "latchkey_activity",
	"TwoFactorAuth::generate_user_configuration": "twofactorauth_generate_tfa_config",
	"TwoFactorAuth::set_user_configuration":      "twofactorauth_set_tfa_config",
	"TwoFactorAuth::remove_user_configuration":   "twofactorauth_remove_tfa_config",
	"TwoFactorAuth::make_recovery_codes":         "twofactorauth_make_recovery_codes",
	"TwoFactorAuth::count_recovery_codes":        "twofactorauth_count_recovery_codes",
}

// own calls a function about the visitor's own signing in, at the door where they
// are.
func (v *visit) own(function string, out any, args ...string) error {
	return v.ownAs(v.Cred, function, out, args...)
}

func (v *visit) ownAs(cred latchkey.Credentials, function string, out any, args ...string) error {
	if v.Audience == latchkey.ForHost {
		if name, ok := ofHost[function]; ok {
			function = name
		}
		return v.callAs(cred, call.WHM, "", function, out, args...)
	}
	module, name, _ := strings.Cut(function, "::")
	return v.callAs(cred, call.UAPI, module, name, out, args...)
}

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

// factorData is the second factor of an account, and how many recovery codes are
// left, of how many.
type factorData struct {
	On       int `json:"is_enabled"`
	Left, Of int
}

// Few reports whether new recovery codes should be made soon.
func (f *factorData) Few() bool { return f.Left < 3 }

type securityData struct {
	Sessions []session
	Factor   factorData
	Password bool // they may change theirs here
}

// sessionsWithSource is of how many sessions it is looked up from where they were
// used.
const sessionsWithSource = 10

// security shows where the visitor is signed in, and the second factor.
func security(v *visit) error {
	var d securityData
	if err := v.own("Session::list_sessions", &d.Sessions); err != nil {
		return err
	}
	for i := range d.Sessions[:min(len(d.Sessions), sessionsWithSource)] {
		var found events
		if v.own("Tokens::activity", &found, "token", d.Sessions[i].ID, "limit", "1") == nil && len(found.Events) > 0 {
			d.Sessions[i].From, d.Sessions[i].Client = found.Events[0].Address, found.Events[0].Client
		}
	}
	if err := v.own("TwoFactorAuth::count_recovery_codes", &d.Factor); err != nil {
		return err
	}
	d.Password = v.maySetPassword()
	v.show(http.StatusOK, "security", &d)
	return nil
}

// endSession ends a session, or all others.
func endSession(v *visit) error {
	args := []string{"others", "1"}
	if id := v.value("id"); id != "" {
		args = []string{"id", id}
	}
	if err := v.own("Session::end_session", nil, args...); err != nil && latchkey.KindOf(err) != latchkey.NotFound {
		return err
	}
	v.done("security.ended")
	v.redirect("/security")
	return nil
}

// newFactor is a second factor that is being set up.
type newFactor struct {
	Form   *form
	Factor factorData
	Secret string
	URL    string
}

// Code is what a camera reads.
func (n *newFactor) Code() *qrCode { return codeOf(n.URL) }

// factor shows the form that sets it up.
func (v *visit) factor(n *newFactor) error {
	if err := v.own("TwoFactorAuth::count_recovery_codes", &n.Factor); err != nil {
		return err
	}
	v.show(n.Form.status(), "factor", n)
	return nil
}

// setFactor sets up the second factor: first it makes a secret and shows it, then
// it takes the code that shows that somebody has it, and shows recovery codes.
func setFactor(v *visit) error {
	n := &newFactor{Form: &form{}, Secret: v.value("secret"), URL: v.value("url")}
	if n.Secret == "" {
		var made struct {
			URL    string `json:"otpauth_str"`
			Secret string `json:"secret"`
		}
		if err := v.own("TwoFactorAuth::generate_user_configuration", &made); err != nil {
			return err
		}
		n.Secret, n.URL = made.Secret, made.URL
		return v.factor(n)
	}
	code := strings.ReplaceAll(v.value("code"), " ", "")
	if code == "" {
		n.Form.say("code", v.lang.say("security.needs_code"))
		return v.factor(n)
	}
	if !auth.GoodCode(latchkey.NewSecret(n.Secret), latchkey.NewSecret(code), v.now()) { // before a code of the present factor is used up
		n.Form.say("code", v.lang.say("security.wrong_code"))
		return v.factor(n)
	}
	var made recovery
	err := v.byPassword(n.Form, "TwoFactorAuth::set_user_configuration", &made, "secret", n.Secret, "tfa_token", code, "recovery_codes", "1")
	if err := n.Form.refuse(err, map[string]string{"tfa_token": "code"}); err != nil {
		return err
	}
	if n.Form.Bad() {
		return v.factor(n)
	}
	made.First = true
	v.show(http.StatusOK, "recovery", &made)
	return nil
}

// recovery is recovery codes that are shown, this once.
type recovery struct {
	Codes []string `json:"recovery_codes"`
	First bool     `json:"-"` // the second factor was switched on with them
}

// once is a page that asks for the password once more, before it does one thing.
type once struct {
	Form            *form
	Factor          factorData
	Title, Text, OK string // ids of words
	Do              string
	Danger          bool
}

var (
	withoutFactor = once{Title: "security.factor_remove", Text: "security.factor_remove_text", OK: "security.factor_remove", Do: "/security/factor/remove", Danger: true}
	newRecovery   = once{Title: "security.recovery_again", Text: "security.recovery_again_text", OK: "security.recovery_do", Do: "/security/recovery"}
)

func askOnce(o once) handler {
	return func(v *visit) error { return v.once(o, &form{}) }
}

func (v *visit) once(o once, f *form) error {
	if err := v.own("TwoFactorAuth::count_recovery_codes", &o.Factor); err != nil {
		return err
	}
	o.Form, o.Do = f, v.link(o.Do)
	v.show(f.status(), "once", &o)
	return nil
}

// removeFactor takes the second factor away.
func removeFactor(v *visit) error {
	f := &form{}
	err := v.byPassword(f, "TwoFactorAuth::remove_user_configuration", nil)
	if err := f.refuse(err, nil); err != nil {
		return err
	}
	if f.Bad() {
		return v.once(withoutFactor, f)
	}
	v.done("security.factor_gone")
	v.redirect("/security")
	return nil
}

// makeRecovery makes recovery codes anew.
func makeRecovery(v *visit) error {
	f := &form{}
	var made recovery
	err := v.byPassword(f, "TwoFactorAuth::make_recovery_codes", &made)
	if err := f.refuse(err, nil); err != nil {
		return err
	}
	if f.Bad() {
		return v.once(newRecovery, f)
	}
	v.show(http.StatusOK, "recovery", &made)
	return nil
}

// byPassword makes a call about the visitor's own signing in with the password,
// given once more, in place of the session: after the session was asked whether
// the form is a page of ours.
func (v *visit) byPassword(f *form, function string, out any, args ...string) error {
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
	err := v.ownAs(cred, function, out, args...)
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
