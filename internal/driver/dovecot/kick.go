package dovecot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Dovecot 2.4 knows itself whose sessions there are, and ends them when it is asked to
// by who may: so does “doveadm kick”. The titles of its processes do not tell before a
// first command came.

// kicks is the directory, which only the owner of the mailboxes may enter, of the
// socket where Dovecot 2.4 is asked.
const kicks = "sessions"

// kick has Dovecot end the sessions of mailboxes; asked is false where nobody is there
// to do it.
func (p *Part) kick(ctx context.Context, of map[string]bool) (asked bool, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", filepath.Join(p.o.Dir, kicks, "anvil"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err = conn.SetDeadline(time.Now().Add(10 * patience)); err == nil {
		err = kickBy(conn, of)
	}
	if err != nil {
		err = fmt.Errorf("sessions cannot be ended by Dovecot: %w", err)
	}
	return true, err
}

// kickBy says who is to be out, and reads that they are: each line is answered when
// the sessions have ended, with how many they were.
func kickBy(conn net.Conn, of map[string]bool) error {
	said := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(conn)
		fmt.Fprintf(w, "VERSION\tanvil-client\t2\t0\n\n")
		for address := range of {
			fmt.Fprintf(w, "KICK-USER\t%s\n", address)
		}
		said <- w.Flush()
	}()
	lines := bufio.NewScanner(conn)
	for left := len(of); left > 0 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "VERSION\t") {
			continue
		}
		if _, err := strconv.ParseUint(lines.Text(), 10, 32); err != nil {
			return fmt.Errorf("it answers %.100q", lines.Text())
		}
		if left--; left == 0 {
			return <-said
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return os.ErrClosed
}
