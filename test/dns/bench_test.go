package dns

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/needs"
	"github.com/latchkey/latchkey/internal/zone"
	"github.com/latchkey/latchkey/test/testserver"
)

// filled gives example.com so many records more.
func filled(b *testing.B, s *testserver.Server, records int) hosting.Account {
	b.Helper()
	var e zone.Edit
	for i := range records {
		e.Add = append(e.Add, zone.New{Name: fmt.Sprint("r", i), TTL: 60, Type: "A", Data: []string{"192.0.2.1"}})
	}
	acct := accountOf(b, s)
	if _, err := acct.Zones().Edit(b.Context(), "example.com", func(*zone.Zone) (zone.Edit, error) { return e, nil }); err != nil {
		b.Fatal(err)
	}
	return acct
}

// BenchmarkEditToAnswer is one call of mass_edit_zone, over its door with a token,
// until a question over UDP gets the new value. p50 is the middle of all.
func BenchmarkEditToAnswer(b *testing.B) {
	for _, records := range []int{10, 5000, 100_000} {
		b.Run(fmt.Sprint(records), func(b *testing.B) {
			s := testserver.New(b)
			address := listening(b, s)
			filled(b, s, records)
			c := client{s, "cpanel demo:" + s.Token("demo", "bench")}
			serial, err := c.serial("example.com")
			if err != nil {
				b.Fatal(err)
			}
			m := new(dns.Msg)
			m.SetQuestion("r5.example.com.", dns.TypeA)
			line := 24 + 5
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				at := time.Now()
				ip := fmt.Sprintf("198.51.%d.%d", i/250%250, i%250+1)
				edit := fmt.Sprintf(`{"line_index":%d,"dname":"r5","ttl":60,"record_type":"A","data":[%q]}`, line, ip)
				a, err := c.call("DNS/mass_edit_zone", url.Values{"zone": {"example.com"}, "serial": {serial}, "edit": {edit}})
				if err != nil || a.Status != 1 {
					b.Fatal(err, a.Errors)
				}
				reply, _, err := new(dns.Client).Exchange(m, address)
				if err != nil || len(reply.Answer) != 1 || reply.Answer[0].(*dns.A).A.String() != ip {
					b.Fatalf("after the answer: %v, %v", reply, err)
				}
				took = append(took, time.Since(at))
				serial = regexp.MustCompile(`[0-9]+`).FindString(string(a.Data))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

// BenchmarkQueries is how many questions a second dnsperf gets answered, by ours
// and by NSD for the same zone, one after the other and again.
func BenchmarkQueries(b *testing.B) {
	for _, program := range []string{"nsd", "dnsperf"} {
		if _, err := exec.LookPath(program); err != nil {
			b.Skipf("%s is missing: install nsd and dnsperf", program)
		}
	}
	s := testserver.New(b)
	ours := listening(b, s)
	acct := filled(b, s, 5000)
	z, err := acct.Zones().Zone(b.Context(), "example.com")
	if err != nil {
		b.Fatal(err)
	}
	theirs := nsd(b, z)
	questions := filepath.Join(b.TempDir(), "questions")
	var list bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&list, "r%d.example.com A\n", i)
		if i%5 == 0 {
			fmt.Fprintf(&list, "nothing%d.example.com A\nexample.com MX\n", i)
		}
	}
	if err := os.WriteFile(questions, list.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	sum, rounds := map[string]float64{}, 0
	for b.Loop() {
		for name, address := range map[string]string{"ours": ours, "nsd": theirs} {
			sum[name] += dnsperf(b, address, questions)
		}
		rounds++
	}
	for name, n := range sum {
		b.ReportMetric(n/float64(rounds), name+"-q/s")
	}
	b.ReportMetric(sum["ours"]/sum["nsd"], "of-nsd")
}

// dnsperf is how many questions a second are answered at address.
func dnsperf(b *testing.B, address, questions string) float64 {
	b.Helper()
	host, port, _ := strings.Cut(address, ":")
	out, err := exec.Command("dnsperf", "-s", host, "-p", port, "-d", questions, "-l", "5", "-c", "4", "-q", "100").CombinedOutput()
	found := regexp.MustCompile(`Queries per second:\s+([0-9.]+)`).FindSubmatch(out)
	lost := regexp.MustCompile(`Queries lost:\s+([0-9]+)`).FindSubmatch(out)
	if err != nil || found == nil || lost == nil || len(lost[1]) > 3 {
		b.Fatalf("dnsperf: %v\n%s", err, out)
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64)
	return n
}

// nsd runs NSD with a zone until the benchmark ends, and tells where.
func nsd(b *testing.B, z *zone.Zone) string {
	b.Helper()
	dir, port := b.TempDir(), needs.Port(b)
	conf := fmt.Sprintf(`server:
  ip-address: 127.0.0.1@%s
  username: ""
  zonesdir: %q
  database: ""
  pidfile: %q
  xfrdfile: %q
  zonelistfile: %q
  server-count: 1
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: example.com
  zonefile: example.com.zone
`, port, dir, filepath.Join(dir, "pid"), filepath.Join(dir, "xfrd"), filepath.Join(dir, "list"))
	for name, text := range map[string]string{"nsd.conf": conf, "example.com.zone": z.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	var said bytes.Buffer
	cmd := exec.Command("nsd", "-d", "-c", filepath.Join(dir, "nsd.conf"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	address := "127.0.0.1:" + port
	m := new(dns.Msg)
	m.SetQuestion("example.com.", dns.TypeSOA)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if reply, _, err := new(dns.Client).Exchange(m, address); err == nil && len(reply.Answer) == 1 {
			return address
		}
		if time.Now().After(end) {
			b.Fatalf("nsd does not answer:\n%s", said.String())
		}
	}
}

// accountOf puts demo into the hands of who the system vouches for.
func accountOf(b *testing.B, s *testserver.Server) hosting.Account {
	b.Helper()
	c, err := s.Verifier.Local(b.Context(), "demo", latchkey.ForAccount)
	if err != nil {
		b.Fatal(err)
	}
	acct, err := s.Estate.Account(b.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
	if err != nil {
		b.Fatal(err)
	}
	return acct
}
