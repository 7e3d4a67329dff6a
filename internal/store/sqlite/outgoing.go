package sqlite

import (
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

const outgoingColumns = `account_id, domain, local, sender, recipient, body, bytes, own, at, due, tries, held`

func scanOutgoing(s scanner) (o store.Outgoing, err error) {
	var at, due int64
	err = s.Scan(&o.ID, &o.Account, &o.Domain, &o.Local, &o.From, &o.To, &o.Body, &o.Bytes, &o.Own, &at, &due, &o.Tries, &o.Held)
	o.At, o.Due = instant(at), instant(due)
	return o, err
}

// mayLeave is the condition under which the message o may be sent.
const mayLeave = `o.held = 0
	AND NOT EXISTS (SELECT 1 FROM account WHERE id = o.account_id AND suspended)
	AND NOT EXISTS (SELECT 1 FROM mailbox AS m WHERE m.account_id = o.account_id AND m.domain = o.domain AND m.local = o.local AND m.suspended_outgoing)`

// DueOutgoing finds the accounts one after the other, each by one look at the index.
func (r *reader) DueOutgoing(at time.Time, after latchkey.AccountID, each, limit int) ([]store.Outgoing, error) {
	return all(r.ctx, r.q, scanOutgoing, `
		WITH RECURSIVE who (id) AS (
			SELECT min(account_id) FROM outgoing WHERE held = 0 AND account_id > ?
			UNION ALL
			SELECT (SELECT min(account_id) FROM outgoing WHERE held = 0 AND account_id > who.id) FROM who WHERE who.id IS NOT NULL
		)
		SELECT id, `+outgoingColumns+` FROM outgoing WHERE id IN (
			SELECT o.id FROM who CROSS JOIN outgoing AS o ON o.id IN (
				SELECT o.id FROM outgoing AS o WHERE o.account_id = who.id AND o.due <= ? AND `+mayLeave+` ORDER BY o.due, o.id LIMIT ?))
		ORDER BY account_id, due, id LIMIT ?`, int64(after), micros(at), each, limit)
}

func (r *reader) MayLeave(id int64) (may bool, err error) {
	err = r.q.one(r.ctx, `SELECT EXISTS (SELECT 1 FROM outgoing AS o WHERE o.id = ? AND `+mayLeave+`)`, []any{id}, &may)
	return may, err
}

func (r *reader) OutgoingSize(account latchkey.AccountID) (n, bytes int64, err error) {
	err = r.q.one(r.ctx, `SELECT count(*), coalesce(sum(bytes), 0) FROM outgoing WHERE account_id = ?`, []any{int64(account)}, &n, &bytes)
	return n, bytes, err
}

func (r *reader) HeldCount(p store.MailPlace) (n int64, err error) {
	if p.Domain == "" {
		err = r.q.one(r.ctx, `SELECT count(*) FROM outgoing WHERE account_id = ? AND held = 1`, []any{int64(p.Account)}, &n)
	} else {
		err = r.q.one(r.ctx, `SELECT count(*) FROM outgoing`+atPlace+` AND held = 1`, at(p), &n)
	}
	return n, err
}

func (r *reader) OutgoingBodies() ([]string, error) {
	return all(r.ctx, r.q, func(s scanner) (name string, err error) { return name, s.Scan(&name) }, `SELECT DISTINCT body FROM outgoing`)
}

func (r *reader) OutgoingHas(body string) (has bool, err error) {
	err = r.q.one(r.ctx, `SELECT EXISTS (SELECT 1 FROM outgoing WHERE body = ?)`, []any{body}, &has)
	return has, err
}

func (t *tx) InsertOutgoing(o store.Outgoing) error {
	return t.run(`INSERT INTO outgoing (`+outgoingColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		at(o.MailPlace, o.From, o.To, o.Body, o.Bytes, o.Own, micros(o.At), micros(o.Due), o.Tries, o.Held)...)
}

func (t *tx) PutOutgoing(id int64, due time.Time, tries int) error {
	return t.q.change(t.ctx, `UPDATE outgoing SET due = ?, tries = ? WHERE id = ?`, micros(due), tries, id)
}

func (t *tx) DeleteOutgoing(id int64) error { return t.run(`DELETE FROM outgoing WHERE id = ?`, id) }

func (t *tx) HoldOutgoing(p store.MailPlace, on bool, now time.Time) error {
	return t.run(`UPDATE outgoing SET held = ?, at = ?`+atPlace+` AND held <> ?`, append(append([]any{on, micros(now)}, at(p)...), on)...)
}

func (t *tx) DeleteHeld(p store.MailPlace) (int64, error) {
	r, err := t.q.exec(t.ctx, `DELETE FROM outgoing`+atPlace+` AND held = 1`, at(p)...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
