package mailsearch

import (
	"errors"
	"net/mail"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// letter is read, three weeks old, and was moved into its folder yesterday.
func letter() *Message {
	return &Message{
		Flags: "FS", Size: 2048, Received: now.AddDate(0, 0, -21), Saved: now.AddDate(0, 0, -1),
		Header: func() (mail.Header, error) {
			return mail.Header{"From": {"Alice <alice@example.org>"}, "Subject": {"=?utf-8?q?Gr=C3=BC=C3=9Fe?="}, "X-Spam-Flag": {"YES"}, "Date": {"Sun, 01 Nov 2026 10:00:00 +0000"}}, nil
		},
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		query string
		want  bool
	}{
		{"all", true}, {"ALL", true}, {"seen", true}, {"unseen", false}, {"undeleted flagged", true}, {"answered", false}, {"draft", false}, {"undraft", true},
		{"recent", false}, {"old", true}, {"new", false}, {"not seen", false}, {"not not seen", true}, {"or unseen flagged", true}, {"or unseen answered", false},
		{"( unseen )", false}, {"(or (unseen) (seen flagged))", true}, {"seen (or answered flagged) unanswered", true},
		{"savedbefore 52w", false}, {"savedbefore 1h", true}, {"savedbefore 2days", false}, {"savedsince 2d", true}, {"before 2w", true}, {"before \"2 weeks\"", true},
		{"before 4w", false}, {"since 2026-11-01", true}, {"before 2026-11-01", false}, {"on 2-Nov-2026", true}, {"on 2026-11-03", false}, {"before 1793000000", false}, {"before 1893456000", true},
		{"sentbefore 2026-11-02", true}, {"sentsince 2026-11-02", false}, {"senton 01-Nov-2026", true}, {"savedon 2026-11-22", true},
		{"larger 2047", true}, {"larger 2k", false}, {"smaller 1M", true}, {"smaller 2048", false},
		{"from alice", true}, {"from BOB", false}, {`subject "grüße"`, true}, {"header x-spam-flag yes", true}, {`header x-spam-flag ""`, true}, {`header x-none ""`, false}, {"to alice", false},
	} {
		q, err := Parse(test.query, now)
		if err != nil {
			t.Errorf("Parse(%s): %v", test.query, err)
			continue
		}
		if got, err := q.Matches(letter()); got != test.want || err != nil {
			t.Errorf("%s: %t, %v, want %t", test.query, got, err, test.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, query := range []string{
		"", "  ", "(", ")", "()", "all )", "( all", "not", "or", "or seen", `"`, `"seen"`, "from", "subject (", "header", "header x", "larger", "larger x", "larger 1T", "smaller -1",
		"savedbefore", "before", "before yesterday", "before 5y", "before 99999999999999w", "senton", "saved", "body x", "text x", "uid 1", "1:*", "keyword x", "mailbox INBOX",
		strings.Repeat("(", 30) + "all" + strings.Repeat(")", 30), strings.Repeat("not ", 40) + "all", strings.Repeat("all ", 2000),
	} {
		if _, err := Parse(query, now); err == nil {
			t.Errorf("Parse(%.60q) succeeds", query)
		}
	}
}

// A header that cannot be read chooses nothing, also under not.
func TestUnreadable(t *testing.T) {
	m := letter()
	m.Header = func() (mail.Header, error) { return nil, errors.New("broken") }
	for _, query := range []string{"from x", "not from x", "or from x seen", "sentbefore 1d"} {
		q, err := Parse(query, now)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := q.Matches(m); ok || err == nil {
			t.Errorf("%s of a message that cannot be read: %t, %v", query, ok, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, query := range []string{"savedbefore 52w", `or (not from "a \" b") larger 10M`, "header x y undeleted"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := Parse(query, now)
		if err != nil {
			return
		}
		if _, err := q.Matches(letter()); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	})
}
