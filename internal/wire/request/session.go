package request

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Session reads what r claims with the cookie called name; prefix is the session
// that its path begins with. A cookie without one, two cookies that differ, and
// what cannot be read is [latchkey.SchemeMalformed]; a prefix without a cookie
// claims nothing.
func Session(r *http.Request, name, prefix string) latchkey.Credentials {
	secret := ""
	for _, c := range r.CookiesNamed(name) {
		if c.Value == "" || secret != "" && c.Value != secret {
			return malformed()
		}
		secret = c.Value
	}
	switch {
	case secret == "":
		return latchkey.Credentials{}
	case prefix == "" || hasControl(secret):
		return malformed()
	}
	return latchkey.Credentials{Scheme: latchkey.SchemeSession, Secret: latchkey.NewSecret(secret), Prefix: prefix, Site: site(r)}
}

// site is where the browser says that r comes from. Of a browser too old to say
// so the Origin tells. Both headers are the browser's own: no page can set them.
func site(r *http.Request) latchkey.Site {
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return latchkey.SiteForeign
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "":
		return latchkey.SiteUnsaid
	case "same-origin":
		return latchkey.SiteSame
	case "none":
		return latchkey.SiteNone
	}
	return latchkey.SiteForeign
}

// Password is the claim of a user and a password that came in a form, with the
// code of the second factor if there was one. The form is checked as that of
// Basic is.
func Password(user, password, code string) latchkey.Credentials {
	cred := claim(latchkey.SchemeBasic, user, password)
	if cred.Scheme == latchkey.SchemeBasic {
		cred.Code = secondFactor(code)
	}
	return cred
}

// secondFactor is a code as it came, without the spaces that programs show it
// with; one in no form that a code has is none.
func secondFactor(code string) latchkey.Secret {
	if code = strings.ReplaceAll(code, " ", ""); len(code) > 16 || hasControl(code) {
		return latchkey.Secret{}
	}
	return latchkey.NewSecret(code)
}
