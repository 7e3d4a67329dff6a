package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/server"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// healthy is a doctor for a server that was started once, and all is well.
func healthy(t *testing.T) *doctor {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.LoadKeys(filepath.Join(dir, "token.key")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := server.LocalCertificate(dir, []string{"host.example.com", "localhost"}, noon); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "latchkey.db"), "", 0o600)
	must(t, os.Chtimes(filepath.Join(dir, "latchkey.db"), noon, noon))
	return &doctor{
		config: config.Config{Data: dir, Hostname: "host.example.com", Account: "127.0.0.1:0", AccountPlain: "off", NoticesSendmail: "/bin/true"},
		now:    noon, uid: os.Geteuid(),
		statfs: func(string) (unix.Statfs_t, error) { return disk(1<<40, 1<<39, 1e6, 1e6), nil },
		limit:  func() (uint64, error) { return 65536, nil },
		synced: func() (bool, error) { return true, nil },
	}
}

func disk(all, free, inodes, freeInodes uint64) unix.Statfs_t {
	return unix.Statfs_t{Type: unix.EXT4_SUPER_MAGIC, Bsize: 4096, Blocks: all / 4096, Bavail: free / 4096, Files: inodes, Ffree: freeInodes}
}

func put(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	must(t, errors.Join(os.WriteFile(file, []byte(text), mode), os.Chmod(file, mode)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sum is what was found, a line each: the state, the check, the text.
func sum(found []finding) string {
	var lines []string
	for _, f := range found {
		if f.State != good {
			lines = append(lines, fmt.Sprintf("%s %s: %s", f.State, f.Check, f.Text))
		}
	}
	return strings.Join(lines, "\n")
}

func TestDoctor(t *testing.T) {
	in := func(d *doctor, name string) string { return filepath.Join(d.config.Data, name) }
	for _, test := range []struct {
		name string
		harm func(t *testing.T, d *doctor)
		want string // a part of each line that is not ok, in order; DIR is the data directory
	}{
		{"all is well", func(*testing.T, *doctor) {}, "note server: no server is running"},
		{"never started", func(t *testing.T, d *doctor) { must(t, os.RemoveAll(d.config.Data)) },
			"note data directory: DIR is not there yet|note keys: DIR/token.key is not there yet|note server|note certificate: there is none yet"},
		{"open directory", func(t *testing.T, d *doctor) { must(t, os.Chmod(d.config.Data, 0o755)) },
			"problem data directory: DIR is open to others (mode 0755)|note server"},
		{"no directory", func(t *testing.T, d *doctor) { d.config.Data = in(d, "token.key") },
			"problem data directory: DIR is no directory|problem keys|note server|note certificate|problem file system"},
		{"open key", func(t *testing.T, d *doctor) { must(t, os.Chmod(in(d, "token.key"), 0o644)) },
			"problem keys: DIR/token.key may be read by others|note server"},
		{"spoilt key", func(t *testing.T, d *doctor) { put(t, in(d, "token.key"), "abc", 0o600) },
			"problem keys: DIR/token.key does not hold 64|note server"},
		{"lost key", func(t *testing.T, d *doctor) { must(t, os.Remove(in(d, "token.key"))) },
			"problem keys: DIR/token.key is missing, but there is a database|note server"},
		{"open TLS key", func(t *testing.T, d *doctor) { must(t, os.Chmod(in(d, "server.key"), 0o640)) },
			"problem keys: DIR/server.key may be read by others (mode 0640)|note server"},
		{"server hangs", func(t *testing.T, d *doctor) {
			unlock, err := lock(in(d, "lock"))
			must(t, err)
			t.Cleanup(func() { _ = unlock() })
		}, "problem server: a server has the data, but none answers at DIR/latchkey.sock"},
		{"long path", func(_ *testing.T, d *doctor) { d.config.Socket = "/" + strings.Repeat("x", 107) },
			"problem server: /" + strings.Repeat("x", 107) + " is too long for a socket: 108 bytes, and 107 may be"},
		{"address of another machine", func(_ *testing.T, d *doctor) { d.config.Host = "192.0.2.1:2087" },
			"note server|problem ports: host 192.0.2.1:2087 cannot be listened on"},
		{"own certificate ends", func(_ *testing.T, d *doctor) { d.now = noon.AddDate(1, 0, -3) },
			"note server|note certificate: DIR/server.pem expires on 2027-05-01, in 3 days"},
		{"own certificate ended", func(_ *testing.T, d *doctor) { d.now = noon.AddDate(1, 0, 3) },
			"note server|note certificate: DIR/server.pem expired on 2027-05-01"},
		{"other name", func(_ *testing.T, d *doctor) { d.config.Hostname = "www.example.com" },
			"note server|note certificate: DIR/server.pem is for host.example.com, localhost, not for www.example.com"},
		{"set certificate ends", func(_ *testing.T, d *doctor) {
			d.config.Certificate, d.config.Key, d.now = in(d, "server.pem"), in(d, "server.key"), noon.AddDate(1, 0, -3)
		}, "note server|problem certificate: DIR/server.pem expires on 2027-05-01, in 3 days"},
		{"set certificate of another name", func(_ *testing.T, d *doctor) {
			d.config.Certificate, d.config.Key, d.config.Hostname = in(d, "server.pem"), in(d, "server.key"), "www.example.com"
		}, "note server|problem certificate: DIR/server.pem is for host.example.com, localhost, not for www.example.com"},
		{"key of another certificate", func(_ *testing.T, d *doctor) {
			d.config.Certificate, d.config.Key = in(d, "server.pem"), in(d, "ca.key")
		},
			"note server|problem certificate: DIR/server.pem cannot be used"},
		{"clock of long ago", func(_ *testing.T, d *doctor) { d.now = time.Unix(0, 0) },
			"note server|problem certificate: DIR/server.pem is not valid before|problem clock: it is 1970-01-01T00:00:00Z by the clock"},
		{"clock went back", func(t *testing.T, d *doctor) {
			must(t, os.Chtimes(in(d, "latchkey.db"), noon.Add(time.Hour), noon.Add(time.Hour)))
		}, "note server|problem clock: it is 2026-05-01T12:00:00Z by the clock, but the database was written at 2026-05-01T13:00:00Z"},
		{"clock on its own", func(_ *testing.T, d *doctor) { d.synced = func() (bool, error) { return false, nil } },
			"note server|note clock"},
		{"full disk", on(disk(1<<40, 1<<20, 1e6, 1e6)), "note server|problem disk: DIR has 1 MB left"},
		{"nearly full disk", on(disk(1<<40, 1<<34, 1e6, 1e6)), "note server|note disk: DIR has 16 GB left of 1024 GB"},
		{"no inodes", on(disk(1<<40, 1<<39, 1e6, 9)), "note server|problem disk: DIR has 9 inodes left"},
		{"few inodes", on(disk(1<<40, 1<<39, 1e6, 20_000)), "note server|note disk: DIR has 20000 inodes left of 1000000"},
		{"inodes without number", on(disk(1<<40, 1<<39, 0, 0)), "note server"},
		{"proxies mistyped", func(_ *testing.T, d *doctor) { d.config.TrustedProxies = "10.0.0.1 10.0.0.2" },
			"note server|problem proxies: “10.0.0.1 10.0.0.2” is no address and no range"},
		{"nobody is told", func(_ *testing.T, d *doctor) { d.config.NoticesSendmail = "" },
			"note server|note notices: owners are not told by mail"},
		{"told in two ways", func(_ *testing.T, d *doctor) { d.config.NoticesSMTP = "127.0.0.1:25" },
			"note server|problem notices: notices_sendmail and notices_smtp are both set"},
		{"told by nobody we know", func(_ *testing.T, d *doctor) { d.config.NoticesFrom = "me" },
			"note server|problem notices: notices_from is \"me\": it must be one mail address"},
		{"no sendmail", func(_ *testing.T, d *doctor) { d.config.NoticesSendmail = in(d, "sendmail") },
			"note server|problem notices: DIR/sendmail cannot be run: no such file or directory"},
		{"no mail server", func(_ *testing.T, d *doctor) {
			d.config.NoticesSendmail, d.config.NoticesSMTP = "", "127.0.0.1:1"
		}, "note server|problem notices: 127.0.0.1:1 does not answer"},
		{"an open password", func(t *testing.T, d *doctor) {
			put(t, in(d, "password"), "right\n", 0o644)
			d.config.NoticesSendmail, d.config.NoticesSMTP, d.config.NoticesUser, d.config.NoticesPasswordFile = "", "127.0.0.1:1", "me", in(d, "password")
		}, "note server|problem notices: notices_password_file: DIR/password may be read by others (mode 0644)"},
		{"a password in clear", func(t *testing.T, d *doctor) {
			put(t, in(d, "password"), "right\n", 0o600)
			d.config.NoticesSendmail, d.config.NoticesSMTP, d.config.NoticesUser, d.config.NoticesPasswordFile = "", "192.0.2.1:25", "me", in(d, "password")
			d.config.NoticesTLS = "off"
		}, "note server|problem notices: notices_smtp: a password is not sent without TLS"},
		{"network disk", on(unix.Statfs_t{Type: unix.NFS_SUPER_MAGIC, Bsize: 4096, Blocks: 1 << 30, Bavail: 1 << 30}),
			"note server|problem file system: DIR is on NFS"},
		{"few descriptors", func(_ *testing.T, d *doctor) { d.limit = func() (uint64, error) { return 256, nil } },
			"note server|problem descriptors: 256 files"},
		{"not many descriptors", func(_ *testing.T, d *doctor) { d.limit = func() (uint64, error) { return 1024, nil } },
			"note server|note descriptors: 1024 files"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := healthy(t)
			test.harm(t, d)
			got := strings.ReplaceAll(sum(d.look()), d.config.Data, "DIR")
			lines, want := strings.Split(got, "\n"), strings.Split(test.want, "|")
			for i := range want {
				if len(lines) != len(want) || !strings.HasPrefix(lines[i], want[i]) {
					t.Fatalf("found\n%s\nwant\n%s", got, strings.Join(want, "\n"))
				}
			}
		})
	}
}

func on(st unix.Statfs_t) func(*testing.T, *doctor) {
	return func(_ *testing.T, d *doctor) { d.statfs = func(string) (unix.Statfs_t, error) { return st, nil } }
}

func TestDoctorNamesThePortsHolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	address := l.Addr().String()
	if f := port("lmtp", address, os.Getpid()); f.State != good || !strings.HasSuffix(f.Text, "is the running server's") {
		t.Errorf("a port of the server: %+v", f)
	}
	want := fmt.Sprintf("in use by cli.test (process %d)", os.Getpid())
	if f := port("lmtp", address, 0); f.State != problem || !strings.Contains(f.Text, want) {
		t.Errorf("a port of another program: %+v, want %q", f, want)
	}
}

func TestDoctorReport(t *testing.T) {
	for _, test := range []struct {
		found  []finding
		status int
		text   string
	}{
		{[]finding{{"disk", good, "fine", ""}, {"server", note, "none", "start it"}}, 0, "ok    disk    fine\nnote  server  none\n              → start it\n\nAll is well.\n"},
		{[]finding{{"disk", problem, "full", "make room"}}, 1, "problem  disk  full\n               → make room\n\nOne thing must be done.\n"},
	} {
		var out strings.Builder
		err := report(std{out: &out}, "text", test.found)
		if code, _ := errors.AsType[exitCode](err); int(code) != test.status || out.String() != test.text {
			t.Errorf("report(%v) = %v\n%s\nwant %d\n%s", test.found, err, out.String(), test.status, test.text)
		}
		out.Reset()
		_ = report(std{out: &out}, "json", test.found)
		var got struct {
			OK       bool      `json:"ok"`
			Findings []finding `json:"findings"`
		}
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got.OK != (test.status == 0) || len(got.Findings) != len(test.found) {
			t.Errorf("report(%v) as JSON = %s (%v)", test.found, out.String(), err)
		}
	}
}

func TestDoctorReadsTheConfiguration(t *testing.T) {
	t.Setenv("LATCHKEY_DATA", t.TempDir())
	file := filepath.Join(t.TempDir(), "latchkey.toml")
	put(t, file, "dta = \"x\"\n", 0o600)
	out, errs, status := run(t, "doctor", "--config", file)
	if status != 1 || errs != "" || !strings.Contains(out, "problem  configuration") || !strings.HasSuffix(out, "One thing must be done.\n") {
		t.Errorf("doctor = %d\n%s%s", status, out, errs)
	}
}
