package testserver

import (
	"context"
	"sync"

	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Web is a web server that listens nowhere: it notes what it would serve.
type Web struct {
	mu    sync.Mutex
	fails error // of every call, while it is set
	sites map[latchkey.Domain]*hosting.Served
}

var _ estate.Webserver = (*Web)(nil)

// Start is part of [estate.Webserver].
func (w *Web) Start(ctx context.Context, sites estate.Sites) error {
	return sites.EachSite(ctx, func(s *hosting.Served) error { return w.Serve(ctx, s) })
}

// Serve is part of [estate.Webserver].
func (w *Web) Serve(_ context.Context, site *hosting.Served) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails != nil {
		return w.fails
	}
	if w.sites == nil {
		w.sites = make(map[latchkey.Domain]*hosting.Served)
	}
	w.sites[site.Name] = site
	return nil
}

// Withdraw is part of [estate.Webserver].
func (w *Web) Withdraw(_ context.Context, name latchkey.Domain) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails == nil {
		delete(w.sites, name)
	}
	return w.fails
}

// Fail makes every call fail with err, or none if it is nil.
func (w *Web) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = err
}

// Site is the site called name as it is served; nil if it is not.
func (w *Web) Site(name latchkey.Domain) *hosting.Served {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sites[name]
}
