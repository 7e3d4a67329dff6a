package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// The life of a second factor: made, set, asked for wherever the password comes,
// and taken away.
func TestSecondFactor(t *testing.T) {
	s := testserver.New(t)
	var made struct{ Secret, OtpauthStr string }
	if err := json.Unmarshal(encode.Append(nil, s.UAPI("demo", "TwoFactorAuth", "generate_user_configuration")), &made); err != nil || len(made.Secret) != 16 {
		t.Fatalf("generate_user_configuration: %+v, %v", made, err)
	}
	basic := "Basic ZGVtbzpjb3JyZWN0LWhvcnNlLTk="
	token := "cpanel demo:" + s.Token("demo", "t")
	count := func(authorization, code string) string {
		b := &browser{Server: s, t: t, door: s.Account}
		return b.ask("GET", someCall, "", "Authorization", authorization, "X-CPANEL-OTP", code).Body.String()
	}
	in := func(body string) string {
		b := &browser{Server: s, t: t, door: s.Account}
		return b.ask("POST", "/login/?login_only=1", "user=demo&pass="+testserver.Password+body).Body.String()
	}
	if a := s.Get(s.Account, "/execute/TwoFactorAuth/set_user_configuration?secret="+made.Secret+"&tfa_token=000000", token); !strings.Contains(a.Body, "The security code is invalid") {
		t.Errorf("set with a wrong code: %s", a.Body)
	}
	if !strings.Contains(count(basic, ""), `"status":1`) {
		t.Error("a second factor that was not set is asked for")
	}
	s.UAPI("demo", "TwoFactorAuth", "set_user_configuration", "secret", made.Secret, "tfa_token", s.Code(made.Secret))
	if got := string(encode.Append(nil, s.UAPI("demo", "TwoFactorAuth", "get_user_configuration"))); got != `{"is_enabled":1,"issuer":"host.example.org"}` {
		t.Errorf("get_user_configuration: %s", got)
	}
	if !strings.Contains(count(basic, ""), "Access denied") {
		t.Error("the password alone opens the account")
	}
	if !strings.Contains(count(token, ""), `"status":1`) {
		t.Error("a token needs a code")
	}
	if got := in(""); got != `{"message":"tfa_required","status":0}` {
		t.Errorf("sign-in without a code: %s", got)
	}
	b := &browser{Server: s, t: t, door: s.Account}
	if page := b.ask("POST", "/login/", "user=demo&pass="+testserver.Password).Body.String(); !strings.Contains(page, "tfa_login_form") {
		t.Errorf("the page has no tfa_login_form: %s", page)
	}
	if got := in("&tfa_token=000000"); got != `{"message":"invalid_login","status":0}` {
		t.Errorf("sign-in with a wrong code: %s", got)
	}
	code := s.Code(made.Secret)
	if got := in("&tfa_token=" + code); !strings.Contains(got, `"status":1`) {
		t.Errorf("sign-in with the code: %s", got)
	}
	if got := count(basic, code); !strings.Contains(got, `"status":1`) {
		t.Errorf("Basic with the code: %s", got)
	}
	s.WHM("twofactorauth_disable_policy")
	if !strings.Contains(count(basic, ""), `"status":1`) {
		t.Error("a code is asked for though nobody is")
	}
	s.WHM("twofactorauth_enable_policy")
	if got := string(encode.Append(nil, s.WHM("twofactorauth_remove_user_config", "user", "demo", "user-1", "other", "user-2", "nobody"))); !strings.Contains(got, `"users_modified":["demo"]`) || !strings.Contains(got, `"nobody":`) {
		t.Errorf("twofactorauth_remove_user_config: %s", got)
	}
	if !strings.Contains(count(basic, ""), `"status":1`) {
		t.Error("a code is asked for after the second factor was taken away")
	}
	if text := s.Log.String(); strings.Contains(text, made.Secret) {
		t.Error("the secret stands in the log")
	}
}
