package crash

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a running server. It is `latchkey serve`, told by its environment
// to take free ports; its log, as JSON, tells which.
type server struct {
	t       *testing.T
	dir     string
	cmd     *exec.Cmd
	ended   chan struct{} // closed when it has ended; then err is its end
	err     error
	ready   chan ports
	log     syncBuffer
	ports   ports
	once    sync.Once
	clients *http.Transport
}

// ports is the line of the log that says where the server listens.
type ports struct {
	Msg     string `json:"msg"`
	Account string `json:"account"`
	Host    string `json:"host"`
	Mail    string `json:"mail"`
}

func environment(dir string) []string {
	return append(os.Environ(),
		"LATCHKEY_DATA="+dir, "LATCHKEY_HOMES=", "LATCHKEY_SOCKET=", "LATCHKEY_CERTIFICATE=", "LATCHKEY_HOSTNAME=localhost",
		"LATCHKEY_ACCOUNT=127.0.0.1:0", "LATCHKEY_ACCOUNT_PLAIN=off", "LATCHKEY_HOST=127.0.0.1:0", "LATCHKEY_HOST_PLAIN=off", "LATCHKEY_WEBMAIL=off", "LATCHKEY_WEBMAIL_PLAIN=off",
		"LATCHKEY_LMTP=127.0.0.1:0", "LATCHKEY_DNS=127.0.0.1:0", "LATCHKEY_WEBSERVER=off", "LATCHKEY_LOG_LEVEL=info", "LATCHKEY_LOG_FORMAT=json", "LATCHKEY_MIN_PASSWORD_STRENGTH=0")
}

// launch starts a server on the data in dir. It ends with the test, at the
// latest.
func launch(t *testing.T, dir string) *server {
	t.Helper()
	return launchBy(t, dir, func(cmd *exec.Cmd) (func() error, error) { return cmd.Wait, cmd.Start() })
}

// launchBy starts a server by a function that returns how to wait for its end.
func launchBy(t *testing.T, dir string, run func(*exec.Cmd) (wait func() error, err error)) *server {
	t.Helper()
	s := &server{t: t, dir: dir, ended: make(chan struct{}), ready: make(chan ports, 1)}
	s.cmd = exec.Command(built(t), "serve", "--config", filepath.Join(dir, "none.toml"))
	s.cmd.Env = environment(dir)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	wait, err := run(s.cmd)
	if err != nil {
		t.Fatal(err)
	}
	go s.follow(out, wait)
	t.Cleanup(s.kill)
	return s
}

// follow reads the log to its end, and then the end of the process.
func (s *server) follow(log io.Reader, wait func() error) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		s.log.line(lines.Bytes())
		var p ports
		if json.Unmarshal(lines.Bytes(), &p) == nil && p.Msg == "ready" {
			s.ready <- p
		}
	}
	s.err = wait()
	if text := s.log.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic") {
		s.t.Errorf("the server's log:\n%s", text)
	}
	close(s.ended)
}

// start starts a server and waits until it is ready.
func start(t *testing.T, dir string) *server {
	t.Helper()
	return ready(launch(t, dir))
}

// startBy is start by a function, as launchBy has one.
func startBy(t *testing.T, dir string, run func(*exec.Cmd) (wait func() error, err error)) *server {
	t.Helper()
	return ready(launchBy(t, dir, run))
}

func ready(s *server) *server {
	s.t.Helper()
	if err := s.await(20 * time.Second); err != nil {
		s.t.Fatalf("starting the server: %v\n%s", err, s.log.String())
	}
	return s
}

var errEnded = errors.New("it ended")

func (s *server) await(most time.Duration) error {
	select {
	case s.ports = <-s.ready:
		return nil
	case <-s.ended:
		return fmt.Errorf("%w: %v", errEnded, s.err)
	case <-time.After(most):
		return fmt.Errorf("it was not ready after %s", most)
	}
}

// kill ends the server as a power cut ends a process: at once. It may be
// called again.
func (s *server) kill() {
	select {
	case <-s.ended:
	default:
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	s.hangUp()
}

// signal sends sig and waits for the end, which must be a clean one.
func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
	s.awaitEnd(sig.String())
}

func (s *server) awaitEnd(why string) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(15 * time.Second):
		s.t.Errorf("%s: the server had not ended after 15 s", why)
		s.kill()
	}
	if s.err != nil {
		s.t.Errorf("%s: the server ended with %v, want exit status 0\n%s", why, s.err, s.log.String())
	}
	s.hangUp()
}

func (s *server) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
}

// tool runs the program's command line against this server.
func (s *server) tool(args ...string) (string, error) {
	cmd := exec.Command(built(s.t), args...)
	cmd.Env = environment(s.dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("latchkey %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// transport is the clients' connections, over TLS by the server's authority.
func (s *server) transport() *http.Transport {
	s.once.Do(func() {
		pem, err := os.ReadFile(filepath.Join(s.dir, "ca.pem"))
		roots := x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			s.t.Fatalf("the server's authority: %v", err)
		}
		s.clients = &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 16, ExpectContinueTimeout: 10 * time.Second,
		}
	})
	return s.clients
}

// hangUp closes the clients' connections.
func (s *server) hangUp() {
	if s.clients != nil {
		s.clients.CloseIdleConnections()
	}
}

// syncBuffer is a text that grows while others read it.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) line(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(text)
	s.b.WriteByte('\n')
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
