package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/wire"
)

// listenLocal opens the local socket, for the server's own user and root. A
// socket that a crashed server left behind is replaced; one that answers is not.
func listenLocal(path string) (net.Listener, error) {
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s is in use: another server is running there", path)
	}
	_ = os.Remove(path) // what is left of a server that is no more, or nothing
	mask := unix.Umask(0o177)
	l, err := net.Listen("unix", path)
	unix.Umask(mask)
	return l, err
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
