package bind

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// A zone is signed by BIND, by a dnssec-policy. Which one stands in a file beside
// the zone's keys, which BIND makes; the policies stand in one that BIND's
// configuration includes.

// PoliciesFile is what the file of the policies is called, in [Options.Dir].
const PoliciesFile = "dnssec.conf"

func (p *Part) policies() string { return filepath.Join(p.o.Dir, PoliciesFile) }

func (p *Part) keys(name latchkey.Domain) string { return filepath.Join(p.o.Dir, "keys", string(name)) }

const signingFile = "signing.json"

// endingFile stands beside it and says with which text of the zone the signing ends.
const endingFile = "ending"

// wanted is how a zone is to be signed; nil if it is not.
func (p *Part) wanted(name latchkey.Domain) (*hosting.Signing, error) {
	if !p.dialect.signs {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(p.keys(name), signingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	how := new(hosting.Signing)
	if err == nil {
		err = json.Unmarshal(text, how)
	}
	if err == nil {
		err = how.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("how the zone %s is to be signed: %w", name, err)
	}
	return once(how), nil
}

// once is how without hashing names again, which only costs who asks: no zone should
// (RFC 9276), and from 9.20 on BIND refuses a policy that has it.
func once(how *hosting.Signing) *hosting.Signing {
	if how.NSEC3 == nil || how.NSEC3.Iterations == 0 {
		return how
	}
	is, chain := *how, *how.NSEC3
	chain.Iterations, is.NSEC3 = 0, &chain
	return &is
}

var again = regexp.MustCompile(`\biterations [1-9][0-9]*`)

// hashOnce mends policies of an earlier version, so that a newer BIND takes them.
func (p *Part) hashOnce() error {
	text, err := os.ReadFile(p.policies())
	if err != nil || !again.Match(text) {
		return err
	}
	return durable.WriteFile(p.policies(), again.ReplaceAll(text, []byte("iterations 0")), 0o644)
}

// want keeps how a zone is to be signed from now on.
func (p *Part) want(name latchkey.Domain, how *hosting.Signing) error {
	file := filepath.Join(p.keys(name), signingFile)
	if how == nil {
		return durable.Remove(file)
	}
	if err := os.MkdirAll(filepath.Dir(p.keys(name)), 0o755); err != nil {
		return err
	}
	switch err := os.Mkdir(p.keys(name), 0o770); {
	case err == nil:
		// BIND writes here, by the group that the directory above may give.
		if err := os.Chmod(p.keys(name), 0o770); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	text, err := json.Marshal(how)
	if err != nil {
		return err
	}
	return durable.WriteFile(file, text, 0o644)
}

// policyName is the name of the policy that signs so.
func policyName(how *hosting.Signing) string {
	name := fmt.Sprintf("latchkey-%d-csk", how.Algorithm)
	if how.Split {
		name = fmt.Sprintf("latchkey-%d-split", how.Algorithm)
	}
	if n := how.NSEC3; n != nil {
		name += fmt.Sprintf("-nsec3-%d-%t-%d", n.Iterations, n.OptOut, saltLength(n))
	}
	return name
}

// saltLength is how long a salt is, in bytes.
func saltLength(n *hosting.NSEC3) int {
	if n.Salted {
		return 8
	}
	return 0
}

// policy is its text.
func policy(how *hosting.Signing) string {
	var b strings.Builder
	algorithm := strconv.Itoa(how.Algorithm)
	if how.Algorithm == int(dns.RSASHA256) || how.Algorithm == int(dns.RSASHA512) {
		algorithm += " 2048"
	}
	fmt.Fprintf(&b, "dnssec-policy %q {\n\tkeys {", policyName(how))
	roles := []string{"csk"}
	if how.Split {
		roles = []string{"ksk", "zsk"}
	}
	for _, role := range roles {
		fmt.Fprintf(&b, " %s lifetime unlimited algorithm %s;", role, algorithm)
	}
	b.WriteString(" };\n")
	if n := how.NSEC3; n != nil {
		optOut := map[bool]string{true: "yes", false: "no"}[n.OptOut]
		fmt.Fprintf(&b, "\tnsec3param iterations %d optout %s salt-length %d;\n", n.Iterations, optOut, saltLength(n))
	}
	b.WriteString("};\n")
	return b.String()
}

// offer lets BIND know the policy that signs so. What the file has stays: BIND refuses
// a configuration in which a zone's policy is missing. The caller holds signing.
func (p *Part) offer(ctx context.Context, how *hosting.Signing) error {
	text, err := os.ReadFile(p.policies())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if strings.Contains(string(text), policy(how)) {
		return nil
	}
	if err := durable.WriteFile(p.policies(), append(text, policy(how)...), 0o644); err != nil {
		return err
	}
	_, err = p.rndc(ctx, "reconfig")
	return err
}

// config is what BIND is told of a zone.
func (p *Part) config(name latchkey.Domain, how *hosting.Signing) string {
	signs := ""
	if how != nil {
		signs = fmt.Sprintf(`inline-signing yes; dnssec-policy "%s"; key-directory "%s"; `, policyName(how), p.keys(name))
	}
	return fmt.Sprintf(`{ type primary; file "%s"; %s};`, p.File(name), signs)
}

// apply has BIND sign a zone as it is to be signed, or not at all. Zones of which
// that changes are made anew by BIND when it reads its configuration.
func (p *Part) apply(ctx context.Context, name latchkey.Domain, how *hosting.Signing) error {
	p.signing.Lock()
	defer p.signing.Unlock()
	if how != nil {
		if err := p.offer(ctx, how); err != nil {
			return err
		}
	}
	out, err := p.rndc(ctx, "modzone", string(name), p.config(name, how))
	if err != nil && how != nil && strings.Contains(out, "configure_zone failed") {
		return &latchkey.Error{Kind: latchkey.Unavailable, Err: err, Msg: "The name server does not know how zones are to be signed: ask the administrator to include “" + p.policies() + "” in its configuration."}
	}
	if err == nil {
		_, err = p.rndc(ctx, "reconfig")
	}
	return err
}

// keepSigned has BIND sign a zone as it is to be signed, where that was cut short.
func (p *Part) keepSigned(ctx context.Context, name latchkey.Domain) error {
	how, err := p.wanted(name)
	if err != nil || how == nil {
		return err
	}
	out, err := p.rndc(ctx, "showzone", string(name))
	if err != nil || strings.Contains(out, `"`+policyName(how)+`"`) {
		return err
	}
	return p.apply(ctx, name, how)
}

// Sign has BIND sign z, and returns when it answers so. What it does not sign within
// its time is as it was before.
func (p *Part) Sign(ctx context.Context, z *zone.Zone, asked hosting.Signing) error {
	name, how := z.Name(), once(&asked)
	s := p.zone(name)
	s.Lock()
	defer s.Unlock()
	was, err := p.wanted(name)
	if err != nil {
		return err
	}
	if was != nil && (was.Algorithm != how.Algorithm || was.Split != how.Split) {
		return latchkey.Errorf(latchkey.Exists, "The DNS zone is signed already, with other keys: disable DNSSEC first, and take its DS records from the registrar before.")
	}
	if err := durable.Remove(filepath.Join(p.keys(name), endingFile)); err != nil {
		return err
	}
	if err := p.want(name, how); err != nil {
		return err
	}
	if err = p.apply(ctx, name, how); err == nil {
		err = p.confirmSigned(ctx, z, how)
	}
	if err == nil {
		return nil
	}
	back := errors.Join(p.want(name, was), p.apply(ctx, name, was))
	if was == nil && back == nil {
		back = p.clean(name)
	}
	return errors.Join(err, back)
}

// confirmSigned returns when BIND answers with signatures, and says what is not
// there as it was told.
func (p *Part) confirmSigned(ctx context.Context, z *zone.Zone, how *hosting.Signing) error {
	err := p.confirm(ctx, z, func(a answer) bool {
		if !a.signed {
			return false
		}
		keys, signatures := p.records(ctx, z.Apex(), dns.TypeDNSKEY)
		chain, _ := p.records(ctx, z.Apex(), dns.TypeNSEC3PARAM)
		if how.NSEC3 == nil {
			return len(keys) > 0 && signatures && len(chain) == 0
		}
		return len(keys) > 0 && signatures && len(chain) == 1 && int(chain[0].(*dns.NSEC3PARAM).Iterations) == how.NSEC3.Iterations
	})
	if err != nil {
		err = &latchkey.Error{Kind: latchkey.Unavailable, Err: err, Msg: "The name server does not sign the DNS zone: ask the administrator whether it may write to “" + p.keys(z.Name()) + "”, and what its log says."}
	}
	return err
}

// records are what BIND has of a type at a zone's name, and whether it is signed.
func (p *Part) records(ctx context.Context, apex string, rtype uint16) (list []dns.RR, signed bool) {
	m := new(dns.Msg)
	m.SetQuestion(apex, rtype)
	m.SetEdns0(4096, true)
	reply, _, err := (&dns.Client{Net: "tcp", Timeout: 2 * time.Second}).ExchangeContext(ctx, m, p.o.Address)
	if err != nil {
		return nil, false
	}
	for _, rr := range reply.Answer {
		switch rr.Header().Rrtype {
		case rtype:
			list = append(list, rr)
		case dns.TypeRRSIG:
			signed = true
		}
	}
	return list, signed
}

// Unsign has the Serve of is, or of what comes after it, end the signing. If something
// else comes in its place, is was not kept, and the zone stays signed.
func (p *Part) Unsign(is *zone.Zone) error {
	s := p.zone(is.Name())
	s.Lock()
	defer s.Unlock()
	if how, err := p.wanted(is.Name()); err != nil || how == nil {
		return err
	}
	return durable.WriteFile(filepath.Join(p.keys(is.Name()), endingFile), []byte(digest(is)), 0o644)
}

func digest(z *zone.Zone) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(z.String()))) }

