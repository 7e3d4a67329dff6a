package sqlite

import "github.com/latchkey/latchkey/internal/latchkey"

func (r *reader) RecoveryCodes(account latchkey.AccountID) (n int, err error) {
	err = r.q.one(r.ctx, `SELECT count(*) FROM recovery_code WHERE account_id = ?`, []any{int64(account)}, &n)
	return n, err
}

func (t *tx) PutRecoveryCodes(account latchkey.AccountID, macs []latchkey.RecoveryMAC) error {
	err := t.run(`DELETE FROM recovery_code WHERE account_id = ?`, int64(account))
	for i := 0; err == nil && i < len(macs); i++ {
		err = t.run(`INSERT INTO recovery_code (account_id, mac) VALUES (?, ?)`, int64(account), macs[i][:])
	}
	return err
}

func (t *tx) DeleteRecoveryCode(account latchkey.AccountID, mac latchkey.RecoveryMAC) error {
	return t.q.change(t.ctx, `DELETE FROM recovery_code WHERE account_id = ? AND mac = ?`, int64(account), mac[:])
}
