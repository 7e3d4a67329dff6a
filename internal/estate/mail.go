package estate

import (
	"context"
	"errors"
	"path"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
)

// mail is the mail of one account.
type mail struct{ *account }

// on notes that the call is about a mailbox.
func (m *mail) on(a hosting.Address) { m.act.On(hosting.MailboxParam(a).Resource()) }

func (m *mail) Create(ctx context.Context, n hosting.NewMailbox) error {
	m.on(n.Address)
	// Asked before anything is reserved: later it could only fail, again and again.
	if err := m.e.Mail.Check(string(n.Address.Domain), n.Address.Local); err != nil {
		return err
	}
	hash, err := m.passwordHash(ctx, n)
	if err != nil {
		return err
	}
	in := &intent{Account: m.caller.Account, Name: m.caller.Name, Domain: n.Address.Domain, Local: n.Address.Local}
	row := store.Mailbox{Account: in.Account, Domain: in.Domain, Local: in.Local, PasswordHash: string(hash), Quota: n.Quota, Created: m.e.Now()}
	return m.e.locks.share(ctx, in.Account, func() error {
		return m.e.carryOut(ctx, m.act, m.caller, "mailbox-create", in, func(tx store.Tx) error { return m.reserve(tx, in, row) })
	})
}

// place is an address as the store has it; without a name its domain, without
// that the account.
func (m *mail) place(a hosting.Address) store.MailPlace {
	return store.MailPlace{Account: m.caller.Account, Domain: a.Domain, Local: a.Local}
}

// applied has a change of a place take effect, if it was kept.
func (m *mail) applied(ctx context.Context, a hosting.Address, err error) error {
	if err != nil {
		return err
	}
	return m.e.applyMail(ctx, m.place(a))
}

// passwordHash is the hash to store: the caller's own, or one of the password.
func (m *mail) passwordHash(ctx context.Context, n hosting.NewMailbox) (password.Hash, error) {
	if n.Hash != "" {
		return password.ParseForeign(n.Hash)
	}
	if err := m.checkStrength(n.Password); err != nil {
		return "", err
	}
	return m.e.Hasher.Make(ctx, n.Password)
}

func (m *mail) checkStrength(secret latchkey.Secret) error {
	if min := m.e.Server.MinStrength; password.Strength(secret) < min {
		return latchkey.InvalidParam("password", "The password is too weak: it must have a strength of at least %d of 100. Use a longer one.", min)
	}
	return nil
}

// reserve checks everything a new mailbox must satisfy and takes its name.
func (m *mail) reserve(tx store.Tx, in *intent, row store.Mailbox) error {
	a, err := tx.AccountByID(row.Account)
	if err != nil {
		return err
	}
	in.Name = a.Name // it may have changed since the call began, and cannot any more
	if err := m.ownsDomain(tx, row.Domain); err != nil {
		return err
	}
	if err := checkQuota(&a, row.Quota); err != nil {
		return err
	}
	n, err := tx.MailboxCount(row.Account)
	if err != nil {
		return err
	}
	if n >= a.Limits.Mailboxes {
		return latchkey.Errorf(latchkey.Limit, "The account already has the most email accounts its package allows (%d).", a.Limits.Mailboxes)
	}
	err = tx.InsertMailbox(row, store.Creating)
	if latchkey.KindOf(err) == latchkey.Exists {
		return &latchkey.Error{Kind: latchkey.Exists, Param: "email", Msg: "The email account “" + row.Address() + "” already exists!"}
	}
	return err
}

func (m *mail) ownsDomain(r store.Reader, d latchkey.Domain) error {
	owner, err := r.DomainOwner(d)
	if errors.Is(err, store.ErrNotFound) || err == nil && owner != m.caller.Account {
		return &latchkey.Error{Kind: latchkey.NotFound, Param: "domain", Msg: "You do not own the domain “" + string(d) + "”."}
	}
	return err
}

// checkQuota holds a mailbox to what the package allows one to be.
func checkQuota(a *latchkey.Account, bytes int64) error {
	if bytes < 0 {
		return latchkey.InvalidParam("quota", "The quota cannot be negative: use 0 for no limit.")
	}
	if most := a.Limits.MailboxMB; most != latchkey.Unlimited && (bytes == 0 || bytes > most<<20) {
		return latchkey.InvalidParam("quota", "The quota is too large: the package allows an email account at most %d MB.", most)
	}
	return nil
}

var mailboxCreate = plan{
	inside: true,
	apply: func(e *Estate, ctx context.Context, in *intent) error {
		return e.tracked(ctx, in.Account, func() (homedir.Usage, error) {
			before := e.measureMailbox(ctx, in)
			err := e.Mail.Create(ctx, string(in.Name), string(in.Domain), in.Local)
			return minus(e.measureMailbox(ctx, in), before), err
		})
	},
	finish: func(tx store.Tx, in *intent) error {
		return gone(tx.StageMailbox(in.Account, in.Domain, in.Local, store.Ready))
	},
	revert: func(e *Estate, ctx context.Context, in *intent) error {
		return gone(e.Mail.Remove(ctx, string(in.Name), string(in.Domain), in.Local))
	},
	undo: func(tx store.Tx, in *intent) error { return gone(tx.DeleteMailbox(in.Account, in.Domain, in.Local)) },
}

