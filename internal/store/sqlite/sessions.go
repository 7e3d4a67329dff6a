package sqlite

import (
	"encoding/json"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

const sessionColumns = `mac, account_id, mailbox, audience, prefix, proof, created, used, ends, hand_over, page, token, seal`

// scanSession reads a session's row. As with tokens, one that holds what no
// session can is read without its seal.
func scanSession(s scanner) (x latchkey.Session, err error) {
	var mac, proof, token, seal []byte
	var account, audience, created, used, ends, handOver int64
	err = s.Scan(&mac, &account, &x.Mailbox, &audience, &x.Prefix, &proof, &created, &used, &ends, &handOver, &x.Page, &token, &seal)
	copy(x.ID[:], mac)
	copy(x.Proof[:], proof)
	copy(x.Token[:], token)
	copy(x.Seal[:], seal)
	x.Account, x.Audience, x.HandOver = latchkey.AccountID(account), latchkey.Audience(audience), handOver != 0
	x.Created, x.Used, x.Ends = instant(created), instant(used), instant(ends)
	if int64(x.Account) != account || int64(x.Audience) != audience || handOver&^1 != 0 || len(mac) != len(x.ID) || len(proof) != len(x.Proof) ||
		len(token) != 0 && len(token) != len(x.Token) {
		x.Seal = [32]byte{}
	}
	return x, err
}

func (r *reader) Session(id latchkey.SessionID) (latchkey.Session, error) {
	return found(r, scanSession, `SELECT `+sessionColumns+` FROM session WHERE mac = ?`, id[:])
}

func (r *reader) Sessions(account latchkey.AccountID, mailbox latchkey.MailboxName) ([]latchkey.Session, error) {
	return all(r.ctx, r.q, scanSession,
		`SELECT `+sessionColumns+` FROM session WHERE account_id = ? AND mailbox = ? ORDER BY created, mac`, int64(account), string(mailbox))
}

func (t *tx) InsertSession(x latchkey.Session) error {
	return t.run(`INSERT INTO session (`+sessionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		x.ID[:], int64(x.Account), string(x.Mailbox), int64(x.Audience), x.Prefix, x.Proof[:], micros(x.Created), micros(x.Used), micros(x.Ends),
		x.HandOver, x.Page, tokenOf(&x), x.Seal[:])
}

// tokenOf is the token that a session was made with, or nothing.
func tokenOf(x *latchkey.Session) []byte {
	if x.Token == (latchkey.TokenMAC{}) {
		return []byte{}
	}
	return x.Token[:]
}

func (t *tx) PutSessionUse(id latchkey.SessionID, at time.Time) error {
	return t.run(`UPDATE session SET used = max(used, ?) WHERE mac = ?`, micros(at), id[:])
}

func (t *tx) DeleteSession(id latchkey.SessionID) error {
	return t.q.change(t.ctx, `DELETE FROM session WHERE mac = ?`, id[:])
}

func (t *tx) DeleteSessions(account latchkey.AccountID) error {
	return t.run(`DELETE FROM session WHERE account_id = ?`, int64(account))
}

func (t *tx) DeleteOldSessions(ended, unused time.Time) error {
	return t.run(`DELETE FROM session WHERE ends <= ? OR used <= ?`, micros(ended), micros(unused))
}

func (r *reader) Setting(name string, into any) error {
	var body []byte
	if err := r.q.one(r.ctx, `SELECT body FROM setting WHERE name = ?`, []any{name}, &body); err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

func (t *tx) PutSetting(name string, v any) error {
	return t.putJSON(`INSERT INTO setting (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body`, name, v)
}

var _ store.Reader = (*reader)(nil)
