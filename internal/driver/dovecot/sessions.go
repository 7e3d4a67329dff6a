package dovecot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Who is let in stays in: Dovecot asks once. So the sessions of a mailbox that lost
// its password, or its owner the right to sign in, are ended. Dovecot 2.4 does it when
// it is asked. A process of Dovecot 2.3 serves one session, as the user whose the
// mailboxes are, and its title says of whom (verbose_proctitle): what ends it is a
// signal, as “doveadm kick” sends it, for which the server needs no right that it does
// not have.

const (
	proc = "/proc"
	// onTheWay is how long it may take from a password's being looked up to the
	// session that it opens.
	onTheWay = 200 * time.Millisecond
	// patience is how long a session may take to end by itself.
	patience = time.Second
)

// served are the programs of Dovecot that serve one session each.
var served = []string{"imap", "pop3", "managesieve", "submission"}

// lost are the mailboxes whose sessions are not to go on: who was let in by have
// would not be by want, or would come to another place.
func (r *rows) lost(want *rows) map[string]bool {
	list := make(map[string]bool)
	for address, was := range r.boxes {
		is, ok := want.boxes[address]
		if was.login && (!ok || !is.login || is.hash != was.hash || is.maildir != was.maildir) {
			list[address] = true
		}
	}
	return list
}

// EndSessions ends the sessions of mailboxes, by their addresses in lower case: who
// was signed in there is out when it returns, and may sign in again.
func (p *Part) EndSessions(ctx context.Context, of map[string]bool) error {
	return p.endSessions(ctx, of)
}

// endSessions ends the sessions of mailboxes. Who was being let in meanwhile is out,
// too, when it returns.
func (p *Part) endSessions(ctx context.Context, of map[string]bool) error {
	if len(of) == 0 {
		return nil
	}
	p.out.add(of)
	runs, err := p.endNow(ctx, of)
	if !runs {
		return err
	}
	time.Sleep(onTheWay)
	_, again := p.endNow(ctx, of)
	return errors.Join(err, again)
}

// endNow ends the sessions that there are now, and reports whether Dovecot runs.
func (p *Part) endNow(ctx context.Context, of map[string]bool) (runs bool, err error) {
	if asked, err := p.kick(ctx, of); asked || err != nil {
		return asked, err
	}
	return endTitled(of)
}

// endTitled ends the sessions that the titles of processes tell of.
func endTitled(of map[string]bool) (runs bool, err error) {
	list, err := os.ReadDir(proc)
	if err != nil {
		return false, err
	}
	var ending []*os.Process
	for _, entry := range list {
		pid, bad := strconv.Atoi(entry.Name())
		if bad != nil || !strings.HasPrefix(title(pid), titles) {
			continue
		}
		runs = true
		if !of[sessionOf(title(pid))] {
			continue
		}
		process, gone := os.FindProcess(pid)
		if gone != nil {
			continue
		}
		// The number may be another's by now, but not any more.
		if of[sessionOf(title(pid))] && !errors.Is(process.Signal(syscall.SIGTERM), os.ErrProcessDone) {
			ending = append(ending, process)
		}
	}
	for end := time.Now().Add(patience); len(ending) > 0; {
		one := ending[len(ending)-1]
		failed := one.Signal(syscall.Signal(0))
		switch {
		case errors.Is(failed, os.ErrProcessDone):
			ending = ending[:len(ending)-1]
			continue
		case failed != nil:
			return runs, errors.Join(errors.New("a session of Dovecot's cannot be ended"), failed)
		case time.Now().After(end):
			_ = one.Kill()
			end = time.Now().Add(patience)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return runs, err
}

// titles is how the titles of Dovecot's processes begin.
const titles = "dovecot/"

// title is what a process says of itself; "" if it is not there.
func title(pid int) string {
	text, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return string(bytes.TrimRight(text, "\x00 "))
}

// sessionOf is the mailbox that a process with a title has a session of: it reads
// “dovecot/imap [ann@example.com 192.0.2.1 IDLE]”.
func sessionOf(title string) string {
	name, rest, _ := strings.Cut(strings.TrimPrefix(title, titles), " [")
	if !slices.Contains(served, name) {
		return ""
	}
	mailbox, _, _ := strings.Cut(rest, " ")
	return strings.TrimRight(mailbox, "]")
}

// CheckSessions says why sessions would go on that are not to, or nil. It tries, as
// [Part.Check] does, and is to be called where that has found nothing.
func (p *Part) CheckSessions(ctx context.Context) error {
	t := p.trial()
	err := t.appear(ctx)
	if err == nil {
		err = t.isEnded(ctx)
	}
	return errors.Join(err, t.vanish(context.WithoutCancel(ctx), true), os.RemoveAll(t.dir))
}

// isEnded opens a session, and sees it end.
func (t *trial) isEnded(ctx context.Context) error {
	conn, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = t.vanish(ctx, false)
	if err == nil {
		err = t.endSessions(ctx, map[string]bool{t.address: true})
	}
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("a session that is open goes on when its mailbox is taken away, and when its password is changed: “latchkey mail setup” writes what it takes to end it (verbose_proctitle, or the socket of anvil), and one process must not serve several sessions")
	}
	return nil
}

// signedOut are the mailboxes whose sessions were ended. Of those in which mail is
// sent only Postfix knows: what comes by one that was there before is refused.
type signedOut struct {
	mu    sync.Mutex
	count uint64 // of the times that sessions were ended
	last  map[string]uint64
	floor uint64 // all mailboxes count as of then
}

// mostSignedOut is how many mailboxes are told apart.
const mostSignedOut = 20_000

func (s *signedOut) add(of map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	switch {
	case s.last == nil:
		s.last = make(map[string]uint64)
	case len(s.last)+len(of) > mostSignedOut: // all have to sign in again
		clear(s.last)
		s.floor = s.count
	}
	for address := range of {
		s.last[address] = s.count
	}
}

// Mark is a moment, for [Part.SignedOut].
func (p *Part) Mark() uint64 {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return p.out.count
}

// SignedOut reports whether sessions of a mailbox have been ended since a moment: who
// signed in before has to do so again.
func (p *Part) SignedOut(address string, since uint64) bool {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return max(p.out.last[address], p.out.floor) > since
}
