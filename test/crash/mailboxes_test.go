package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	outagesEach = flag.Int("outages", 150, "how many states that a power cut leaves `TestMailOutages` looks at, of each driver")
	mailChanges = flag.Int("mailchanges", 30, "how many changes of mail it makes first")
)

// mailServerUID is whose Dovecot's mailboxes are: it opens none of root's.
const mailServerUID = 200345

// mailRun is what was recorded of a server whose mail was changed.
type mailRun struct {
	*recorder
	models   []mailModel // before the first change, and after each
	answered []int       // how many steps there were when each had been answered
	dovecot  bool
}

// TestMailOutages has a whole server make changes of mailboxes, of their passwords, of
// what they hold and of what becomes of mail, as functions that are called, and
// records what it writes. It cuts that off at any point as a power cut would, and
// starts anew: every change is there as a whole or not at all, and what was answered
// is there; for Dovecot and Postfix too, and for them even before the server is back.
func TestMailOutages(t *testing.T) {
	for _, driver := range []string{"embedded", "dovecot+postfix"} {
		t.Run(driver, func(t *testing.T) {
			m := changedMail(t, driver)
			total, random := m.steps(), rand.New(rand.NewPCG(*seed, 2))
			seen := map[string]int{}
			for n := range *outagesEach {
				o, k := outages[n%len(outages)], random.IntN(total+1)
				chance := rand.New(rand.NewPCG(*seed, uint64(n)))
				t.Run(fmt.Sprintf("%s after step %d of %d, %d", o.name, k, total, n), func(t *testing.T) {
					seen[m.check(t, m.after(k, o, chance.IntN), k)]++
				})
			}
			t.Logf("%d changes in %d steps; states looked at: %v; seed %d", *mailChanges, total, seen, *seed)
			if seen[withoutChange] == 0 || seen[withChange] == 0 || total < 5**mailChanges {
				t.Error("no state had the last change, or none had it not, or next to nothing was recorded: too few to mean anything")
			}
		})
	}
}

// changedMail runs a server, changes the mail of an account and records that.
func changedMail(t *testing.T, driver string) *mailRun {
	dir := t.TempDir()
	m := &mailRun{models: []mailModel{firstMail}, dovecot: driver != "embedded"}
	t.Setenv("LATCHKEY_MAIL_FOLDER", t.TempDir())
	t.Setenv("LATCHKEY_MAIL_DRIVER", driver)
	t.Setenv("LATCHKEY_MAIL_DIR", filepath.Join(dir, mailDir))
	t.Setenv("LATCHKEY_MAIL_SMTP", "127.0.0.1:1") // nobody is there
	t.Setenv("LATCHKEY_MAIL_IMAP", "127.0.0.1:1")
	if m.dovecot {
		ownMail(t, dir)
	}
	first := newRigIn(t, dir)
	first.close()
	w := newWorld(t, dir)
	w.run = start(t, dir)
	token := w.tool("uapi", "--output=json", "--user=demo", "Tokens", "create_full_access", "name=crash")
	w.run.stop()

	m.recorder = record(t, dir)
	s := startBy(t, dir, func(cmd *exec.Cmd) (func() error, error) { return m.run(cmd) })
	as := s.account("demo", token)
	for i, c := range plannedChanges(*seed, *mailChanges) {
		if err := c.make(as); err != nil {
			t.Fatalf("change %d, %+v: %v", i, c, err)
		}
		m.answered = append(m.answered, m.steps())
		m.models = append(m.models, c.apply(m.models[i]))
	}
	s.kill()
	return m
}

// ownMail makes the directory that Dovecot and Postfix read, or gives it to whom it
// has to belong to.
func ownMail(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, mailDir)
	err := os.Mkdir(path, 0o750)
	if os.IsExist(err) {
		err = os.Chmod(path, 0o750)
	}
	if err == nil && os.Geteuid() == 0 {
		err = os.Chown(path, mailServerUID, -1)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What a state can be.
const (
	withoutChange = "without the change that was under way"
	withChange    = "with it"
	broken        = "broken"
)

// check starts from what an outage after k steps left, and holds the mail to one of
// two models: that of what was answered, or of one change more. It tells which.
func (m *mailRun) check(t *testing.T, left *node, k int) string {
	answered := 0
	for answered < len(m.answered) && m.answered[answered] <= k {
		answered++
	}
	dir := memory(t)
	if err := left.write(dir); err != nil {
		t.Fatal(err)
	}
	may := m.models[answered:min(answered+2, len(m.models))]
	if m.dovecot {
		ownMail(t, dir)
		before := memory(t)
		if err := left.find(mailDir).write(before); err != nil {
			t.Fatal(err)
		}
		heldTo(t, "what Dovecot and Postfix know before the server is back", toldOf(t, before), may, mailModel.told)
	}
	r := openRig(t, dir)
	_, err := r.estate.Recover(t.Context())
	r.must(err)
	which := heldTo(t, "the mail", r.mailNow(), may, mailModel.itself)
	if which < 0 {
		t.Logf("the log:\n%s", r.log.String())
		return broken
	}
	r.wholeWith(may[which].Boxes)
	if m.dovecot {
		heldTo(t, "what Dovecot and Postfix know", toldOf(t, filepath.Join(dir, mailDir)), may[which:which+1], mailModel.told)
	}
	return []string{withoutChange, withChange}[which]
}

// heldTo tells which of the models there is, as it shows there; -1 for none.
func heldTo(t *testing.T, what string, is mailModel, may []mailModel, as func(mailModel) mailModel) int {
	t.Helper()
	var diff string
	for i, want := range may {
		if diff = cmp.Diff(as(want), opened(is, want)); diff == "" {
			return i
		}
	}
	t.Errorf("%s is neither what was answered nor that with one change more (-want +got):\n%s", what, diff)
	return -1
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
