package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/auth"
)

// system tells what the machine is. Everything the server needs of the kernel
// is tried in fileSystem and server.
func (d *doctor) system() []finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return []finding{trouble("run it on Linux", "the system does not say what it is: %v", err)}
	}
	list := []finding{fine("latchkey %s, %s %s/%s, %s %s, %d CPUs", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		unix.ByteSliceToString(u.Sysname[:]), unix.ByteSliceToString(u.Release[:]), runtime.NumCPU())}
	if name := hostname(d.config); name == "localhost" {
		list = append(list, remark("set hostname, if others are to reach it", "the server's name is localhost"))
	}
	return list
}

// dataDirectory has to be the server's own.
func (d *doctor) dataDirectory() []finding {
	dir := d.config.Data
	st, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []finding{d.missingDirectory(dir)}
	case err != nil:
		return []finding{trouble("let the server's user reach it", "%v", err)}
	case !st.IsDir():
		return []finding{trouble("move it away, or set data to a directory", "%s is no directory", dir)}
	}
	var list []finding
	if mode := st.Mode().Perm(); mode&0o077 != 0 {
		list = append(list, trouble("chmod 700 "+dir, "%s is open to others (mode %04o)", dir, mode))
	}
	owner := int(st.Sys().(*syscall.Stat_t).Uid)
	if owner != d.uid && d.uid != 0 {
		list = append(list, trouble("run as its owner", "%s belongs to user %d, and this is user %d", dir, owner, d.uid))
	} else if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		list = append(list, trouble("make it writable for the server's user", "%s cannot be written to: %v", dir, err))
	}
	if len(list) == 0 {
		list = append(list, fine("%s is the server's own", dir))
	}
	return list
}

// missingDirectory is made at the first start, if that can be.
func (d *doctor) missingDirectory(dir string) finding {
	above := filepath.Dir(dir)
	for above != "/" && above != "." {
		if _, err := os.Stat(above); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		above = filepath.Dir(above)
	}
	if err := unix.Access(above, unix.W_OK|unix.X_OK); err != nil {
		return trouble(fmt.Sprintf("make it for the server's user, or set data to another directory (LATCHKEY_DATA=%s)", "DIR"), "%s is not there and cannot be made: %s: %v", dir, above, err)
	}
	return remark("", "%s is not there yet: the first start makes it", dir)
}

