package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// The accounts of a sandbox.
const (
	demoUser, demoDomain   = "demo", "example.com"
	otherUser, otherDomain = "other", "example.net"
)

type sandboxOptions struct {
	data, listen, ports string
	verbose, services   bool

	autossl, directory, authority string // see the settings of that name
	own                           bool   // see autossl_own
	hostname                      string
}

func sandboxCommand(s std) *cobra.Command {
	var o sandboxOptions
	cmd := &cobra.Command{
		Use:   "sandbox [-- COMMAND [ARGUMENT…]]",
		Short: "Run a whole server on this machine, with throw-away state",
		Long: "Run a whole server on this machine with two accounts, demo (example.com) and other (example.net), and print how to call it.\n" +
			"With a command, run it when the server is ready, with LATCHKEY_URL, LATCHKEY_TOKEN and their kin in its environment, then stop and exit with its status.",
		RunE: func(cmd *cobra.Command, args []string) error { return runSandbox(cmd.Context(), s, o, args) },
	}
	cmd.Flags().StringVar(&o.data, "data", "", "keep the state in this directory")
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1", "the address to listen on")
	cmd.Flags().StringVar(&o.ports, "ports", "", "0: take free ports instead of cPanel's own")
	cmd.Flags().BoolVar(&o.services, "services", false, "answer for the names cpanel., whm. and webmail. on one port, too")
	cmd.Flags().StringVar(&o.autossl, "autossl", "off", "how certificates are got: http-01, dns-01 or wildcard")
	cmd.Flags().BoolVar(&o.own, "autossl-own", false, "get the certificate of the server's own name, too")
	cmd.Flags().StringVar(&o.hostname, "hostname", "localhost", "the server's own name")
	cmd.Flags().StringVar(&o.directory, "autossl-directory", "", "the certificate authority's directory, an address")
	cmd.Flags().StringVar(&o.authority, "autossl-ca", "", "a file with what the authority's own address is trusted by")
	cmd.Flags().BoolVar(&o.verbose, "verbose", false, "log what the server does")
	return cmd
}

// sandbox is a running sandbox and its secrets.
type sandbox struct {
	*house
	dir     string
	secrets secrets
	listen  string
}

// secrets are what a sandbox prints. They are kept beside its state, if that is
// kept: it is a sandbox.
type secrets struct {
	Password   string `json:"password"`
	OtherPass  string `json:"other_password"`
	RootPass   string `json:"root_password"`
	Token      string `json:"token"`
	OtherToken string `json:"other_token"`
	RootToken  string `json:"root_token"`
}

func runSandbox(ctx context.Context, s std, o sandboxOptions, command []string) error {
	began := time.Now()
	sb, err := openSandbox(ctx, s, o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- sb.run(ctx) }()
	if o.data == "" {
		defer os.RemoveAll(sb.dir)
	}
	if err := sb.furnish(ctx); err != nil {
		stop()
		return errors.Join(err, <-ended)
	}
	unlink := sb.link()
	defer unlink()
	if len(command) > 0 {
		err := sb.exec(ctx, s, command)
		stop()
		return errors.Join(err, <-ended)
	}
	sb.greet(s, time.Since(began))
	return <-ended
}

func openSandbox(ctx context.Context, s std, o sandboxOptions) (*sandbox, error) {
	sb := &sandbox{dir: o.data, listen: o.listen}
	var err error
	if sb.dir == "" {
		sb.dir, err = os.MkdirTemp("", "latchkey-sandbox-")
	} else {
		sb.dir, err = filepath.Abs(sb.dir)
	}
	if err != nil {
		return nil, err
	}
	port := func(n string) string {
		if o.ports != "" {
			n = o.ports
		}
		return net.JoinHostPort(o.listen, n)
	}
	c := config.Config{
		Data: sb.dir, Hostname: o.hostname, IP: "127.0.0.1", LogLevel: "warn",
		Account: port("2083"), AccountPlain: port("2082"), Host: port("2087"), HostPlain: port("2086"),
		Webmail: port("2096"), WebmailPlain: port("2095"), LMTP: port("2424"), DNS: port("2053"),
		AutoSSL: o.autossl, AutoSSLDirectory: o.directory, AutoSSLCA: o.authority, AutoSSLAgreeTOS: 1,
		MailFolder: filepath.Join(sb.dir, "outgoing"),
		Webserver:  "embedded", Sites: port("8080"), SitesTLS: port("8443"),
	}
	if o.services {
		c.Services = port("443")
	}
	if o.own {
		c.AutoSSLOwn = 1
	}
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelError}))
	if o.verbose {
		log = slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if sb.house, err = build(ctx, c, log); err != nil {
		if o.data == "" {
			os.RemoveAll(sb.dir)
		}
		if errors.Is(err, syscall.EADDRINUSE) || strings.Contains(err.Error(), "is in use") {
			err = fmt.Errorf("%w (sandbox --ports 0 takes free ports)", err)
		}
		return nil, err
	}
	return sb, nil
}

