package mailrule

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/sieve"
)

// FuzzFolder: a folder that is taken lies in the mailbox, and is the same when it is
// given as it is shown.
func FuzzFolder(f *testing.F) {
	for _, text := range []string{"", "INBOX", "INBOX.Work", "/home/demo/mail/example.com/info/.Work.A", "$home/mail/../x", "/dev/null", ".", "..", "a/../b", "inbox.INBOX.x", "\u2028"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folder, err := ParseFolder(text, "/home/demo", "example.com", "info")
		if err != nil || folder == Nowhere {
			return
		}
		if strings.ContainsAny(folder, "/\\\x00\r\n") || strings.Contains(folder, "..") {
			t.Errorf("%q is the folder %q", text, folder)
		}
		again, err := ParseFolder("$home/mail"+FolderPath(folder, "example.com", "info"), "/home/demo", "example.com", "info")
		if err != nil || again != folder && !strings.HasPrefix(strings.ToUpper(folder), "INBOX") {
			t.Errorf("%q is the folder %q, which is shown as %q and that is %q, %v", text, folder, FolderPath(folder, "example.com", "info"), again, err)
		}
	})
}

// FuzzRule: with a rule that is taken a script ends, and its text holds no control
// characters but those of its own lines.
func FuzzRule(f *testing.F) {
	f.Add("$header_subject:", "matches", "a+(b|c)", "Subject: aab\n\nx")
	f.Add("$message_body", "contains", "x", "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n")
	f.Add("foranyaddress $h_to:,$h_cc:", "is not", "a@b", "To: <a@b>, (c) d@e\n\n")
	f.Add("$message_headers", "is above", "5", "X-Spam-Score: 7\n\n")
	f.Fuzz(func(t *testing.T, part, match, value, message string) {
		r := Rule{Part: part, Match: match, Value: value}
		if _, err := r.Check(); err != nil {
			return
		}
		s := Script([]Filter{{Name: "x", Rules: []Rule{r}, Actions: []Action{{Do: Save, To: "Work"}}}}, nil, nil, "info@example.com")
		out, err := s.Run(sieve.Delivery{Message: sieve.Read(strings.NewReader(message)), From: "a@b", Now: time.Unix(1, 0)})
		if err != nil || out.Keep == (len(out.Folders) == 1) {
			t.Errorf("%+v does %+v, %v", r, out, err)
		}
		if strings.ContainsFunc(s.Text(), func(c rune) bool { return c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f }) {
			t.Errorf("%+v is the script %q", r, s.Text())
		}
	})
}
