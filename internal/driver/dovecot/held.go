package dovecot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// queued is a message in Postfix's queue, as postqueue tells of it.
type queued struct {
	Queue  string `json:"queue_name"`
	ID     string `json:"queue_id"`
	Sender string `json:"sender"`
}

// Held is how many messages Postfix holds, by the address of their sender in lower
// case. It fails with Unavailable.
func (p *Part) Held(ctx context.Context) (map[string]int64, error) {
	count := map[string]int64{}
	err := p.eachHeld(ctx, func(m queued) { count[strings.ToLower(m.Sender)]++ })
	return count, err
}

// DropHeld deletes the messages that Postfix holds of a sender, and tells how many
// they were. Only root may: it fails with Unavailable for others.
func (p *Part) DropHeld(ctx context.Context, sender string) (int64, error) {
	var ids []string
	err := p.eachHeld(ctx, func(m queued) {
		if strings.EqualFold(m.Sender, sender) {
			ids = append(ids, m.ID)
		}
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if os.Geteuid() != 0 {
		return 0, latchkey.Errorf(latchkey.Unavailable, "Postfix lets only root delete what it holds, and this server does not run as root: its administrator can, with postsuper -d and the ID of each message.")
	}
	for n, id := range ids {
		if _, err := run(ctx, "postsuper", append(p.postfix(), "-d", id, "hold")...); err != nil {
			return int64(n), noQueue(err)
		}
	}
	return int64(len(ids)), nil
}

// postfix are the arguments that name Postfix's configuration.
func (p *Part) postfix() []string {
	if p.o.Postfix == "" {
		return nil
	}
	return []string{"-c", p.o.Postfix}
}

func noQueue(err error) error {
	return &latchkey.Error{Kind: latchkey.Unavailable, Msg: "The queue of Postfix cannot be reached at present: try again later.", Err: err}
}

// queueTime is how long Postfix may take to list its queue.
const queueTime = 30 * time.Second

// listing bounds how many lists of the queue are read at once.
var listing = make(chan struct{}, 2)

// eachHeld runs fn for every message that Postfix holds.
func (p *Part) eachHeld(ctx context.Context, fn func(queued)) error {
	ctx, stop := context.WithTimeout(ctx, queueTime)
	defer stop()
	select {
	case listing <- struct{}{}:
		defer func() { <-listing }()
	case <-ctx.Done():
		return noQueue(ctx.Err())
	}
	cmd := exec.CommandContext(ctx, "postqueue", append(p.postfix(), "-j")...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"}, "/", 5*time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return noQueue(err)
	}
	err = readQueue(out, fn)
	if err != nil {
		stop() // it must not wait for who reads no more
	}
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return noQueue(err)
	}
	return nil
}

// readQueue reads a list of messages, and runs fn for those that are held.
func readQueue(r io.Reader, fn func(queued)) error {
	for list := json.NewDecoder(r); ; {
		var m queued
		err := list.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Queue != "hold":
			continue
		case !isQueueID(m.ID):
			return fmt.Errorf("a message with the ID %q", m.ID)
		}
		fn(m)
	}
}

// isQueueID reports whether text can be the ID of a message, and no option or path.
func isQueueID(text string) bool {
	return text != "" && len(text) < 64 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}
