package sqlite

import (
	"encoding/json"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

const zoneColumns = `name, account_id, version, serial, parts`

func scanZone(s scanner) (z store.Zone, err error) {
	var parts []byte
	if err = s.Scan(&z.Name, &z.Account, &z.Version, &z.Serial, &parts); err == nil {
		err = json.Unmarshal(parts, &z.Parts)
	}
	return z, err
}

func (r *reader) Zone(name latchkey.Domain) (store.Zone, error) {
	return found(r, scanZone, `SELECT `+zoneColumns+` FROM zone WHERE name = ?`, string(name))
}

func (r *reader) ZoneParts(name latchkey.Domain) ([]store.ZonePart, error) {
	return all(r.ctx, r.q, func(s scanner) (p store.ZonePart, err error) {
		err = s.Scan(&p.Key, &p.Text)
		return p, err
	}, `SELECT key, body FROM zone_part WHERE zone = ? ORDER BY key`, string(name))
}

func (r *reader) Zones(account latchkey.AccountID) ([]store.Zone, error) {
	return all(r.ctx, r.q, scanZone, `SELECT `+zoneColumns+` FROM zone WHERE account_id = ? ORDER BY name`, int64(account))
}

func (r *reader) ZonesAfter(after latchkey.Domain, limit int) ([]store.Zone, error) {
	return all(r.ctx, r.q, scanZone, `SELECT `+zoneColumns+` FROM zone WHERE name > ? ORDER BY name LIMIT ?`, string(after), limit)
}

func (t *tx) InsertZone(z store.Zone, parts []store.ZonePart) error {
	keys, err := json.Marshal(z.Parts)
	if err != nil {
		return err
	}
	err = t.run(`INSERT INTO zone (`+zoneColumns+`) VALUES (?, ?, ?, ?, ?)`, string(z.Name), int64(z.Account), z.Version, int64(z.Serial), string(keys))
	if err != nil {
		return err
	}
	return t.putZoneParts(z.Name, parts)
}

func (t *tx) putZoneParts(name latchkey.Domain, parts []store.ZonePart) error {
	for _, p := range parts {
		if err := t.run(`INSERT INTO zone_part (zone, key, body) VALUES (?, ?, ?)`, string(name), p.Key, p.Text); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) UpdateZone(z store.Zone, drop []int64, put []store.ZonePart) error {
	keys, err := json.Marshal(z.Parts)
	if err != nil {
		return err
	}
	err = t.q.change(t.ctx, `UPDATE zone SET account_id = ?, version = ?, serial = ?, parts = ? WHERE name = ?`,
		int64(z.Account), z.Version, int64(z.Serial), string(keys), string(z.Name))
	if err != nil {
		return err
	}
	for _, key := range drop {
		if err := t.q.change(t.ctx, `DELETE FROM zone_part WHERE zone = ? AND key = ?`, string(z.Name), key); err != nil {
			return err
		}
	}
	return t.putZoneParts(z.Name, put)
}

func (t *tx) DeleteZone(name latchkey.Domain) error {
	if err := t.run(`DELETE FROM zone_part WHERE zone = ?`, string(name)); err != nil {
		return err
	}
	return t.q.change(t.ctx, `DELETE FROM zone WHERE name = ?`, string(name))
}
