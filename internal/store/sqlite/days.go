package sqlite

import "github.com/latchkey/latchkey/internal/latchkey"

func (r *reader) TokenDays(account latchkey.AccountID, audience latchkey.Audience, since latchkey.DayNumber) ([]latchkey.TokenDay, error) {
	return all(r.ctx, r.q, func(s scanner) (d latchkey.TokenDay, err error) {
		err = s.Scan(&d.Token, &d.Day, &d.Calls, &d.Refused)
		return d, err
	}, `SELECT token_id, day, calls, refused FROM token_day
		WHERE token_id IN (SELECT id FROM token WHERE account_id = ? AND audience = ?) AND day >= ? ORDER BY token_id, day`,
		int64(account), int64(audience), int64(since))
}

func (t *tx) AddTokenDay(d latchkey.TokenDay) error {
	return t.run(`INSERT INTO token_day (token_id, day, calls, refused) SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM token WHERE id = ?)
		ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, refused = refused + excluded.refused`,
		int64(d.Token), int64(d.Day), d.Calls, d.Refused, int64(d.Token))
}

func (t *tx) DeleteTokenDays(before latchkey.DayNumber) error {
	return t.run(`DELETE FROM token_day WHERE day < ?`, int64(before))
}
