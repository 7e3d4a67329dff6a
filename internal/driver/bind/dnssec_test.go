package bind_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/driver/bind"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// signedAnswer is what BIND answers to who asks for signatures.
func signedAnswer(t testing.TB, p *bind.Part, name string, rtype uint16) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, rtype)
	m.SetEdns0(4096, true)
	reply, _, err := (&dns.Client{Net: "tcp", Timeout: 2 * time.Second}).Exchange(m, p.Address())
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// validates reports whether an answer is signed with keys that a parent's DS record
// leads to.
func validates(t testing.TB, p *bind.Part, apex string, ds []hosting.Digest, reply []dns.RR) bool {
	t.Helper()
	keys := map[uint16]*dns.DNSKEY{}
	var all []dns.RR
	trusted := false
	answer := signedAnswer(t, p, apex, dns.TypeDNSKEY).Answer
	for _, rr := range answer {
		if k, ok := rr.(*dns.DNSKEY); ok {
			keys[k.KeyTag()], all = k, append(all, k)
		}
	}
	for _, rr := range answer {
		if s, ok := rr.(*dns.RRSIG); ok && keys[s.KeyTag] != nil && s.Verify(keys[s.KeyTag], all) == nil {
			for _, d := range ds {
				trusted = trusted || d.Type == int(dns.SHA256) && strings.EqualFold(keys[s.KeyTag].ToDS(dns.SHA256).Digest, d.Hex)
			}
		}
	}
	if !trusted {
		return false
	}
	sets, signed := map[uint16][]dns.RR{}, 0
	for _, rr := range reply {
		if rr.Header().Rrtype != dns.TypeRRSIG {
			sets[rr.Header().Rrtype] = append(sets[rr.Header().Rrtype], rr)
		}
	}
	for _, rr := range reply {
		if s, ok := rr.(*dns.RRSIG); ok && len(sets[s.TypeCovered]) == 1 {
			if keys[s.KeyTag] == nil || s.Verify(keys[s.KeyTag], sets[s.TypeCovered]) != nil || !s.ValidityPeriod(time.Now()) {
				return false
			}
			signed++
		}
	}
	return signed > 0
}

// TestSigned: a zone that is to be signed is, on the wire, by keys that the DS
// records point to; after an edit, after another way of saying no, and no more when
// it is not to be.
func TestSigned(t *testing.T) {
	for name, how := range map[string]hosting.Signing{
		"one key":  {Algorithm: 13},
		"two keys": {Algorithm: 8, Split: true, NSEC3: &hosting.NSEC3{Iterations: 7, Salted: true}},
	} {
		t.Run(name, func(t *testing.T) {
			p, ctx := start(t), t.Context()
			z := fresh(t, "example.com")
			if err := p.Serve(ctx, nil, z); err != nil {
				t.Fatal(err)
			}
			if err := p.Sign(ctx, z, how); err != nil {
				t.Fatal(err)
			}
			is, err := p.Signed(ctx, "example.com")
			if err != nil || len(is.Keys) == 0 || is.Split != (len(is.Keys) == 2) {
				t.Fatalf("Signed: %+v, %v", is, err)
			}
			if is.NSEC3 != nil && is.NSEC3.Iterations != 0 {
				t.Errorf("names are hashed again: %+v", is.NSEC3)
			}
			var ds []hosting.Digest
			for _, k := range is.Keys {
				ds = append(ds, k.Digests...)
				if k.Bits < 256 || !k.Active || k.Created.IsZero() || (k.Flags == 257) != (k.Digests != nil) {
					t.Errorf("a key is %+v", k)
				}
				if secret, err := p.SigningKey("example.com", k.Tag); err != nil || !strings.HasPrefix(secret.Reveal(), "Private-key-format:") {
					t.Errorf("its private part: %v", err)
				}
			}
			good := func(when, name string, rtype uint16) {
				t.Helper()
				reply := signedAnswer(t, p, name, rtype)
				if !validates(t, p, "example.com.", ds, append(reply.Answer, reply.Ns...)) {
					t.Errorf("%s: %s %s does not validate: %v", when, name, dns.Type(rtype), reply)
				}
			}
			good("signed", "example.com.", dns.TypeSOA)
			good("signed", "www.example.com.", dns.TypeCNAME)
			good("signed", "nothing.example.com.", dns.TypeA)
			if validates(t, p, "example.com.", []hosting.Digest{{Type: 2, Hex: strings.Repeat("00", 32)}}, signedAnswer(t, p, "example.com.", dns.TypeSOA).Answer) {
				t.Error("anything validates")
			}
			is2 := adding(t, z, "TXT", "_acme-challenge", "abc")
			if err := p.Serve(ctx, z, is2); err != nil {
				t.Fatal(err)
			}
			good("edited", "_acme-challenge.example.com.", dns.TypeTXT)
			other := how
			if other.NSEC3 = nil; how.NSEC3 == nil {
				other.NSEC3 = &hosting.NSEC3{}
			}
			if err := p.Sign(ctx, is2, other); err != nil {
				t.Fatal(err)
			}
			good("with another chain", "nothing.example.com.", dns.TypeA)
			if n := len(signedAnswer(t, p, "example.com.", dns.TypeNSEC3PARAM).Answer); (n > 0) != (other.NSEC3 != nil) {
				t.Errorf("there are %d records of NSEC3PARAM", n)
			}
			changed := how
			changed.Algorithm = 14
			if err := p.Sign(ctx, is2, changed); latchkey.KindOf(err) != latchkey.Exists {
				t.Errorf("another algorithm: %v", err)
			}
			notAnyMore(t, p, is2)
		})
	}
}

