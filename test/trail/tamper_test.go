// Package trail tries the audit trail of a whole server: what is changed in it
// behind its back is found, no secret is in it or anywhere near, and without it
// nothing changes. How much of it is tried is set with flags.
package trail

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
	"github.com/latchkey/latchkey/test/testserver"
)

var (
	tampers = flag.Int("tampers", 100, "how many changes of the trail are tried")
	issues  = flag.Int("secrets", 500, "how many secrets are issued and looked for")
	seed    = flag.Uint64("seed", 1, "what the changes are drawn from")
)

// crime is one database and copy of the head that somebody changes.
type crime struct {
	db    *sql.DB
	rng   *rand.Rand
	heads *audit.Heads
	links int64 // how many there are
	first int64 // the number of the first
}

// any is the number of some link.
func (c *crime) any() int64 { return c.first + c.rng.Int64N(c.links) }

// some are two numbers of links, the first the smaller.
func (c *crime) some() (int64, int64) {
	a, b := c.any(), c.any()
	for a == b {
		b = c.any()
	}
	return min(a, b), max(a, b)
}

func (c *crime) exec(query string, args ...any) error {
	res, err := c.db.Exec(query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("%s changed nothing, %v", query, err)
	}
	return nil
}

// flip changes one bit of a column of a link, or of another row.
func (c *crime) flip(table, column, key string, of any) error {
	var text []byte
	if err := c.db.QueryRow(`SELECT `+column+` FROM `+table+` WHERE `+key+` = ?`, of).Scan(&text); err != nil {
		return err
	}
	text[c.rng.IntN(len(text))] ^= 1 << c.rng.IntN(8)
	return c.exec(`UPDATE `+table+` SET `+column+` = ? WHERE `+key+` = ?`, text, of)
}

