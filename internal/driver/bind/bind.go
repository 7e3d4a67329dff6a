// Package bind serves zones with BIND 9, or with NSD in other words: it writes zone
// files, has BIND read them through rndc, and says that a zone is served when BIND
// answers with it. Start at [New]; a [Part] is what the server holds. What is said of
// BIND here holds for NSD, but that it signs.
//
// BIND's own configuration is the administrator's. It must have
// "allow-new-zones yes;", let rndc in with the key that [Options.Rndc] uses, and be
// able to read the files. NSD's must have remote control, and a pattern called
// [Pattern] whose zonefile is "DIR/%s.db".
package bind

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// Options are how BIND is reached. All but Checkzone are required.
type Options struct {
	Dir       string   // of the zone files; BIND must be able to read it
	Address   string   // where BIND is asked, host:port
	Kind      Kind     // what serves the zones
	Rndc      []string // the command rndc or nsd-control, with what it takes to reach it
	Checkzone string   // the command named-checkzone or nsd-checkzone; by default found by its name
	Logger    *slog.Logger
}

// Part is zones that BIND serves.
type Part struct {
	o       Options
	dialect *dialect
	signing sync.Mutex // while BIND is told how zones are signed
	mu      sync.Mutex
	zones   map[latchkey.Domain]*served
	promise []promise
	wake    chan struct{}
}

// served is what is known of one zone. Its lock is held while BIND is being told
// of it.
type served struct {
	sync.Mutex
	checked *zone.Zone // what named-checkzone has last found good
	behind  bool       // BIND may not have read what the file has
}

type promise struct {
	name latchkey.Domain
	load func() (*zone.Zone, error)
}

// New makes a part. It fails where the directory cannot be had or a command is
// missing; whether BIND listens [Part.Ping] tells.
func New(o Options) (*Part, error) {
	d := &kinds[o.Kind]
	if o.Checkzone == "" {
		o.Checkzone = d.checkzone
	}
	for _, program := range []string{o.Rndc[0], o.Checkzone} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is not installed: install %s and its tools", program, d.server)
		}
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	p := &Part{o: o, dialect: d, zones: make(map[latchkey.Domain]*served), wake: make(chan struct{}, 1)}
	if !d.signs {
		return p, nil
	}
	err := durable.CreateFile(p.policies(), nil, 0o644) // BIND includes it
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return p, p.hashOnce()
}

// Name is what serves the zones: bind or nsd.
func (p *Part) Name() string { return strings.ToLower(p.dialect.server) }

// Signs reports whether it signs zones; if not, nothing here that is about signing
// works.
func (p *Part) Signs() bool { return p.dialect.signs }

// Address is where BIND is asked.
func (p *Part) Address() string { return p.o.Address }

// Ping says why BIND does not listen to rndc, or nil.
func (p *Part) Ping(ctx context.Context) error {
	if _, err := p.rndc(ctx, "status"); err != nil {
		return fmt.Errorf("%s does not listen to %s: %w", p.dialect.server, p.dialect.control, err)
	}
	return nil
}

func (p *Part) zone(name latchkey.Domain) *served {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.zones[name]
	if s == nil {
		s = new(served)
		p.zones[name] = s
	}
	return s
}

// Promise says that there is a zone. [Part.Run] makes sure that BIND serves what
// load reads.
func (p *Part) Promise(name latchkey.Domain, load func() (*zone.Zone, error)) error {
	p.mu.Lock()
	p.promise = append(p.promise, promise{name, load})
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

// Run makes sure that BIND serves the zones that were promised, until ctx ends.
// What cannot be served now is tried again.
func (p *Part) Run(ctx context.Context) {
	for {
		p.mu.Lock()
		list := p.promise
		p.promise = nil
		p.mu.Unlock()
		var again []promise
		for _, one := range list {
			if ctx.Err() != nil {
				return
			}
			if err := p.keep(ctx, one); err != nil {
				p.o.Logger.Error("a zone is kept but not served by "+p.dialect.server+", and will be tried again", "zone", one.name, "err", err)
				again = append(again, one)
			}
		}
		if len(again) > 0 {
			p.mu.Lock()
			p.promise = append(p.promise, again...)
			p.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-time.After(time.Minute):
		}
	}
}

// keep makes sure that BIND serves a zone as it is kept now; one that was removed
// meanwhile is none.
func (p *Part) keep(ctx context.Context, one promise) error {
	s := p.zone(one.name)
	s.Lock()
	defer s.Unlock()
	z, err := one.load()
	if latchkey.KindOf(err) == latchkey.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.serve(ctx, s, nil, z); err != nil {
		return err
	}
	return p.keepSigned(ctx, one.name)
}

// Check says why BIND would not serve z.
func (p *Part) Check(ctx context.Context, z *zone.Zone) error {
	s := p.zone(z.Name())
	s.Lock()
	defer s.Unlock()
	return p.check(ctx, s, z)
}

func (p *Part) check(ctx context.Context, s *served, z *zone.Zone) error {
	if s.checked == z {
		return nil
	}
	if err := tooMany(z, p.dialect.most); err != nil {
		return err
	}
	d := p.dialect
	cmd := exec.CommandContext(ctx, p.o.Checkzone, append(d.checks[:len(d.checks):len(d.checks)], string(z.Name()), d.stdin)...)
	cmd.Stdin = strings.NewReader(z.String())
	out, err := cmd.CombinedOutput()
	if _, refused := errors.AsType[*exec.ExitError](err); refused && ctx.Err() == nil {
		return &latchkey.Error{Kind: latchkey.Invalid, Msg: "The name server would not serve the DNS zone so: " + reason(string(out))}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.o.Checkzone, err)
	}
	s.checked = z
	return nil
}

