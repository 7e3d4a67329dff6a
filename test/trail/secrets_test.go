package trail

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// hunt looks for many texts at once, in every form they may have been written in.
type hunt struct {
	forms map[uint64][]form // by their first eight bytes
	first [1 << 16]bool     // whether a form begins with two bytes
	n     int
}

// form is one way in which a secret may have been written.
type form struct{ text, secret, kind string }

// add adds a secret: as it is, as in an address, and as base64 writes it wherever
// it begins.
func (h *hunt) add(secret string) {
	h.n++
	h.look(secret, secret, "plain")
	h.look(url.QueryEscape(secret), secret, "URL")
	h.look(url.PathEscape(secret), secret, "URL")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			text := encoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			whole := (shift + len(secret)) / 3 * 4 // what stands behind it changes the rest
			h.look(text[(shift*8+5)/6:whole], secret, "base64")
		}
	}
}

func (h *hunt) look(text, secret, kind string) {
	key := window(text)
	for _, f := range h.forms[key] {
		if f.text == text {
			return
		}
	}
	if h.forms == nil {
		h.forms = make(map[uint64][]form)
	}
	h.forms[key] = append(h.forms[key], form{text, secret, kind})
	h.first[int(text[0])<<8|int(text[1])] = true
}

// window is the first eight bytes of a text.
func window[T string | []byte](text T) (key uint64) {
	for i := range 8 {
		key = key<<8 | uint64(text[i])
	}
	return key
}

// in are the forms that stand in data.
func (h *hunt) in(data []byte) (found []form) {
	for i := 0; i+8 <= len(data); i++ {
		if !h.first[int(data[i])<<8|int(data[i+1])] {
			continue
		}
		for _, f := range h.forms[window(data[i:])] {
			if bytes.HasPrefix(data[i:], []byte(f.text)) {
				found = append(found, f)
			}
		}
	}
	return found
}

// issuer has a server issue secrets, and uses each of them once as it should not
// be.
type issuer struct {
	t      *testing.T
	s      *testserver.Server
	hunt   hunt
	errors bytes.Buffer // the bodies of answers that say no
	token  string       // what it calls with
	root   string       // the administrator's
	n      int
}

