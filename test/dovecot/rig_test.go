// Package dovecot tests a whole server with the mail programs that people run behind
// it: Dovecot and Postfix from Debian, set up by “latchkey mail setup”, on high ports
// of this machine.
package dovecot

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"github.com/latchkey/latchkey/internal/needs"
	"github.com/latchkey/latchkey/internal/server"
)

// serverUID is whom the server runs as: somebody that no file of the system knows.
const serverUID = 200345

// rig is a server with its mail programs.
type rig struct {
	t          *testing.T
	dir        string
	smtp, imap string // where Postfix takes mail, and Dovecot lets people in
	submission string
	smtps      string
	sink       *sink // where mail for others goes
	driver     string
	dns        string // where the server answers for zones
	server     *process
	ports      ports
	token      map[string]string // by account
	http       *http.Client
}

// ports is the line of the log that says where the server listens.
type ports struct {
	Msg     string `json:"msg"`
	Account string `json:"account"`
	Mail    string `json:"mail"`
	DNS     string `json:"dns"`
}

// process is a program under test.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// run starts a program that ends with the test; each gets the lines it says.
func (r *rig) run(cmd *exec.Cmd, each func(line []byte)) *process {
	r.t.Helper()
	out, err := cmd.StderrPipe()
	r.must(err)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	r.must(cmd.Start())
	p := &process{cmd, make(chan struct{})}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			each(lines.Bytes())
		}
		_ = cmd.Wait()
		close(p.ended)
	}()
	r.t.Cleanup(func() { p.end(syscall.SIGTERM) })
	return p
}

// end ends a process and waits for it.
func (p *process) end(sig syscall.Signal) {
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "latchkey-mail-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "latchkey")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/latchkey").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, os.Chmod(dir, 0o755)
})

