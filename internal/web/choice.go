package web

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// choicePath is where people choose colours and language. It changes what their
// browser keeps and nothing else.
const choicePath = "/choose"

const (
	themeCookie = "latchkey-theme"
	langCookie  = "latchkey-lang"
)

var themes = []string{"system", "light", "dark"}

// themeOf is the scheme that somebody chose; "" for what their system has.
func themeOf(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// choose keeps a choice and goes back to where it was made.
func (v *visit) choose() {
	if v.r.Method != http.MethodPost {
		v.w.Header().Set("Allow", http.MethodPost)
		v.problem(http.StatusMethodNotAllowed, "error.method")
		return
	}
	if theme := v.value("theme"); slices.Contains(themes, theme) {
		http.SetCookie(v.w, v.choiceOf(themeCookie, theme))
	}
	if lang := v.value("lang"); v.pages.languages.has(lang) {
		http.SetCookie(v.w, v.choiceOf(langCookie, lang))
	}
	v.redirect(v.back())
}

func (v *visit) choiceOf(name, value string) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()), HttpOnly: true, Secure: !v.InClear, SameSite: http.SameSiteLaxMode}
}

// back is the page of ours that a form says it stood on.
func (v *visit) back() string {
	to := v.value("back")
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
		if v.Prefix == "" {
			return "/login/"
		}
		return "/"
	}
	return to
}