func (m *mail) Remove(ctx context.Context, a hosting.Address) error {
	m.on(a)
	in := &intent{Account: m.caller.Account, Name: m.caller.Name, Domain: a.Domain, Local: a.Local}
	return m.e.locks.share(ctx, in.Account, func() error {
		return m.e.carryOut(ctx, m.act, m.caller, "mailbox-remove", in, func(tx store.Tx) error {
			owner, err := tx.AccountByID(in.Account)
			if err != nil {
				return err
			}
			in.Name = owner.Name // as in reserve
			if _, err := m.find(tx, a); err != nil {
				return err
			}
			return tx.StageMailbox(in.Account, a.Domain, a.Local, store.Removing)
		})
	})
}

var mailboxRemove = plan{
	inside: true,
	apply: func(e *Estate, ctx context.Context, in *intent) error {
		if err := e.applyMail(ctx, in.place()); err != nil { // first, so that no message comes into what is being removed
			return err
		}
		return e.tracked(ctx, in.Account, func() (homedir.Usage, error) {
			was := e.measure(ctx, in.Name, path.Join("mail", string(in.Domain), in.Local))
			return minus(homedir.Usage{}, was), gone(e.Mail.Remove(ctx, string(in.Name), string(in.Domain), in.Local))
		})
	},
	finish: func(tx store.Tx, in *intent) error { return gone(tx.DeleteMailbox(in.Account, in.Domain, in.Local)) },
}

// find is the row of a mailbox, or an error in the caller's words.
func (m *mail) find(r store.Reader, a hosting.Address) (store.Mailbox, error) {
	if err := m.ownsDomain(r, a.Domain); err != nil {
		return store.Mailbox{}, err
	}
	row, err := r.Mailbox(m.caller.Account, a.Domain, a.Local)
	if errors.Is(err, store.ErrNotFound) {
		err = &latchkey.Error{Kind: latchkey.NotFound, Param: "email", Msg: "You do not have an email account named “" + a.String() + "”."}
	}
	return row, err
}

// change changes the row of one mailbox.
func (m *mail) change(ctx context.Context, a hosting.Address, fn func(tx store.Tx, row *store.Mailbox) error) error {
	m.on(a)
	err := m.e.commit(ctx, m.act, m.caller, func(tx store.Tx) error {
		row, err := m.find(tx, a)
		if err != nil {
			return err
		}
		if err := fn(tx, &row); err != nil {
			return err
		}
		return tx.UpdateMailbox(row)
	})
	return m.applied(ctx, a, err)
}

func (m *mail) SetPassword(ctx context.Context, a hosting.Address, secret latchkey.Secret) error {
	m.on(a)
	hash, err := m.passwordHash(ctx, hosting.NewMailbox{Password: secret})
	if err != nil {
		return err
	}
	return m.change(ctx, a, func(_ store.Tx, row *store.Mailbox) error {
		row.PasswordHash = string(hash)
		return nil
	})
}

func (m *mail) SetQuota(ctx context.Context, a hosting.Address, bytes int64) error {
	return m.change(ctx, a, func(tx store.Tx, row *store.Mailbox) error {
		owner, err := tx.AccountByID(row.Account)
		if err != nil {
			return err
		}
		row.Quota = bytes
		return checkQuota(&owner, bytes)
	})
}

func (m *mail) Suspend(ctx context.Context, a hosting.Address, what hosting.Suspension, on bool) error {
	err := m.change(ctx, a, func(tx store.Tx, row *store.Mailbox) error {
		switch what {
		case hosting.Login:
			row.SuspendedLogin = on
		case hosting.Incoming:
			row.SuspendedIncoming = on
		case hosting.Outgoing:
			row.SuspendedOutgoing = on
		case hosting.HoldOutgoing:
			row.HoldOutgoing = on
			return tx.HoldOutgoing(m.place(a), on, m.e.Now())
		}
		return nil
	})
	m.e.wake()
	return err
}

func (m *mail) Verify(ctx context.Context, a hosting.Address, secret latchkey.Secret) (bool, error) {
	m.on(a)
	var row store.Mailbox
	err := m.e.Store.Read(ctx, func(r store.Reader) (err error) {
		row, err = m.find(r, a)
		return err
	})
	if err != nil {
		return false, err
	}
	return m.e.Hasher.Verify(ctx, password.Hash(row.PasswordHash), secret)
}

func (m *mail) Mailbox(ctx context.Context, a hosting.Address) (box hosting.Mailbox, err error) {
	m.on(a)
	err = m.e.Store.Read(ctx, func(r store.Reader) error {
		row, err := m.find(r, a)
		box = mailbox(&row)
		return err
	})
	return box, err
}

