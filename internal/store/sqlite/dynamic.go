package sqlite

import (
	"encoding/json"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

const dynamicColumns = `name, account_id, zone, mac, sealed, description, created, updated, runs, v4, v6`

func scanDynamic(s scanner) (d store.DynamicHost, err error) {
	var mac, runs []byte
	var created, updated int64
	err = s.Scan(&d.Name, &d.Account, &d.Zone, &mac, &d.Sealed, &d.Description, &created, &updated, &runs, &d.V4, &d.V6)
	copy(d.MAC[:], mac)
	d.Created, d.Updated = instant(created), instant(updated)
	var at []int64
	if err == nil {
		err = json.Unmarshal(runs, &at)
	}
	for _, us := range at {
		d.Runs = append(d.Runs, instant(us))
	}
	return d, err
}

func runsText(runs []time.Time) string {
	at := make([]int64, len(runs))
	for i, t := range runs {
		at[i] = micros(t)
	}
	text, _ := json.Marshal(at) // numbers
	return string(text)
}

func (r *reader) DynamicHost(name latchkey.Domain) (store.DynamicHost, error) {
	return found(r, scanDynamic, `SELECT `+dynamicColumns+` FROM dynamic_host WHERE name = ?`, string(name))
}

func (r *reader) DynamicHostByMAC(mac latchkey.TokenMAC) (store.DynamicHost, error) {
	return found(r, scanDynamic, `SELECT `+dynamicColumns+` FROM dynamic_host WHERE mac = ?`, mac[:])
}

func (r *reader) DynamicHosts(account latchkey.AccountID) ([]store.DynamicHost, error) {
	return all(r.ctx, r.q, scanDynamic, `SELECT `+dynamicColumns+` FROM dynamic_host WHERE account_id = ? ORDER BY name`, int64(account))
}

func (t *tx) InsertDynamicHost(d store.DynamicHost) error {
	return t.run(`INSERT INTO dynamic_host (`+dynamicColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(d.Name), int64(d.Account), string(d.Zone), d.MAC[:], d.Sealed, d.Description, micros(d.Created), micros(d.Updated), runsText(d.Runs), d.V4, d.V6)
}

func (t *tx) UpdateDynamicHost(d store.DynamicHost) error {
	return t.q.change(t.ctx, `UPDATE dynamic_host SET mac = ?, sealed = ?, description = ?, created = ?, updated = ?, runs = ?, v4 = ?, v6 = ? WHERE name = ?`,
		d.MAC[:], d.Sealed, d.Description, micros(d.Created), micros(d.Updated), runsText(d.Runs), d.V4, d.V6, string(d.Name))
}

func (t *tx) DeleteDynamicHost(name latchkey.Domain) error {
	return t.q.change(t.ctx, `DELETE FROM dynamic_host WHERE name = ?`, string(name))
}

func scanDKIM(s scanner) (k store.DKIMKey, err error) {
	var created int64
	err = s.Scan(&k.Domain, &k.Account, &k.Sealed, &created)
	k.Created = instant(created)
	return k, err
}

func (r *reader) DKIMKey(domain latchkey.Domain) (store.DKIMKey, error) {
	return found(r, scanDKIM, `SELECT domain, account_id, sealed, created FROM dkim_key WHERE domain = ?`, string(domain))
}

func (t *tx) PutDKIMKey(k store.DKIMKey) error {
	return t.run(`INSERT INTO dkim_key (domain, account_id, sealed, created) VALUES (?, ?, ?, ?)
		ON CONFLICT (domain) DO UPDATE SET account_id = excluded.account_id, sealed = excluded.sealed, created = excluded.created`,
		string(k.Domain), int64(k.Account), k.Sealed, micros(k.Created))
}
