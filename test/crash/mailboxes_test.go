package crash

import (
	"context"
	"encoding/json"
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
}

// mailChange is one change of mail.
type mailChange struct {
	what, local string
	quota       int64
	on          bool
	password    string
}

// apply is the model after the change.
func (c mailChange) apply(was map[string]boxModel) map[string]boxModel {
	is := maps.Clone(was)
	m := is[c.local]
	switch c.what {
	case "remove":
		delete(is, c.local)
		return is
	case "quota":
		m.Quota = c.quota
	case "suspend":
		m.Off = c.on
	case "password":
		m.Password = c.password
	case "deliver":
		m.Letters++
	}
	is[c.local] = m
	return is
}

// plannedChanges are n changes that make sense one after another, beginning with
// one mailbox that holds a letter.
func plannedChanges(seed uint64, n int) (list []mailChange) {
	random := rand.New(rand.NewPCG(seed, 1))
	is := map[string]boxModel{"old": {Letters: 1}}
	for i := range n {
		names := slices.Sorted(maps.Keys(is))
		c := mailChange{what: "create", local: fmt.Sprintf("box%d", i)}
		if k := random.IntN(10); len(names) > 1 && k > 2 || len(names) > 5 {
			c.local = names[random.IntN(len(names))]
			switch {
			case k < 5:
				c.what, c.password = "password", fmt.Sprintf("correct-horse-%d", i)
			case k < 6:
				c.what, c.quota = "quota", int64(i+1)<<20
			case k < 7:
				c.what, c.on = "suspend", !is[c.local].Off
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
	}
	_, err := r.mail.Deliver(ctx, "demo", "example.com", c.local, strings.NewReader("a letter\n"), maildir.Unlimited)
	return err
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

// TestMailOutages records what changes of mailboxes, of their passwords and of
// what they hold write, cuts that off at any point as a power cut would, and starts
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
	models := []map[string]boxModel{{"old": {Letters: 1}}}
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
func checkOutage(t *testing.T, left *node, models []map[string]boxModel, answered int) string {
	dir := memory(t)
	if err := left.write(dir); err != nil {
		t.Fatal(err)
	}
	r := openRig(t, dir)
	_, err := r.estate.Recover(t.Context())
	r.must(err)
	is := r.mailboxes()
	var diff string
	for n := answered; n <= answered+1 && n < len(models); n++ {
		if diff = cmp.Diff(models[n], r.open(is, models[n])); diff == "" {
			r.wholeWith(models[n])
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

// mailboxes are those of demo, with the hash of each password.
func (r *rig) mailboxes() map[string]boxModel {
	r.t.Helper()
	is := map[string]boxModel{}
	id := r.id("demo")
	r.must(r.db.Read(r.t.Context(), func(s store.Reader) error {
		rows, err := s.Mailboxes(id, store.Mailbox{}, 0)
		for _, b := range rows {
			m := boxModel{Quota: b.Quota, Off: b.SuspendedLogin, Password: b.PasswordHash}
			for _, part := range []string{"cur", "new"} {
				m.Letters += len(r.list("demo", "mail", "example.com", b.Local, part))
			}
			is[b.Local] = m
		}
		return err
	}))
	return is
}

// open is mailboxes with the passwords that want says, where those open them.
func (r *rig) open(is, want map[string]boxModel) map[string]boxModel {
	found := maps.Clone(is)
	for name, m := range found {
		secret := want[name].Password
		if secret == "" {
			secret = startPassword
		}
		if opensWith(m.Password, secret) {
			m.Password = want[name].Password
		}
		found[name] = m
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
