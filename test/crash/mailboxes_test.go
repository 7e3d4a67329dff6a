package crash

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
)

var (
	outagesEach = flag.Int("outages", 40, "how many states that a power cut leaves `TestMailOutages` looks at")
	mailChanges = flag.Int("mailchanges", 30, "how many changes of mail it makes first")
)

// boxModel is what a model of the account's mail knows of one.
type boxModel struct {
	Quota    int64
	Off      bool   // the login is suspended
	Password string // "" for the one that it was made with
	Letters  int
	Filters  string
}

// mailModel is the account's mail.
type mailModel struct {
	Boxes    map[string]boxModel
	Forwards string // where mail for the address team goes
	Answer   string // what it is answered with
}

// firstMail is what there is before the first change.
var firstMail = mailModel{Boxes: map[string]boxModel{"old": {Letters: 1}}}

// mailChange is one change of mail.
type mailChange struct {
	what, local string
	quota       int64
	on          bool
	password    string
	text        string
}

// apply is the model after the change.
func (c mailChange) apply(was mailModel) mailModel {
	is := was
	is.Boxes = maps.Clone(was.Boxes)
	m := is.Boxes[c.local]
	switch c.what {
	case "remove":
		delete(is.Boxes, c.local)
		return is
	case "forward":
		is.Forwards = strings.TrimSpace(was.Forwards + " " + c.text)
		return is
	case "unforward":
		_, is.Forwards, _ = strings.Cut(was.Forwards, " ")
		return is
	case "answer":
		is.Answer = c.text
		return is
	case "filter":
		m.Filters = strings.TrimSpace(m.Filters + " " + c.text)
	case "unfilter":
		m.Filters = ""
	case "quota":
		m.Quota = c.quota
	case "suspend":
		m.Off = c.on
	case "password":
		m.Password = c.password
	case "deliver":
		m.Letters++
	}
	is.Boxes[c.local] = m
	return is
}

// plannedChanges are n changes that make sense one after another, beginning with
// one mailbox that holds a letter.
func plannedChanges(seed uint64, n int) (list []mailChange) {
	random := rand.New(rand.NewPCG(seed, 1))
	is := firstMail
	for i := range n {
		names := slices.Sorted(maps.Keys(is.Boxes))
		c := mailChange{what: "create", local: fmt.Sprintf("box%d", i)}
		if k := random.IntN(15); k > 9 {
			c.local = names[random.IntN(len(names))]
			c.what = []string{"forward", "answer", "filter", "unfilter", "unforward"}[k-10]
			if c.what == "unforward" && is.Forwards == "" {
				c.what = "forward"
			}
			c.text, _, _ = strings.Cut(is.Forwards+" ", " ") // the one that goes
			if c.what != "unforward" {
				c.text = fmt.Sprintf("t%02d@example.com", i)
			}
		} else if len(names) > 1 && k > 2 || len(names) > 5 {
			c.local = names[random.IntN(len(names))]
			switch {
			case k < 5:
				c.what, c.password = "password", fmt.Sprintf("correct-horse-%d", i)
			case k < 6:
				c.what, c.quota = "quota", int64(i+1)<<20
			case k < 7:
				c.what, c.on = "suspend", !is.Boxes[c.local].Off
			case k < 9:
				c.what = "deliver"
			default:
				c.what = "remove"
			}
		}
		list, is = append(list, c), c.apply(is)
	}
	return list
}

func (c mailChange) make(r *rig) error {
	ctx, box := r.t.Context(), r.box("demo")
	at := hosting.Address{Local: c.local, Domain: "example.com"}
	switch c.what {
	case "create":
		return box.Create(ctx, newBox(c.local))
	case "remove":
		return box.Remove(ctx, at)
	case "quota":
		return box.SetQuota(ctx, at, c.quota)
	case "suspend":
		return box.Suspend(ctx, at, hosting.Login, c.on)
	case "password":
		return box.SetPassword(ctx, at, latchkey.NewSecret(c.password))
	case "forward", "unforward", "answer", "filter", "unfilter":
		_, err := r.db.Write(ctx, func(tx store.Tx) error { return c.rule(tx, r.id("demo")) })
		return err
	}
	_, err := r.mail.Deliver(ctx, "demo", "example.com", c.local, strings.NewReader("a letter\n"), maildir.Unlimited)
	return err
}

// rule changes what becomes of mail, which is a matter of the store alone.
func (c mailChange) rule(tx store.Tx, demo latchkey.AccountID) error {
	place := store.MailPlace{Account: demo, Domain: "example.com", Local: "team"}
	forwarder := store.Forwarder{MailPlace: place, To: mailrule.Destination(c.text)}
	switch c.what {
	case "forward":
		return tx.PutForwarder(forwarder)
	case "unforward":
		return tx.DeleteForwarder(forwarder)
	case "answer":
		return tx.PutAutoresponder(store.Autoresponder{MailPlace: place, Autoresponder: mailrule.Autoresponder{From: "Team", Subject: c.text, Body: "Later.\n", Charset: "utf-8", Interval: 8}})
	}
	place.Local = c.local
	list, err := tx.Filters(place)
	if err != nil {
		return err
	}
	list = append(list, mailrule.Filter{
		Name: c.text, Rules: []mailrule.Rule{{Part: "$header_subject:", Match: "contains", Value: c.text}}, Actions: []mailrule.Action{{Do: mailrule.Save, To: "Spam"}},
	})
	if c.what == "unfilter" {
		list = nil
	}
	return tx.PutFilters(store.Filters{MailPlace: place, List: list})
}

