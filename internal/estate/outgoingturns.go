package estate

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Accounts take turns: whoever has thousands of messages waiting, or sends to who
// does not answer, has no more hands than anybody else.
const (
	outgoingHands  = 8
	outgoingShare  = 2 // hands for one account
	outgoingAtOnce = 100
	large          = 4 << 20 // such a message is the only one of its size in memory
)

// shift is a number of hands that send what is due, until nothing is.
type shift struct {
	e *Estate

	mu    sync.Mutex
	found []store.Outgoing // what is due, account by account
	after latchkey.AccountID
	under map[int64]bool // messages under way
	hands map[latchkey.AccountID]int
	large bool // one is under way
	news  chan struct{}
	err   error
}

// SendOutgoing sends what is due. It returns when nothing is any more.
func (e *Estate) SendOutgoing(ctx context.Context) error {
	e.outgoing.turn.Lock()
	defer e.outgoing.turn.Unlock()
	s := &shift{e: e, under: make(map[int64]bool), hands: make(map[latchkey.AccountID]int), news: make(chan struct{})}
	var hands sync.WaitGroup
	for range outgoingHands {
		hands.Go(func() { s.work(ctx) })
	}
	hands.Wait()
	return s.err
}

// work is what one hand does.
func (s *shift) work(ctx context.Context) {
	for {
		o, isLarge, news := s.next(ctx)
		if o != nil {
			s.e.wake() // there may be more for another hand
			s.done(o, isLarge, s.e.sendOut(ctx, o))
			continue
		}
		if news == nil {
			return
		}
		select { // the others may be long at work
		case <-news:
		case <-s.e.outgoing.posted:
		case <-time.After(outgoingTick):
		case <-ctx.Done():
			return
		}
	}
}

// next is a message to send. If there is none, and others are at work, news is
// closed when one of them has done; else it is nil.
func (s *shift) next(ctx context.Context) (o *store.Outgoing, isLarge bool, news chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || ctx.Err() != nil || s.e.waits() {
		return nil, false, nil
	}
	if o, isLarge = s.pick(); o == nil {
		s.err = s.find(ctx)
		o, isLarge = s.pick()
	}
	if o == nil && len(s.under) > 0 && s.err == nil {
		news = s.news
	}
	return o, isLarge, news
}

// find finds what is due, from the account after the one that came last.
func (s *shift) find(ctx context.Context) error {
	began := s.after
	for len(s.found) == 0 {
		var due []store.Outgoing
		err := s.e.Store.Read(ctx, func(r store.Reader) (err error) {
			due, err = r.DueOutgoing(s.e.Now(), s.after, 2*outgoingShare, outgoingAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range due {
			if !s.under[o.ID] {
				s.found = append(s.found, o)
			}
		}
		switch {
		case len(due) == outgoingAtOnce:
			s.after = due[len(due)-1].Account
		case began == 0:
			s.after = 0
			return nil
		default: // it was the last; once more from the first
			s.after, began = 0, 0
		}
	}
	return nil
}

// pick takes the first of what was found whose account has a hand left. What it
// passes over is found again.
func (s *shift) pick() (*store.Outgoing, bool) {
	for i := range s.found {
		o := s.found[i]
		st, err := os.Stat(s.e.queued(o.Body))
		isLarge := err == nil && st.Size() > large
		if s.hands[o.Account] >= outgoingShare || isLarge && s.large {
			continue
		}
		s.found = s.found[i+1:]
		s.under[o.ID] = true
		s.hands[o.Account]++
		s.large = s.large || isLarge
		return &o, isLarge
	}
	s.found = nil
	return nil, false
}

// done notes that a message is not under way any more.
func (s *shift) done(o *store.Outgoing, isLarge bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.under, o.ID)
	if s.hands[o.Account]--; s.hands[o.Account] == 0 {
		delete(s.hands, o.Account)
	}
	s.large = s.large && !isLarge
	if s.err == nil {
		s.err = err
	}
	close(s.news)
	s.news = make(chan struct{})
}
