package auth

import (
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// mailboxName is the mailbox that a user name means on webmail's door, or "".
func mailboxName(user string) latchkey.MailboxName {
	m := latchkey.MailboxName(strings.ToLower(user))
	if local, domain := m.Split(); local == "" || domain == "" {
		return ""
	}
	return m
}

// mailbox finds a mailbox that may sign in, and the account it belongs to.
func (v *Verifier) mailbox(ctx context.Context, m latchkey.MailboxName) (h holder, err error) {
	var row store.Mailbox
	err = v.store.Read(ctx, func(r store.Reader) (err error) {
		row, err = mailboxRow(r, m)
		return err
	})
	if err != nil {
		return h, err
	}
	h = holder{mailbox: m, off: row.SuspendedLogin, hash: row.PasswordHash}
	h.entry, err = v.Entry(ctx, row.Account)
	return h, err
}

func mailboxRow(r store.Reader, m latchkey.MailboxName) (store.Mailbox, error) {
	local, domain := m.Split()
	owner, err := r.DomainOwner(domain)
	if err != nil {
		return store.Mailbox{}, err
	}
	return r.Mailbox(owner, domain, local)
}
