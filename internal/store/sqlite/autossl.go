package sqlite

import (
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func (r *reader) AutoSSL(account latchkey.AccountID) ([]store.AutoSSL, error) {
	return all(r.ctx, r.q, func(s scanner) (a store.AutoSSL, err error) {
		var at, due int64
		err = s.Scan(&a.Host, &a.Account, &a.Excluded, &a.Problem, &at, &a.Tries, &due)
		a.At, a.Due = instant(at), instant(due)
		return a, err
	}, `SELECT host, account_id, excluded, problem, at, tries, due FROM autossl WHERE account_id = ? ORDER BY host`, int64(account))
}

func (t *tx) PutAutoSSL(a store.AutoSSL) error {
	return t.run(`INSERT INTO autossl (host, account_id, excluded, problem, at, tries, due) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (host) DO UPDATE SET account_id = excluded.account_id, excluded = excluded.excluded, problem = excluded.problem,
			at = excluded.at, tries = excluded.tries, due = excluded.due`,
		string(a.Host), int64(a.Account), a.Excluded, a.Problem, micros(a.At), a.Tries, micros(a.Due))
}

func (t *tx) DeleteAutoSSL(host latchkey.Domain) error {
	return t.run(`DELETE FROM autossl WHERE host = ?`, string(host))
}