// furnish makes the accounts and their tokens, by the same calls that everybody
// uses. What a sandbox that was killed had begun is taken over.
func (sb *sandbox) furnish(ctx context.Context) error {
	file := filepath.Join(sb.dir, "sandbox.json")
	text, err := os.ReadFile(file)
	if err == nil {
		return json.Unmarshal(text, &sb.secrets)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	x := &sb.secrets
	x.Password, x.OtherPass, x.RootPass = newPassword(), newPassword(), newPassword()
	if err := errors.Join(sb.makeAccount(ctx, demoUser, demoDomain, x.Password), sb.makeAccount(ctx, otherUser, otherDomain, x.OtherPass),
		sb.estate.SetRootPassword(ctx, latchkey.NewSecret(x.RootPass))); err != nil {
		return fmt.Errorf("furnishing the sandbox: %w", err)
	}
	for user, into := range map[string]*string{demoUser: &x.Token, otherUser: &x.OtherToken, string(estate.RootName): &x.RootToken} {
		if *into, err = sb.makeToken(ctx, user); err != nil {
			return fmt.Errorf("furnishing the sandbox: a token for %s: %w", user, err)
		}
	}
	if text, err = json.MarshalIndent(x, "", "\t"); err != nil {
		return err
	}
	return durable.WriteFile(file, text, 0o600)
}

func (sb *sandbox) makeAccount(ctx context.Context, user, domain, password string) error {
	_, err := sb.call(ctx, call.WHM, "root", "", "createacct", "username", user, "domain", domain, "password", password, "contactemail", "owner@"+domain)
	if latchkey.KindOf(err) == latchkey.Exists {
		_, err = sb.call(ctx, call.WHM, "root", "", "passwd", "user", user, "password", password)
	}
	return err
}

func (sb *sandbox) makeToken(ctx context.Context, user string) (string, error) {
	names, module, revoke, create, param := call.UAPI, "Tokens", "revoke", "create_full_access", "name"
	if user == string(estate.RootName) {
		names, module, revoke, create, param = call.WHM, "", "api_token_revoke", "api_token_create", "token_name"
	}
	_, _ = sb.call(ctx, names, user, module, revoke, param, "sandbox") // there is none, most of the time
	answer, err := sb.call(ctx, names, user, module, create, param, "sandbox")
	return answer.Token, err
}

type tokenAnswer struct {
	Token string `json:"token"`
}

// call calls a function as the local socket would.
func (sb *sandbox) call(ctx context.Context, names call.Names, user, module, name string, args ...string) (answer tokenAnswer, err error) {
	r := &call.Request{Names: names, Local: latchkey.AccountName(user), Module: module, Func: name, Origin: latchkey.Origin{Client: "sandbox"}}
	if names == call.WHM {
		r.Audience = latchkey.ForHost
	}
	for i := 0; i < len(args); i += 2 {
		r.Args = append(r.Args, api.Arg{Key: args[i], Value: args[i+1]})
	}
	res := sb.calls.Do(ctx, r)
	if res.Err != nil {
		return answer, res.Err
	}
	_ = json.Unmarshal(encode.Append(nil, res.Data), &answer) // only some answers have a token
	return answer, nil
}

// newPassword is a password to be printed: long enough, easy to copy.
func newPassword() string {
	return strings.ToLower(auth.NewToken(latchkey.ForAccount).Reveal()[2:18])
}

// link points the command line to this sandbox until it ends.
func (sb *sandbox) link() (unlink func()) {
	path := sandboxLink()
	if path == "" || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return func() {}
	}
	_ = os.Remove(path)
	if os.Symlink(sb.socket, path) != nil {
		return func() {}
	}
	return func() {
		if to, err := os.Readlink(path); err == nil && to == sb.socket {
			os.Remove(path)
		}
	}
}

func (sb *sandbox) url(scheme, name string) string { return scheme + "://" + sb.server.Address(name) }

