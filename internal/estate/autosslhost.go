package estate

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// autoSSLSetting is what the administrator has set beside the configuration.
const autoSSLSetting = "autossl"

type autoSSLSet struct {
	Off      bool `json:"off"`
	Replaces bool `json:"replaces"`
}

func (e *Estate) autoSSLSet(ctx context.Context) (s autoSSLSet, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) error { return gone(r.Setting(autoSSLSetting, &s)) })
	return s, err
}

// autoSSLOn says why AutoSSL gets no certificates, or nil.
func (e *Estate) autoSSLOn(ctx context.Context) error {
	s, err := e.autoSSLSet(ctx)
	if err == nil && (e.AutoSSL == nil || s.Off) {
		err = hosting.AutoSSLOff()
	}
	return err
}

// hostAutoSSL is AutoSSL in the hands of the administrator.
type hostAutoSSL struct{ *host }

func (h *host) AutoSSL() hosting.HostAutoSSL { return &hostAutoSSL{h} }

// theirs says why it is not theirs who act, or nil.
func (a *hostAutoSSL) theirs() error {
	if a.caller.Role != latchkey.RoleRoot {
		return latchkey.Errorf(latchkey.Denied, "Permission denied")
	}
	return nil
}

func (a *hostAutoSSL) Settings(ctx context.Context) (is hosting.AutoSSLSettings, err error) {
	set, err := a.e.autoSSLSet(ctx)
	if c := a.e.AutoSSL; c != nil && err == nil {
		a.e.checks.mu.Lock()
		defer a.e.checks.mu.Unlock()
		is = hosting.AutoSSLSettings{
			SetUp: true, On: !set.Off, Provider: autoSSLProvider, Authority: c.Directory, ByDNS: c.ByDNS, Wildcard: c.Wildcard, Names: autoSSLNames,
			Next: a.e.checks.round,
		}
	}
	is.Replaces = set.Replaces
	return is, err
}

func (a *hostAutoSSL) Switch(ctx context.Context, on bool) error {
	if on && a.e.AutoSSL == nil {
		return hosting.AutoSSLOff()
	}
	return a.set(ctx, func(s *autoSSLSet) { s.Off = !on })
}

func (a *hostAutoSSL) Replace(ctx context.Context, on bool) error {
	return a.set(ctx, func(s *autoSSLSet) { s.Replaces = on })
}

func (a *hostAutoSSL) set(ctx context.Context, change func(*autoSSLSet)) error {
	if err := a.theirs(); err != nil {
		return err
	}
	return a.e.commit(ctx, a.act, a.caller, func(tx store.Tx) error {
		var s autoSSLSet
		if err := tx.Setting(autoSSLSetting, &s); gone(err) != nil {
			return err
		}
		change(&s)
		return tx.PutSetting(autoSSLSetting, s)
	})
}

func (a *hostAutoSSL) CheckAll(ctx context.Context) error {
	if err := a.theirs(); err != nil {
		return err
	}
	if err := a.e.autoSSLOn(ctx); err != nil {
		return err
	}
	return a.e.checkAll(ctx, true)
}

func (a *hostAutoSSL) Runs(context.Context) (list []hosting.AutoSSLRun, err error) {
	if err := a.theirs(); err != nil {
		return nil, err
	}
	c := a.e.checks
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range slices.Backward(c.runs) {
		list = append(list, r.told())
	}
	return list, nil
}

// The most that is remembered of what AutoSSL did.
const (
	mostRuns  = 500
	mostLines = 200 // of a run
)

// run is one look at an account. It is remembered once it has something to say:
// an account without anything to do is looked at every hour.
type run struct {
	of *checks

	mu sync.Mutex
	is hosting.AutoSSLRun
}

func (c *checks) run(account latchkey.AccountName, now time.Time) *run {
	return &run{of: c, is: hosting.AutoSSLRun{Account: account, Began: now.UTC().Truncate(time.Millisecond)}}
}

// say adds a line.
func (r *run) say(now time.Time, kind, format string, args ...any) {
	r.mu.Lock()
	first := len(r.is.Lines) == 0
	if len(r.is.Lines) < mostLines {
		r.is.Lines = append(r.is.Lines, hosting.AutoSSLLine{At: now, Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	r.mu.Unlock()
	if first {
		r.of.remember(r)
	}
}

func (r *run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.is.Ended = true
}

func (r *run) told() hosting.AutoSSLRun {
	r.mu.Lock()
	defer r.mu.Unlock()
	is := r.is
	is.Lines = slices.Clone(is.Lines)
	return is
}

// remember keeps a run, under a time that no other has.
func (c *checks) remember(r *run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.runs); n > 0 {
		if last := c.runs[n-1].told().Began; !r.told().Began.After(last) {
			r.mu.Lock()
			r.is.Began = last.Add(time.Millisecond)
			r.mu.Unlock()
		}
	}
	c.runs = append(c.runs, r)
	c.runs = c.runs[max(0, len(c.runs)-mostRuns):]
}
