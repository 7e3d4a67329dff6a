package request_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// roomy are limits that short inputs cannot reach.
var roomy = request.Limits{Params: 1 << 30, Key: 1 << 30, Value: 1 << 30, Parts: 1 << 30}

// refused reports whether err refuses a request, and holds it to be Invalid
// and to have words of its own.
func refused(t *testing.T, err error) bool {
	t.Helper()
	if err == nil {
		return false
	}
	if e := latchkey.AsError(err); e.Kind != latchkey.Invalid || e.Msg == "" {
		t.Errorf("error %#v; want invalid, with words", e)
	}
	return true
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{
		"", "&&", "a", "=", "a=b=c", "a=1;b=2&c=%zz", "x=100%", "x=%4", "x=%2541", "x=+%2B", "a%00=1",
		"Line=8=192.0.2.1&domain=example.test", "zone=example.test&zone=example.test", "add-0=1&add-1=2",
		"add=%7b%22ttl%22%3a0%7d", "cpanel_jsonapi_version=2&cpanel_jsonapi_func=fetchzones",
		"api.version=1&part1=a&match1=b", "display=a|b&name=\xc3\xab", "cert=-----BEGIN%20CERTIFICATE-----%0a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1<<20 {
			return
		}
		p, err := request.Parse(&http.Request{URL: &url.URL{RawQuery: s}}, roomy)
		fromBody, bodyErr := request.Parse(post(form, s), roomy)
		if refused(t, err) != refused(t, bodyErr) {
			t.Fatalf("query: %v; body: %v", err, bodyErr)
		}
		if err != nil {
			return
		}
		pieces := 0
		for piece := range strings.SplitSeq(s, "&") {
			if piece != "" {
				pieces++
			}
		}
		if len(p.Args) != pieces {
			t.Errorf("%d arguments from %d pieces", len(p.Args), pieces)
		}
		for i := range fromBody.Args {
			fromBody.Args[i].Body = false
		}
		if !slices.Equal(p.Args, fromBody.Args) {
			t.Errorf("query gives %v, body %v", p.Args, fromBody.Args)
		}
		again, err := request.Parse(&http.Request{URL: &url.URL{RawQuery: encode(p.Args)}}, roomy)
		if err != nil || !slices.Equal(again.Args, p.Args) {
			t.Errorf("encoded and parsed again: %v, %v; want %v", again.Args, err, p.Args)
		}
		if values, err := url.ParseQuery(s); err == nil && !slices.Equal(sorted(values), slices.Sorted(slices.Values(texts(p.Args)))) {
			t.Errorf("arguments %v; url.ParseQuery has %q", p.Args, values)
		}
	})
}

// encode writes args as a form.
func encode(args api.Args) string {
	var pairs []string
	for _, a := range args {
		pairs = append(pairs, url.QueryEscape(a.Key)+"="+url.QueryEscape(a.Value))
	}
	return strings.Join(pairs, "&")
}

// texts are the arguments as key=value, escaped.
func texts(args api.Args) []string {
	var all []string
	for _, a := range args {
		all = append(all, encode(api.Args{a}))
	}
	return all
}

