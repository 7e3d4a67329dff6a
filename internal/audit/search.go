package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// mostRead is how many bytes of the trail one search reads: a page may be short
// instead, and the next one goes on.
const mostRead = 2 << 20

// Search finds events, the newest first. It sees every event that was recorded
// before it began.
func (r *Recorder) Search(ctx context.Context, q latchkey.EventQuery) (latchkey.EventPage, error) {
	r.Flush()
	return Search(ctx, r.store, q)
}

// Search finds events of the trail, the newest first.
func Search(ctx context.Context, s store.Store, q latchkey.EventQuery) (latchkey.EventPage, error) {
	f := &search{store: s, query: &q, keys: clauses(&q.EventFilter), words: words(&q.EventFilter), at: q.Before}
	if f.at == (latchkey.TrailPosition{}) {
		f.at.Link = math.MaxInt64
	}
	for f.more = true; f.more; {
		if err := f.step(ctx); err != nil {
			return latchkey.EventPage{}, err
		}
		if len(f.page.Events) >= q.Limit || f.read >= mostRead {
			break
		}
	}
	if f.more {
		f.page.Next = f.at
	}
	return f.page, nil
}

// search is one search on its way from the end of the trail to its beginning.
type search struct {
	store store.Store
	query *latchkey.EventQuery
	keys  [][]key
	words [][]byte               // what stands in every link that has what is asked for
	at    latchkey.TrailPosition // everything from here on was looked at
	ahead int                    // blocks to read at once
	more  bool
	read  int
	page  latchkey.EventPage
}

// step looks at some links: those of one block that may hold what is asked for,
// or some that no block has.
func (f *search) step(ctx context.Context) error {
	const most = 64
	f.ahead = min(max(2*f.ahead, 2), most)
	atOnce := f.ahead
	var links []store.Link // newest first
	err := f.store.Read(ctx, func(r store.Reader) error {
		last := f.last()
		blocks, err := r.TrailBlocks(last+1, atOnce)
		if err != nil {
			return err
		}
		if len(blocks) == 0 || blocks[0].Last < last {
			links, err = f.loose(r, blocks)
			if len(links) > 0 || err != nil {
				return err
			}
		}
		for i := range blocks {
			b := &blocks[i]
			f.read += len(b.Filter)
			if f.mayHold(b) {
				links, err = r.TrailBefore(min(b.Last, last)+1, int(min(min(b.Last, last)-b.First+1, blockLinks)))
				f.ahead = 0
				if links = upTo(links, b.First); len(links) > 0 || err != nil {
					return err
				}
			}
			f.at = latchkey.TrailPosition{Link: b.First}
		}
		f.more = len(blocks) == atOnce
		return nil
	})
	if err != nil {
		return err
	}
	return f.look(links)
}

// mayHold reports whether what is asked for may stand in b.
func (f *search) mayHold(b *store.TrailBlock) bool {
	return (f.query.Until.IsZero() || b.From.Before(f.query.Until)) &&
		(f.query.Since.IsZero() || !b.To.Before(f.query.Since)) && filter(b.Filter).may(f.keys)
}

// last is the newest link that something is still to be looked at in.
func (f *search) last() uint64 {
	if f.at.Event > 0 {
		return f.at.Link
	}
	return f.at.Link - 1
}

// loose are some links that stand after the newest of blocks.
func (f *search) loose(r store.Reader, blocks []store.TrailBlock) ([]store.Link, error) {
	links, err := r.TrailBefore(f.last()+1, 16)
	if len(blocks) > 0 {
		links = upTo(links, blocks[0].Last+1)
	}
	return links, err
}

// upTo are those of links, which stand newest first, that are not before first.
func upTo(links []store.Link, first uint64) []store.Link {
	for i := range links {
		if links[i].Seq < first {
			return links[:i]
		}
	}
	return links
}

// look takes what is asked for out of links.
func (f *search) look(links []store.Link) error {
	for i := range links {
		l := &links[i]
		f.read += len(l.Body)
		if slices.ContainsFunc(f.words, func(w []byte) bool { return !bytes.Contains(l.Body, w) }) {
			f.at = latchkey.TrailPosition{Link: l.Seq}
			continue
		}
		events, err := Decode(l.Body)
		if err != nil {
			return fmt.Errorf("link %d: %w", l.Seq, err)
		}
		from := len(events)
		if f.at.Link == l.Seq {
			from = min(f.at.Event, from)
		}
		for n := from - 1; n >= 0; n-- {
			f.at = latchkey.TrailPosition{Link: l.Seq, Event: n}
			if f.query.Matches(&events[n]) {
				f.page.Events = append(f.page.Events, latchkey.TrailEvent{TrailPosition: f.at, Event: events[n]})
				if len(f.page.Events) == f.query.Limit {
					return nil
				}
			}
		}
		f.at = latchkey.TrailPosition{Link: l.Seq}
	}
	return nil
}

// words are texts that stand, as they are, in each link that has what f asks for.
func words(f *latchkey.EventFilter) (all [][]byte) {
	if f.Account == 0 && f.Name != "" {
		all = append(all, []byte(f.Name))
	}
	if len(f.Functions) == 1 {
		all = append(all, []byte(f.Functions[0]))
	}
	if f.Resource.Prefix != "" {
		all = append(all, []byte(f.Resource.Prefix))
	}
	return all
}

// Concerning makes f ask for the events of the account called name, unless that
// is "", and finds the token of its that f names.
func Concerning(r store.Reader, name latchkey.AccountName, f *latchkey.EventFilter) error {
	f.Name = name
	a, err := r.Account(name)
	if errors.Is(err, store.ErrNotFound) {
		return nil // the trail has accounts that are no more
	}
	f.Account = a.ID
	for _, door := range []latchkey.Audience{latchkey.ForAccount, latchkey.ForHost} {
		if err != nil || f.Token == "" {
			return err
		}
		err = Handle(r, a.ID, door, f)
	}
	return err
}

// Handle adds the handle of the token that f names, if there is one of that name
// for a door of the account.
func Handle(r store.Reader, account latchkey.AccountID, door latchkey.Audience, f *latchkey.EventFilter) error {
	k, err := r.Token(account, door, f.Token)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err == nil:
		f.Handles = append(f.Handles, k.Handle)
	}
	return err
}
