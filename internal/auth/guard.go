package auth

import (
	"context"
	"net/netip"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// guardSetting is the name under which the store keeps the guard.
const guardSetting = "guard"

// GuardOf is what the administrator has set about sources whose sign-ins fail.
func GuardOf(r store.Reader) (latchkey.Guard, error) {
	var g latchkey.Guard
	err := r.Setting(guardSetting, &g)
	g.Throttling = g.OrDefault()
	return g, gone(err)
}

// PutGuard sets it. It counts from the commit on.
func PutGuard(tx store.Tx, g latchkey.Guard) error {
	tx.Log(store.Change{Kind: store.SettingPut})
	return tx.PutSetting(guardSetting, g)
}

// recallSettings brings into force what the administrator has set.
func (v *Verifier) recallSettings(ctx context.Context) error {
	return v.store.Read(ctx, func(r store.Reader) error {
		g, err := GuardOf(r)
		if err != nil {
			return err
		}
		p, err := FactorPolicyOf(r)
		if err == nil {
			v.throttle.set(g.Throttling, rangesIn(g.White), rangesIn(g.Black))
			v.factors.Store(&p)
		}
		return err
	})
}

// renewSettings is recallSettings where nobody can be told of a failure.
func (v *Verifier) renewSettings() {
	if err := v.recallSettings(context.Background()); err != nil {
		v.log.Error("settings cannot be read: those of before stay in force", "err", err)
	}
}

func rangesIn(list []latchkey.ListedRange) (rs []latchkey.AddressRange) {
	for _, l := range list {
		rs = append(rs, l.AddressRange)
	}
	return rs
}

// Blocks is every source that is refused now, who is free first before others.
func (v *Verifier) Blocks() []latchkey.Block { return v.throttle.blocks(v.now()) }

// Failures are the latest sign-ins that failed, the newest first.
func (v *Verifier) Failures() []latchkey.Failure { return v.throttle.failures.list() }

// Pardon forgets what is counted against the sources that any of ranges touches,
// and the failures from there; of everybody if ranges is nil. It says how many
// failures those were, and how many sources were refused. What is written down
// of sources goes with [Verifier.ForgetSources].
func (v *Verifier) Pardon(ranges []latchkey.AddressRange) (failures, blocks int) {
	failures = v.throttle.failures.drop(func(f latchkey.Failure) bool { return meet(ranges, f.From, f.From) })
	blocks = v.throttle.pardon(v.now(), func(p netip.Prefix) bool { return touches(ranges, p) })
	return failures, blocks
}
