package sieve

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/needs"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestText(t *testing.T) {
	s := Script{
		If{AnyOf{Header{[]string{"Subject"}, Ends, `a*"\?`}, Not{Bounce{}}}, []Command{FileInto{`a "b"`}, If{Since{noon}, []Command{Stop{}}}}},
		Keep{},
	}
	const want = `require ["date", "envelope", "fileinto", "mailbox", "relational"];
if anyof (header :matches ["Subject"] "*a\\*\"\\\\\\?", not envelope :is "from" "") {
	fileinto :create "a \"b\"";
	if anyof (currentdate :zone "+0000" :value "gt" "date" "2026-01-01", allof (currentdate :zone "+0000" :value "eq" "date" "2026-01-01", currentdate :zone "+0000" :value "ge" "time" "12:00:00")) {
		stop;
	}
}
keep;
`
	if d := cmp.Diff(want, s.Text()); d != "" {
		t.Errorf("Text (-want +got):\n%s", d)
	}
}

func TestCheckRegex(t *testing.T) {
	for expr, want := range map[string]bool{
		"": true, "a+b?": true, "^(a|b){2,3}$": true, `\.\*`: true, "[[:alpha:]_-]+": true, "[]a]": true, "[^]]": true,
		"(": false, `\d`: false, `a\`: false, "(?i)a": false, "[a": false, `[\]]`: false, "[[.a.]]": false, "a{1001}": false, "é": false, "*a": false, "a**": false,
		`(a)\1`: false, "a\nb": false,
	} {
		if got := CheckRegex(expr) == nil; got != want {
			t.Errorf("CheckRegex(%q) is %t, want %t", expr, got, want)
		}
	}
}

// mails are messages that scripts are run over.
var mails = map[string]string{
	"plain":     "From: Bob <bob@a.example>\nTo: me@x.example, Eve <eve@x.example>\nSubject: Hello World\nX-Spam-Score: 12\nReply-To: r@a.example\n\nThe quick brown fox\n",
	"encoded":   "From: =?utf-8?q?J=C3=BCrgen?= <j@a.example>\nSubject: =?iso-8859-1?q?Gr=FC=DFe?= und =?utf-8?b?w4RwZmVs?=\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nsch=F6ne Gr=FC=DFe=\n aus K=F6ln\n",
	"parts":     "From: x@y.example\nSubject: a\n  folded\n\tline\nContent-Type: multipart/mixed; boundary=\"b\"\n\nthe preamble\n--b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nPGI+Zm94PC9iPg==\n--b\nContent-Type: application/octet-stream\n\nsecret\n--b--\n",
	"no fields": "\nonly a body with fox\n",
	"scores":    "Subject: x\nX-Spam-Score: -3.5\nX-Spam-Score: none\n\n\n",
}

// scripts are scripts whose outcome is compared with that of another's
// interpreter.
func scripts() map[string]Script {
	return map[string]Script{
		"nothing": {}, "discard": {Discard{}}, "keep and discard": {Discard{}, Keep{}}, "into": {FileInto{"Work.A"}, FileInto{"Work.A"}, FileInto{"B&C"}},
		"redirect": {Redirect{"a@b.example"}, Redirect{"c+d@b.example"}}, "stop": {Stop{}, Discard{}}, "reject": {Reject{"no \"thanks\""}, Stop{}},
		"keep and redirect": {Keep{}, Redirect{"a@b.example"}},
		"since":             {If{Since{time.Now().Add(-time.Hour)}, []Command{FileInto{"past"}}}, If{Since{time.Now().Add(time.Hour)}, []Command{FileInto{"future"}}}},
		"logic":             {If{AllOf{Exists{"Subject"}, Not{AnyOf{Exists{"No"}, Bounce{}}}}, []Command{FileInto{"yes"}}}},
		"fits":              {If{Header{[]string{"Subject"}, Contains, "o"}, []Command{FileInto{"fits"}}}},
	}
}

// conditions are conditions that are compared likewise.
func conditions() (list []Test) {
	add := func(t Test) { list = append(list, t) }
	for _, m := range []Match{Is, Contains, Begins, Ends, Regex} {
		for _, v := range []string{"hello world", "Hello", "WORLD", "l+o", "^h.*d$", "a folded line", "grüße und äpfel", "[[:digit:]]", "", "*", "?"} {
			if m != Regex || CheckRegex(v) == nil {
				add(Header{[]string{"Subject"}, m, v})
			}
		}
		for _, v := range []string{"bob@a.example", "EVE@x.example", "a.example", "me@"} {
			add(Address{[]string{"From", "To"}, m, v})
			add(Header{[]string{"From", "To"}, m, v})
		}
		for _, v := range []string{"fox", "The quick", "secret", "preamble", "<b>fox</b>"} {
			add(Body{m, v})
		}
	}
	add(Body{Contains, "schöne Grüße aus Köln"})
	for _, m := range []Match{Above, Below} {
		for _, v := range []string{"0", "3", "11", "12", "013", "100"} {
			add(Header{[]string{"X-Spam-Score"}, m, v})
		}
	}
	return list
}

// TestAsPigeonhole: what is done with a message here is what Dovecot's interpreter
// does with it.
func TestAsPigeonhole(t *testing.T) {
	p := pigeonhole(t)
	n := 0
	compare := func(name, what string, s Script, there string) {
		out, err := s.Run(Delivery{Message: Read(strings.NewReader(mails[what])), From: "you@y.example", Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if here := actions(out); here != there {
			t.Errorf("%s over %q:\n here %s\nthere %s", name, what, here, there)
		}
		n++
	}
	tests := conditions()
	for what, text := range mails {
		for name, s := range scripts() {
			compare(name, what, s, p.run(t, s, text))
		}
		// One run of the interpreter says of each condition whether it fits.
		fits := p.run(t, all(tests), text)
		if fits = ", " + fits + ", "; strings.Contains(fits, "INBOX") {
			t.Fatalf("over %q the script ends early: %s", what, fits)
		}
		for i, c := range tests {
			there := "INBOX"
			if name := "folder " + fitting(i); strings.Contains(fits, ", "+name+", ") {
				there = name
			}
			s := Script{If{c, []Command{FileInto{fitting(i)}}}}
			compare(s.Text(), what, s, there)
		}
	}
	t.Logf("%d pairs", n)
}

// fitting is the folder for messages that the ith condition fits.
func fitting(i int) string { return fmt.Sprint("fits", i) }

// all sorts a message into a folder for each condition that fits, and keeps it
// nowhere else.
func all(tests []Test) (s Script) {
	for i, t := range tests {
		s = append(s, If{t, []Command{FileInto{fitting(i)}}})
	}
	return append(s, Discard{})
}

// TestVacationInPigeonhole looks that an answer is as it is meant there.
func TestVacationInPigeonhole(t *testing.T) {
	p := pigeonhole(t)
	v := Vacation{From: `"B ü" <me@x.example>`, Address: "me@x.example", Subject: `a "b" \c`, Text: "one\n.\n\"two\"; stop;\n", Every: 2 * time.Hour}
	said := p.trace(t, Script{v, Discard{}}, mails["plain"])
	for _, want := range []string{"seconds : 7200", `subject : a "b" \c`, "\"two\"; stop;", "START MESSAGE"} {
		if !strings.Contains(said, want) {
			t.Errorf("the answer has no %q:\n%s", want, said)
		}
	}
	v.HTML = true
	if said := p.trace(t, Script{v}, mails["plain"]); !strings.Contains(said, "Content-Type: text/html; charset=utf-8") {
		t.Errorf("the answer is no HTML:\n%s", said)
	}
}

// actions are what becomes of a message, in an order.
func actions(o Outcome) string {
	var list []string
	if o.Rejected != nil {
		list = append(list, "reject")
	}
	if o.Keep {
		list = append(list, "INBOX")
	}
	for _, f := range o.Folders {
		list = append(list, "folder "+f)
	}
	for _, r := range o.Redirects {
		list = append(list, "to "+r)
	}
	return sorted(list)
}

func sorted(list []string) string {
	seen := map[string]bool{}
	for _, s := range list {
		seen[s] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
}

// interpreter is Dovecot's, in a folder of its own.
type interpreter struct{ program, dir string }

func pigeonhole(t *testing.T) *interpreter {
	program := needs.Program(t, "sieve-test")
	dir, err := os.MkdirTemp("", "sieve")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 { // it reads no mail as root
		uid, gid = 65534, 65534
	}
	for _, d := range []string{dir, filepath.Join(dir, "home")} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(`base_dir = %[1]s
log_path = %[1]s/log
mail_home = %[1]s/home
mail_location = maildir:%[1]s/home/Maildir
first_valid_uid = 0
first_valid_gid = 0
mail_uid = %[2]d
mail_gid = %[3]d
plugin {
  sieve_extensions = +vacation-seconds
  sieve_vacation_min_period = 0
  sieve_max_redirects = 100
  sieve_max_actions = 0
}
`, dir, uid, gid)
	if err := os.WriteFile(filepath.Join(dir, "dovecot.conf"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return &interpreter{program, dir}
}

// trace is what the interpreter says that it would do.
func (p *interpreter) trace(t *testing.T, s Script, message string) string {
	t.Helper()
	script, mail := filepath.Join(p.dir, "s.sieve"), filepath.Join(p.dir, "m.eml")
	for file, text := range map[string]string{script: s.Text(), mail: message} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	os.Remove(filepath.Join(p.dir, "s.svbin"))
	cmd := exec.Command(p.program, "-C", "-c", filepath.Join(p.dir, "dovecot.conf"), "-f", "you@y.example", "-r", "me@x.example", "-a", "me@x.example", script, mail)
	said, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "final result: success") {
		log, _ := os.ReadFile(filepath.Join(p.dir, "log"))
		t.Fatalf("%s: %v\n%s\n%s\n%s", cmd, err, said, log, s.Text())
	}
	return string(said)
}

func (p *interpreter) run(t *testing.T, s Script, message string) string {
	t.Helper()
	var list []string
	for line := range strings.Lines(p.trace(t, s, message)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "* store message in folder: INBOX":
			list = append(list, "INBOX")
		case strings.HasPrefix(line, "* store message in folder: "):
			list = append(list, "folder "+strings.TrimPrefix(line, "* store message in folder: "))
		case strings.HasPrefix(line, "* redirect message to: "):
			list = append(list, "to "+strings.Trim(strings.TrimPrefix(line, "* redirect message to: "), "<>"))
		case strings.HasPrefix(line, "* reject"):
			list = append(list, "reject")
		}
	}
	return sorted(list)
}

// outside is what stands outside of the strings of a script, and how many strings
// it has.
func outside(t *testing.T, text string) (words string, quoted int) {
	var b strings.Builder
	in := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case in && c == '\\':
			i++
		case c == '"':
			if in = !in; in {
				quoted++
			}
		case !in:
			b.WriteByte(c)
		case c == 0:
			t.Errorf("a string holds a NUL: %q", text)
		}
	}
	if in {
		t.Errorf("a string does not end: %q", text)
	}
	return b.String(), quoted
}

// script is one with a value in each place that a value can have.
func script(v string) Script {
	return Script{
		Vacation{From: v, Address: v, Subject: v, Text: v},
		If{AnyOf{Header{[]string{v}, Is, v}, Address{[]string{"To"}, Begins, v}, Body{Ends, v}, Header{[]string{"X"}, Above, v}, Exists{v}}, []Command{
			FileInto{v}, Redirect{v}, Reject{v},
		}},
	}
}

// FuzzText: whatever the values, a script has the words that it has with other
// values, and no more.
func FuzzText(f *testing.F) {
	for _, v := range []string{"", "a", `"; stop; "`, `\`, `\"`, "a\r\n.\r\nstop;", "\x00", "${x}", "text:\n.\n", "/* */ # x", "é\xff"} {
		f.Add(v)
	}
	want, n := "", 0
	f.Fuzz(func(t *testing.T, v string) {
		if v == "" { // no subject is another
			return
		}
		if want == "" {
			want, n = outside(t, script("value").Text())
		}
		got, m := outside(t, script(v).Text())
		if got != want || m != n {
			t.Errorf("%q makes %d strings and the words\n%s\nwant %d and\n%s", v, m, got, n, want)
		}
	})
}

// FuzzRun: whatever a message is, a script ends, and does one of what it says.
func FuzzRun(f *testing.F) {
	for _, m := range mails {
		f.Add(m, "fox")
	}
	f.Fuzz(func(t *testing.T, message, value string) {
		out, err := script(value).Run(Delivery{Message: Read(strings.NewReader(message)), From: "a@b", Now: noon})
		if err != nil || !out.Keep && out.Rejected == nil {
			t.Errorf("Run: %+v, %v", out, err)
		}
	})
}