// mailWork is what the process that makes the changes is told.
type mailWork struct {
	Dir     string
	Seed    uint64
	Changes int
}

const workVariable = "LATCHKEY_CRASH_WORK"

// TestMailWork makes the changes, for [TestMailOutages], in a process of its own,
// and takes down in the same folder how many were answered.
func TestMailWork(t *testing.T) {
	text := os.Getenv(workVariable)
	if text == "" {
		t.Skip("this is a part of TestMailOutages")
	}
	var w mailWork
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	r := openRig(t, w.Dir)
	_, err := r.estate.Recover(t.Context())
	r.must(err)
	answered, err := os.OpenFile(filepath.Join(w.Dir, "answered"), os.O_WRONLY, 0)
	r.must(err)
	for i, c := range plannedChanges(w.Seed, w.Changes) {
		if err := c.make(r); err != nil {
			t.Fatalf("change %d, %+v: %v", i, c, err)
		}
		_, err := answered.WriteString(".")
		r.must(err)
	}
	r.must(answered.Close())
}

// TestMailOutages records what changes of mailboxes, of their passwords, of what they
// hold and of what becomes of mail write, cuts that off at any point as a power cut would, and starts
// anew: every change is there as a whole or not at all, and what was answered is
// there.
func TestMailOutages(t *testing.T) {
	dir := t.TempDir()
	first := newRigIn(t, dir)
	first.must(os.WriteFile(filepath.Join(dir, "answered"), nil, 0o600))
	first.close()
	rec, at := record(t, dir)
	w := mailWork{Dir: at, Seed: *seed, Changes: *mailChanges}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMailWork$")
	cmd.Env = append(os.Environ(), workVariable+"="+string(text))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making the changes: %v\n%s", err, out)
	}
	models := []mailModel{firstMail}
	for _, c := range plannedChanges(w.Seed, w.Changes) {
		models = append(models, c.apply(models[len(models)-1]))
	}
	total, random := rec.steps(), rand.New(rand.NewPCG(w.Seed, 2))
	seen := map[string]int{}
	for n := range *outagesEach {
		o, k := outages[n%len(outages)], random.IntN(total+1)
		chance := rand.New(rand.NewPCG(w.Seed, uint64(n)))
		t.Run(fmt.Sprintf("%s after step %d of %d, %d", o.name, k, total, n), func(t *testing.T) {
			left := rec.after(k, o, chance.IntN)
			answered := len(rec.after(k, outages[0], chance.IntN).find("answered").data)
			seen[checkOutage(t, left, models, answered)]++
		})
	}
	t.Logf("%d changes in %d steps; states looked at: %v; seed %d", w.Changes, total, seen, w.Seed)
	if seen["before the change"] == 0 || seen["with the change"] == 0 || total < 10*w.Changes {
		t.Error("no state had the last change, or none had it not, or next to nothing was recorded: too few to mean anything")
	}
}

// checkOutage starts from what an outage left and holds the mail to one of two
// models: that of what was answered, or of one change more. It tells which.
func checkOutage(t *testing.T, left *node, models []mailModel, answered int) string {
	dir := memory(t)
	if err := left.write(dir); err != nil {
		t.Fatal(err)
	}
	r := openRig(t, dir)
	_, err := r.estate.Recover(t.Context())
	r.must(err)
	is := r.mailNow()
	var diff string
	for n := answered; n <= answered+1 && n < len(models); n++ {
		if diff = cmp.Diff(models[n], r.open(is, models[n])); diff == "" {
			r.wholeWith(models[n].Boxes)
			if n == answered {
				return "before the change"
			}
			return "with the change"
		}
	}
	t.Errorf("%d changes were answered, and the mail is neither what it was then nor with one change more (-want +got):\n%s\nlog:\n%s", answered, diff, r.log.String())
	return "broken"
}

// memory is a folder that no disk has to be waited for.
func memory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "latchkey-crash-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

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
			}
			filters, err := s.Filters(store.MailPlace{Account: id, Domain: b.Domain, Local: b.Local})
			if err != nil {
				return err
			}
			for _, f := range filters {
				m.Filters = strings.TrimSpace(m.Filters + " " + f.Name)
			}
			is.Boxes[b.Local] = m
		}
		forwards, err2 := s.Forwarders(id, store.Forwarder{}, 0)
		for _, f := range forwards {
			is.Forwards = strings.TrimSpace(is.Forwards + " " + string(f.To))
		}
		answers, err3 := s.Autoresponders(id)
		for _, a := range answers {
			is.Answer += a.Subject
		}
		return errors.Join(err, err2, err3)
	}))
	return is
}

// open is what there is with the passwords that want says, where those open the
// mailboxes.
func (r *rig) open(is, want mailModel) mailModel {
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

// opened are the passwords that were right: a hash takes its time.
var opened = map[[2]string]bool{}

func opensWith(hash, secret string) bool {
	key := [2]string{hash, secret}
	ok, known := opened[key]
	if !known {
		ok, _ = password.New(0).Verify(context.Background(), password.Hash(hash), latchkey.NewSecret(secret))
		opened[key] = ok
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
