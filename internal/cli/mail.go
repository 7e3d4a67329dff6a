package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/driver/dovecot"
	"github.com/latchkey/latchkey/internal/driver/milter"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/store"
)

// dovecotPostfix is the mail driver that has Dovecot and Postfix serve mailboxes.
const dovecotPostfix = "dovecot+postfix"

// mailServer gives the estate the part that serves its mailboxes, if this program is
// not to do it alone.
func (h *house) mailServer(ctx context.Context, c config.Config, log *slog.Logger) error {
	switch c.MailDriver {
	case "", "embedded":
		return nil
	case "auto", dovecotPostfix:
	default:
		return fmt.Errorf("mail_driver is “%s”: use auto, embedded or %s", c.MailDriver, dovecotPostfix)
	}
	part, err := dovecot.Open(ctx, mailOptions(c, h.estate, log))
	switch {
	case err != nil && c.MailDriver == "auto":
		log.Warn("Dovecot and Postfix are not used: the server takes mail itself", "err", err)
		return nil
	case err != nil:
		return err
	}
	h.close = append([]func() error{part.Close}, h.close...)
	secure, err := dovecot.SMTPS(ctx, c.PostfixConfig)
	h.estate.Server.OnlySTARTTLS = err == nil && secure == ""
	if c.MailDriver == dovecotPostfix {
		h.estate.Mailserver, h.estate.Server.MailServed = part, true
		h.keepers = append(h.keepers, func(ctx context.Context) { tried(ctx, part, log) })
		return nil
	}
	if err = part.Check(ctx); err == nil {
		log.Info("Dovecot and Postfix serve the mailboxes")
		h.estate.Mailserver, h.estate.Server.MailServed = part, true
		return nil
	}
	log.Warn("Dovecot and Postfix are not used: the server takes mail itself", "err", err)
	told := &told{Part: part, log: log}
	h.estate.Mailserver = told
	h.keepers = append(h.keepers, told.run)
	return nil
}

// milterPath is the socket where the mail server asks for signatures; "" for none.
func milterPath(c config.Config) string {
	if c.Milter != "" || c.MailDriver != "auto" && c.MailDriver != dovecotPostfix || !exists(c.MailDir) {
		return c.Milter
	}
	return filepath.Join(c.MailDir, "milter.sock")
}

// filterMail answers a mail server that asks for signatures. Where nobody has set a
// socket for it, and there can be none, mail goes unsigned.
func (h *house) filterMail(c *config.Config) error {
	path := milterPath(*c)
	if path == "" {
		return nil
	}
	filter := &milter.Server{Keys: h.estate.MailSigner, Holder: h.estate.Submitted(), Headers: estate.SignedHeaders, Spool: c.Data, Log: h.log}
	err := filter.Listen(path)
	switch {
	case err == nil:
		h.keepers = append(h.keepers, filter.Run)
	case c.Milter == "":
		h.log.Warn("what people send through Postfix is not signed", "err", err)
		return nil
	}
	return err
}

func mailOptions(c config.Config, from dovecot.Source, log *slog.Logger) dovecot.Options {
	return dovecot.Options{Dir: c.MailDir, Source: from, SMTP: c.MailSMTP, IMAP: c.MailIMAP, Postfix: c.PostfixConfig, Log: log}
}

