package crash

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/driver/dovecot"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
)

// mailNow is what there is, with the hash of each password in its place.
func (r *rig) mailNow() mailModel {
	r.t.Helper()
	is := mailModel{Boxes: map[string]boxModel{}}
	id := r.id("demo")
	r.must(r.db.Read(r.t.Context(), func(s store.Reader) error {
		rows, err := s.Mailboxes(id, store.Mailbox{}, 0)
		for _, b := range rows {
			m := boxModel{Quota: b.Quota, Off: b.SuspendedLogin, Password: b.PasswordHash}
			for _, part := range []string{"cur", "new"} {
				m.Letters += len(r.list("demo", "mail", "example.com", b.Local, part))
				m.Sorted += len(r.list("demo", "mail", "example.com", b.Local, "."+sorted, part))
			}
			filters, ferr := s.Filters(store.MailPlace{Account: id, Domain: b.Domain, Local: b.Local})
			err = errors.Join(err, ferr)
			m.Filters = lookedFor(filters)
			is.Boxes[b.Local] = m
		}
		own, err2 := s.Filters(store.MailPlace{Account: id})
		is.Filters = lookedFor(own)
		forwards, err3 := s.Forwarders(id, store.Forwarder{}, 0)
		for _, f := range forwards {
			is.Forwards = strings.TrimSpace(is.Forwards + " " + string(f.To))
		}
		answers, err4 := s.Autoresponders(id)
		for _, a := range answers {
			is.Answer += a.Subject
		}
		domains, err5 := s.MailDomains(id)
		for _, d := range domains {
			is.Default += string(d.Default)
		}
		return errors.Join(err, err2, err3, err4, err5)
	}))
	return is
}

// lookedFor is what filters look for.
func lookedFor(list []mailrule.Filter) string {
	var all []string
	for _, f := range list {
		all = append(all, f.Rules[0].Value)
	}
	return strings.Join(all, " ")
}

// itself is the model as the store shows it.
func (m mailModel) itself() mailModel { return m }

// told is the model as it shows in what Dovecot and Postfix are told: a mailbox's mail
// goes through the account's filters and its own, and letters are not theirs to know.
func (m mailModel) told() mailModel {
	boxes := map[string]boxModel{}
	for name, b := range m.Boxes {
		b.Letters, b.Sorted, b.Filters = 0, 0, strings.TrimSpace(m.Filters+" "+b.Filters)
		boxes[name] = b
	}
	m.Boxes, m.Filters = boxes, ""
	return m
}

// toldOf is what stands in a directory that Dovecot and Postfix read, with the hash of
// each password in its place.
func toldOf(t *testing.T, dir string) mailModel {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, dovecot.Database))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	is := mailModel{Boxes: map[string]boxModel{}}
	each := func(query string, take func(a, b string, n int64, yes bool, script string)) {
		t.Helper()
		rows, err := db.Query(query)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		defer rows.Close()
		for rows.Next() {
			var a, b, script string
			var n int64
			var yes bool
			err = errors.Join(err, rows.Scan(&a, &b, &n, &yes, &script))
			take(a, b, n, yes, script)
		}
		if err = errors.Join(err, rows.Err()); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	each(`SELECT address, hash, quota, login, script FROM mailbox WHERE address LIKE '%@example.com' ORDER BY address`, func(address, hash string, quota int64, login bool, script string) {
		local, _, _ := strings.Cut(address, "@")
		if local == "team" { // answers, and is no mailbox
			is.Answer = inScript(t, dir, script)
			return
		}
		is.Boxes[local] = boxModel{Quota: quota, Off: !login, Password: hash, Filters: inScript(t, dir, script)}
	})
	each(`SELECT address, target, 0, 0, '' FROM alias WHERE address LIKE '%@example.com' ORDER BY address, target`, func(address, target string, _ int64, _ bool, _ string) {
		if address == "@example.com" {
			is.Default += target
		} else {
			is.Forwards = strings.TrimSpace(is.Forwards + " " + target)
		}
	})
	each(`SELECT address, message, 0, 0, '' FROM refusal WHERE address LIKE '%example.com'`, func(_, message string, _ int64, _ bool, _ string) {
		is.Default += ":fail: " + message
	})
	return is
}

var wanted = regexp.MustCompile(`t\d{3}@example\.com`)

// inScript is what a script looks for or answers, which must be there and whole.
func inScript(t *testing.T, dir, name string) string {
	t.Helper()
	if name == "" {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(dir, "sieve", name+".sieve"))
	if sum := sha256.Sum256(text); err != nil || hex.EncodeToString(sum[:16]) != name {
		t.Errorf("the script %s is not whole: %v, %q", name, err, text)
	}
	return strings.Join(slices.Compact(wanted.FindAllString(string(text), -1)), " ")
}

// opened is what there is with the passwords that want says, where those open the
// mailboxes.
func opened(is, want mailModel) mailModel {
	found := is
	found.Boxes = maps.Clone(is.Boxes)
	for name, m := range found.Boxes {
		secret := want.Boxes[name].Password
		if secret == "" {
			secret = startPassword
		}
		if opensWith(m.Password, secret) {
			m.Password = want.Boxes[name].Password
		}
		found.Boxes[name] = m
	}
	return found
}

// tried are passwords that were tried already: a hash takes its time.
var tried = map[[2]string]bool{}

func opensWith(hash, secret string) bool {
	key := [2]string{hash, secret}
	ok, known := tried[key]
	if !known {
		ok, _ = password.New(0).Verify(context.Background(), password.Hash(hash), latchkey.NewSecret(secret))
		tried[key] = ok
	}
	return ok
}

// wholeWith holds the disk to the mailboxes of a model: each has its Maildir, and
// there is nothing else.
func (r *rig) wholeWith(model map[string]boxModel) {
	r.t.Helper()
	words := []string{"account demo"}
	for name := range model {
		words = append(words, "mailbox "+name+"@example.com of demo")
	}
	r.want("after the outage", words...)
}
