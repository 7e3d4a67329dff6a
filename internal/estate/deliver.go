package estate

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"sync"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Deliveries is the estate as the mail receiver sees it.
func (e *Estate) Deliveries() lmtp.Backend { return &deliveries{e: e} }

type deliveries struct{ e *Estate }

// boxLocks keep deliveries to one mailbox apart, so that two of them cannot
// both take the last of its quota. Mailboxes share a few locks.
type boxLocks struct {
	seed  maphash.Seed
	once  sync.Once
	locks [256]sync.Mutex
}

func (b *boxLocks) of(address string) *sync.Mutex {
	b.once.Do(func() { b.seed = maphash.MakeSeed() })
	return &b.locks[maphash.String(b.seed, address)%uint64(len(b.locks))]
}

// Resolve implements [lmtp.Backend].
func (d *deliveries) Resolve(ctx context.Context, a hosting.Address) (lmtp.Box, error) {
	row, err := d.find(ctx, a)
	if err != nil {
		return nil, err
	}
	return &box{e: d.e, row: row, address: a}, nil
}

func (d *deliveries) find(ctx context.Context, a hosting.Address) (row store.Mailbox, err error) {
	unknown := &latchkey.Error{Kind: latchkey.NotFound, Msg: "There is no such mailbox here."}
	err = d.e.Store.Read(ctx, func(r store.Reader) error {
		id, err := r.DomainOwner(a.Domain)
		if err != nil {
			return err
		}
		owner, err := r.AccountByID(id)
		if err != nil {
			return err
		}
		if row, err = r.Mailbox(id, a.Domain, a.Local); err != nil {
			return err
		}
		if owner.Suspended || row.SuspendedIncoming {
			return &latchkey.Error{Kind: latchkey.Denied, Msg: "This mailbox does not take mail at present."}
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		err = unknown
	}
	return row, err
}

// box is one mailbox that takes one message.
type box struct {
	e       *Estate
	row     store.Mailbox
	address hosting.Address
}

// Deliver implements [lmtp.Box].
func (b *box) Deliver(ctx context.Context, r io.Reader) error {
	lock := b.e.boxes.of(b.address.String())
	lock.Lock()
	defer lock.Unlock()
	return b.e.locks.share(ctx, b.row.Account, func() error {
		// The account and the mailbox may have changed since they were found.
		row, err := (&deliveries{b.e}).find(ctx, b.address)
		if err != nil {
			return err
		}
		return notYet(b.put(ctx, &row, r))
	})
}

// notYet answers for a mailbox that the store has and the disk has not: that is
// ours to mend, and the sender's to try again.
func notYet(err error) error {
	if latchkey.KindOf(err) == latchkey.NotFound {
		return &latchkey.Error{Kind: latchkey.Unavailable, Msg: "The mailbox cannot be reached at present: try again later.", Err: err}
	}
	return err
}

func (b *box) put(ctx context.Context, row *store.Mailbox, r io.Reader) error {
	entry, err := b.e.Auth.Entry(ctx, row.Account)
	if err != nil {
		return err
	}
	room, err := b.room(ctx, row, string(entry.Account.Name))
	if err != nil {
		return err
	}
	if q, err := b.e.quota(ctx, row.Account, b.e.Now(), patience()); err != nil {
		return err
	} else if left := q.ByteLimit - q.Bytes; q.ByteLimit != latchkey.Unlimited && (room == maildir.Unlimited || left < room) {
		room = max(left, 0)
	}
	return b.e.tracked(ctx, row.Account, func() (homedir.Usage, error) {
		d, err := b.e.Mail.Deliver(ctx, string(entry.Account.Name), string(row.Domain), row.Local, r, room)
		if err != nil {
			return homedir.Usage{}, err
		}
		return homedir.Usage{Bytes: d.DiskBytes, Inodes: 1}, nil
	})
}

// room is how many bytes the mailbox may still take.
func (b *box) room(ctx context.Context, row *store.Mailbox, name string) (int64, error) {
	if row.Quota == 0 {
		return maildir.Unlimited, nil
	}
	u, err := b.e.Mail.Usage(ctx, name, string(row.Domain), row.Local)
	if err != nil {
		return 0, err
	}
	if u.Bytes >= row.Quota {
		return 0, &latchkey.Error{Kind: latchkey.Limit, Msg: "The mailbox is full."}
	}
	return row.Quota - u.Bytes, nil
}