// tried says in the log whether Dovecot and Postfix serve the mailboxes. They may
// start after this server.
func tried(ctx context.Context, part *dovecot.Part, log *slog.Logger) {
	for wait := time.Second; ; wait = min(2*wait, time.Hour) {
		err := part.Check(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			log.Info("Dovecot and Postfix serve the mailboxes")
			return
		}
		log.Warn("Dovecot and Postfix do not serve the mailboxes yet", "err", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// told is a part that does not serve the mailboxes but might at any time: it is told
// of everything, so that it lets nobody in who may not, and nobody waits for it.
type told struct {
	*dovecot.Part
	log    *slog.Logger
	behind atomic.Bool
}

func (t *told) Apply(ctx context.Context, p store.MailPlace) error {
	return t.forgive(t.Part.Apply(ctx, p))
}

func (t *told) Reconcile(ctx context.Context) error { return t.forgive(t.Part.Reconcile(ctx)) }

// Held implements what the estate asks of a queue: this server sends nothing by it.
func (t *told) Held(context.Context) (map[string]int64, error) { return nil, nil }

func (t *told) forgive(err error) error {
	if err != nil {
		t.behind.Store(true)
		t.log.Warn("Dovecot and Postfix are not used and could not be told of a change; they will be", "err", err)
	}
	return nil
}

// run tells the part what it could not be told.
func (t *told) run(ctx context.Context) {
	tick := time.NewTicker(30 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if t.behind.Swap(false) {
				_ = t.Reconcile(ctx)
			}
		}
	}
}

func mailCommand(s std) *cobra.Command {
	cmd := family(&cobra.Command{
		Use:   "mail",
		Short: "Set up Dovecot and Postfix for the mailboxes",
		Long:  "Set up Dovecot and Postfix for the mailboxes.",
	})
	cmd.AddCommand(mailSetupCommand(s))
	return cmd
}

func mailSetupCommand(s std) *cobra.Command {
	var path string
	var dry, undo bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Have Dovecot and Postfix serve the mailboxes",
		Long: "Have Dovecot and Postfix serve the mailboxes: make the directory that they read (mail_dir), write Dovecot's configuration, change Postfix's,\n" +
			"tell what changes, have both check it and read it anew, and send a message through them. If any of that fails all files are what they were before.\n" +
			"It does not start either, and changes nothing of what the server itself does: that is set with mail_driver. It needs root.",
		Example: "  latchkey mail setup --dry-run\n  latchkey mail setup\n  latchkey mail setup --undo",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(path, os.LookupEnv)
			if err != nil {
				return err
			}
			m, err := newMailSetup(s, c)
			switch {
			case err != nil:
				return err
			case undo:
				return m.undo(cmd.Context(), dry)
			}
			return m.do(cmd.Context(), dry)
		},
	}
	cmd.Flags().StringVar(&path, "config", config.DefaultPath, "the configuration file")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only tell what would change")
	cmd.Flags().BoolVar(&undo, "undo", false, "make the files what they were before the first setup")
	return cmd
}

// mailSetup is a setup and whom it tells what it does.
type mailSetup struct {
	dovecot.Setup
	std
	config config.Config
}