// ask is a call over HTTP. What it answers counts as an error's body if it failed.
func (i *issuer) ask(authorization, function string, args ...string) (data string, ok bool) {
	form := url.Values{}
	for k := 0; k+1 < len(args); k += 2 {
		form.Set(args[k], args[k+1])
	}
	var r *http.Request
	door := i.s.Account
	switch i.n++; {
	case !strings.Contains(function, "/"):
		form.Set("api.version", "1")
		r, door = httptest.NewRequest(http.MethodPost, "/json-api/"+function, strings.NewReader(form.Encode())), i.s.Host
	case i.n%2 == 0:
		r = httptest.NewRequest(http.MethodGet, "/execute/"+function+"?"+form.Encode(), nil)
	default:
		r = httptest.NewRequest(http.MethodPost, "/execute/"+function, strings.NewReader(form.Encode()))
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", authorization)
	r.RemoteAddr = fmt.Sprintf("198.51.%d.%d:4000", i.n>>8&255, i.n&255)
	a := i.s.Serve(door, r)
	ok = a.Status == http.StatusOK && (strings.Contains(a.Body, `"status":1`) || strings.Contains(a.Body, `"result":1`))
	if !ok {
		i.errors.WriteString(a.Body + "\n")
	}
	return a.Body, ok
}

func (i *issuer) must(authorization, function string, args ...string) string {
	i.t.Helper()
	body, ok := i.ask(authorization, function, args...)
	if !ok {
		i.t.Fatalf("%s: %s", function, body)
	}
	return body
}

// refused is a call that must fail.
func (i *issuer) refused(authorization, function string, args ...string) {
	i.t.Helper()
	if body, ok := i.ask(authorization, function, args...); ok {
		i.t.Fatalf("%s was not refused: %s", function, body)
	}
}

// field is a text out of an answer.
func (i *issuer) field(body, name string) string {
	i.t.Helper()
	_, rest, ok := strings.Cut(body, `"`+name+`":"`)
	if !ok {
		i.t.Fatalf("no %s in %s", name, body)
	}
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

// password is a password with characters that every form writes otherwise.
func (i *issuer) password() string {
	word := fmt.Sprintf("%06d+Aa%%/é&= Zz?%x", i.n, (i.n+1)*2654435761)
	i.hunt.add(word)
	return word
}

func (i *issuer) tokens() {
	mine := "cpanel demo:" + i.token
	one := i.field(i.must(mine, "Tokens/create_full_access", "name", "one"), "token")
	i.hunt.add(one)
	i.must("cpanel demo:"+one, "Quota/get_quota_info")
	two := i.field(i.must(mine, "Tokens/rotate", "name", "one", "overlap", "60"), "token")
	i.hunt.add(two)
	i.must("cpanel demo:"+two, "Quota/get_quota_info")
	i.refused("cpanel other:"+one, "Quota/get_quota_info")
	i.refused("cpanel demo:"+two[:31], "Quota/get_quota_info")
	i.refused("Basic "+base64.StdEncoding.EncodeToString([]byte("demo:"+two[:20])), "Quota/get_quota_info")
	// Where a token does not belong: the caller gets their own words back, nobody else
	// does.
	kept := i.errors.Len()
	i.refused(mine, "Tokens/get_details", "name", one)
	i.refused(mine, "Email/"+two)
	i.refused("cpanel "+two+":"+one, "Quota/get_quota_info")
	i.errors.Truncate(kept)
	i.must(mine, "Tokens/revoke", "name", "one")
	i.refused("cpanel demo:"+two, "Quota/get_quota_info")
}

func (i *issuer) sessions() {
	for _, of := range [][3]string{{"box@example.com", "webmaild"}, {"demo", "cpaneld"}} {
		out := i.must("whm root:"+i.root, "create_user_session", "user", of[0], "service", of[1])
		session := i.field(out, "session")
		i.hunt.add(session)
		r := httptest.NewRequest(http.MethodPost, i.field(out, "cp_security_token")+"/login", strings.NewReader(url.Values{"session": {session}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "198.51.100.9:4000"
		w := httptest.NewRecorder()
		door := i.s.Webmail
		if of[1] == "cpaneld" {
			door = i.s.Account
		}
		door.ServeHTTP(w, r)
		before := i.hunt.n
		for _, c := range w.Result().Cookies() {
			if c.Value != "" {
				i.hunt.add(c.Value)
			}
		}
		if i.hunt.n == before {
			i.t.Fatalf("the session was not taken over: %d %s", w.Code, w.Body)
		}
	}
}

func (i *issuer) passwords() {
	mine := "cpanel demo:" + i.token
	word := i.password()
	i.must(mine, "Email/passwd_pop", "email", "box@example.com", "password", word)
	i.refused(mine, "Email/passwd_pop", "email", "nobody@example.com", "password", word)
	i.refused(mine, "Email/add_pop", "email", "new@example.net", "password", word)
	i.refused(mine, "Email/add_pop", "email", "box@example.com", "password", word, "quota", "many")
	i.refused(mine, "Email/passwd_pop", "email", "box@example.com", "passwort", word)
	account := i.password()
	i.s.WHM("passwd", "user", "other", "password", account)
	i.refused("whm root:"+i.root, "passwd", "user", "nobody", "password", account)
	i.refused("Basic "+base64.StdEncoding.EncodeToString([]byte("demo:"+account)), "Quota/get_quota_info")
}

// TestSecrets has a server issue secrets of every kind and looks for them in all
// it writes: none is there.
func TestSecrets(t *testing.T) {
	s := testserver.New(t)
	s.Level.Set(slog.LevelDebug)
	i := &issuer{t: t, s: s, token: s.Token("demo", "issuer"), root: s.HostToken("issuer")}
	i.hunt.add(i.token)
	i.hunt.add(i.root)
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
	for round := 0; i.hunt.n < *issues; round++ {
		i.tokens()
		i.sessions()
		if round%4 == 0 { // they cost a slow hash each
			i.passwords()
		}
	}
	settle(t, s)
	places := written(t, s)
	places["error bodies"] = i.errors.Bytes()
	total := 0
	for name, data := range places {
		total += len(data)
		for n, f := range i.hunt.in(data) {
			if n < 3 {
				t.Errorf("%s holds the secret %q in its %s form", name, f.secret, f.kind)
			}
		}
	}
	t.Logf("%d secrets in %d places of %d bytes, %d calls", i.hunt.n, len(places), total, i.n)

	// What is not found must be what can be found: one is planted in every place.
	for name, data := range places {
		for key, forms := range i.hunt.forms {
			planted := append(bytes.Clone(data[:min(len(data), 1000)]), forms[0].text...)
			if len(i.hunt.in(planted)) == 0 {
				t.Errorf("%s: a secret in its %s form is not found", name, forms[0].kind)
			}
			if key%7 == 0 {
				break
			}
		}
	}
	planted := "planted-" + strings.Repeat("Aa9", 9)
	i.hunt.add(planted)
	s.UAPI("demo", "Tokens", "get_details", "name", "issuer")
	act := audit.Begin(s.Now, latchkey.Origin{Client: planted})
	act.Asked("Email::add_pop")
	act.End(s.Trail, latchkey.Errorf(latchkey.Invalid, "no"))
	settle(t, s)
	places = written(t, s)
	for _, name := range []string{"the trail", "the export", "latchkey.db"} {
		data := places[name]
		if name == "latchkey.db" {
			data = append(data, places["latchkey.db-wal"]...)
		}
		if len(i.hunt.in(data)) == 0 {
			t.Errorf("what was planted in the trail is not found in %s: the search finds nothing", name)
		}
	}
}

// written is all that a server has written, by where.
func written(t *testing.T, s *testserver.Server) map[string][]byte {
	t.Helper()
	places := map[string][]byte{"the log": []byte(s.Log.String())}
	err := filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, _ := filepath.Rel(s.Dir, path)
		places[name], err = os.ReadFile(path)
		return err
	})
	must(t, err)
	delete(places, "token.key") // a secret itself
	var trail, export bytes.Buffer
	must(t, audit.List(t.Context(), s.Store, 0, func(link uint64, e *latchkey.Event) bool {
		line, err := json.Marshal(audit.LineOf(link, e))
		trail.Write(append(line, '\n'))
		return err == nil
	}))
	must(t, audit.Export(t.Context(), s.Store, s.Heads, &export, audit.Span{}))
	places["the trail"], places["the export"] = trail.Bytes(), export.Bytes()
	return places
}
