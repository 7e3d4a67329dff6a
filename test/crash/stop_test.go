package crash

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStop asks a server under load to end. Calls under way are answered,
// nothing is lost, and nothing is left behind.
func TestStop(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			w.furnish(start(t, w.dir))
			s := w.run
			load := w.load(s, uint64(sig))
			load.refused = func(client string, err error) {
				if refused, ok := errors.AsType[*refusal](err); !ok || refused.code != 421 && !strings.Contains(refused.text, "shutting down") {
					t.Errorf("%s: %v, want an answer or words of a shutdown", client, err)
				}
				time.Sleep(50 * time.Millisecond)
			}
			calls := w.holdCalls(s, 4)
			message := w.holdMessage(s)
			time.Sleep(100 * time.Millisecond)
			if err := s.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
			for _, c := range calls {
				c.finish(t)
			}
			message.finish(t)
			s.awaitEnd(sig.String())
			load.wait()
			nothingLeft(t, s)
			w.run = start(t, w.dir)
			w.check()
			w.run.stop()
		})
	}
}

// held is a call that the server is at work on and that waits for the rest of
// what its client has to say.
type held struct {
	name string
	rest func() error
	done chan error
	kept func()
}

func (h *held) finish(t *testing.T) {
	t.Helper()
	err := h.rest()
	if err == nil {
		err = <-h.done
	}
	if err != nil {
		t.Errorf("%s was under way when the server was stopped: %v, want success", h.name, err)
		return
	}
	h.kept()
}

// holdCalls begins n calls. It returns when the server waits for their bodies,
// as it says itself by “100 Continue”.
func (w *world) holdCalls(s *server, n int) (calls []*held) {
	w.t.Helper()
	for range n {
		name := w.name("t")
		c := s.account("demo", w.demo)
		r := c.request("Tokens/create_full_access")
		body, rest := io.Pipe()
		r.Body, r.ContentLength, r.GetBody = body, -1, nil
		r.Header.Set("Expect", "100-continue")
		waits := make(chan struct{})
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(waits) }}))
		k := &token{owner: "demo", touched: true}
		h := &held{name: "Tokens::create_full_access", done: make(chan error, 1)}
		h.rest = func() error {
			_, err := io.WriteString(rest, url.Values{"name": {name}}.Encode())
			return errors.Join(err, rest.Close())
		}
		h.kept = func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			k.name.sure = name
			w.tokens = append(w.tokens, k)
			w.acknowledged++
		}
		go func() { h.done <- w.create(c, r, k) }()
		select {
		case <-waits:
		case <-time.After(10 * time.Second):
			w.t.Fatal("the server does not ask for the body of a call")
		}
		calls = append(calls, h)
	}
	return calls
}

func (w *world) create(c *client, r *http.Request, k *token) error {
	var data struct{ Token string }
	err := c.do(r, &data)
	k.text = data.Token
	return err
}

// holdMessage begins a message that ends later.
func (w *world) holdMessage(s *server) *held {
	w.t.Helper()
	m, err := dialMail(s.ports.Mail)
	if err == nil {
		err = m.address(steadyBox)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { m.conn.Close() })
	text := "Message-ID: <" + w.name("held") + "@client.example>\n\nkept\n"
	return &held{
		name: "a message", done: closedErrors(), rest: func() error { return m.finish(text) },
		kept: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.boxes[steadyBox].messages[text] = true
			w.acknowledged++
		},
	}
}

// closedErrors is a channel with nothing to tell.
func closedErrors() chan error {
	c := make(chan error)
	close(c)
	return c
}

// nothingLeft looks for a process, a socket or an open port.
func nothingLeft(t *testing.T, s *server) {
	t.Helper()
	if err := syscall.Kill(-s.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a process of the server's group is left: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(s.dir, "latchkey.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the local socket is left: %v", err)
	}
	for _, address := range []string{s.ports.Account, s.ports.Host, s.ports.Mail} {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			c.Close()
			t.Errorf("something still listens on %s", address)
		}
	}
}

// TestSecondServer starts a second server on the same data: it ends at once, in
// clear words, and the first goes on.
func TestSecondServer(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.furnish(start(t, w.dir))
	second := launch(t, w.dir)
	select {
	case <-second.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the second server has not ended after 10 s")
	}
	if got := second.cmd.ProcessState.ExitCode(); got != 1 {
		t.Errorf("the second server ended with status %d, want 1", got)
	}
	if got, want := second.log.String(), "another server uses "+w.dir; !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
		t.Errorf("the second server says %q, want one line with %q", got, want)
	}
	if err := w.run.account("demo", w.demo).call(nil, "Email/list_pops"); err != nil {
		t.Errorf("the first server, after that: %v", err)
	}
	w.run.stop()
}
