package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Syslog tells the system's log, or one on another machine, of the newest link of
// the trail: a second place that whoever has this machine cannot change.
type Syslog struct {
	Network, Address string // see [ParseSyslog]
	Hostname         string
	Heads            *Heads // whose keys seal
	Store            store.Store
	Now              latchkey.Clock
	Log              *slog.Logger

	conn   net.Conn
	stream bool // messages say how long they are
	last   head
	failed bool
}

// ParseSyslog reads where a log is: unix:/dev/log, udp:192.0.2.1:514 or
// tcp:192.0.2.1:601.
func ParseSyslog(text string) (network, address string, err error) {
	network, address, _ = strings.Cut(text, ":")
	switch network {
	case "unix":
		if strings.HasPrefix(address, "/") {
			return network, address, nil
		}
	case "udp", "tcp":
		if _, port, err := net.SplitHostPort(address); err == nil && port != "" {
			return network, address, nil
		}
	}
	return "", "", fmt.Errorf("audit_syslog is %q: give unix:/dev/log, udp:HOST:514 or tcp:HOST:601", text)
}

// Run tells the log of the newest link once a second, if it is a new one, until
// ctx ends, and then of the last.
func (y *Syslog) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	defer func() {
		if y.conn != nil {
			y.conn.Close()
		}
	}()
	for {
		select {
		case <-tick.C:
			y.try()
		case <-ctx.Done():
			y.try()
			return
		}
	}
}

// try tells the log, and says once that it cannot be told, and once that it can.
func (y *Syslog) try() {
	err := y.tell(context.Background())
	if failed := err != nil; failed != y.failed {
		if y.failed = failed; failed {
			y.Log.Error("the log cannot be told of the head of the audit trail, and will be tried again", "to", y.Network+":"+y.Address, "err", err)
		} else {
			y.Log.Info("the log is told of the head of the audit trail again", "to", y.Network+":"+y.Address)
		}
	}
}

func (y *Syslog) tell(ctx context.Context) error {
	newest, err := newestOf(ctx, y.Store)
	if err != nil || newest == y.last {
		return err
	}
	if err := y.send(y.message(newest)); err != nil {
		return err
	}
	y.last = newest
	return nil
}

// message is a head in the form of RFC 5424: from the part that looks after
// authorization, noteworthy.
func (y *Syslog) message(h head) string {
	const facility, severity = 10, 5
	host := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, y.Hostname)
	if host == "" {
		host = "-"
	}
	seal := y.Heads.Keys.SealHead(h.Seq, h.Hash)
	return fmt.Sprintf("<%d>1 %s %.255s latchkey %d audit-head - head=%d:%s seal=%s", facility*8+severity,
		y.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00"), host, os.Getpid(), h.Seq, hex.EncodeToString(h.Hash[:]), hex.EncodeToString(seal[:]))
}

// patience is how long the log may take.
const patience = 2 * time.Second

// send sends a message, over a new connection if there is none or the old one is
// of no more use.
func (y *Syslog) send(message string) error {
	old := y.conn != nil
	err := y.sendOnce(message)
	if err != nil && old {
		err = y.sendOnce(message)
	}
	return err
}

func (y *Syslog) sendOnce(message string) error {
	if y.conn == nil {
		if err := y.dial(); err != nil {
			return err
		}
	}
	if y.stream {
		message = fmt.Sprintf("%d %s", len(message), message)
	}
	err := y.conn.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = y.conn.Write([]byte(message))
	}
	if err != nil {
		y.conn.Close()
		y.conn = nil
	}
	return err
}

func (y *Syslog) dial() (err error) {
	networks := []string{y.Network}
	if y.Network == "unix" {
		networks = []string{"unixgram", "unix"}
	}
	var errs []error
	for _, network := range networks {
		if y.conn, err = net.DialTimeout(network, y.Address, patience); err == nil {
			y.stream = network == "tcp" || network == "unix"
			return nil
		}
		errs = append(errs, err)
	}
	y.conn = nil
	return errors.Join(errs...)
}
