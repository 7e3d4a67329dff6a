package main

import (
	"fmt"
	"path/filepath"
)

// trail compares a call with the same call of a server that is built to take down
// no reads.
func (b *bench) trail() error {
	with, without, err := b.twins(b.smallest())
	if err != nil {
		return err
	}
	bin, err := build(b.ctx, b.work, "cmd/latchkey", "-tags=untrailed")
	if err != nil {
		return err
	}
	on, err := b.ours(with)
	if err != nil {
		return err
	}
	off, err := b.warm(bin, without)
	if err != nil {
		return err
	}
	on.name, off.name = "with the trail", "without it"
	b.say("\ntrail: an authenticated call, %s, with the trail of every call and without it", with)
	targets := []*target{on, off}
	s, err := b.inTurn(targets...)
	if err != nil {
		return err
	}
	b.table(targets, s)
	b.endAll()
	if err := b.tookDown(with, without, s); err != nil {
		return err
	}
	b.atLeast("trail", "requests/s with the trail to without", ratio(s[0], s[1], sample.perSecond), 0.85)
	b.info("trail", "CPU a request with the trail to without", ratio(s[0], s[1], cpu))
	b.info("trail", "CPU, quietest round of each", quietest(s[0], s[1], cpu))
	b.info("trail", "p99 with the trail to without", ratio(s[0], s[1], p99))
	return nil
}

// twins are two sets of data of the same size.
func (b *bench) twins(tokens int) (one, other *dataset, err error) {
	if one, err = b.data(tokens); err != nil {
		return nil, nil, err
	}
	other = newDataset(filepath.Join(b.options.data, "twin"), tokens)
	_, err = other.open(b.ctx, b.server)
	return one, other, err
}

// tookDown makes sure that the one server took down every call that was measured,
// and the other none.
func (b *bench) tookDown(with, without *dataset, s [][]sample) error {
	calls := 0
	for _, one := range s[0] {
		calls += one.requests
	}
	on, err := with.events()
	if err != nil {
		return err
	}
	off, err := without.events()
	if err == nil && (on < calls || off > calls/1000) {
		err = fmt.Errorf("of at least %d calls each the trail has %d, and without it %d", calls, on, off)
	}
	b.say("     in the trail of the one %d events, of the other %d", on, off)
	return err
}

// events is how many events there are in the trail.
func (d *dataset) events() (n int, err error) {
	db, err := openRaw(d.file())
	if err != nil {
		return 0, err
	}
	defer db.Close()
	err = db.QueryRow(`SELECT COALESCE(SUM(events), 0) FROM audit`).Scan(&n)
	return n, err
}
