package testserver

import (
	"context"
	"sync"

	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/latchkey"
)

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