// tooMany says that a name has more than most records of a type, or types: BIND loads
// no more unless it is told otherwise, and named-checkzone does not count them.
func tooMany(z *zone.Zone, most int) error {
	if most == 0 {
		return nil
	}
	type set struct{ name, rtype string }
	records, types := make(map[set]int), make(map[string]int)
	for _, e := range z.All() {
		if e.Kind() != zone.Record {
			continue
		}
		k := set{strings.ToLower(e.Name()), e.Type()}
		if records[k]++; records[k] == 1 {
			types[k.name]++
		}
		if records[k] > most || types[k.name] > most {
			return latchkey.Errorf(latchkey.Invalid, "The name server would not serve the DNS zone so: “%s” would have more than %d records of the type %s, or more than %d types.",
				strings.TrimSuffix(k.name, "."), most, k.rtype, most)
		}
	}
	return nil
}

// Serve makes is what BIND answers, and returns when a question gets it. A zone
// that BIND refuses is not written.
func (p *Part) Serve(ctx context.Context, was, is *zone.Zone) error {
	s := p.zone(is.Name())
	s.Lock()
	defer s.Unlock()
	return p.serve(ctx, s, was, is)
}

func (p *Part) serve(ctx context.Context, s *served, was, is *zone.Zone) error {
	if err := p.check(ctx, s, is); err != nil {
		return err
	}
	if err := p.ended(was, is); err != nil {
		return err
	}
	how, err := p.wanted(is.Name())
	if err != nil {
		return err
	}
	before, known := p.ask(ctx, is.Apex())
	turns := known && before.signed != (how != nil)
	file, text := p.File(is.Name()), []byte(is.String())
	had, err := os.ReadFile(file)
	same := err == nil && bytes.Equal(had, text)
	if same && known && !turns && !s.behind && newer(before.serial, is.Serial()) {
		return nil
	}
	s.behind = true
	if !same {
		if err := durable.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	err = p.load(ctx, is.Name(), how)
	if err == nil && turns {
		err = p.apply(ctx, is.Name(), how)
	}
	if err == nil {
		// Where BIND signs, what it serves is ahead of the file: it must have moved.
		moved := known && before.signed && had != nil && !same
		err = p.confirm(ctx, is, func(a answer) bool {
			return newer(a.serial, is.Serial()) && a.signed == (how != nil) && !(moved && a.serial == before.serial)
		})
	}
	if err == nil && turns && how == nil {
		err = p.clean(is.Name())
	}
	if s.behind = err != nil; s.behind && !same {
		err = errors.Join(err, putBack(file, had))
	}
	return err
}

// putBack puts the text of a file back that BIND did not take: what it starts
// with next time is what it serves now.
func putBack(file string, was []byte) error {
	if was == nil {
		return os.Remove(file)
	}
	return durable.WriteFile(file, was, 0o644)
}

// File is the file of a zone.
func (p *Part) File(name latchkey.Domain) string {
	return filepath.Join(p.o.Dir, string(name)+".db")
}

// load has BIND read the file of a zone, which it may not know yet.
func (p *Part) load(ctx context.Context, name latchkey.Domain, how *hosting.Signing) error {
	out, err := p.rndc(ctx, "reload", string(name))
	if err == nil {
		return nil
	}
	if !p.dialect.lacks(out) {
		return err
	}
	p.signing.Lock()
	defer p.signing.Unlock()
	if how != nil {
		if err := p.offer(ctx, how); err != nil {
			return err
		}
	}
	out, err = p.rndc(ctx, p.dialect.add(p, name, how)...)
	if err != nil && strings.Contains(out, "already exists") { // it was told before, and the answer did not come
		_, err = p.rndc(ctx, "reload", string(name))
	}
	return err
}

// Withdraw ends the answers for a zone. That there was none is no error.
func (p *Part) Withdraw(ctx context.Context, name latchkey.Domain) error {
	s := p.zone(name)
	s.Lock()
	defer s.Unlock()
	s.checked = nil
	out, err := p.rndc(ctx, "delzone", string(name))
	if err != nil && !p.dialect.lacks(out) {
		return err
	}
	if err := os.Remove(p.File(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.clean(name)
}

// rndc tells BIND something. A control connection that breaks off says nothing of
// what became of it, and everything that is told may be told again.
func (p *Part) rndc(ctx context.Context, words ...string) (out string, err error) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	for range tries {
		out, err = p.tell(ctx, words)
		if err == nil || !strings.Contains(out, "connection reset") || ctx.Err() != nil {
			break
		}
	}
	return out, err
}

// tries is how often BIND is told something that may not have reached it.
const tries = 3

func (p *Part) tell(ctx context.Context, words []string) (out string, err error) {
	cmd := exec.CommandContext(ctx, p.o.Rndc[0], append(p.o.Rndc[1:len(p.o.Rndc):len(p.o.Rndc)], words...)...)
	b, err := cmd.CombinedOutput()
	if err != nil {
		err = failed(p.dialect.control, words, string(b), err)
	}
	return string(b), err
}
