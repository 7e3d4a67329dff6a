package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/driver/bind/bindtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/needs"
)

// asked calls a function as the local socket would; it must succeed.
func asked(t *testing.T, h *house, names call.Names, user, module, name string, args ...string) *call.Result {
	t.Helper()
	r := &call.Request{Names: names, Local: latchkey.AccountName(user), Module: module, Func: name}
	if names == call.WHM {
		r.Audience = latchkey.ForHost
	}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args = append(r.Args, api.Arg{Key: args[i], Value: args[i+1]})
	}
	res := h.calls.Do(context.Background(), r)
	if res.Failed() {
		t.Fatalf("%s: %v %v", name, res.Err, res.Errors)
	}
	return res
}

// signedAndNotAnyMore enables DNSSEC for example.com, edits it, and disables it.
func signedAndNotAnyMore(t *testing.T, h *house, address string) {
	t.Helper()
	signatures := func() (n int, serial uint32) {
		m := new(dns.Msg)
		m.SetQuestion("example.com.", dns.TypeSOA)
		m.SetEdns0(1232, true)
		reply, _, err := new(dns.Client).Exchange(m, address)
		must(t, err)
		for _, rr := range reply.Answer {
			switch rr := rr.(type) {
			case *dns.RRSIG:
				n++
			case *dns.SOA:
				serial = rr.Serial
			}
		}
		return n, serial
	}
	asked(t, h, call.UAPI, "demo", "DNSSEC", "enable_dnssec", "domain", "example.com", "algo_num", "13", "key_setup", "simple")
	ds := fmt.Sprint(asked(t, h, call.WHM, "root", "", "fetch_ds_records_for_domains", "domain", "example.com").Data)
	if !strings.Contains(ds, "ECDSAP256SHA256") || !strings.Contains(ds, "SHA-384") {
		t.Errorf("the DS records are %s", ds)
	}
	asked(t, h, call.API2, "demo", "ZoneEdit", "add_zone_record", "domain", "example.com", "name", "signed", "type", "TXT", "txtdata", "abc")
	n, before := signatures()
	if n == 0 {
		t.Error("the zone is not signed")
	}
	asked(t, h, call.UAPI, "demo", "DNSSEC", "disable_dnssec", "domain", "example.com")
	if n, after := signatures(); n > 0 || after <= before {
		t.Errorf("the zone has %d signatures, serial %d after %d", n, after, before)
	}
}

