package email

import (
	"context"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// popList is the list of an account's mailboxes, read no further than it is asked
// for. It is in the order of domains and names, which is that of no column.
type popList struct {
	mail  hosting.Mail
	wants func(hosting.Address) bool // nil for all
	first any                        // the row before the mailboxes, nil for none
	row   func(*hosting.Mailbox) any
	late  func(column string) bool // of rows that come without what the mailbox holds
}

func (l *popList) Key() string             { return "" }
func (l *popList) Late(column string) bool { return l.late(column) }

// Page implements [api.List]. Where some are left out the list is passed over, and
// no more of it is kept than is shown.
func (l *popList) Page(ctx context.Context, skip, size int) (page []any, total int, err error) {
	if l.wants != nil {
		err = l.Each(ctx, func(rows []any) error {
			from := min(max(skip-total, 0), len(rows))
			page = append(page, rows[from:min(from+size-len(page), len(rows))]...)
			total += len(rows)
			return nil
		})
		return page, total, err
	}
	before := 0
	if l.first != nil {
		before = 1
		if skip == 0 && size > 0 {
			page = append(page, l.first)
		}
	}
	boxes, total, err := l.mail.Page(ctx, max(skip-before, 0), size-len(page))
	return append(page, l.rows(boxes)...), total + before, err
}

// Each implements [api.List].
func (l *popList) Each(ctx context.Context, take func([]any) error) error {
	if l.first != nil {
		if err := take([]any{l.first}); err != nil {
			return err
		}
	}
	return l.mail.EachMailbox(ctx, func(boxes []hosting.Mailbox) error { return take(l.rows(boxes)) })
}

func (l *popList) rows(boxes []hosting.Mailbox) []any {
	rows := make([]any, 0, len(boxes))
	for i := range boxes {
		if l.wants == nil || l.wants(boxes[i].Address) {
			rows = append(rows, l.row(&boxes[i]))
		}
	}
	return rows
}

// Complete fills in what the mailboxes hold.
func (l *popList) Complete(ctx context.Context, rows []any) error {
	for _, row := range rows {
		if r, ok := row.(*diskRow); ok && r.box != nil {
			if err := r.complete(ctx, l.mail); err != nil {
				return err
			}
		}
	}
	return nil
}

// complete fills in what the mailbox holds: nothing, if it was deleted since the
// list was made.
func (r *diskRow) complete(ctx context.Context, mail hosting.Mail) error {
	u, err := measure(ctx, mail, r.box)
	if latchkey.KindOf(err) == latchkey.NotFound {
		u, err = shown(hosting.MailUsage{}, r.box), nil
	}
	r.diskUse = u
	return err
}
