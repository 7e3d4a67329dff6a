package estate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// steps kills the process at one of the steps that it counts; at none if that is 0.
type steps struct {
	mu   sync.Mutex
	n    int
	dies int
}

func (s *steps) step() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n++; s.n == s.dies {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// steppedStore is a store before and after whose transactions there is a step.
type steppedStore struct {
	store.Store
	*steps
}

func (s steppedStore) Write(ctx context.Context, fn func(store.Tx) error) (store.Seq, error) {
	s.step()
	defer s.step()
	return s.Store.Write(ctx, fn)
}

// book is a way out that writes down who has got what, and refuses what is for never@.
type book struct {
	path string
	*steps
}

func (b book) Send(_ context.Context, m *notice.Message) error {
	b.step()
	defer b.step()
	if strings.HasPrefix(m.To, "never@") {
		return &notice.Refusal{Err: errors.New("never")}
	}
	return b.write(fmt.Sprintf("%s %s", m.To, subjectOf(string(m.Raw))))
}

func (b book) write(line string) error {
	f, err := os.OpenFile(b.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

func subjectOf(text string) string {
	_, subject, _ := strings.Cut(text, "Subject: ")
	subject, _, _ = strings.Cut(subject, "\n")
	return strings.TrimSpace(subject)
}

// killedIn is the directory of the server of TestQueueKilled's other process, and
// killedAt the step at which it is to end.
const killedIn, killedAt = "LATCHKEY_TEST_QUEUE_DIR", "LATCHKEY_TEST_QUEUE_STEP"

// openQueue is the server in a directory, whose mail goes into a book.
func openQueue(t *testing.T, dir string, dies int) *mailHouse {
	t.Helper()
	h := &mailHouse{Server: testserver.Open(t, dir), t: t, out: &outside{}}
	s := &steps{dies: dies}
	h.Estate.Store = steppedStore{h.Estate.Store, s}
	h.Estate.MailOut = book{filepath.Join(dir, "book"), s}
	return h
}

// TestQueueChild is the other process of TestQueueKilled.
func TestQueueChild(t *testing.T) {
	dir := os.Getenv(killedIn)
	if dir == "" {
		t.Skip("for TestQueueKilled")
	}
	dies, err := strconv.Atoi(os.Getenv(killedAt))
	must(t, err)
	h := openQueue(t, dir, dies)
	for _, from := range []string{"ann@example.com", friend} {
		if got := h.send("info@example.com", from, message("from "+from)); got != "ok" {
			t.Fatal(got)
		}
		must(t, book{path: filepath.Join(dir, "taken")}.write(from))
	}
	must(t, h.Estate.SendOutgoing(t.Context()))
}

// TestQueueKilled kills the process that sends mail at every step. What was taken is
// sent in the end, and who sent what nobody takes is told: once, or twice where the
// process was killed.
func TestQueueKilled(t *testing.T) {
	first := t.TempDir()
	t.Run("at first", func(t *testing.T) {
		s := testserver.Open(t, first)
		s.Estate.MailOut = &outside{}
		s.WHM("createacct", "username", "demo", "domain", "example.com", "password", testserver.Password)
		s.UAPI("demo", "Email", "add_pop", "email", "ann", "password", testserver.Password)
		s.UAPI("demo", "Email", "add_forwarder", "email", "info", "domain", "example.com", "fwdopt", "fwd", "fwdemail", "x@example.org,never@example.org")
	})
	copyOf := func() string {
		dir := t.TempDir()
		must(t, exec.Command("cp", "-a", first+"/.", dir).Run())
		return dir
	}
	for step := 1; ; step++ {
		dir := copyOf()
		cmd := exec.Command(os.Args[0], "-test.run=^TestQueueChild$", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), killedIn+"="+dir, killedAt+"="+strconv.Itoa(step))
		said, err := cmd.CombinedOutput()
		ended := err == nil
		if failed, ok := errors.AsType[*exec.ExitError](err); !ended && (!ok || failed.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
			t.Fatalf("step %d: %v\n%s", step, err, said)
		}
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) { afterKill(t, dir, step, ended) })
		if ended {
			if t.Logf("%d steps", step-1); step < 20 {
				t.Errorf("there were %d steps", step)
			}
			return
		}
	}
}

// afterKill looks what has become of the mail in a directory, once there is a server
// again.
func afterKill(t *testing.T, dir string, step int, ended bool) {
	t.Helper()
	h := openQueue(t, dir, 0)
	_, err := h.Estate.Recover(t.Context())
	must(t, err)
	must(t, h.Estate.ClearQueue(t.Context()))
	for range 3 {
		must(t, h.Estate.SendOutgoing(t.Context()))
		h.Wait(10 * time.Minute)
	}
	read := func(name string) []string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if !errors.Is(err, os.ErrNotExist) {
			must(t, err)
		}
		return strings.Fields(strings.ReplaceAll(string(text), " ", "_"))
	}
	count := make(map[string]int)
	for _, line := range append(read("book"), h.holds()...) {
		count[line]++
	}
	most := 2
	if ended {
		most = 1
	}
	for _, from := range read("taken") {
		report := friend + "_Undelivered_mail"
		if from != friend {
			report = "example.com/ann Undelivered mail"
		}
		for _, what := range []string{"x@example.org_from_" + from, report} {
			if n := count[what]; n < 1 || n > most {
				t.Errorf("killed at step %d: %s has come %d times; all there is: %v", step, what, n, count)
			}
		}
	}
	if n := h.files(); n > 0 {
		t.Errorf("killed at step %d: %d files are left", step, n)
	}
}
