package sqlite

import (
	"encoding/json"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func (r *reader) TokenDays(account latchkey.AccountID, audience latchkey.Audience, since latchkey.DayNumber) ([]latchkey.TokenDay, error) {
	return all(r.ctx, r.q, scanDay, `SELECT token_id, day, calls, refused FROM token_day
		WHERE token_id IN (SELECT id FROM token WHERE account_id = ? AND audience = ?) AND day >= ? ORDER BY token_id, day`,
		int64(account), int64(audience), int64(since))
}

func (r *reader) DaysOf(ids []latchkey.TokenID, since latchkey.DayNumber) ([]latchkey.TokenDay, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return all(r.ctx, r.q, scanDay, `SELECT token_id, day, calls, refused FROM token_day
		WHERE token_id IN (SELECT value FROM json_each(?)) AND day >= ? ORDER BY token_id, day`, string(list), int64(since))
}

func scanDay(s scanner) (d latchkey.TokenDay, err error) {
	err = s.Scan(&d.Token, &d.Day, &d.Calls, &d.Refused)
	return d, err
}

func (t *tx) AddTokenDay(d latchkey.TokenDay) error {
	return t.run(`INSERT INTO token_day (token_id, day, calls, refused) SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM token WHERE id = ?)
		ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, refused = refused + excluded.refused`,
		int64(d.Token), int64(d.Day), d.Calls, d.Refused, int64(d.Token))
}

func (t *tx) DeleteTokenDays(before latchkey.DayNumber) error {
	return t.run(`DELETE FROM token_day WHERE day < ?`, int64(before))
}
