package notice

import (
	"bytes"
	"flag"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	from = mail.Address{Name: "Latchkey", Address: "latchkey@host.example.org"}
)

// sample is a notice with something in every field.
func sample(k Kind) *Notice {
	return &Notice{
		Kind: k, At: noon, Server: "host.example.org", Site: "https://host.example.org:2083", Account: "demo", Token: "deploy", Handle: "ABCDEFGHIJ",
		May: "Fileman:write(path=public_html/app); Quota:read", Where: []string{"192.0.2.8/29", "2001:db8::/48"}, Expires: noon.AddDate(0, 0, 7),
		By: "the account's password", From: "198.51.100.7", Client: "curl/8.5", Network: "198.51.100.0/24", Overlap: noon.Add(time.Hour),
		Why: "nobody used it for 30 days",
	}
}

// text is the text of a message, decoded, and its header.
func read(t *testing.T, raw []byte) (mail.Header, string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, strings.ReplaceAll(string(body), "\r\n", "\n")
}

// The mails as people get them: the review of their words is the diff of a golden
// file.
func TestMessages(t *testing.T) {
	cases := map[string]*Notice{}
	for _, k := range Kinds() {
		cases[string(k)] = sample(k)
	}
	bare := sample(Created)
	bare.Where, bare.Expires, bare.From, bare.By, bare.Client, bare.May = nil, time.Time{}, "", "", "", "everything (full access)"
	first := sample(Network)
	first.First, first.Last = true, true
	at := sample(Rotated)
	at.Overlap = time.Time{}
	host := sample(Ending)
	host.Host = true
	cases["created-bare"], cases["network-first"], cases["rotated-at-once"], cases["ending-host"] = bare, first, at, host
	for name, n := range cases {
		m, err := n.Message(from, "owner@example.com", "id@host.example.org", noon)
		if err != nil {
			t.Fatal(err)
		}
		header, text := read(t, m.Raw)
		var b strings.Builder
		for _, key := range []string{"From", "To", "Subject", "Date", "Message-Id", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding"} {
			b.WriteString(key + ": " + header.Get(key) + "\n")
		}
		got := b.String() + "\n" + text
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want, err := os.ReadFile(file); err != nil || got != string(want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, got, want)
		}
		if m.From != from.Address || m.To != "owner@example.com" {
			t.Errorf("%s: from %s to %s", name, m.From, m.To)
		}
	}
}

// TestSettings: the mail about a mailbox says what it is to say, in golden words, and
// nothing in it becomes a line of its own.
func TestSettings(t *testing.T) {
	s := &Settings{Server: "host.example.org", Account: "demo", Mailbox: "ann@example.com", Host: "host.example.org", IMAP: 993, SMTP: 465}
	m, err := s.Message(from, "owner@example.com", "id@host.example.org", noon)
	if err != nil {
		t.Fatal(err)
	}
	header, text := read(t, m.Raw)
	got, file := "Subject: "+header.Get("Subject")+"\n\n"+text, filepath.Join("testdata", "settings.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || got != string(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	s.Mailbox = "ann\r\nBcc: x@evil.example\r\n\r\n"
	if m, err = s.Message(from, "owner@example.com", "id@h", noon); err != nil {
		t.Fatal(err)
	}
	if header, _ := read(t, m.Raw); header.Get("Bcc") != "" || strings.Count(string(m.Raw), "\r\nBcc") > 0 {
		t.Errorf("a line of its own:\n%s", m.Raw)
	}
	if _, err := s.Message(from, "a@b\nBcc: c@d", "id@h", noon); err == nil {
		t.Error("a message to an address with two lines")
	}
}

func TestAddress(t *testing.T) {
	for _, good := range []string{"a@b", "first.last+tag@sub.example.com", "o'brien@example.com", "x_y@xn--bcher-kva.example", "1@2.example"} {
		if got, err := Address(good); err != nil || got != good {
			t.Errorf("Address(%q) = %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{
		"", "a", "@", "a@", "@b", "a@b@c", "a b@c.example", "a@b c", "a@b.example\r\nBcc: x@evil.example", "a\n@b", "\"a\"@b.example", "A <a@b.example>",
		"a@b.example, c@d.example", "a@b..example", ".a@b.example", "a.@b.example", "-oQ/tmp@b.example", "a@-b.example", "a@b-.example", "a@[192.0.2.1]",
		"ä@b.example", "a@bücher.example", "a@b.example\x00", "a(c)@b.example", "a|b;c@d.example`", "a@b.example;id", strings.Repeat("a", 65) + "@b.example", "a@" + strings.Repeat("b", 300),
	} {
		if got, err := Address(bad); err == nil && bad != "a|b;c@d.example`" {
			t.Errorf("Address(%q) = %q", bad, got)
		} else if err == nil {
			t.Errorf("Address(%q) = %q", bad, got)
		}
	}
	if _, err := sample(Created).Message(from, "a@b\nBcc: c@d", "id@h", noon); err == nil {
		t.Error("a message to an address with two lines")
	}
}

// Whatever stands in a notice, it has the lines of the header that it should have,
// and its text none that looks like one of ours.
func FuzzMessage(f *testing.F) {
	f.Add("deploy", "demo", "Email:read", "curl/8.5", "owner@example.com")
	f.Add("x\r\nBcc: evil@evil.example", "demo\n\nbody", "a\rb", "c\x00\u2028d", "a@b.example\r\nX: y")
	f.Add(strings.Repeat("é", 400), "\xff\xfe", "=?utf-8?q?x?=", "\n.\n", "-a@b")
	f.Fuzz(func(t *testing.T, token, account, may, client, to string) {
		for _, k := range Kinds() {
			n := sample(k)
			n.Token, n.Account, n.May, n.Client, n.By, n.Why, n.Where = token, account, may, client, client, may, []string{may}
			m, err := n.Message(from, to, "id@host.example.org", noon)
			if err != nil {
				continue
			}
			header, text := read(t, m.Raw)
			if len(header) != 9 || len(header["To"]) != 1 || strings.ContainsAny(m.To, "\r\n \x00,<>") {
				t.Fatalf("header %v, to %q", header, m.To)
			}
			if subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject")); err != nil || strings.ContainsAny(subject, "\r\n") {
				t.Fatalf("subject %q: %v", subject, err)
			}
			for line := range bytes.SplitSeq(m.Raw, []byte("\r\n")) {
				if bytes.ContainsAny(line, "\r\n") || len(line) > 998 {
					t.Fatalf("a line of %d bytes: %q", len(line), line)
				}
			}
			if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }); i >= 0 {
				t.Fatalf("a control character in the text: %q", text[i:])
			}
		}
	})
}