// rechain makes every hash from a link on fit again.
func (c *crime) rechain(from int64) error {
	var prev [32]byte
	var hash []byte
	if err := c.db.QueryRow(`SELECT hash FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT 1`, from).Scan(&hash); err == nil {
		copy(prev[:], hash)
	}
	rows, err := c.db.Query(`SELECT seq, at, events, body FROM audit WHERE seq >= ? ORDER BY seq`, from)
	if err != nil {
		return err
	}
	var links []store.Link
	for rows.Next() {
		var l store.Link
		var at int64
		if err := rows.Scan(&l.Seq, &at, &l.Events, &l.Body); err != nil {
			return err
		}
		l.At = time.UnixMicro(at)
		links = append(links, l)
	}
	rows.Close()
	for i := range links {
		prev = links[i].Sum(prev)
		if err := c.exec(`UPDATE audit SET hash = ? WHERE seq = ?`, prev[:], int64(links[i].Seq)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// shift renumbers the links from one on.
func (c *crime) shift(from, by int64) error {
	if err := c.exec(`UPDATE audit SET seq = -seq WHERE seq >= ?`, from); err != nil {
		return err
	}
	return c.exec(`UPDATE audit SET seq = -seq + ? WHERE seq < 0`, by)
}

// forge makes a link say that something else was called.
func (c *crime) forge(seq int64) error {
	var events int
	if err := c.db.QueryRow(`SELECT events FROM audit WHERE seq = ?`, seq).Scan(&events); err != nil {
		return err
	}
	var body []byte
	for range events {
		body = append(body, audit.Encode(&latchkey.Event{At: testserver.Start, Func: fmt.Sprint("Email::f", c.rng.Uint32()), OK: true})...)
	}
	return c.exec(`UPDATE audit SET body = ? WHERE seq = ?`, body, seq)
}

// headFile changes the copy of the head.
func (c *crime) headFile(change func(map[string]any)) error {
	text, err := os.ReadFile(c.heads.Path)
	if err != nil {
		return err
	}
	var f map[string]any
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	change(f)
	if text, err = json.Marshal(f); err != nil {
		return err
	}
	return os.WriteFile(c.heads.Path, text, 0o600)
}

// kinds are the ways of changing a trail.
var kinds = []struct {
	name string
	do   func(c *crime) error
}{
	{"edit of a body", func(c *crime) error { return c.flip("audit", "body", "seq", c.any()) }},
	{"edit of a hash", func(c *crime) error { return c.flip("audit", "hash", "seq", c.any()) }},
	{"edit of a time", func(c *crime) error {
		return c.exec(`UPDATE audit SET at = at + ? WHERE seq = ?`, 1+c.rng.Int64N(1e9), c.any())
	}},
	{"edit of a count", func(c *crime) error {
		return c.exec(`UPDATE audit SET events = events + ? WHERE seq = ?`, 1+c.rng.Int64N(9), c.any())
	}},
	{"edit of an event", func(c *crime) error { return c.forge(c.any()) }},
	{"edit with its hash", func(c *crime) error {
		seq := c.any()
		if err := c.forge(seq); err != nil {
			return err
		}
		return c.rechain(seq)
	}},
	{"deletion", func(c *crime) error { return c.exec(`DELETE FROM audit WHERE seq = ?`, c.any()) }},
	{"deletion of many", func(c *crime) error {
		from, to := c.some()
		return c.exec(`DELETE FROM audit WHERE seq BETWEEN ? AND ?`, from, to)
	}},
	{"deletion, numbered anew", func(c *crime) error {
		seq := c.first + c.rng.Int64N(c.links-1)
		if err := c.exec(`DELETE FROM audit WHERE seq = ?`, seq); err != nil {
			return err
		}
		return c.shift(seq+1, -1)
	}},
	{"deletion, numbered and chained anew", func(c *crime) error {
		seq := c.first + c.rng.Int64N(c.links-1)
		if err := c.exec(`DELETE FROM audit WHERE seq = ?`, seq); err != nil {
			return err
		}
		if err := c.shift(seq+1, -1); err != nil {
			return err
		}
		return c.rechain(seq)
	}},
	{"swap", func(c *crime) error {
		a, b := c.some()
		for _, step := range [][2]int64{{a, -1}, {b, a}, {-1, b}} {
			if err := c.exec(`UPDATE audit SET seq = ? WHERE seq = ?`, step[1], step[0]); err != nil {
				return err
			}
		}
		return nil
	}},
	{"swap, chained anew", func(c *crime) error {
		a, b := c.some()
		for _, step := range [][2]int64{{a, -1}, {b, a}, {-1, b}} {
			if err := c.exec(`UPDATE audit SET seq = ? WHERE seq = ?`, step[1], step[0]); err != nil {
				return err
			}
		}
		return c.rechain(a)
	}},
	{"duplication at the end", func(c *crime) error {
		return c.exec(`INSERT INTO audit SELECT (SELECT max(seq) + 1 FROM audit), at, events, hash, body FROM audit WHERE seq = ?`, c.any())
	}},
	{"duplication in the middle", func(c *crime) error {
		seq := c.any()
		if err := c.shift(seq, 1); err != nil {
			return err
		}
		return c.exec(`INSERT INTO audit SELECT seq - 1, at, events, hash, body FROM audit WHERE seq = ?`, seq+1)
	}},
	{"duplication, chained anew", func(c *crime) error {
		seq := c.any()
		if err := c.shift(seq, 1); err != nil {
			return err
		}
		if err := c.exec(`INSERT INTO audit SELECT seq - 1, at, events, hash, body FROM audit WHERE seq = ?`, seq+1); err != nil {
			return err
		}
		return c.rechain(seq)
	}},
	{"end cut off", func(c *crime) error { return c.exec(`DELETE FROM audit WHERE seq >= ?`, c.any()) }},
	{"end cut off, with the copied head", func(c *crime) error {
		seq := c.first + 1 + c.rng.Int64N(c.links-1)
		var hash []byte
		if err := c.db.QueryRow(`SELECT hash FROM audit WHERE seq = ?`, seq-1).Scan(&hash); err != nil {
			return err
		}
		if err := c.exec(`DELETE FROM audit WHERE seq >= ?`, seq); err != nil {
			return err
		}
		return c.headFile(func(f map[string]any) { f["seq"], f["hash"] = seq-1, fmt.Sprintf("%x", hash) })
	}},
	{"end cut off, without the copied head", func(c *crime) error {
		if err := c.exec(`DELETE FROM audit WHERE seq > ?`, c.any()-1); err != nil {
			return err
		}
		return os.Remove(c.heads.Path)
	}},
	{"front cut off", func(c *crime) error { return c.exec(`DELETE FROM audit WHERE seq <= ?`, c.any()) }},
	{"front cut off, with the anchor", func(c *crime) error {
		seq := c.first + c.rng.Int64N(c.links-1)
		var hash []byte
		var at int64
		if err := c.db.QueryRow(`SELECT hash, at FROM audit WHERE seq = ?`, seq).Scan(&hash, &at); err != nil {
			return err
		}
		if err := c.exec(`DELETE FROM audit WHERE seq <= ?`, seq); err != nil {
			return err
		}
		return c.exec(`UPDATE setting SET body = json_set(body, '$.seq', ?, '$.hash', ?, '$.at', ?) WHERE name = 'audit-anchor'`, seq, fmt.Sprintf("%x", hash), at)
	}},
	{"anchor edited", func(c *crime) error { return c.anchor() }},
	{"anchor deleted", func(c *crime) error { return c.exec(`DELETE FROM setting WHERE name = 'audit-anchor'`) }},
	{"copied head edited", func(c *crime) error {
		text, err := os.ReadFile(c.heads.Path)
		if err != nil {
			return err
		}
		text[c.rng.IntN(len(text)-1)] ^= 1 << c.rng.IntN(7)
		return os.WriteFile(c.heads.Path, text, 0o600)
	}},
	{"copied head deleted", func(c *crime) error { return os.Remove(c.heads.Path) }},
	{"block edited", func(c *crime) error { return c.flip("audit_block", "filter", "last", c.blockEnd()) }},
	{"block hidden", func(c *crime) error {
		return c.exec(`UPDATE audit_block SET filter = zeroblob(1) WHERE last = ?`, c.blockEnd())
	}},
}

// anchor changes one letter of a value of the anchor.
func (c *crime) anchor() error {
	var text []byte
	if err := c.db.QueryRow(`SELECT body FROM setting WHERE name = 'audit-anchor'`).Scan(&text); err != nil {
		return err
	}
	changed := bytes.Clone(text)
	for bytes.Equal(changed, text) || !json.Valid(changed) {
		changed = bytes.Clone(text)
		at := c.rng.IntN(len(changed))
		if changed[at] < '0' || changed[at] > '8' {
			continue
		}
		changed[at]++
	}
	return c.exec(`UPDATE setting SET body = ? WHERE name = 'audit-anchor'`, changed)
}

func (c *crime) blockEnd() (last int64) {
	_ = c.db.QueryRow(`SELECT last FROM audit_block ORDER BY random() LIMIT 1`).Scan(&last)
	return last
}

// TestTampering changes a trail in every way there is, and looks whether it is
// found.
func TestTampering(t *testing.T) {
	s := testserver.New(t)
	grow := func(n int) {
		for i := range n {
			_, err := s.Store.Write(t.Context(), func(tx store.Tx) error {
				tx.Audit(audit.Encode(&latchkey.Event{At: s.Now(), Account: latchkey.AccountID(1 + i%7), Func: fmt.Sprint("Email::f", i%5), OK: true}), 1)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	grow(30)
	s.Wait(24 * time.Hour)
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
	s.Token("demo", "ci")
	settle(t, s)
	if done, err := s.Trail.Prune(t.Context(), s.Now(), "test"); err != nil || done.Last == 0 {
		t.Fatalf("Prune = %+v, %v", done, err)
	}
	grow(300)
	settle(t, s)
	dir := t.TempDir()
	original := filepath.Join(dir, "original.db")
	must(t, query(t, filepath.Join(s.Dir, "latchkey.db"), `VACUUM INTO ?`, original))
	database, err := os.ReadFile(original)
	must(t, err)
	head, err := os.ReadFile(s.Heads.Path)
	must(t, err)

	verify := func(change func(*crime) error, rng *rand.Rand) error {
		t.Helper()
		dir, err := os.MkdirTemp(dir, "")
		must(t, err)
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "copy.db")
		must(t, os.WriteFile(path, database, 0o600))
		heads := &audit.Heads{Path: filepath.Join(dir, "copy.head"), Keys: s.Heads.Keys}
		must(t, os.WriteFile(heads.Path, head, 0o600))
		c := &crime{rng: rng, heads: heads}
		if c.db, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"); err != nil {
			t.Fatal(err)
		}
		must(t, c.db.QueryRow(`SELECT count(*), min(seq) FROM audit`).Scan(&c.links, &c.first))
		must(t, change(c))
		must(t, c.db.Close())
		trail, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: s.Now})
		must(t, err)
		defer trail.Close()
		_, err = audit.Verify(context.Background(), trail, heads)
		return err
	}
	found := make(map[string]int)
	for n := range *tampers {
		rng := rand.New(rand.NewPCG(*seed, uint64(n)))
		kind := kinds[n%len(kinds)]
		if err := verify(kind.do, rng); err == nil {
			t.Errorf("change %d of seed %d, %s: not found", n, *seed, kind.name)
		} else {
			found[kind.name]++
		}
		if n%50 == 0 {
			if err := verify(func(*crime) error { return nil }, rng); err != nil {
				t.Fatalf("the trail as it is does not verify: %v", err)
			}
		}
	}
	total := 0
	for _, n := range found {
		total += n
	}
	t.Logf("%d changes of %d kinds, %d found", *tampers, len(kinds), total)
}

// settle waits until everything is written, indexed and the head copied.
func settle(t *testing.T, s *testserver.Server) {
	t.Helper()
	s.Trail.Flush()
	must(t, s.Trail.Settle(t.Context()))
}

func query(t *testing.T, path, text string, args ...any) error {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	defer db.Close()
	_, err = db.Exec(text, args...)
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
