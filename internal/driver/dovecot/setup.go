package dovecot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/durable"
)

// Setup is what sets Dovecot and Postfix up. Only root can.
type Setup struct {
	Dir      string // see [Options]; it is made
	UID      int    // whom the server runs as
	Dovecot  string // the path of dovecot.conf
	Postfix  string // the directory of main.cf
	SMTP     string // where Dovecot hands on what filters send
	Hostname string
	Milter   string // the socket where Postfix has mail signed
}

// Change is a file that is to be another.
type Change struct {
	Path string `json:"path"`
	Was  []byte `json:"was"`
	New  bool   `json:"new"` // there is none yet
	Is   []byte `json:"-"`
}

// Lines are the lines that come and go, with + and - before them.
func (c *Change) Lines() (list []string) {
	was, is := lines(c.Was), lines(c.Is)
	for _, l := range was {
		if !slices.Contains(is, l) {
			list = append(list, "- "+l)
		}
	}
	for _, l := range is {
		if !slices.Contains(was, l) {
			list = append(list, "+ "+l)
		}
	}
	return list
}

func lines(text []byte) []string {
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

// Plan says which files are to change, by path; none if all is as it should be.
func (s *Setup) Plan(ctx context.Context) ([]Change, error) {
	if s.UID == 0 {
		return nil, errors.New("the server runs as root, and Dovecot opens no mailbox as root: let it run as a user of its own, whose the data directory is")
	}
	v := values{Hostname: s.Hostname, Dir: s.Dir, Database: filepath.Join(s.Dir, Database), UID: s.UID, SMTP: s.SMTP, POP3: exists("/usr/lib/dovecot/pop3")}
	var err error
	if v.Version, err = run(ctx, "dovecot", "--version"); err != nil {
		return nil, err
	}
	for into, name := range map[*string]string{&v.Queue: "queue_directory", &v.PostfixUser: "mail_owner"} {
		if *into, err = run(ctx, "postconf", "-c", s.Postfix, "-h", name); err != nil {
			return nil, err
		}
	}
	kinds, err := run(ctx, "postconf", "-c", s.Postfix, "-m")
	if err == nil && !slices.Contains(strings.Fields(kinds), "sqlite") {
		err = errors.New("without postfix-sqlite Postfix cannot ask a database: install it")
	}
	if err != nil {
		return nil, err
	}
	group, err := groupOf(v.PostfixUser)
	if err != nil {
		return nil, err
	}
	v.Group = group.Name
	files, err := dovecotFiles(s.Dovecot, v)
	if err != nil {
		return nil, err
	}
	for path, text := range postfixFiles(s.Postfix, v.Database) {
		files[path] = text
	}
	if err := s.postfix(ctx, files); err != nil {
		return nil, err
	}
	return compare(files)
}

// postfix adds main.cf and master.cf as postconf makes them.
func (s *Setup) postfix(ctx context.Context, files map[string][]byte) error {
	dir, err := os.MkdirTemp("", "latchkey-postfix-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	proxied, err := run(ctx, "postconf", "-c", s.Postfix, "-h", "proxy_read_maps")
	if err != nil {
		return err
	}
	names := []string{"main.cf", "master.cf"}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(s.Postfix, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	if _, err := run(ctx, "postconf", append([]string{"-c", dir, "-e"}, postfixSettings(s.Postfix, proxied, s.Milter)...)...); err != nil {
		return err
	}
	secure, err := SMTPS(ctx, dir)
	if err == nil {
		_, err = run(ctx, "postconf", append([]string{"-c", dir, "-M"}, postfixServices(cmp.Or(secure, smtps[0]))...)...)
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if files[filepath.Join(s.Postfix, name)], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// SMTPS is the entry of master.cf, in a directory, by which Postfix serves port 465;
// "" for none.
func SMTPS(ctx context.Context, postfix string) (string, error) {
	said, err := run(ctx, "postconf", "-c", postfix, "-M")
	for line := range strings.Lines(said) {
		if words := strings.Fields(line); len(words) > 1 && words[1] == "inet" {
			if name := words[0][strings.LastIndexByte(words[0], ':')+1:]; slices.Contains(smtps, name) {
				return words[0], err
			}
		}
	}
	return "", err
}

// Milter is the socket where Postfix, with its configuration in a directory, has the
// mail signed that people sign in to send; "" for none.
func Milter(ctx context.Context, postfix string) (string, error) {
	said, err := run(ctx, "postconf", "-c", postfix, "-P", "*/inet/smtpd_milters")
	if err != nil || !strings.Contains(said, milters) {
		return "", err
	}
	value, err := run(ctx, "postconf", "-c", postfix, "-h", strings.TrimPrefix(milters, "$"))
	return strings.TrimPrefix(value, "unix:"), err
}

func compare(files map[string][]byte) (list []Change, err error) {
	for path, is := range files {
		was, err := os.ReadFile(path)
		missing := errors.Is(err, fs.ErrNotExist)
		if err != nil && !missing {
			return nil, err
		}
		if missing || !bytes.Equal(was, is) {
			list = append(list, Change{path, was, missing, is})
		}
	}
	slices.SortFunc(list, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

// Apply makes the directory, writes the changes, has both programs check what they
// read, and those that run read it. If anything fails all files are what they were.
func (s *Setup) Apply(ctx context.Context, plan []Change) (err error) {
	if err := s.makeDir(ctx); err != nil {
		return err
	}
	if err := s.remember(plan); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Revert(context.WithoutCancel(ctx), plan))
		}
	}()
	for _, c := range plan {
		if err := os.MkdirAll(filepath.Dir(c.Path), 0o755); err != nil {
			return err
		}
		if err := durable.WriteFile(c.Path, c.Is, 0o644); err != nil {
			return err
		}
	}
	if err := s.verify(ctx); err != nil {
		return err
	}
	return s.reload(ctx)
}

// Revert makes the files of a plan what they were before it.
func (s *Setup) Revert(ctx context.Context, plan []Change) error {
	return errors.Join(putBack(plan), s.reload(ctx))
}

func putBack(plan []Change) (err error) {
	for _, c := range plan {
		if c.New {
			err = errors.Join(err, gone(os.Remove(c.Path)))
		} else {
			err = errors.Join(err, durable.WriteFile(c.Path, c.Was, 0o644))
		}
	}
	return err
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// makeDir makes the directory that both programs read, with a database in it: the
// server's own, and Postfix's group's to read.
func (s *Setup) makeDir(ctx context.Context) error {
	owner, err := run(ctx, "postconf", "-c", s.Postfix, "-h", "mail_owner")
	if err != nil {
		return err
	}
	group, err := groupOf(owner)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o750); err != nil {
		return err
	}
	if err := errors.Join(os.Chown(s.Dir, s.UID, group.ID), os.Chmod(s.Dir, 0o750|fs.ModeSetgid)); err != nil {
		return err
	}
	p, err := Open(ctx, Options{Dir: s.Dir})
	if err != nil {
		return err
	}
	return p.Close()
}

// verify has both programs look at their configuration.
func (s *Setup) verify(ctx context.Context) error {
	if _, err := run(ctx, "doveconf", "-c", s.Dovecot, "-n"); err != nil {
		return fmt.Errorf("its configuration is refused by Dovecot: %w", err)
	}
	if _, err := run(ctx, "postfix", "-c", s.Postfix, "check"); err != nil {
		return fmt.Errorf("its configuration is refused by Postfix: %w", err)
	}
	for name := range postfixQueries {
		lookup := "sqlite:" + filepath.Join(s.Postfix, "latchkey", name+".cf")
		_, err := run(ctx, "postmap", "-c", s.Postfix, "-q", "nobody@latchkey.invalid", lookup)
		if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || len(failed.Stderr) > 0) { // it fails where it finds nothing, too
			return fmt.Errorf("the look-up %s fails: %w", lookup, err)
		}
	}
	return nil
}

// Running says which of the two run.
func (s *Setup) Running(ctx context.Context) (dovecot, postfix bool) {
	base, err := run(ctx, "doveconf", "-c", s.Dovecot, "-h", "base_dir")
	if err == nil {
		pid, rerr := os.ReadFile(filepath.Join(base, "master.pid"))
		dovecot = rerr == nil && exists("/proc/"+strings.TrimSpace(string(pid)))
	}
	_, err = run(ctx, "postfix", "-c", s.Postfix, "status")
	return dovecot, err == nil
}

func (s *Setup) reload(ctx context.Context) (err error) {
	dovecot, postfix := s.Running(ctx)
	if dovecot {
		_, err = run(ctx, "doveadm", "-c", s.Dovecot, "reload")
	}
	if postfix {
		_, perr := run(ctx, "postfix", "-c", s.Postfix, "reload")
		err = errors.Join(err, perr)
	}
	return err
}

// before is where the files are kept as they were before the first setup.
func (s *Setup) before() string { return filepath.Join(s.Dir, "before.json") }

// remember keeps what the files of a plan were, unless an earlier setup has.
func (s *Setup) remember(plan []Change) error {
	kept, err := s.Remembered()
	if err != nil {
		return err
	}
	for _, c := range plan {
		if !slices.ContainsFunc(kept, func(k Change) bool { return k.Path == c.Path }) {
			kept = append(kept, c)
		}
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return durable.WriteFile(s.before(), text, 0o600)
}

// Remembered are the files as they were before the first setup.
func (s *Setup) Remembered() (kept []Change, err error) {
	text, err := os.ReadFile(s.before())
	if err != nil {
		return nil, gone(err)
	}
	return kept, json.Unmarshal(text, &kept)
}

// Undo makes the files what they were before the first setup. The directory and the
// database stay.
func (s *Setup) Undo(ctx context.Context) error {
	kept, err := s.Remembered()
	if err != nil {
		return err
	}
	if err := putBack(kept); err != nil {
		return err
	}
	return errors.Join(s.reload(ctx), gone(os.Remove(s.before())))
}

// run runs a program that has its say in a line or few, and returns that.
func run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	out, err := cmd.Output()
	said := strings.TrimSpace(string(out))
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%s is not installed", name)
	}
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w: %s", name, err, oneLine(string(failed.Stderr)))
	}
	if name == "dovecot" {
		said, _, _ = strings.Cut(said, " ")
	}
	return said, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// group is a group of the system.
type group struct {
	Name string
	ID   int
}
