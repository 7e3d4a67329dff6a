package testserver

import (
	"context"
	"crypto/tls"
	"sync"
	"sync/atomic"

	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// doors are doors that nobody comes to: they note what they would show.
type doors struct {
	estate *estate.Estate
	shows  atomic.Pointer[tls.Certificate]
}

// Certify is part of [estate.Doors].
func (d *doors) Certify(ctx context.Context) error {
	c, err := d.estate.OwnCertificate(ctx)
	d.shows.Store(c)
	return err
}

func (d *doors) shown() hosting.Shown {
	c := d.shows.Load()
	if c == nil {
		return hosting.Shown{}
	}
	leaf, _, err := pki.ParseCertificate(pki.Chain{c.Leaf}.PEM())
	if err != nil {
		return hosting.Shown{}
	}
	return hosting.Shown{Certificate: leaf}
}

// Web is a web server that listens nowhere: it notes what it would serve.
type Web struct {
	estate *estate.Estate
	mu     sync.Mutex
	fails  error // of every call, while it is set
	sites  map[latchkey.Domain]*sites.Site
}

// Renew is part of [estate.Webserver].
func (w *Web) Renew(ctx context.Context, names ...latchkey.Domain) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails != nil {
		return w.fails
	}
	if w.sites == nil {
		w.sites = make(map[latchkey.Domain]*sites.Site)
	}
	for _, name := range names {
		site, err := w.estate.Site(ctx, name)
		if err != nil && latchkey.KindOf(err) != latchkey.NotFound {
			return err
		}
		w.sites[name] = site
	}
	return nil
}

// Fail makes every call fail with err, or none if it is nil.
func (w *Web) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = err
}

// Site is what is served for a name, by what was renewed last; nil for none.
func (w *Web) Site(name latchkey.Domain) *sites.Site {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sites[name]
}
