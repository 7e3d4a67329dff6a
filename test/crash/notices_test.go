package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNoticesSurvive kills a server again and again while it tells an owner of new
// tokens. Of every token that was answered they are told, and no kill has more than
// one mail sent twice.
func TestNoticesSurvive(t *testing.T) {
	dir, mails := t.TempDir(), t.TempDir()
	sendmail := filepath.Join(mails, "sendmail")
	text := "#!/bin/sh\nf=$(mktemp '" + mails + "/half.XXXXXX') && cat >\"$f\" && sleep 0.02 && mv \"$f\" \"$f.mail\"\nsleep 0.02\n"
	if err := os.WriteFile(sendmail, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LATCHKEY_NOTICES_SENDMAIL", sendmail)
	w := newWorld(t, dir)
	w.furnish(start(t, dir))
	w.tool("whmapi1", "--output=json", "modifyacct", "user=demo", "contactemail=owner@example.com")
	const rounds, each = 4, 10
	var made []string
	for round := range rounds {
		made = append(made, w.makeTokens(t, round, each)...)
		time.Sleep(time.Duration(rand.IntN(6000)) * time.Millisecond) // the worker looks every five seconds
		w.run.kill()
		w.run = start(t, dir)
	}
	var told map[string][]string
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		told = mailsIn(t, mails)
		missing := 0
		for _, name := range made {
			if len(told[name]) == 0 {
				missing++
			}
		}
		if missing == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d tokens the owner is not told of %d", len(made), missing)
		}
	}
	w.run.stop()
	twice := 0
	for name, ids := range mailsIn(t, mails) {
		for _, id := range ids[1:] {
			if twice++; id != ids[0] {
				t.Errorf("of %s they are told twice, in two messages: %q", name, ids)
			}
		}
	}
	t.Logf("%d tokens were answered, %d mails were sent twice in %d kills", len(made), twice, rounds)
	if twice > rounds {
		t.Errorf("%d mails were sent twice in %d kills", twice, rounds)
	}
}

// makeTokens makes some tokens and kills nothing; it returns those that were
// answered.
func (w *world) makeTokens(t *testing.T, round, n int) (made []string) {
	c := w.run.account("demo", w.demo)
	for i := range n {
		name := fmt.Sprintf("r%d-%d", round, i)
		if err := c.call(nil, "Tokens/create_full_access", "name", name); err == nil {
			made = append(made, name)
		} else if !errors.Is(err, errNoAnswer) {
			t.Errorf("making %s: %v", name, err)
		}
	}
	return made
}

// mailsIn are the messages that sendmail was given whole: their numbers, by the
// tokens they tell of.
func mailsIn(t *testing.T, dir string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "half.*.mail"))
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string][]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, name, created := strings.Cut(string(text), "API token \"")
		name, rest, _ := strings.Cut(name, "\"")
		_, id, _ := strings.Cut(string(text), "Message-ID: ")
		id, _, _ = strings.Cut(id, "\n")
		if created && strings.HasPrefix(rest, " was created") {
			told[name] = append(told[name], id)
		}
	}
	return told
}