func (m *mail) Mailboxes(ctx context.Context) (list []hosting.Mailbox, err error) {
	err = m.e.Store.Read(ctx, func(r store.Reader) error {
		rows, err := r.Mailboxes(m.caller.Account, store.Mailbox{}, 0)
		list = mailboxes(rows)
		return err
	})
	return list, err
}

func (m *mail) Page(ctx context.Context, skip, size int) (list []hosting.Mailbox, total int, err error) {
	err = m.e.Store.Read(ctx, func(r store.Reader) error {
		rows, n, err := r.MailboxPage(m.caller.Account, skip, size)
		list, total = mailboxes(rows), n
		return err
	})
	return list, total, err
}

// mailboxesAtOnce is how many of a long list are read at once.
const mailboxesAtOnce = 1000

func (m *mail) EachMailbox(ctx context.Context, take func([]hosting.Mailbox) error) error {
	var last store.Mailbox
	for {
		var rows []store.Mailbox
		err := m.e.Store.Read(ctx, func(r store.Reader) (err error) {
			rows, err = r.Mailboxes(m.caller.Account, last, mailboxesAtOnce)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1]
		if err := take(mailboxes(rows)); err != nil || len(rows) < mailboxesAtOnce {
			return err
		}
	}
}

func mailboxes(rows []store.Mailbox) []hosting.Mailbox {
	list := make([]hosting.Mailbox, len(rows))
	for i := range rows {
		list[i] = mailbox(&rows[i])
	}
	return list
}

func mailbox(row *store.Mailbox) hosting.Mailbox {
	return hosting.Mailbox{
		Address: hosting.Address{Local: row.Local, Domain: row.Domain}, Quota: row.Quota,
		SuspendedLogin: row.SuspendedLogin, SuspendedIncoming: row.SuspendedIncoming,
		SuspendedOutgoing: row.SuspendedOutgoing, HoldOutgoing: row.HoldOutgoing, Created: row.Created,
	}
}

func (m *mail) Count(ctx context.Context) (n int64, err error) {
	err = m.e.Store.Read(ctx, func(r store.Reader) (err error) {
		n, err = r.MailboxCount(m.caller.Account)
		return err
	})
	return n, err
}

// inHome runs fn with the name that the account has now, while its home stays
// where it is.
func (m *mail) inHome(ctx context.Context, fn func(name string) error) error {
	id := m.caller.Account
	return m.e.locks.share(ctx, id, func() error {
		now, err := m.e.Auth.Entry(ctx, id) // its name may have changed since the call began
		if err != nil {
			return err
		}
		return fn(string(now.Account.Name))
	})
}

func (m *mail) Usage(ctx context.Context, a hosting.Address) (hosting.MailUsage, error) {
	var u maildir.Usage
	err := m.inHome(ctx, func(name string) (err error) {
		u, err = m.e.Mail.Usage(ctx, name, string(a.Domain), a.Local)
		return err
	})
	return hosting.MailUsage{Bytes: u.Bytes, Messages: u.Messages, Modified: u.Modified}, err
}

func (m *mail) Folders(ctx context.Context, a hosting.Address) (list []hosting.MailFolder, err error) {
	if _, err := m.Mailbox(ctx, a); err != nil {
		return nil, err
	}
	err = m.inHome(ctx, func(name string) error {
		found, err := m.e.Mail.Folders(ctx, name, string(a.Domain), a.Local)
		for _, f := range found {
			list = append(list, hosting.MailFolder(f))
		}
		return err
	})
	return list, err
}

// begun has the trail have a call about a mailbox before it does what cannot be
// taken back, if who calls still may.
func (m *mail) begun(ctx context.Context, a hosting.Address) error {
	return m.e.begin(ctx, m.act, m.caller, func(tx store.Tx) error {
		_, err := m.find(tx, a)
		return err
	})
}

// Expunge implements [hosting.Mail].
func (m *mail) Expunge(ctx context.Context, a hosting.Address, f hosting.FolderRef, q mailsearch.Query) (int64, error) {
	m.on(a)
	var gone maildir.Expunged
	err := m.inHome(ctx, func(name string) error {
		if err := m.begun(ctx, a); err != nil {
			return err
		}
		return m.e.tracked(ctx, m.caller.Account, func() (_ homedir.Usage, err error) {
			gone, err = m.e.Mail.Expunge(ctx, name, string(a.Domain), a.Local, func(g maildir.Folder) bool { return f.Is(hosting.MailFolder(g)) }, q)
			return homedir.Usage{Bytes: -gone.DiskBytes, Inodes: -gone.Messages}, err
		})
	})
	if latchkey.KindOf(err) == latchkey.NotFound {
		if _, there := m.Mailbox(ctx, a); there == nil {
			err = hosting.NoFolder(a)
		}
	}
	return gone.Messages, err
}

func (m *mail) Domains(ctx context.Context) ([]latchkey.Domain, error) {
	owned, err := m.account.Domains(ctx)
	list := make([]latchkey.Domain, len(owned))
	for i := range owned {
		list[i] = owned[i].Name
	}
	return list, err
}