func newMailSetup(s std, c config.Config) (*mailSetup, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("only root can set up Dovecot and Postfix: run it as root")
	}
	m := &mailSetup{std: s, config: c}
	uid, err := serverUser(c)
	if err != nil {
		return nil, err
	}
	m.Setup = dovecot.Setup{Dir: c.MailDir, UID: uid, Dovecot: c.DovecotConfig, Postfix: c.PostfixConfig, SMTP: c.MailSMTP, Hostname: hostname(c)}
	if m.Milter = c.Milter; m.Milter == "" {
		m.Milter = filepath.Join(c.MailDir, "milter.sock")
	}
	for _, p := range []*string{&m.Dir, &m.Dovecot, &m.Postfix, &m.Milter} {
		if *p, err = filepath.Abs(*p); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// serverUser is whose the data is.
func serverUser(c config.Config) (uid int, err error) {
	st, err := os.Stat(c.Data)
	if err != nil {
		return 0, fmt.Errorf("whose server it is cannot be told before its data directory is there: %w", err)
	}
	return int(st.Sys().(*syscall.Stat_t).Uid), nil
}

// do sets up.
func (m *mailSetup) do(ctx context.Context, dry bool) error {
	plan, err := m.Plan(ctx)
	if err != nil {
		return err
	}
	m.tell(plan)
	if dry {
		return nil
	}
	if err := m.Apply(ctx, plan); err != nil {
		return fmt.Errorf("nothing has changed: %w", err)
	}
	if err := m.try(ctx); err != nil {
		return errors.Join(fmt.Errorf("all files are again what they were: %w", err), m.Revert(ctx, plan))
	}
	if m.config.MailDriver != dovecotPostfix {
		fmt.Fprintf(m.out, "Next: set mail_driver to %s, and start the server again.\n", dovecotPostfix)
	}
	return nil
}

func (m *mailSetup) tell(plan []dovecot.Change) {
	for _, c := range plan {
		verb := "Changes"
		if c.New {
			verb = "Writes"
		}
		fmt.Fprintf(m.out, "%s %s\n", verb, c.Path)
		for _, l := range c.Lines() {
			fmt.Fprintf(m.out, "  %s\n", l)
		}
	}
	if len(plan) == 0 {
		fmt.Fprintln(m.out, "No file has to change.")
	}
}

// try sends a message through both, if they run.
func (m *mailSetup) try(ctx context.Context) error {
	if dovecot, postfix := m.Running(ctx); !dovecot || !postfix {
		fmt.Fprintln(m.out, "Not tried: Dovecot and Postfix do not both run. Start them; “latchkey doctor” tries then.")
		return nil
	}
	part, err := dovecot.Open(ctx, mailOptions(m.config, nil, slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	defer part.Close()
	for end := time.Now().Add(5 * time.Second); ; { // they may still be reading their configuration
		if err = part.Check(ctx); err == nil {
			err = part.CheckSessions(ctx)
		}
		if err == nil {
			fmt.Fprintln(m.out, "Tried: a message that Postfix took was delivered by Dovecot, which lets its owner in and nobody else.")
			return nil
		}
		if time.Now().After(end) {
			return err
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func (m *mailSetup) undo(ctx context.Context, dry bool) error {
	kept, err := m.Remembered()
	if err != nil {
		return err
	}
	for _, c := range kept {
		verb := "Puts back"
		if c.New {
			verb = "Removes"
		}
		fmt.Fprintf(m.out, "%s %s\n", verb, c.Path)
	}
	if len(kept) == 0 {
		fmt.Fprintln(m.out, "Nothing was set up.")
	}
	if dry {
		return nil
	}
	return m.Undo(ctx)
}

// mail says how it stands with what serves the mailboxes.
func (d *doctor) mail() []finding {
	c := d.config
	switch c.MailDriver {
	case "", "embedded":
		return []finding{fine("the server takes mail by LMTP itself; Dovecot can open the same mailboxes (mail_driver = \"%s\")", dovecotPostfix)}
	case "auto", dovecotPostfix:
	default:
		return []finding{trouble(fmt.Sprintf("use auto, embedded or %s", dovecotPostfix), "mail_driver is “%s”", c.MailDriver)}
	}
	bad := trouble
	if c.MailDriver == "auto" { // the server starts all the same
		bad = remark
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	part, err := dovecot.Open(ctx, mailOptions(c, nil, slog.New(slog.DiscardHandler)))
	if err != nil {
		return []finding{bad("run “latchkey mail setup”", "Dovecot and Postfix cannot be used: %v", err)}
	}
	defer part.Close()
	if err := part.Check(ctx); err != nil {
		return []finding{bad("run “latchkey mail setup”, start Dovecot and Postfix, and see what they log", "Dovecot and Postfix do not serve the mailboxes: %v", err)}
	}
	list := []finding{fine("a message that Postfix takes at %s is delivered by Dovecot, which lets its owner in at %s and nobody else", c.MailSMTP, c.MailIMAP)}
	if err := part.CheckSessions(ctx); err != nil {
		return append(list, remark("run “latchkey mail setup”", "%v", err))
	}
	list = append(list, fine("who is signed in to a mailbox is out when its password is changed or it is taken away"))
	return append(list, d.milter(ctx), d.smtps(ctx))
}

// smtps says whether mail programs that send are served at both ports.
func (d *doctor) smtps(ctx context.Context) finding {
	name, err := dovecot.SMTPS(ctx, d.config.PostfixConfig)
	switch {
	case err != nil:
		return remark("see what postconf says", "whether mail programs can send by TLS cannot be told: %v", err)
	case name == "":
		return remark("run “latchkey mail setup”", "mail programs can send at port 587 alone, with STARTTLS: Postfix has no service for 465")
	}
	if _, _, err := net.SplitHostPort(name); err != nil {
		name = net.JoinHostPort("localhost", name)
	}
	conn, err := (&tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", name)
	if err != nil {
		return remark("start Postfix, and see whether main.cf names its certificate (smtpd_tls_cert_file)", "mail programs are told to send at port 465 by TLS, and cannot: %v", err)
	}
	conn.Close()
	return fine("mail programs can send at port 465, with TLS from the first byte on")
}

// milter says whether what the owners of mailboxes send is signed.
func (d *doctor) milter(ctx context.Context) finding {
	want, err := filepath.Abs(milterPath(d.config))
	asks := ""
	if err == nil {
		asks, err = dovecot.Milter(ctx, d.config.PostfixConfig)
	}
	switch {
	case err != nil:
		return remark("see what postconf says", "whether Postfix has mail signed cannot be told: %v", err)
	case asks != want:
		return remark("run “latchkey mail setup”", "what the owners of mailboxes send is not signed (DKIM), and held by Postfix where it is to be held: it does not ask at %s", want)
	}
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", want)
	if err != nil {
		return remark("start the server", "nobody signs what the owners of mailboxes send: %v", err)
	}
	conn.Close()
	return fine("what the owners of mailboxes send is signed if their domain publishes a key: Postfix asks at %s", want)
}