// services is where the service names are answered, "" if they are not.
func (sb *sandbox) services() string {
	if sb.server.Address("services") == "" {
		return ""
	}
	return sb.url("https", "services")
}

// environment is what a command run in the sandbox finds.
func (sb *sandbox) environment() []string {
	x := &sb.secrets
	return []string{
		"LATCHKEY_URL=" + sb.url("https", "account"),
		"LATCHKEY_PLAIN_URL=" + sb.url("http", "account-plain"),
		"LATCHKEY_WHM_URL=" + sb.url("https", "host"),
		"LATCHKEY_WEBMAIL_URL=" + sb.url("https", "webmail"),
		"LATCHKEY_USER=" + demoUser, "LATCHKEY_PASSWORD=" + x.Password, "LATCHKEY_DOMAIN=" + demoDomain, "LATCHKEY_TOKEN=" + x.Token,
		"LATCHKEY_OTHER_USER=" + otherUser, "LATCHKEY_OTHER_PASSWORD=" + x.OtherPass, "LATCHKEY_OTHER_DOMAIN=" + otherDomain, "LATCHKEY_OTHER_TOKEN=" + x.OtherToken,
		"LATCHKEY_WHM_USER=" + string(estate.RootName), "LATCHKEY_WHM_PASSWORD=" + x.RootPass, "LATCHKEY_WHM_TOKEN=" + x.RootToken,
		"LATCHKEY_CA=" + sb.authority, "LATCHKEY_LMTP=" + sb.server.Address("mail"), "LATCHKEY_DATA=" + sb.dir,
		"LATCHKEY_SERVICES_URL=" + sb.services(),
		"LATCHKEY_DNS=" + sb.dns(),
		"LATCHKEY_SITES=" + sb.server.Address("sites"), "LATCHKEY_SITES_TLS=" + sb.server.Address("sites-tls"),
	}
}

// exec runs a command in the sandbox and returns its status.
func (sb *sandbox) exec(ctx context.Context, s std, command []string) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.in, s.out, s.err
	cmd.Env = append(os.Environ(), sb.environment()...)
	if err := cmd.Start(); err != nil {
		return err
	}
	over := make(chan struct{})
	defer close(over)
	go func() { // an interrupt from the terminal reaches the command by itself
		select {
		case <-ctx.Done():
			_ = cmd.Process.Signal(syscall.SIGTERM)
		case <-over:
		}
	}()
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code := exit.ExitCode()
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			code = 128 + int(ws.Signal())
		}
		return exitCode(code)
	}
	return err
}

// greet prints what a new user needs.
func (sb *sandbox) greet(s std, took time.Duration) {
	x := &sb.secrets
	fmt.Fprintf(s.out, "Latchkey sandbox is ready (%.2f s).\n\n", took.Seconds())
	for _, line := range [][2]string{
		{"Accounts' API", sb.url("https", "account")},
		{"", sb.url("http", "account-plain") + "  (without TLS, for this machine only)"},
		{"Administrator", sb.url("https", "host")},
		{"Webmail", sb.url("https", "webmail")},
		{"Mail (LMTP)", sb.server.Address("mail")},
		{"DNS", sb.dns()},
		{"Sites", sb.url("http", "sites")},
		{"", sb.url("https", "sites-tls")},
		{"State", sb.dir},
		{"", ""},
		{"Account demo", "domain example.com   password " + x.Password},
		{"", "token " + x.Token},
		{"Account other", "domain example.net   password " + x.OtherPass},
		{"", "token " + x.OtherToken},
		{"Administrator", "root   password " + x.RootPass},
		{"", "token " + x.RootToken},
	} {
		fmt.Fprintln(s.out, strings.TrimRight(fmt.Sprintf("%-15s %s", line[0], line[1]), " "))
	}
	fmt.Fprint(s.out, "\nTry it:\n\n")
	for _, path := range []string{"Email/add_pop?email=newuser&password=12345luggage", "Email/list_pops", "Quota/get_quota_info"} {
		fmt.Fprintf(s.out, "  curl --cacert %s -H'Authorization: cpanel %s:%s' '%s/execute/%s'\n", sb.authority, demoUser, x.Token, sb.url("https", "account"), path)
	}
	fmt.Fprintf(s.out, "  %s uapi --user=demo Tokens list\n\nStop it with Ctrl-C.\n", program())
}

// program is how a shell finds this program: by its name, if that is installed.
func program() string {
	if _, err := exec.LookPath("latchkey"); err != nil {
		if self, err := os.Executable(); err == nil {
			return self
		}
	}
	return "latchkey"
}
