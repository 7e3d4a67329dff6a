package sqlite

import (
	"time"

	"github.com/latchkey/latchkey/internal/store"
)

func (r *reader) Sources() ([]store.Source, error) {
	return all(r.ctx, r.q, func(s scanner) (x store.Source, err error) {
		var key, at, until, known, excess int64
		err = s.Scan(&key, &x.Level, &at, &until, &x.Count, &known, &excess)
		x.Key, x.At, x.Until, x.Known, x.Excess = uint64(key), instant(at), instant(until), known != 0, excess != 0
		return x, err
	}, `SELECT key, level, at, until, count, known, excess FROM source ORDER BY key`)
}

func (t *tx) PutSource(x store.Source) error {
	return t.run(`INSERT INTO source (key, level, at, until, count, known, excess) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET level = excluded.level, at = excluded.at, until = excluded.until, count = excluded.count,
			known = excluded.known, excess = excluded.excess`,
		int64(x.Key), x.Level, micros(x.At), micros(x.Until), x.Count, x.Known, x.Excess)
}

func (t *tx) DeleteSource(key uint64) error {
	return t.run(`DELETE FROM source WHERE key = ?`, int64(key))
}

func (t *tx) DeleteOldSources(now, faded time.Time, most int) error {
	if err := t.run(`DELETE FROM source WHERE until <= ? AND at <= ?`, micros(now), micros(faded)); err != nil {
		return err
	}
	return t.run(`DELETE FROM source WHERE key IN (SELECT key FROM source ORDER BY until DESC, at DESC, key LIMIT -1 OFFSET ?)`, most)
}