// notAnyMore ends the signing of a zone.
func notAnyMore(t *testing.T, p *bind.Part, was *zone.Zone) {
	t.Helper()
	ctx := t.Context()
	served, err := p.Served(ctx, was.Name())
	if err != nil || served <= was.Serial() {
		t.Fatalf("serial %d is served, %v", served, err)
	}
	is, err := was.Raised(served, now)
	if err != nil || is.Serial() <= served {
		t.Fatal(is.Serial(), err)
	}
	if err := p.Unsign(is); err != nil {
		t.Fatal(err)
	}
	if err := p.Serve(ctx, was, is); err != nil {
		t.Fatal(err)
	}
	for _, rtype := range []uint16{dns.TypeSOA, dns.TypeDNSKEY, dns.TypeNSEC3PARAM} {
		for _, rr := range signedAnswer(t, p, was.Apex(), rtype).Answer {
			if soa, ok := rr.(*dns.SOA); !ok || soa.Serial != is.Serial() {
				t.Errorf("after the end there is %v", rr)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(p.File(was.Name())), "keys", "*", "*")); len(left) > 0 {
		t.Errorf("after the end there are %v", left)
	}
	if signed, err := p.Signed(ctx, was.Name()); err != nil || len(signed.Keys) > 0 {
		t.Errorf("after the end: %+v, %v", signed, err)
	}
}

// TestUnsignCutShort: a zone of which it was not kept that its signing ends stays signed,
// by the same keys, whatever comes next; and one of which it was kept is signed no more,
// if the end comes in between.
func TestUnsignCutShort(t *testing.T) {
	p, ctx := start(t), t.Context()
	z := fresh(t, "example.com")
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Fatal(err)
	}
	if err := p.Sign(ctx, z, hosting.Signing{Algorithm: 13}); err != nil {
		t.Fatal(err)
	}
	before, err := p.Signed(ctx, "example.com")
	if err != nil || len(before.Keys) != 1 {
		t.Fatal(before, err)
	}
	raised := func(z *zone.Zone) *zone.Zone {
		t.Helper()
		served, err := p.Served(ctx, z.Name())
		if err != nil {
			t.Fatal(err)
		}
		is, err := z.Raised(served, now)
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	stands := func(when string) {
		t.Helper()
		after, err := p.Signed(ctx, "example.com")
		if err != nil || len(after.Keys) != 1 || after.Keys[0].Tag != before.Keys[0].Tag {
			t.Errorf("%s: the keys were %+v, and are %+v, %v", when, before.Keys, after.Keys, err)
		}
		if reply := signedAnswer(t, p, "www.example.com.", dns.TypeCNAME); !validates(t, p, "example.com.", before.Keys[0].Digests, reply.Answer) {
			t.Errorf("%s: it does not validate: %v", when, reply)
		}
	}
	if err := p.Unsign(raised(z)); err != nil { // and then the transaction fails
		t.Fatal(err)
	}
	stands("before the commit")
	if err := p.Serve(ctx, nil, z); err != nil { // as after a start
		t.Fatal(err)
	}
	stands("after a start")
	if err := p.Unsign(raised(z)); err != nil {
		t.Fatal(err)
	}
	next := adding(t, z, "TXT", "_acme-challenge", "abc")
	if err := p.Serve(ctx, z, next); err != nil {
		t.Fatal(err)
	}
	stands("after another edit")
	// It is kept, and the server ends; the next edit comes before the zone is served.
	last := raised(next)
	if err := p.Unsign(last); err != nil {
		t.Fatal(err)
	}
	if err := p.Serve(ctx, last, adding(t, last, "TXT", "_acme-challenge", "def")); err != nil {
		t.Fatal(err)
	}
	if after, err := p.Signed(ctx, "example.com"); err != nil || len(after.Keys) > 0 {
		t.Errorf("after the end there are %+v, %v", after.Keys, err)
	}
	for _, rr := range signedAnswer(t, p, "example.com.", dns.TypeDNSKEY).Answer {
		t.Errorf("after the end there is %v", rr)
	}
}

// TestSignedAgain: a zone that BIND has lost comes back signed, by the same keys.
func TestSignedAgain(t *testing.T) {
	p, ctx := start(t), t.Context()
	z := fresh(t, "example.com")
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Fatal(err)
	}
	if err := p.Sign(ctx, z, hosting.Signing{Algorithm: 13}); err != nil {
		t.Fatal(err)
	}
	before, _ := p.Signed(ctx, "example.com")
	if out, err := p.Tell("delzone", "example.com"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Fatal(err)
	}
	after, err := p.Signed(ctx, "example.com")
	if err != nil || len(after.Keys) != 1 || after.Keys[0].Tag != before.Keys[0].Tag {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
	if reply := signedAnswer(t, p, "www.example.com.", dns.TypeCNAME); !validates(t, p, "example.com.", before.Keys[0].Digests, reply.Answer) {
		t.Errorf("it does not validate: %v", reply)
	}
}

// TestNotIncluded: where BIND does not know the policies, that is said, and the zone
// is answered as before.
func TestNotIncluded(t *testing.T) {
	p, ctx := start(t), t.Context()
	z := fresh(t, "example.com")
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(filepath.Dir(filepath.Dir(p.File("x"))), "named.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, bind.PoliciesFile) {
			kept = append(kept, line)
		}
	}
	if err := os.WriteFile(conf, []byte(strings.Join(kept, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	err = p.Sign(ctx, z, hosting.Signing{Algorithm: 13})
	if latchkey.KindOf(err) != latchkey.Unavailable || !strings.Contains(latchkey.AsError(err).Msg, "include") {
		t.Errorf("Sign: %v", err)
	}
	if signed, err := p.Signed(ctx, "example.com"); err != nil || len(signed.Keys) > 0 {
		t.Errorf("it is signed: %+v, %v", signed, err)
	}
	if err := p.Serve(ctx, z, adding(t, z, "TXT", "t", "x")); err != nil {
		t.Error(err)
	}
}

// TestHashOnce: a policy of an earlier version is one that a newer BIND takes, too.
func TestHashOnce(t *testing.T) {
	o := bind.Options{Dir: t.TempDir(), Rndc: []string{"true"}, Checkzone: "true"}
	file := filepath.Join(o.Dir, bind.PoliciesFile)
	const text = "dnssec-policy \"latchkey-13-csk-nsec3-7-false-0\" {\n\tkeys { csk lifetime unlimited algorithm 13; };\n\tnsec3param iterations "
	if err := os.WriteFile(file, []byte(text+"7 optout no salt-length 0;\n};\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := bind.New(o); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != text+"0 optout no salt-length 0;\n};\n" {
		t.Errorf("the policies are %q, %v", got, err)
	}
}

// TestSignedByAnother: a change of policy that was cut short is made at the next start.
func TestSignedByAnother(t *testing.T) {
	p, ctx := start(t), t.Context()
	z := fresh(t, "example.com")
	if err := p.Serve(ctx, nil, z); err != nil {
		t.Fatal(err)
	}
	if err := p.Sign(ctx, z, hosting.Signing{Algorithm: 13}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(p.File("x")), "keys", "example.com", "signing.json")
	if err := os.WriteFile(file, []byte(`{"algorithm":13,"nsec3":{"iterations":7}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	_ = p.Promise("example.com", func() (*zone.Zone, error) { return z, nil })
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { p.Run(running); close(done) }()
	defer func() { stop(); <-done }()
	for end := time.Now().Add(20 * time.Second); len(signedAnswer(t, p, "example.com.", dns.TypeNSEC3PARAM).Answer) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the zone is signed as before")
		}
	}
}