func TestMain(m *testing.M) {
	status := m.Run()
	if path, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// newRig makes a place for a server and its programs; nothing runs yet.
func newRig(t *testing.T) *rig {
	t.Helper()
	for _, program := range []string{"dovecot", "doveconf", "postfix", "postconf", "postmap"} {
		needs.Program(t, program)
	}
	needs.Root(t, "Postfix does")
	t.Parallel() // each has ports and places of its own, and mostly waits
	dir, err := os.MkdirTemp("", "latchkey-mail-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &rig{t: t, dir: dir, token: make(map[string]string), driver: "dovecot+postfix", dns: "off"}
	r.must(os.Chmod(dir, 0o755))
	for _, address := range []*string{&r.smtp, &r.imap, &r.submission, &r.smtps} {
		*address = "127.0.0.1:" + needs.Port(t)
	}
	r.http = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	r.must(os.Mkdir(r.path("data"), 0o700))
	r.must(os.Chown(r.path("data"), serverUID, serverUID))
	r.sink = newSink(t)
	return r
}

func (r *rig) path(parts ...string) string {
	return filepath.Join(append([]string{r.dir}, parts...)...)
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func (r *rig) write(text string, path ...string) {
	r.t.Helper()
	r.must(os.MkdirAll(filepath.Dir(r.path(path...)), 0o755))
	r.must(os.WriteFile(r.path(path...), []byte(text), 0o644))
}

// prepare gives Dovecot and Postfix configurations of their own, as a fresh package
// has them but for ports and places.
func (r *rig) prepare() {
	r.t.Helper()
	owner, err := user.Lookup("postfix")
	r.must(err)
	uid, err := strconv.Atoi(owner.Uid)
	r.must(err)
	r.must(os.Mkdir(r.path("postfix-data"), 0o755))
	r.must(os.Chown(r.path("postfix-data"), uid, -1))
	r.must(os.Mkdir(r.path("queue"), 0o755))
	daemons, err := exec.Command("postconf", "-h", "daemon_directory").Output()
	r.must(err)
	r.write(strings.NewReplacer("DIR", r.dir, "DAEMONS", strings.TrimSpace(string(daemons)), "SINK", "[127.0.0.1]:"+port(r.sink.address)).Replace(mainCF), "postfix", "main.cf")
	r.write(r.masterCF(), "postfix", "master.cf")
	r.certify()
	r.write("# as the package has it\n", "dovecot", "dovecot.conf")
	r.write(r.dovecotConf(), "dovecot", "latchkey.d", "test.conf")
}

// install prepares both and sets them up, with ports of their own for who sends.
func (r *rig) install() {
	r.t.Helper()
	r.prepare()
	r.tool(nil, "mail", "setup", "--config", r.path("none.toml"))
	master, err := os.ReadFile(r.path("postfix", "master.cf"))
	r.must(err)
	master = regexp.MustCompile(`(?m)^submissions\s+inet`).ReplaceAll(master, []byte(r.smtps+" inet"))
	r.must(os.WriteFile(r.path("postfix", "master.cf"), regexp.MustCompile(`(?m)^submission\s+inet`).ReplaceAll(
		bytes.ReplaceAll(master, []byte("smtpd_tls_security_level=encrypt"), []byte("smtpd_tls_security_level=none")), []byte(r.submission+" inet")), 0o644))
}

// certify makes the certificate that Postfix shows.
func (r *rig) certify() {
	r.t.Helper()
	r.must(os.Mkdir(r.path("tls"), 0o700))
	pair, _, err := server.LocalCertificate(r.path("tls"), []string{"127.0.0.1"}, time.Now())
	r.must(err)
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	r.must(err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, der := range pair.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	r.write(string(text), "tls.pem")
}

const mainCF = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/postfix-data
daemon_directory = DAEMONS
maillog_file = DIR/postfix.log
maillog_file_prefixes = DIR
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = host.latchkey.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
relayhost = SINK
smtpd_tls_chain_files = DIR/tls.pem
recipient_delimiter = +
`

// masterCF is Debian's, on another port, confined nowhere, and logging by itself.
func (r *rig) masterCF() string {
	text, err := os.ReadFile("/etc/postfix/master.cf")
	r.must(err)
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) > 7 && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, " ") {
			words[4] = "n"
			if words[0] == "smtp" && words[1] == "inet" {
				words[0] = r.smtp
			}
			line = strings.Join(words, " ") + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

func (r *rig) dovecotConf() string {
	version, err := exec.Command("dovecot", "--version").Output()
	r.must(err)
	text := `base_dir = DIR/dovecot-run
state_dir = DIR/dovecot-state
log_path = DIR/dovecot.log
auth_failure_delay = 0
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
service imap-login {
  inet_listener imap {
    port = PORT
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = 0
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
`
	if !bytes.HasPrefix(version, []byte("2.3")) {
		text = strings.NewReplacer("disable_plaintext_auth = no", "auth_allow_cleartext = yes").Replace(text)
	}
	return strings.NewReplacer("DIR", r.dir, "PORT", port(r.imap)).Replace(text)
}

// startMail runs Dovecot and Postfix.
func (r *rig) startMail() {
	r.t.Helper()
	log := func([]byte) {}
	r.run(exec.Command("dovecot", "-F", "-c", r.path("dovecot", "dovecot.conf")), log)
	r.run(exec.Command("postfix", "-c", r.path("postfix"), "start-fg"), log)
	r.t.Cleanup(r.endPostfix)
	for _, address := range []string{r.smtp, r.imap} {
		r.until("nobody listens at "+address, func() bool {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}
	r.t.Cleanup(func() {
		if r.t.Failed() {
			for _, name := range []string{"postfix.log", "dovecot.log"} {
				text, _ := os.ReadFile(r.path(name))
				r.t.Logf("%s:\n%s", name, text[max(0, len(text)-6000):])
			}
		}
	})
}

// endPostfix ends Postfix itself: what was started only waits for it.
func (r *rig) endPostfix() {
	text, err := os.ReadFile(r.path("queue", "pid", "master.pid"))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid < 2 {
		r.t.Errorf("Postfix says that its process is %q", text)
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	for end := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Errorf("Postfix (process %d) has not ended", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			return
		}
	}
}

// until waits until it is so.
func (r *rig) until(otherwise string, so func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatal(otherwise)
		}
	}
}

func (r *rig) environment() []string {
	return append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "LATCHKEY_") }),
		"LATCHKEY_DATA="+r.path("data"), "LATCHKEY_HOSTNAME=host.latchkey.test",
		"LATCHKEY_ACCOUNT=127.0.0.1:0", "LATCHKEY_ACCOUNT_PLAIN=off", "LATCHKEY_HOST=127.0.0.1:0", "LATCHKEY_HOST_PLAIN=off", "LATCHKEY_WEBMAIL=off", "LATCHKEY_WEBMAIL_PLAIN=off",
		"LATCHKEY_LMTP=127.0.0.1:0", "LATCHKEY_DNS="+r.dns, "LATCHKEY_WEBSERVER=off", "LATCHKEY_LOG_FORMAT=json",
		"LATCHKEY_MAIL_DRIVER="+r.driver, "LATCHKEY_MAIL_DIR="+r.path("mail"), "LATCHKEY_MAIL_SMTP="+r.smtp, "LATCHKEY_MAIL_IMAP="+r.imap,
		"LATCHKEY_DOVECOT_CONFIG="+r.path("dovecot", "dovecot.conf"), "LATCHKEY_POSTFIX_CONFIG="+r.path("postfix"))
}

// startServer runs the server, as a user of its own.
func (r *rig) startServer() {
	r.t.Helper()
	path, err := build()
	r.must(err)
	cmd := exec.Command(path, "serve", "--config", r.path("none.toml"))
	cmd.Env, cmd.Dir = r.environment(), r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: serverUID, Gid: serverUID}}
	ready := make(chan ports, 1)
	var log bytes.Buffer
	r.server = r.run(cmd, func(line []byte) {
		log.Write(append(line, '\n'))
		var p ports
		if json.Unmarshal(line, &p) == nil && p.Msg == "ready" {
			ready <- p
		}
	})
	select {
	case r.ports = <-ready:
	case <-r.server.ended:
		r.t.Fatalf("the server has ended:\n%s", log.String())
	case <-time.After(30 * time.Second):
		r.t.Fatal("the server is not ready after 30 s")
	}
}

// tool runs the program's command line, as root.
func (r *rig) tool(want error, args ...string) string {
	r.t.Helper()
	out, err := r.try(args...)
	if (err == nil) != (want == nil) {
		r.t.Fatalf("latchkey %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// try runs it, whatever comes of it.
func (r *rig) try(args ...string) (string, error) {
	r.t.Helper()
	path, err := build()
	r.must(err)
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Dir = r.environment(), r.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var errFails = errors.New("it fails")

// account makes an account and a token of it.
func (r *rig) account(name, domain string) {
	r.t.Helper()
	r.tool(nil, "whmapi1", "createacct", "username="+name, "domain="+domain, "password=correct-horse-9")
	out := r.tool(nil, "uapi", "--output=json", "--user="+name, "Tokens", "create_full_access", "name=rig")
	token := regexp.MustCompile(`LK[A-Z0-9]{30}`).FindString(out)
	if token == "" {
		r.t.Fatalf("no token in %s", out)
	}
	r.token[name] = token
}

// answer is what a call has answered.
type answer struct {
	Status int             `json:"status"`
	Errors []string        `json:"errors"`
	Data   json.RawMessage `json:"data"`
}

// call calls a function of the account demo, as curl would.
func (r *rig) call(function string, args ...string) (a answer) {
	r.t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(args); i += 2 {
		q.Add(args[i], args[i+1])
	}
	req, err := http.NewRequest("GET", "https://"+r.ports.Account+"/execute/"+function+"?"+q.Encode(), nil)
	r.must(err)
	req.Header.Set("Authorization", "cpanel demo:"+r.token["demo"])
	resp, err := r.http.Do(req)
	r.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	r.must(err)
	if err := json.Unmarshal(text, &a); err != nil {
		r.t.Fatalf("%s: %d %s", function, resp.StatusCode, text)
	}
	return a
}

// done is call for one that must succeed.
func (r *rig) done(function string, args ...string) answer {
	r.t.Helper()
	a := r.call(function, args...)
	if a.Status != 1 {
		r.t.Fatalf("%s: %s", function, a.Errors)
	}
	return a
}

// login signs in by IMAP; nil if it is refused.
func (r *rig) login(address, password string) *imapclient.Client {
	r.t.Helper()
	c, err := imapclient.DialInsecure(r.imap, nil)
	r.must(err)
	err = c.Login(address, password).Wait()
	if err == nil {
		return c
	}
	c.Close()
	if said, ok := errors.AsType[*imap.Error](err); !ok || said.Code != imap.ResponseCodeAuthenticationFailed {
		r.t.Fatalf("signing in as %s: %v", address, err)
	}
	return nil
}

// opens reports whether a password opens a mailbox.
func (r *rig) opens(address, password string) bool {
	r.t.Helper()
	c := r.login(address, password)
	if c == nil {
		return false
	}
	defer c.Close()
	return c.Logout().Wait() == nil
}

// letters are the messages in a folder.
func letters(t testing.TB, c *imapclient.Client, folder string) (list []*imapclient.FetchMessageBuffer) {
	t.Helper()
	box, err := c.Select(folder, nil).Wait()
	if err != nil || box.NumMessages == 0 {
		return nil
	}
	var all imap.SeqSet
	all.AddRange(1, box.NumMessages)
	list, err = c.Fetch(all, &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// text is the text of a message.
func text(m *imapclient.FetchMessageBuffer) string {
	for _, s := range m.BodySection {
		return string(s.Bytes)
	}
	return ""
}

// send gives Postfix a message from somebody else, as mail servers do, and returns
// what it says.
func (r *rig) send(from, message string, to ...string) error {
	c, err := smtp.Dial(r.smtp)
	if err != nil {
		return err
	}
	defer c.Close()
	return errors.Join(deliver(c, from, message, to), c.Quit())
}

func deliver(c *smtp.Client, from, message string, to []string) error {
	if err := c.Mail(from, &smtp.MailOptions{Size: int64(len(message))}); err != nil {
		return err
	}
	for _, one := range to {
		if err := c.Rcpt(one, nil); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, message); err != nil {
		return err
	}
	return w.Close()
}

// code is the code of what a mail server says.
func code(err error) int {
	if said, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return said.Code
	}
	return 0
}

// arrives waits for the message with a word in a folder, and returns it.
func (r *rig) arrives(address, password, folder, word string) (m *imapclient.FetchMessageBuffer) {
	r.t.Helper()
	c := r.login(address, password)
	if c == nil {
		r.t.Fatalf("%s cannot sign in", address)
	}
	defer c.Close()
	r.until(fmt.Sprintf("no message with %q has come to %s of %s", word, folder, address), func() bool {
		for _, m = range letters(r.t, c, folder) {
			if strings.Contains(text(m), word) {
				return true
			}
		}
		return false
	})
	return m
}

// sink is the rest of the world: it takes all mail.
type sink struct {
	address string
	mu      sync.Mutex
	got     []string
}

func newSink(t testing.TB) *sink {
	s := new(sink)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &visit{sink: s}, nil }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return s
}

type visit struct {
	*sink
	from, to string
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error { v.from, v.to = from, ""; return nil }
func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error   { v.to += to + " "; return nil }
func (v *visit) Reset()                                      {}
func (v *visit) Logout() error                               { return nil }
func (v *visit) Data(b io.Reader) error {
	text, err := io.ReadAll(b)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.got = append(v.got, v.from+" > "+v.to+"\n"+string(text))
	return err
}

// find is a message that went out to somebody and has a word; "" if there is none.
func (s *sink) find(to, word string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.got {
		head, _, _ := strings.Cut(m, "\n")
		if strings.Contains(head, "> "+to) && strings.Contains(m, word) {
			return m
		}
	}
	return ""
}
