package sqlite

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

const noticeColumns = `id, account_id, at, due, tries, address, body`

func scanNotice(s scanner) (n store.Notice, err error) {
	var at, due int64
	err = s.Scan(&n.ID, &n.Account, &at, &due, &n.Tries, &n.Address, &n.Body)
	n.At, n.Due = instant(at), instant(due)
	return n, err
}

func (r *reader) DueNotices(at time.Time, limit int) ([]store.Notice, error) {
	return all(r.ctx, r.q, scanNotice, `SELECT `+noticeColumns+` FROM notice WHERE due > 0 AND due <= ? ORDER BY due, id LIMIT ?`, micros(at), limit)
}

func (r *reader) NoticesSince(account latchkey.AccountID, at time.Time) (n int, err error) {
	err = r.q.one(r.ctx, `SELECT count(*) FROM notice WHERE account_id = ? AND at >= ?`, []any{int64(account), micros(at)}, &n)
	return n, err
}

func (r *reader) NoticesOff(account latchkey.AccountID) ([]string, error) {
	var kinds string
	err := r.q.one(r.ctx, `SELECT kinds FROM notice_off WHERE account_id = ?`, []any{int64(account)}, &kinds)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return strings.Fields(kinds), err
}

func (r *reader) TokensEnding(after time.Time, afterID latchkey.TokenID, until time.Time, limit int) ([]latchkey.Token, error) {
	return all(r.ctx, r.q, scanToken, `SELECT `+tokenColumns+` FROM token
		WHERE expires > 0 AND (expires, id) > (?, ?) AND expires <= ? ORDER BY expires, id LIMIT ?`,
		micros(after), int64(afterID), micros(until), limit)
}

func (r *reader) TokensOnTerms(after latchkey.TokenID, limit int) ([]latchkey.Token, error) {
	return all(r.ctx, r.q, scanToken, `SELECT `+tokenColumns+` FROM token WHERE (max_uses > 0 OR unused_days > 0) AND id > ? ORDER BY id LIMIT ?`,
		int64(after), limit)
}

func (r *reader) TokenCount(account latchkey.AccountID, audience latchkey.Audience) (n int, err error) {
	err = r.q.one(r.ctx, `SELECT count(*) FROM token WHERE account_id = ? AND audience = ?`, []any{int64(account), int64(audience)}, &n)
	return n, err
}

func (r *reader) Told(id latchkey.TokenID) (what string, err error) {
	err = r.q.one(r.ctx, `SELECT what FROM token_told WHERE token_id = ?`, []any{int64(id)}, &what)
	return what, err
}

func (t *tx) PutTold(id latchkey.TokenID, what string) error {
	return t.run(`INSERT INTO token_told (token_id, what) VALUES (?, ?) ON CONFLICT (token_id) DO UPDATE SET what = excluded.what`, int64(id), what)
}

func (r *reader) NetworksSince(id latchkey.TokenID, at time.Time) (n int, err error) {
	err = r.q.one(r.ctx, `SELECT count(*) FROM token_network WHERE token_id = ? AND at >= ?`, []any{int64(id), micros(at)}, &n)
	return n, err
}

func (t *tx) InsertNotice(n store.Notice) (int64, error) {
	r, err := t.q.exec(t.ctx, `INSERT INTO notice (account_id, at, due, tries, address, body) VALUES (?, ?, ?, ?, ?, ?)`,
		int64(n.Account), micros(n.At), micros(n.Due), n.Tries, n.Address, n.Body)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

func (t *tx) PutNotice(id int64, due time.Time, tries int) error {
	return t.q.change(t.ctx, `UPDATE notice SET due = ?, tries = ? WHERE id = ?`, micros(due), tries, id)
}

func (t *tx) DeleteOldNotices(before time.Time) error {
	return t.run(`DELETE FROM notice WHERE due = 0 AND at < ?`, micros(before))
}

func (t *tx) PutNoticesOff(account latchkey.AccountID, kinds []string) error {
	if len(kinds) == 0 {
		return t.run(`DELETE FROM notice_off WHERE account_id = ?`, int64(account))
	}
	return t.run(`INSERT INTO notice_off (account_id, kinds) VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET kinds = excluded.kinds`,
		int64(account), strings.Join(kinds, " "))
}

func (t *tx) AddNetwork(id latchkey.TokenID, network netip.Prefix, at time.Time, most int) (bool, error) {
	r, err := t.q.exec(t.ctx, `INSERT INTO token_network (token_id, network, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		int64(id), network.String(), micros(at))
	if err != nil {
		return false, err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	return true, t.run(`DELETE FROM token_network WHERE token_id = ? AND network IN
		(SELECT network FROM token_network WHERE token_id = ? ORDER BY at DESC, network LIMIT -1 OFFSET ?)`, int64(id), int64(id), most)
}
