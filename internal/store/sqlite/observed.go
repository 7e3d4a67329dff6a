package sqlite

import "github.com/latchkey/latchkey/internal/latchkey"

func (r *reader) Observed(id latchkey.TokenID) ([]latchkey.Observed, error) {
	return all(r.ctx, r.q, func(s scanner) (o latchkey.Observed, err error) {
		var first, last int64
		err = s.Scan(&o.Module, &o.Name, &o.Write, &o.On.Kind, &o.On.Zone, &o.On.Name, &o.On.Type, &o.Listed, &o.Count, &first, &last)
		o.First, o.Last = instant(first), instant(last)
		return o, err
	}, `SELECT module, func, writes, kind, zone, name, type, listed, count, first, last FROM token_observed WHERE token_id = ?
		ORDER BY module, func, kind, zone, name, type, listed`, int64(id))
}

func (t *tx) AddObserved(id latchkey.TokenID, list []latchkey.Observed) error {
	for i := range list {
		o := &list[i]
		err := t.run(`
			INSERT INTO token_observed (token_id, module, func, writes, kind, zone, name, type, listed, count, first, last)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET count = count + excluded.count, last = max(last, excluded.last)`,
			int64(id), o.Module, o.Name, o.Write, o.On.Kind, o.On.Zone, o.On.Name, o.On.Type, o.Listed, o.Count, micros(o.First), micros(o.Last))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) DeleteObserved(id latchkey.TokenID) error {
	return t.run(`DELETE FROM token_observed WHERE token_id = ?`, int64(id))
}
