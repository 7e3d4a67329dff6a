package crash

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// flips are bits of a token's row: every column, and in numbers bits that are
// lost where a number is kept in less room.
func flips(t *testing.T, db *sql.DB) (list []flip) {
	t.Helper()
	rows, err := db.Query(`SELECT name, type FROM pragma_table_info('token') ORDER BY cid`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var column, kind string
		if err := rows.Scan(&column, &kind); err != nil {
			t.Fatal(err)
		}
		bits := []int{0, 3}
		if kind == "INTEGER" {
			bits = []int{0, 1, 8, 33, 63}
		}
		for _, bit := range bits {
			list = append(list, flip{column: column, bit: bit})
		}
	}
	if len(list) == 0 {
		t.Fatal("the table of tokens has no columns")
	}
	return list
}

type flip struct {
	column string
	bit    int
	token  string
	id     int64
	mac    []byte
}

func (f *flip) name() string { return fmt.Sprintf("%s-%d", f.column, f.bit) }

// damage turns the bit over in the store.
func (f *flip) damage(db *sql.DB) error {
	var v any
	if err := db.QueryRow(`SELECT id, mac, `+f.column+` FROM token WHERE name = ?`, f.name()).Scan(&f.id, &f.mac, &v); err != nil {
		return err
	}
	switch was := v.(type) {
	case int64:
		v = was ^ 1<<f.bit
	case string:
		text := append([]byte(was), 0)[:max(len(was), 1)] // what is empty is not so any more
		text[0] ^= 1 << f.bit
		v = string(text)
	case []byte:
		was = slices.Clone(was)
		was[0] ^= 1 << f.bit
		v = was
	default:
		return fmt.Errorf("there is nothing in the column that could be damaged")
	}
	_, err := db.Exec(`UPDATE token SET `+f.column+` = ? WHERE id = ?`, v, f.id)
	return err
}

// TestDamagedRow turns over one bit in the row of each of many tokens, as a
// failing disk or a hand in the store would. Each is refused, and nothing else
// suffers.
func TestDamagedRow(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.furnish(start(t, w.dir))
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "latchkey.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	demo := w.run.account("demo", w.demo)
	list := flips(t, db)
	for i := range list {
		list[i].token = newToken(t, demo, list[i].name())
		if strings.HasPrefix(list[i].column, "was") { // there is something in it once the token was rotated
			list[i].token = rotated(t, demo, list[i].name())
		}
	}
	whole := []string{w.demo, newToken(t, demo, "whole-1"), newToken(t, demo, "whole-2")}
	w.run.stop()
	for i := range list {
		if err := list[i].damage(db); err != nil {
			t.Fatalf("%s: %v", list[i].name(), err)
		}
	}
	w.run = start(t, w.dir)
	w.checkDamage("at once", list, whole)
	time.Sleep(time.Second) // by then every row has been read
	w.checkDamage("a second later", list, whole)
	w.checkDamageLog(list, whole)
	w.checkOwner(list)
}

func newToken(t *testing.T, c *client, name string) string {
	t.Helper()
	return secretOf(t, c, "Tokens/create_full_access", "name", name)
}

// rotated rotates a token, whose secret so far goes on for an hour.
func rotated(t *testing.T, c *client, name string) string {
	t.Helper()
	return secretOf(t, c, "Tokens/rotate", "name", name, "overlap", "3600")
}

func secretOf(t *testing.T, c *client, function string, args ...string) string {
	t.Helper()
	var data struct{ Token string }
	if err := c.call(&data, function, args...); err != nil {
		t.Fatal(err)
	}
	return data.Token
}

func (w *world) checkDamage(when string, list []flip, whole []string) {
	w.t.Helper()
	for _, f := range list {
		for _, user := range []string{"demo", "other"} {
			err := w.run.account(user, f.token).call(nil, "Quota/get_quota_info")
			if refused, ok := errors.AsType[*refusal](err); !ok || refused.code != 401 {
				w.t.Errorf("%s: with bit %d of %s turned over, the token of demo used as %s: %v, want HTTP 401", when, f.bit, f.column, user, err)
			}
		}
		err := w.run.host(f.token).call(nil, "listaccts")
		if _, ok := errors.AsType[*refusal](err); !ok {
			w.t.Errorf("%s: with bit %d of %s turned over, the token of demo used as root: %v, want a refusal", when, f.bit, f.column, err)
		}
	}
	for i, text := range whole {
		if err := w.run.account("demo", text).call(nil, "Quota/get_quota_info"); err != nil {
			w.t.Errorf("%s: token %d, whose row is whole: %v", when, i, err)
		}
	}
}

// checkDamageLog holds the log to tell of the damage and of no secret.
func (w *world) checkDamageLog(list []flip, whole []string) {
	w.t.Helper()
	log := w.run.log.String()
	if !strings.Contains(log, "damaged") {
		w.t.Errorf("the log does not tell of damage:\n%s", log)
	}
	secrets := slices.Clone(whole)
	for _, f := range list {
		secrets = append(secrets, f.token, string(f.mac), hex.EncodeToString(f.mac), base64.StdEncoding.EncodeToString(f.mac))
		// Whose name was changed is told of under the name it has now.
		if f.column != "name" && !strings.Contains(log, `"`+f.name()+`"`) {
			w.t.Errorf("the log does not tell of the damaged token %s", f.name())
		}
	}
	for _, secret := range secrets {
		if strings.Contains(strings.ToLower(log), strings.ToLower(secret)) {
			w.t.Errorf("the log shows a secret: %q", secret)
		}
	}
}

// checkOwner holds that the owner can still list the tokens and revoke what is
// damaged.
func (w *world) checkOwner(list []flip) {
	w.t.Helper()
	demo := w.run.account("demo", w.demo)
	var rows []struct{ Name string }
	if err := demo.call(&rows, "Tokens/list"); err != nil {
		w.t.Errorf("Tokens::list with damaged rows: %v", err)
	}
	for _, f := range list {
		if err := demo.call(nil, "Tokens/revoke", "name", f.name()); err != nil {
			w.t.Errorf("Tokens::revoke of the damaged %s: %v", f.name(), err)
		}
	}
}
