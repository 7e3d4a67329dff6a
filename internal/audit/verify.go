package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Report is what [Verify] found.
type Report struct {
	Links, Events int
	Head          uint64
	Copied        uint64 // the link whose head was copied last
	Cut           uint64 // the link up to which the front was cut off, by order
	CutEvents     int
}

// Broken is the first link that is not as it was written.
type Broken struct {
	Link  uint64
	Event int       // the number of its first event, from the beginning of the trail
	At    time.Time // as the link has it
	What  string
}

func (b *Broken) Error() string {
	at := ""
	if !b.At.IsZero() {
		at = " (" + b.At.Format(time.RFC3339) + ")"
	}
	return fmt.Sprintf("link %d%s, from event %d on: %s", b.Link, at, b.Event, b.What)
}

// chain is a walk along links that belong together.
type chain struct {
	head
	events int // up to here, from the beginning of the trail
}

// next checks that l comes next, and reads its events.
func (c *chain) next(l *store.Link) ([]latchkey.Event, error) {
	broken := func(format string, args ...any) error {
		return &Broken{Link: c.Seq + 1, Event: c.events + 1, At: l.At, What: fmt.Sprintf(format, args...)}
	}
	if l.Seq != c.Seq+1 {
		return nil, broken("it is missing, the trail goes on at link %d", l.Seq)
	}
	if l.Sum(c.Hash) != l.Hash {
		return nil, broken("it was changed, its hash does not fit")
	}
	events, err := Decode(l.Body)
	if err != nil || len(events) != l.Events {
		return nil, broken("it cannot be read, it should hold %d events", l.Events)
	}
	c.head = head{l.Seq, l.Hash}
	c.events += l.Events
	return events, nil
}

// Verify walks over the whole trail and checks every link of the chain, from
// where its front was cut off by order, if it was. With heads it also checks that
// this was by order, and that the trail reaches as far as the newest copy of its
// head, which shows an end that was cut off; and known are other heads that it must
// have. What searches go by must be what stands in the links.
func Verify(ctx context.Context, s store.Store, heads *Heads, known ...Known) (Report, error) {
	for {
		before, err := anchorOf(ctx, s, heads)
		if err != nil {
			return Report{}, err
		}
		rep, err := verify(ctx, s, heads, before, known)
		if err == nil {
			return rep, nil
		}
		// It may have been cut by order meanwhile.
		if after, err2 := anchorOf(ctx, s, heads); err2 != nil || after.Seq == before.Seq {
			return rep, err
		}
	}
}

// Known is a head that is known from elsewhere.
type Known struct {
	Seq  uint64
	Hash [32]byte
}

func verify(ctx context.Context, s store.Store, heads *Heads, from anchor, known []Known) (Report, error) {
	rep := Report{Cut: from.Seq, CutEvents: from.Events, Head: from.Seq}
	top, there, err := copied(heads)
	if err != nil {
		return rep, err
	}
	if there {
		rep.Copied = top.Seq
		known = append(known[:len(known):len(known)], Known(top))
	}
	for _, k := range known {
		if k.Seq == from.Seq && k.Hash != from.Hash {
			return rep, errNotCopied(k.Seq)
		}
	}
	c := chain{from.head, from.Events}
	blocks := blockCheck{store: s, cut: from.Seq}
	err = walk(ctx, s, 0, func(l *store.Link) error {
		if l.Seq <= from.Seq {
			return &Broken{Link: l.Seq, At: l.At, What: "the trail was cut after it, and it is here all the same"}
		}
		events, err := c.next(l)
		if err != nil {
			return err
		}
		rep.Links++
		rep.Events += l.Events
		rep.Head = l.Seq
		for _, k := range known {
			if k.Seq == l.Seq && k.Hash != l.Hash {
				return &Broken{Link: l.Seq, Event: c.events - l.Events + 1, At: l.At, What: "it is not the one whose head was copied"}
			}
		}
		return blocks.next(ctx, l, events)
	})
	if err != nil {
		return rep, err
	}
	for _, k := range known {
		if k.Seq > rep.Head {
			return rep, errCutOff(rep.Head, k.Seq)
		}
	}
	if there && top.Seq < from.Seq {
		return rep, fmt.Errorf("the trail was cut after link %d, but the copy of its head is of link %d: it is an old one", from.Seq, top.Seq)
	}
	if heads != nil && !there && rep.Head > 0 {
		return rep, fmt.Errorf("the copy of its head, %s, is missing: whether its end was cut off cannot be told", heads.Path)
	}
	return rep, nil
}

// copied is the copied head, if there is one.
func copied(heads *Heads) (top head, there bool, err error) {
	if heads == nil {
		return top, false, nil
	}
	top, err = heads.read()
	if errors.Is(err, fs.ErrNotExist) {
		return top, false, nil
	}
	return top, err == nil, err
}

// blockCheck makes the blocks anew along a walk over the trail.
type blockCheck struct {
	store store.Store
	cut   uint64
	b     builder
	want  *store.TrailBlock // the one that is being made
	after uint64            // there are none after this link
	asked bool
}

func (c *blockCheck) next(ctx context.Context, l *store.Link, events []latchkey.Event) error {
	if c.want == nil {
		if err := c.find(ctx, l); err != nil || c.want == nil {
			return err
		}
	}
	c.b.link(l)
	for i := range events {
		c.b.event(&events[i])
	}
	if l.Seq < c.want.Last {
		return nil
	}
	is, want := c.b.block(), c.want
	c.want = nil
	if is.Last != want.Last || is.Events != want.Events || !is.From.Equal(want.From) || !is.To.Equal(want.To) || !bytes.Equal(is.Filter, want.Filter) {
		return &Broken{Link: want.First, At: is.From, What: fmt.Sprintf("what searches of links %d to %d go by was changed", want.First, want.Last)}
	}
	return nil
}

// find is the block that begins with l.
func (c *blockCheck) find(ctx context.Context, l *store.Link) error {
	if c.asked && l.Seq > c.after {
		return nil
	}
	return c.store.Read(ctx, func(r store.Reader) error {
		if !c.asked {
			newest, err := r.TrailBlocks(1<<63-1, 1)
			if err != nil {
				return err
			}
			if c.asked = true; len(newest) > 0 {
				c.after = newest[0].First
			}
		}
		list, err := r.TrailBlocks(l.Seq+1, 1)
		if err != nil || len(list) == 0 {
			return err
		}
		switch b := list[0]; {
		case b.First == l.Seq && b.Last >= b.First:
			c.want = &b
		case b.Last >= l.Seq && b.First > c.cut, b.Last < b.First:
			return &Broken{Link: l.Seq, At: l.At, What: fmt.Sprintf("what searches of links %d to %d go by was changed", b.First, b.Last)}
		}
		return nil
	})
}
