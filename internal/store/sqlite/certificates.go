package sqlite

import (
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

const keptColumns = `account_id, kind, id, name, created, body, sealed`

func (r *reader) Kept(account latchkey.AccountID, kind uint8) ([]store.Kept, error) {
	return all(r.ctx, r.q, func(s scanner) (k store.Kept, err error) {
		var created int64
		err = s.Scan(&k.Account, &k.Kind, &k.ID, &k.Name, &created, &k.Body, &k.Sealed)
		k.Created = instant(created)
		return k, err
	}, `SELECT `+keptColumns+` FROM kept WHERE account_id = ? AND kind = ? ORDER BY created, id`, int64(account), int64(kind))
}

const siteColumns = `host, account_id, redirects, chain, key_id, sealed, installed, provider`

func scanSite(s scanner) (w store.Site, err error) {
	var installed int64
	err = s.Scan(&w.Host, &w.Account, &w.Redirects, &w.Chain, &w.KeyID, &w.Sealed, &installed, &w.Provider)
	w.Installed = instant(installed)
	return w, err
}

func (r *reader) Site(host latchkey.Domain) (store.Site, error) {
	return found(r, scanSite, `SELECT `+siteColumns+` FROM site WHERE host = ?`, string(host))
}

func (r *reader) Sites(account latchkey.AccountID) ([]store.Site, error) {
	return all(r.ctx, r.q, scanSite, `SELECT `+siteColumns+` FROM site WHERE account_id = ? ORDER BY host`, int64(account))
}

func (r *reader) KeyType(account latchkey.AccountID) (string, error) {
	return found(r, func(s scanner) (t string, err error) { err = s.Scan(&t); return t, err },
		`SELECT type FROM key_type WHERE account_id = ?`, int64(account))
}

func (t *tx) InsertKept(k store.Kept) error {
	return t.run(`INSERT INTO kept (`+keptColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		int64(k.Account), int64(k.Kind), k.ID, k.Name, micros(k.Created), k.Body, k.Sealed)
}

func (t *tx) RenameKept(account latchkey.AccountID, kind uint8, id, name string) error {
	return t.q.change(t.ctx, `UPDATE kept SET name = ? WHERE account_id = ? AND kind = ? AND id = ?`, name, int64(account), int64(kind), id)
}

func (t *tx) DeleteKept(account latchkey.AccountID, kind uint8, id string) error {
	return t.q.change(t.ctx, `DELETE FROM kept WHERE account_id = ? AND kind = ? AND id = ?`, int64(account), int64(kind), id)
}

func (t *tx) PutSite(s store.Site) error {
	return t.run(`INSERT INTO site (`+siteColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (host) DO UPDATE SET account_id = excluded.account_id, redirects = excluded.redirects, chain = excluded.chain,
			key_id = excluded.key_id, sealed = excluded.sealed, installed = excluded.installed, provider = excluded.provider`,
		string(s.Host), int64(s.Account), s.Redirects, s.Chain, s.KeyID, s.Sealed, micros(s.Installed), s.Provider)
}

func (t *tx) DeleteSite(host latchkey.Domain) error {
	return t.q.change(t.ctx, `DELETE FROM site WHERE host = ?`, string(host))
}

func (t *tx) PutKeyType(account latchkey.AccountID, keyType string) error {
	return t.run(`INSERT INTO key_type (account_id, type) VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET type = excluded.type`, int64(account), keyType)
}