// keys are private, and the one that tokens are checked with is there if
// tokens are.
func (d *doctor) keys() []finding {
	var list []finding
	main := filepath.Join(d.config.Data, "token.key")
	switch _, err := os.Stat(main); {
	case errors.Is(err, fs.ErrNotExist) && exists(filepath.Join(d.config.Data, "latchkey.db")):
		return []finding{trouble("put it back from a backup: without it no token and no audit record can be checked, and a new one makes all tokens invalid",
			"%s is missing, but there is a database", main)}
	case errors.Is(err, fs.ErrNotExist):
		return []finding{remark("", "%s is not there yet: the first start makes it", main)}
	case err != nil:
		return []finding{trouble("let the server's user reach it", "%v", err)}
	default:
		if _, err := auth.LoadKeys(main); err != nil {
			list = append(list, trouble("", "%v", err))
		}
	}
	for _, name := range []string{"ca.key", "server.key"} {
		file := filepath.Join(d.config.Data, name)
		if st, err := os.Stat(file); err == nil && st.Mode().Perm()&0o077 != 0 {
			list = append(list, trouble("chmod 600 "+file, "%s may be read by others (mode %04o)", file, st.Mode().Perm()))
		}
	}
	if len(list) == 0 {
		list = append(list, fine("%s is there, and private", main))
	}
	return list
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (d *doctor) socket() string {
	if d.config.Socket != "" {
		return d.config.Socket
	}
	return filepath.Join(d.config.Data, "latchkey.sock")
}

// serverProcess is the process of the server that answers on the local socket.
func (d *doctor) serverProcess() (pid int, err error) {
	c, err := net.DialTimeout("unix", d.socket(), time.Second)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) { cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil || asked != nil {
		return 0, errors.Join(err, asked)
	}
	return int(cred.Pid), nil
}

// longestSocket is how long the path of a socket may be.
const longestSocket = len(unix.RawSockaddrUnix{}.Path) - 1

// server asks the local socket; a request that nobody knows shows that somebody
// answers.
func (d *doctor) server() []finding {
	pid, err := d.serverProcess()
	switch {
	case len(d.socket()) > longestSocket:
		return []finding{trouble("set socket to a shorter path, such as /run/latchkey.sock", "%s is too long for a socket: %d bytes, and %d may be", d.socket(), len(d.socket()), longestSocket)}
	case errors.Is(err, fs.ErrPermission):
		return []finding{trouble("try again as root or as the server's user", "%s is not for this user", d.socket())}
	case err != nil && d.locked():
		return []finding{trouble("see what it logs, and start it again", "a server has the data, but none answers at %s", d.socket())}
	case err != nil:
		return []finding{remark("start it with “latchkey serve”", "no server is running")}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if status, err := knock(ctx, d.socket()); err != nil || status != http.StatusNotFound {
		return []finding{trouble("see what it logs, and start it again", "process %d has %s, but does not answer as it should (%d, %v)", pid, d.socket(), status, err)}
	}
	return []finding{fine("process %d answers at %s", pid, d.socket())}
}

func knock(ctx context.Context, socket string) (status int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://local/doctor", nil)
	if err != nil {
		return 0, err
	}
	resp, err := overSocket(socket).RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// locked reports whether a server has the data directory.
func (d *doctor) locked() bool {
	f, err := os.Open(filepath.Join(d.config.Data, "lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

// ports are free, or the server's.
func (d *doctor) ports() []finding {
	server, _ := d.serverProcess()
	var list []finding
	for _, p := range []struct{ setting, address string }{
		{"account", d.config.Account}, {"account_plain", d.config.AccountPlain}, {"host", d.config.Host}, {"host_plain", d.config.HostPlain},
		{"webmail", d.config.Webmail}, {"webmail_plain", d.config.WebmailPlain}, {"services", d.config.Services}, {"lmtp", d.config.LMTP},
	} {
		if p.address != "" && p.address != "off" {
			list = append(list, port(p.setting, p.address, server))
		}
	}
	return list
}

func port(setting, address string, server int) finding {
	l, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		l.Close()
		return fine("%s %s is free", setting, address)
	case errors.Is(err, fs.ErrPermission):
		return trouble("run as root, give the program cap_net_bind_service, or set "+setting+" to a port from 1024 on", "%s %s is not for this user", setting, address)
	case !errors.Is(err, syscall.EADDRINUSE):
		return trouble("set "+setting+" to an address of this machine", "%s %s cannot be listened on: %v", setting, address, err)
	}
	pid, name := holder(address)
	switch {
	case pid != 0 && pid == server:
		return fine("%s %s is the running server's", setting, address)
	case pid != 0:
		return trouble("end that program, or set "+setting+" to another address", "%s %s is in use by %s (process %d)", setting, address, name, pid)
	}
	return trouble("end the program that has it (root can see which one), or set "+setting+" to another address", "%s %s is in use", setting, address)
}

// certificate is what the server will show: the one that was set, or its own.
func (d *doctor) certificate() []finding {
	c, file, own := d.config, d.config.Certificate, d.config.Certificate == ""
	key := c.Key
	if own {
		file, key = filepath.Join(c.Data, "server.pem"), filepath.Join(c.Data, "server.key")
		if !exists(file) {
			return []finding{remark("", "there is none yet: the first start makes one, signed by a local authority")}
		}
	}
	pair, err := tls.LoadX509KeyPair(file, key)
	if err != nil {
		return []finding{trouble("set certificate and key to files that fit", "%s cannot be used: %v", file, err)}
	}
	leaf, name := pair.Leaf, hostname(c)
	renew, bad := "get a new one and start the server again", trouble
	if own { // each start looks at it
		renew = "start the server again: it makes a new one"
		if _, err := d.serverProcess(); err != nil {
			bad = remark
		}
	}
	var list []finding
	switch left := leaf.NotAfter.Sub(d.now); {
	case d.now.Before(leaf.NotBefore):
		list = append(list, trouble("set the clock, or "+renew, "%s is not valid before %s", file, leaf.NotBefore.Format(time.RFC3339)))
	case left <= 0:
		list = append(list, bad(renew, "%s expired on %s", file, leaf.NotAfter.Format(time.DateOnly)))
	case left < 14*24*time.Hour:
		list = append(list, bad(renew, "%s expires on %s, in %d days", file, leaf.NotAfter.Format(time.DateOnly), int(left.Hours()/24)))
	}
	if leaf.VerifyHostname(name) != nil {
		if own {
			bad = remark // its server may have been told another name
		}
		list = append(list, bad("set hostname, or "+renew, "%s is for %s, not for %s", file, strings.Join(leaf.DNSNames, ", "), name))
	}
	if len(list) == 0 {
		list = append(list, fine("%s is for %s and lasts until %s", file, name, leaf.NotAfter.Format(time.DateOnly)))
	}
	return list
}

// built is a day that is past for certain.
var built = time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)

// clock is not before the program was made, nor before what the server wrote
// last: tokens expire by it.
func (d *doctor) clock() []finding {
	if d.now.Before(built) {
		return []finding{trouble("set the clock: tokens and certificates expire by it", "it is %s by the clock, which cannot be", d.now.UTC().Format(time.RFC3339))}
	}
	if st, err := os.Stat(filepath.Join(d.config.Data, "latchkey.db")); err == nil && st.ModTime().After(d.now.Add(5*time.Minute)) {
		return []finding{trouble("set the clock: tokens and certificates expire by it", "it is %s by the clock, but the database was written at %s",
			d.now.UTC().Format(time.RFC3339), st.ModTime().UTC().Format(time.RFC3339))}
	}
	if synced, err := d.synced(); err == nil && !synced {
		return []finding{remark("let the machine keep its time by NTP, unless its host does", "it is %s by the clock, which nothing is known to keep", d.now.UTC().Format(time.RFC3339))}
	}
	return []finding{fine("it is %s", d.now.UTC().Format(time.RFC3339))}
}
