// Package mailout hands mail that the server itself writes to who delivers it: the
// system's sendmail, or a mail server. Start at [Sendmail] and [SMTP].
package mailout

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/latchkey/latchkey/internal/notice"
)

// Timeout is how long one message may take.
const Timeout = time.Minute

// Sendmail hands mail to a program that is called as sendmail is.
type Sendmail struct{ Path string }

// Statuses of sendmail that say that trying again is of no use (sysexits.h).
const (
	statusData   = 65
	statusNoUser = 67
	statusNoHost = 68
)

// Send hands m over. What the program says when it fails is in the error.
func (s Sendmail) Send(ctx context.Context, m *notice.Message) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Path, "-i", "-f", cmp.Or(m.From, "<>"), "--", m.To)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"}
	cmd.Dir = "/"
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it starts ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A mail program wants lines as the system has them.
	cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(m.Raw, []byte("\r\n"), []byte("\n")))
	said := &firstWords{}
	cmd.Stdout, cmd.Stderr = said, said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	failed := fmt.Errorf("%s: %w%s", s.Path, err, said)
	exit, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case !ran:
		return &notice.Unreachable{Err: failed}
	case exit.ExitCode() == statusData || exit.ExitCode() == statusNoUser || exit.ExitCode() == statusNoHost:
		return &notice.Refusal{Err: failed}
	}
	return failed
}

// firstWords keeps the beginning of what a program says.
type firstWords struct{ b []byte }

func (f *firstWords) Write(p []byte) (int, error) {
	const most = 300
	f.b = append(f.b, p[:min(len(p), most-len(f.b))]...)
	return len(p), nil
}

// String is what was said, on one line, after a colon.
func (f *firstWords) String() string {
	text := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(f.b), "?"), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if text != "" {
		text = ": " + text
	}
	return text
}
