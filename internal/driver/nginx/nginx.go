// Package nginx serves the domains of accounts with nginx: it writes a file for
// every site, has nginx read them, and says that a site is served when nginx shows
// its certificate. Start at [New]; a [Part] is what the server holds.
//
// nginx's own configuration is the administrator's. It must include the files:
// "include DIR/*.conf;" within http. Nothing else in it may listen as the default
// server of the same addresses.
package nginx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Site is a site as nginx is to serve it.
type Site struct {
	Names      []latchkey.Domain // its own first
	Home       string            // its owner's home, from /
	Root       string            // its document root, below the home
	SecureOnly bool              // who comes without TLS is sent to TLS, if there is a certificate
	Suspended  bool
	Chain, Key string // PEM; both "" for no certificate
}

// Source says what is to be served.
type Source interface {
	// Site is the site with a name. Fails with NotFound.
	Site(ctx context.Context, name latchkey.Domain) (*Site, error)
	// Each calls fn for every site.
	Each(ctx context.Context, fn func(*Site) error) error
}

// Options are how nginx is reached. All are required, but for Back.
type Options struct {
	Source  Source
	Dir     string   // of the files; nginx includes them
	Command []string // the program nginx, with what it takes to reach the one that runs
	Plain   string   // what it listens at, host:port
	Secure  string   // the same with TLS
	Back    string   // where proofs for certificate authorities are fetched; "" for nowhere
	Logger  *slog.Logger
}

// How long things may take.
const (
	gather   = 200 * time.Millisecond // changes that come within it are one reload
	patience = 20 * time.Second       // until a reload is seen
	commands = 60 * time.Second       // for nginx -t with many sites
)

// Part is sites that nginx serves. Its methods may be called by many goroutines.
type Part struct {
	o Options

	mu      sync.Mutex
	next    *batch     // what is gathered; nil if nothing is
	serving sync.Mutex // held while files are exchanged and nginx reads them
	number  uint64     // of the last reload, under serving
}

// batch is changes that nginx reads at once.
type batch struct {
	names []latchkey.Domain
	all   bool
	done  chan struct{}
	err   error                     // of all of it
	bad   map[latchkey.Domain]error // by a site's own name
}

// New makes a part. It fails where the directory cannot be had or nginx is missing.
func New(o Options) (*Part, error) {
	if _, err := exec.LookPath(o.Command[0]); err != nil {
		return nil, fmt.Errorf("%s is not installed: install nginx", o.Command[0])
	}
	for _, dir := range []string{o.Dir, filepath.Join(o.Dir, "keys")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return &Part{o: o, number: uint64(time.Now().UnixNano())}, sweep(o.Dir)
}

// Renew has the site that names belong to, its own first, served as the source says
// now, and returns when who comes gets it.
func (p *Part) Renew(ctx context.Context, names ...latchkey.Domain) error {
	if len(names) == 0 {
		return nil
	}
	b := p.join(func(b *batch) { b.names = append(b.names, names[0]) })
	if err := b.wait(ctx); err != nil {
		return err
	}
	if err := b.bad[names[0]]; err != nil {
		return fmt.Errorf("nginx does not take the site %s: %w", names[0], err)
	}
	return p.confirm(ctx, names)
}

// Reshape has every site served as the source says now, and those no longer that it
// does not name. A site that nginx does not take is left out, which the log says.
func (p *Part) Reshape(ctx context.Context) error {
	return p.join(func(b *batch) { b.all = true }).wait(ctx)
}

// join adds to what is gathered.
func (p *Part) join(add func(*batch)) *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = &batch{done: make(chan struct{}), bad: make(map[latchkey.Domain]error)}
		time.AfterFunc(gather, p.apply)
	}
	add(p.next)
	return p.next
}

func (b *batch) wait(ctx context.Context) error {
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// apply has nginx read what is gathered. What is gathered while it does is the next
// one's.
func (p *Part) apply() {
	p.serving.Lock()
	defer p.serving.Unlock()
	p.mu.Lock()
	b := p.next
	p.next = nil
	p.mu.Unlock()
	defer close(b.done)
	ctx, cancel := context.WithTimeout(context.Background(), commands+patience)
	defer cancel()
	b.err = p.serve(ctx, b)
}

// serve writes files and has nginx read them. If nginx does not take them as a
// whole, those before are put back.
func (p *Part) serve(ctx context.Context, b *batch) error {
	files, err := p.wanted(ctx, b)
	if err != nil {
		return err
	}
	files = p.good(ctx, b, files)
	p.number++
	files = append(files, p.nobody())
	undo, err := exchange(files)
	if err != nil {
		return errors.Join(err, undo())
	}
	if out, err := p.run(ctx, "-t"); err != nil {
		return errors.Join(fmt.Errorf("nginx refuses its configuration: %w: %s", err, out), undo())
	}
	if out, err := p.run(ctx, "-s", "reload"); err != nil {
		return errors.Join(fmt.Errorf("nginx does not reload: %w: %s", err, out), undo())
	}
	return p.reloaded(ctx)
}

// run runs nginx, and returns what it said.
func (p *Part) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commands)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.o.Command[0], append(p.o.Command[1:len(p.o.Command):len(p.o.Command)], args...)...)
	out, err := cmd.CombinedOutput()
	return brief(out), err
}

// brief is the end of what a program said, for a log.
func brief(out []byte) string {
	const most = 500
	return string(out[max(0, len(out)-most):])
}