// TestBIND: a whole server on BIND. What a call has answered BIND answers, after
// another start too.
func TestBIND(t *testing.T) {
	b := bindtest.Start(t)
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	c := config.Config{Data: filepath.Join(dir, "data"), Account: "127.0.0.1:0", Hostname: "host.example.org", IP: "192.0.2.1", DNS: "auto",
		DNSDriver: "bind", BINDZones: filepath.Join(b.Dir, "zones"), BINDAddress: b.Address, BINDRndc: strings.Join(b.Rndc, " ")}
	h, err := build(t.Context(), c, log)
	must(t, err)
	if h.names != nil || h.dns() != b.Address {
		t.Errorf("the name server is at %s", h.dns())
	}
	asked(t, h, call.WHM, "root", "", "createacct", "username", "demo", "domain", "example.com", "password", "correct-horse-9")
	asked(t, h, call.API2, "demo", "ZoneEdit", "add_zone_record", "domain", "example.com", "name", "_acme-challenge", "type", "TXT", "txtdata", "abc")
	says := func(name string, rtype uint16, want string) {
		t.Helper()
		m := new(dns.Msg)
		m.SetQuestion(name, rtype)
		reply, _, err := new(dns.Client).Exchange(m, b.Address)
		must(t, err)
		got := ""
		if len(reply.Answer) > 0 {
			got = strings.TrimPrefix(reply.Answer[0].String(), reply.Answer[0].Header().String())
		}
		if got != want {
			t.Errorf("BIND says of %s: %s, want %s", name, got, want)
		}
	}
	says("_acme-challenge.example.com.", dns.TypeTXT, `"abc"`)
	signedAndNotAnyMore(t, h, b.Address)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	must(t, h.run(ctx))

	// Somebody has lost a file, and BIND the zone.
	must(t, os.Remove(filepath.Join(c.BINDZones, "example.com.db")))
	h, err = build(t.Context(), c, log)
	must(t, err)
	ctx, cancel = context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.run(ctx) }()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(c.BINDZones, "example.com.db")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the file of the zone is not put back")
		}
	}
	asked(t, h, call.UAPI, "demo", "DNS", "swap_ip_in_zones", "domain", "example.com", "dest_ip", "192.0.2.9")
	says("example.com.", dns.TypeA, "192.0.2.9")
	asked(t, h, call.WHM, "root", "", "removeacct", "username", "demo")
	says("example.com.", dns.TypeSOA, "")
	cancel()
	must(t, <-ended)

	c.DNSDriver, c.BINDRndc = "auto", "rndc -s 127.0.0.1 -p "+needs.Port(t)
	c.DNS = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 0).String()
	h, err = build(t.Context(), c, log)
	must(t, err)
	if h.bind != nil || h.names == nil {
		t.Error("auto takes a BIND that does not listen")
	}
	must(t, h.run(ctx))
	if st, err := os.Stat(filepath.Join(c.Data, "rndc.key")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key of rndc: %v, %v", st, err)
	}
	for _, bad := range []config.Config{{DNSDriver: "knot"}, {DNSDriver: "bind"}, {DNSDriver: "nsd"}, {DNSDriver: "nsd", NSDZones: dir, NSDControl: "nsd-control -s " + dir + "/none"}, {DNSDriver: "bind", BINDZones: dir, Data: c.Data, BINDRndc: c.BINDRndc}} {
		if part, err := bindPart(t.Context(), bad, log); err == nil {
			t.Errorf("%+v makes %v", bad, part)
		}
	}
}

// TestNSD: a whole server on NSD, which signs nothing and says so.
func TestNSD(t *testing.T) {
	n := bindtest.StartNSD(t)
	c := config.Config{Data: filepath.Join(t.TempDir(), "data"), Account: "127.0.0.1:0", Hostname: "host.example.org", IP: "192.0.2.1", DNS: "auto",
		DNSDriver: "nsd", NSDZones: filepath.Join(n.Dir, "zones"), NSDAddress: n.Address, NSDControl: strings.Join(n.Rndc, " ")}
	h, err := build(t.Context(), c, slog.New(slog.DiscardHandler))
	must(t, err)
	if h.names != nil || h.dns() != n.Address {
		t.Errorf("the name server is at %s", h.dns())
	}
	asked(t, h, call.WHM, "root", "", "createacct", "username", "demo", "domain", "example.com", "password", "correct-horse-9")
	for i := range 3 { // each is there when its call has been answered
		value := fmt.Sprint("value", i)
		asked(t, h, call.API2, "demo", "ZoneEdit", "add_zone_record", "domain", "example.com", "name", "n"+value, "type", "TXT", "txtdata", value)
		m := new(dns.Msg)
		m.SetQuestion("n"+value+".example.com.", dns.TypeTXT)
		reply, _, err := new(dns.Client).Exchange(m, n.Address)
		must(t, err)
		if len(reply.Answer) != 1 {
			t.Errorf("NSD says %v", reply)
		}
	}
	res := h.calls.Do(context.Background(), &call.Request{Names: call.UAPI, Local: "demo", Module: "DNSSEC", Func: "enable_dnssec", Args: api.Args{{Key: "domain", Value: "example.com"}}})
	if res.Err == nil || res.Err.Kind != latchkey.RoleOff {
		t.Errorf("NSD signs: %v", res.Err)
	}
	asked(t, h, call.WHM, "root", "", "removeacct", "username", "demo")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	must(t, h.run(ctx))
}
