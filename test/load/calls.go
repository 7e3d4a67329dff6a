package main

import (
	"math/rand/v2"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// usual is the number of tokens that a call is measured with.
func (b *bench) usual() int {
	usual := b.sizes[0]
	for _, n := range b.sizes {
		if n <= 1_000_000 {
			usual = n
		}
	}
	return usual
}

func (b *bench) smallest() int { return b.sizes[0] }
func (b *bench) largest() int  { return b.sizes[len(b.sizes)-1] }

// authenticatedCall compares a call, with all that belongs to it, with the
// floor.
func (b *bench) authenticatedCall() error {
	d, err := b.data(b.usual())
	if err != nil {
		return err
	}
	ours, err := b.ours(d)
	if err != nil {
		return err
	}
	floor, err := b.floor(ours, d)
	if err != nil {
		return err
	}
	b.say("\nG1: an authenticated call, %s, audit and last use on, to the floor (HTTP/1.1, TLS 1.3, %d connections)", d, connections)
	targets := []*target{ours, floor}
	s, err := b.inTurn(targets...)
	if err != nil {
		return err
	}
	b.table(targets, s)
	b.atLeast("G1", "requests/s to the floor's", ratio(s[0], s[1], sample.perSecond), 0.90)
	b.info("G1", "CPU a request to the floor's", ratio(s[0], s[1], cpu))
	b.info("G1", "CPU a request to the floor's, quietest round of each", quietest(s[0], s[1], cpu))
	b.info("G1", "p99 to the floor's", ratio(s[0], s[1], p99))
	return nil
}

// growth compares the same call with many tokens and with few.
func (b *bench) growth() error {
	var targets []*target
	for _, n := range []int{b.largest(), b.smallest()} {
		d, err := b.data(n)
		if err != nil {
			return err
		}
		t, err := b.ours(d)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	b.say("\nG3: the same call, %s to %s", b.sets[b.largest()], b.sets[b.smallest()])
	s, err := b.inTurn(targets...)
	if err != nil {
		return err
	}
	b.table(targets, s)
	b.atLeast("G3", "requests/s with many tokens to few", ratio(s[0], s[1], sample.perSecond), 0.93)
	b.info("G3", "CPU a request with many tokens to few", ratio(s[0], s[1], cpu))
	b.info("G3", "CPU many to few, quietest round of each", quietest(s[0], s[1], cpu))
	b.info("G3", "p99 with many tokens to few", ratio(s[0], s[1], p99))
	return nil
}

// refusals compares what bad tokens cost with what good ones cost.
func (b *bench) refusals() error {
	d, err := b.data(b.usual())
	if err != nil {
		return err
	}
	good, err := b.ours(d)
	if err != nil {
		return err
	}
	good.name = "good tokens"
	malformed, unknown := badTokens(good, d)
	b.say("\nG11: refusing bad tokens, %s", d)
	targets := []*target{good, malformed, unknown}
	s, err := b.inTurn(targets...)
	if err != nil {
		return err
	}
	b.table(targets, s)
	b.atMost("G11", "CPU a malformed token to a good one", ratio(s[1], s[0], cpu), 1)
	b.atMost("G11", "CPU an unknown token to a good one", ratio(s[2], s[0], cpu), 1)
	b.info("G11", "requests/s with malformed tokens to good ones", ratio(s[1], s[0], sample.perSecond))
	b.info("G11", "requests/s with unknown tokens to good ones", ratio(s[2], s[0], sample.perSecond))
	return nil
}

// badTokens are the same server asked with tokens that have a wrong character,
// and with tokens that nobody ever made.
func badTokens(good *target, d *dataset) (malformed, unknown *target) {
	m, u := *good, *good
	m.name, m.refuse = "malformed tokens", true
	m.pick = func(r *rand.Rand) []string {
		lines := d.pick(r, perRound)
		for i, line := range lines {
			last := byte('A')
			if line[len(line)-1] == last {
				last = 'B'
			}
			lines[i] = line[:len(line)-1] + string(last)
		}
		return lines
	}
	u.name, u.refuse = "unknown tokens", true
	u.pick = func(r *rand.Rand) []string {
		lines := d.pick(r, perRound)
		for i, line := range lines {
			lines[i] = line[:userLen+1] + auth.NewToken(latchkey.ForAccount).Reveal()
		}
		return lines
	}
	return &m, &u
}