func sorted(values url.Values) []string {
	var all []string
	for key, list := range values {
		for _, v := range list {
			all = append(all, encode(api.Args{{Key: key, Value: v}}))
		}
	}
	slices.Sort(all)
	return all
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `{"label":"unit"}`, `{"a":1,"b":-0.5e3,"c":true,"d":null}`, `{"a":["x",1,false,null]}`,
		`{"a":{"b":1}}`, `{"a":[[1]]}`, `[1]`, `{"a":1}x`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud800"}`, `{"a":"\\ud800"}`,
		`{"a":1,"a":2}`, `{"a":1,}`, `{"a":1]`, "{\"a\":\"\xff\"}", `{"\u0000":1}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1<<20 {
			return
		}
		p, err := request.Parse(post(asJSON, s), roomy)
		members, flat := flatObject(s)
		if refused(t, err) {
			if flat && !slices.ContainsFunc(members, func(a api.Arg) bool { return hasControl(a.Key) }) && !strings.Contains(s, `\u`) {
				t.Errorf("%q is one flat object: %v", s, err)
			}
			return
		}
		if strings.Trim(s, " \t\r\n") == "" {
			return
		}
		if !flat {
			t.Fatalf("%q is taken, and is not one flat object", s)
		}
		for _, m := range members {
			if !slices.Contains(p.Args, m) {
				t.Errorf("%q: arguments %v lack %v", s, p.Args, m)
			}
		}
	})
}

// flatObject reads s in another way: its members, the last of each name, and
// whether s is one flat object.
func flatObject(s string) (api.Args, bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(s), &object) != nil || object == nil || !utf8.ValidString(s) {
		return nil, false
	}
	var args api.Args
	for key, raw := range object {
		list := []json.RawMessage{raw}
		if raw[0] == '[' {
			_ = json.Unmarshal(raw, &list)
		}
		for _, v := range list {
			var text string
			switch v[0] {
			case '{', '[':
				return nil, false
			case 'n':
				continue
			case 't':
				text = "1"
			case 'f':
				text = "0"
			case '"':
				_ = json.Unmarshal(v, &text)
			default:
				text = string(v)
			}
			args = append(args, b(key, text))
		}
	}
	return args, true
}

// What does not parse must not be quoted: it may be a secret gone astray.
func FuzzErrorsAreSilent(f *testing.F) {
	f.Add(asJSON, `{"a":`, `}`)
	f.Add(asJSON, `{"a":"`, ``)
	f.Add(asJSON, `{"a":{"b":"`, `"}}`)
	f.Add(asJSON, ``, ``)
	f.Add(form, "a=", "&%01=2")
	f.Add("", "\n", "")
	f.Add(multi, "--x\r\n", "\r\n\r\n")
	f.Add(multi, "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n", "")
	f.Add(multi, "--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n", "\r\n--x--")
	f.Add("multipart/form-data", "", "")
	f.Add("text/xml", "<a>", "</a>")
	f.Fuzz(func(t *testing.T, contentType, before, after string) {
		const secret = "hunter2-hunter2"
		r := post(contentType, before+secret+after)
		r.ContentLength = -1
		p, err := request.Parse(r, request.Limits{Value: 10})
		_ = p.Close()
		if !refused(t, err) || !strings.Contains(err.Error(), secret) {
			return
		}
		// The names of arguments may be shown.
		if e := latchkey.AsError(err); !strings.Contains(e.Param, secret) {
			t.Errorf("the error shows the body: %v", err)
		}
	})
}

func FuzzMultipart(f *testing.F) {
	f.Add("x", field("dir", "public_html")+file("file-1", "a.txt", "text")+"--x--\r\n")
	f.Add("x", strings.ReplaceAll(field("a", "1"), "\r\n", "\n")+"--x--")
	f.Add("x", file("a", "", "")+field("b", "--x"))
	f.Add("x", part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable", "=41")+"--x--")
	f.Add("----x", "------x\r\nContent-Disposition: form-data; name=\"domain\"\r\n\r\nexample.test\r\n------x--\r\n")
	f.Add("", "--\r\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, boundary, body string) {
		r := post("multipart/form-data; boundary=\""+boundary+"\"", body)
		r.ContentLength = -1
		limits := request.Limits{Upload: 10_000, Body: 10_000, Value: 1000, Params: 10, Parts: 12, Spool: dir}
		p, err := request.Parse(r, limits)
		if refused(t, err) {
			if p.Args != nil || p.Files != nil {
				t.Errorf("something is left besides %v", err)
			}
			return
		}
		if len(p.Args) > 10 || len(p.Args)+len(p.Files) > 12 {
			t.Errorf("%d arguments and %d files", len(p.Args), len(p.Files))
		}
		size := 0
		for _, a := range p.Args {
			if size += len(a.Value); len(a.Value) > 1000 || hasControl(a.Key) {
				t.Errorf("argument %q of %d bytes", a.Key, len(a.Value))
			}
		}
		for _, file := range p.Files {
			all, err := io.ReadAll(file.Open())
			if size += len(all); err != nil || int64(len(all)) != file.Size || file.Name == "" {
				t.Errorf("file %q: %d bytes, said %d, %v", file.Name, len(all), file.Size, err)
			}
		}
		if size > len(body) {
			t.Errorf("%d bytes from a body of %d", size, len(body))
		}
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// What the standard library writes comes back as it was.
func FuzzMultipartRoundTrip(f *testing.F) {
	f.Add("dir", "public_html", "file-1", "a.txt", "text")
	f.Add("a\"b\\c", "\r\n--", "../x", "é;'\"", "\x00\r\n")
	f.Add("a", strings.Repeat("v", 5000), "b", "c", strings.Repeat("f\r\n", 3000))
	f.Fuzz(func(t *testing.T, key, value, fileField, filename, content string) {
		if key == "" || fileField == "" || filename == "" || hasControl(key+fileField+filename) || !utf8.ValidString(key+fileField+filename) {
			return
		}
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		_ = w.WriteField(key, value)
		part, _ := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {multipart.FileContentDisposition(fileField, filename)}})
		_, _ = io.WriteString(part, content)
		_ = w.Close()
		limits := roomy
		limits.Upload = 1 << 30
		p, err := request.Parse(post(w.FormDataContentType(), body.String()), limits)
		if err != nil {
			t.Fatal(err)
		}
		if want := (api.Args{b(key, value)}); !slices.Equal(p.Args, want) {
			t.Errorf("Args = %v; want %v", p.Args, want)
		}
		if len(p.Files) != 1 || p.Files[0].Field != fileField || p.Files[0].Name != filename {
			t.Fatalf("Files = %+v; want %q %q", p.Files, fileField, filename)
		}
		if all, err := io.ReadAll(p.Files[0].Open()); err != nil || string(all) != content {
			t.Errorf("content %q, %v; want %q", all, err, content)
		}
		_ = p.Close()
	})
}

func FuzzCredentials(f *testing.F) {
	for _, s := range []string{
		"", "cpanel alice:TOKEN", "CPANEL  alice : TOKEN\n\r", "whm root:TOKEN", "WHM root:0a\r\n1b\n", "cpanel alice:", "cpanel :T",
		"Basic " + base("alice:pass:word"), "basic " + base("bob@example.test:p\xe9"), "Basic " + base("a:\x00"), "Basic !", "Bearer x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c := request.Credentials(withAuth(header))
		switch c.Scheme {
		case latchkey.SchemeToken, latchkey.SchemeHostToken, latchkey.SchemeBasic:
		case latchkey.SchemeMalformed:
			if c.User != "" || !c.Secret.Empty() {
				t.Errorf("malformed, and holds %q %q", c.User, c.Secret.Reveal())
			}
			return
		default:
			t.Fatalf("scheme %v", c.Scheme)
		}
		secret := c.Secret.Reveal()
		if c.User == "" || len(c.User) > latchkey.MaxUser || secret == "" || hasControl(c.User+secret) {
			t.Errorf("user %q, secret %q", c.User, secret)
		}
		written := c.Scheme.String() + " " + c.User + ":" + secret
		if c.Scheme == latchkey.SchemeBasic {
			written = "Basic " + base(c.User+":"+secret)
		}
		if again := request.Credentials(withAuth(written)); again != c {
			t.Errorf("written as %q and read again: %v %q %q", written, again.Scheme, again.User, again.Secret.Reveal())
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"", "*", "/execute/Email/add_pop", "/execute/Email/add_pop/", "/cpsess1235467/execute/Email/list_pops", "//cpsess123/execute/Email/list_pops",
		"/json-api/cpanel/", "/xml-api/cpanel", "/json-api/listaccts", "/execute/cpanel", "/execute/../x", "/cpsess1//execute/A/b", "/login/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, ok := request.Path(s)
		session, rest := request.CutSession(s)
		if session != target.Session || !strings.HasSuffix(s, rest) && rest != "/" {
			t.Errorf("CutSession = %q, %q; Path has %q", session, rest, target.Session)
		}
		for _, name := range []string{target.Module, target.Func, target.Session} {
			if len(name) > 70 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
				t.Errorf("Path holds the name %q", name)
			}
		}
		if !ok {
			return
		}
		written := map[request.Kind]string{
			request.Execute: "/execute/" + target.Module + "/" + target.Func,
			request.JSONAPI: "/json-api/cpanel", request.JSONFunc: "/json-api/" + target.Func,
			request.XMLAPI: "/xml-api/cpanel", request.XMLFunc: "/xml-api/" + target.Func,
		}[target.Kind]
		if got := "/" + strings.Join(strings.FieldsFunc(rest, func(r rune) bool { return r == '/' }), "/"); written != got {
			t.Errorf("Path(%q) = %+v, which is %q", s, target, written)
		}
	})
}

// FuzzSession: a session's credentials hold no control characters, and are whole
// or nothing.
func FuzzSession(f *testing.F) {
	f.Add("cpsession=abc", "cpsess1", "same-origin", "https://h")
	f.Add("cpsession=a; cpsession=b", "", "none", "null")
	f.Add(`cpsession="a%0ab"`, "cpsess1", "", "")
	f.Fuzz(func(t *testing.T, cookie, prefix, from, origin string) {
		r := &http.Request{Host: "h", Header: http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {from}, "Origin": {origin}}}
		cred := request.Session(r, "cpsession", prefix)
		whole := cred.Scheme == latchkey.SchemeSession
		if whole != (!cred.Secret.Empty() && cred.Prefix != "") || whole && strings.ContainsFunc(cred.Secret.Reveal(), unicode.IsControl) || cred.User != "" {
			t.Errorf("Session(%q, %q) = %+v", cookie, prefix, cred)
		}
		if whole && cred.Site == latchkey.SiteSame && (from != "same-origin" || origin != "" && origin != "https://h" && origin != "http://h" && !strings.Contains(origin, "://h")) {
			t.Errorf("Session of %q, %q is our own page's", from, origin)
		}
	})
}
