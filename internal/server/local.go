package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/wire"
)

// listenLocal opens the local socket, for the server's own user and root. A
// socket that a crashed server left behind is replaced; one that answers is not.
func listenLocal(path string) (net.Listener, error) {
	if err := clearPath(path); err != nil {
		return nil, err
	}
	mask := unix.Umask(0o177)
	l, err := net.Listen("unix", path)
	unix.Umask(mask)
	return l, err
}

// clearPath takes away the socket that a server left behind which is no more. Only
// a refusal proves that nobody listens; whatever else stands at path stays.
func clearPath(path string) error {
	is, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if is.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket: move it away, or choose another path", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if errors.Is(err, unix.ECONNREFUSED) {
		return os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("%s may be in use: %w", path, err)
	}
	_ = c.Close()
	return fmt.Errorf("%s is in use: another server is running there", path)
}

// withPeer notes who is at the other end of the local socket, by the word of
// the system.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ctx
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			ctx = wire.WithPeer(ctx, int(cred.Uid))
		}
	})
	return ctx
}