// ended ends the signing of a zone if it is to with what is served now, or was before.
func (p *Part) ended(was, is *zone.Zone) error {
	file := filepath.Join(p.keys(is.Name()), endingFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && (string(text) == digest(is) || was != nil && string(text) == digest(was)) {
		err = p.want(is.Name(), nil)
	}
	if err != nil {
		return err
	}
	return durable.Remove(file)
}

// Served is the serial number that BIND answers with.
func (p *Part) Served(ctx context.Context, name latchkey.Domain) (uint32, error) {
	a, known := p.ask(ctx, string(name)+".")
	if !known {
		return 0, fmt.Errorf("BIND does not answer for the zone %s", name)
	}
	return a.serial, nil
}

// clean takes away what BIND has written for a zone that it signs no more.
func (p *Part) clean(name latchkey.Domain) error {
	err := os.RemoveAll(p.keys(name))
	for _, end := range []string{".signed", ".signed.jnl", ".jbk", ".jnl"} {
		if e := os.Remove(p.File(name) + end); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Signed is how a zone is signed, and with what.
func (p *Part) Signed(ctx context.Context, name latchkey.Domain) (is hosting.SignedZone, err error) {
	s := p.zone(name)
	s.Lock()
	defer s.Unlock()
	how, err := p.wanted(name)
	if how == nil {
		return is, err
	}
	is.Signing = *how
	if chain, _ := p.records(ctx, string(name)+".", dns.TypeNSEC3PARAM); is.NSEC3 != nil && len(chain) == 1 {
		is.NSEC3.Salt = chain[0].(*dns.NSEC3PARAM).Salt
	}
	files, err := filepath.Glob(filepath.Join(p.keys(name), "K*.key"))
	for _, file := range files {
		key, err := readKey(file)
		if err != nil {
			return is, err
		}
		is.Keys = append(is.Keys, key)
	}
	slices.SortFunc(is.Keys, func(a, b hosting.ZoneKey) int { return a.Tag - b.Tag })
	return is, err
}

// readKey reads a key as BIND keeps it: a DNSKEY record, and beside it a file that
// says what has become of it.
func readKey(file string) (key hosting.ZoneKey, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return key, err
	}
	rr, err := dns.NewRR(string(text))
	public, ok := rr.(*dns.DNSKEY)
	if err == nil && (!ok || public.PublicKey == "") {
		err = errors.New("it has no DNSKEY record, or half of one")
	}
	if err != nil {
		return key, fmt.Errorf("%s is no key: %w", file, err)
	}
	key = hosting.ZoneKey{Tag: int(public.KeyTag()), Flags: int(public.Flags), Public: public.PublicKey}
	if public.Flags&dns.SEP != 0 {
		for _, kind := range []uint8{dns.SHA1, dns.SHA256, dns.SHA384} {
			key.Digests = append(key.Digests, hosting.Digest{Type: int(kind), Hex: public.ToDS(kind).Digest})
		}
	}
	state, err := os.ReadFile(strings.TrimSuffix(file, ".key") + ".state")
	if err != nil {
		return key, err
	}
	for line := range strings.Lines(string(state)) {
		word, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch word {
		case "Length":
			key.Bits, _ = strconv.Atoi(value)
		case "Generated":
			stamp, _, _ := strings.Cut(value, " ")
			key.Created, _ = time.Parse("20060102150405", stamp)
		case "GoalState":
			key.Active = value == "omnipresent"
		}
	}
	return key, nil
}

// SigningKey is the private part of a key, as BIND keeps it.
func (p *Part) SigningKey(name latchkey.Domain, tag int) (latchkey.Secret, error) {
	s := p.zone(name)
	s.Lock()
	defer s.Unlock()
	files, err := filepath.Glob(filepath.Join(p.keys(name), fmt.Sprintf("K*+%05d.private", tag)))
	if err != nil || len(files) != 1 {
		return latchkey.Secret{}, hosting.NoZoneKey()
	}
	text, err := os.ReadFile(files[0])
	if errors.Is(err, fs.ErrPermission) {
		err = &latchkey.Error{Kind: latchkey.Unavailable, Err: err, Msg: "The name server keeps the private key for itself: ask the administrator for it."}
	}
	return latchkey.NewSecret(string(text)), err
}
