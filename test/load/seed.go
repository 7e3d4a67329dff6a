package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
)

// dataset is a server's data directory with many tokens in it, and a sample of
// them.
type dataset struct {
	tokens, accounts int
	root             string // the directory of it all

	sample string // the sample, read: lines of lineLen
}

// A line of a sample is "USER:TOKEN\n". All are of one length; the sample holds
// every stride-th token, in the order of accounts.
const (
	userLen   = 8
	lineLen   = userLen + 1 + 32 + 1
	maxSample = 1_000_000
)

func newDataset(folder string, tokens int) *dataset {
	d := &dataset{tokens: tokens, accounts: min(max(tokens/10, 1), 100_000), root: filepath.Join(folder, fmt.Sprintf("tokens-%d", tokens))}
	return d
}

func userName(i int) latchkey.AccountName {
	return latchkey.AccountName(fmt.Sprintf("u%0*d", userLen-1, i))
}

func (d *dataset) String() string {
	return fmt.Sprintf("%s tokens of %s accounts", short(d.tokens), short(d.accounts))
}

// short is a number as people say it.
func short(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprint(n)
}

func (d *dataset) dir() string  { return filepath.Join(d.root, "server") }
func (d *dataset) file() string { return filepath.Join(d.dir(), "latchkey.db") }
func (d *dataset) stride() int  { return max(1, d.tokens/maxSample) }

// perAccount is how many lines of the sample are one account's.
func (d *dataset) perAccount() int { return max(1, d.tokens/d.accounts/d.stride()) }

func (d *dataset) line(i int) string { return d.sample[i*lineLen : (i+1)*lineLen-1] }
func (d *dataset) lines() int        { return len(d.sample) / lineLen }

// pick draws n lines of the sample.
func (d *dataset) pick(random *rand.Rand, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = d.line(random.IntN(d.lines()))
	}
	return lines
}

// open makes the data, unless it is there already, made by a program with the
// same schema and the same seals.
func (d *dataset) open(ctx context.Context, server string) (made bool, err error) {
	stamp, err := fingerprint(ctx)
	if err != nil {
		return false, err
	}
	mark := filepath.Join(d.root, "complete")
	if have, err := os.ReadFile(mark); err != nil || string(have) != stamp {
		if err := d.make(ctx, server); err != nil {
			return false, errors.Join(fmt.Errorf("making %s: %w", d, err), os.RemoveAll(d.root))
		}
		if err := os.WriteFile(mark, []byte(stamp), 0o600); err != nil {
			return false, err
		}
		made = true
	}
	sample, err := os.ReadFile(filepath.Join(d.root, "sample"))
	d.sample = string(sample)
	return made, errors.Join(err, d.forgetCalls(ctx))
}

// fingerprint changes with whatever the data depends on.
func fingerprint(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "latchkey-schema-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "latchkey.db")
	s, err := sqlite.Open(ctx, file, sqlite.Options{Now: time.Now})
	if err != nil {
		return "", err
	}
	if err := s.Close(); err != nil {
		return "", err
	}
	db, err := openRaw(file)
	if err != nil {
		return "", err
	}
	defer db.Close()
	var schema string
	if err := db.QueryRowContext(ctx, `SELECT group_concat(sql) FROM (SELECT sql FROM sqlite_master ORDER BY name)`).Scan(&schema); err != nil {
		return "", err
	}
	keys := auth.NewKeys(make([]byte, 32))
	t := latchkey.Token{ID: 1, Account: 2, Name: "name", MAC: keys.MAC("token"), Created: time.Unix(3, 0)}
	t.Handle = keys.Handle(t.MAC)
	seal := keys.Seal(&t)
	return "1 " + hex.EncodeToString(seal[:]) + "\n" + schema, nil
}

// openRaw opens the server's database as no server does: without waiting for the
// disk, for one who can begin again.
func openRaw(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+
		"?_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)&_pragma=cache_size(-262144)&_pragma=temp_store(2)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func (d *dataset) make(ctx context.Context, server string) error {
	if err := errors.Join(os.RemoveAll(d.root), os.MkdirAll(d.dir(), 0o700)); err != nil {
		return err
	}
	// The server makes what every server has: schema, key, certificates, lists.
	p, _, err := serve(server, d.dir(), -1)
	if err != nil {
		return err
	}
	p.end()
	ids, err := d.makeAccounts(ctx)
	if err != nil {
		return err
	}
	if err := d.makeHomes(); err != nil {
		return err
	}
	return d.makeTokens(ctx, ids)
}

func (d *dataset) makeAccounts(ctx context.Context) (ids []latchkey.AccountID, err error) {
	s, err := sqlite.Open(ctx, d.file(), sqlite.Options{Now: time.Now})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	limits := latchkey.NoLimits()
	limits.DiskMB, limits.Inodes = 10_240, 500_000
	now := time.Now().UTC()
	one := func(tx store.Tx, i int) error {
		name := userName(i)
		domain := latchkey.Domain(name + ".example")
		id, err := tx.InsertAccount(latchkey.Account{Name: name, Domain: domain, Owner: "root", Package: "default",
			Locale: "en", Theme: "jupiter", Limits: limits, Created: now}, store.Ready)
		if err != nil {
			return err
		}
		ids = append(ids, id)
		return errors.Join(
			tx.InsertDomain(id, latchkey.OwnedDomain{Name: domain, Kind: latchkey.MainDomain, DocumentRoot: "public_html", Created: now}),
			tx.PutUsage(id, store.Usage{Bytes: fillerSize, Inodes: 2, TakenAt: now}))
	}
	for from := 0; from < d.accounts; from += 5000 {
		_, err := s.Write(ctx, func(tx store.Tx) error {
			for i := from; i < min(from+5000, d.accounts); i++ {
				if err := one(tx, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// fillerSize is what every home holds, so that its figures are no round ones.
const fillerSize = 12_345_678

// makeHomes gives every account a home with one file in it. A server measures a
// home at its account's first call. The files are one file under many names:
// what a home takes up by the server's count, but not on the disk.
func (d *dataset) makeHomes() error {
	const names = 50_000 // what a file may be called on ext4 is limited
	homes := filepath.Join(d.dir(), "homes")
	if err := os.MkdirAll(homes, 0o711); err != nil {
		return err
	}
	var filler string
	for i := range d.accounts {
		if i%names == 0 {
			filler = filepath.Join(d.root, fmt.Sprintf("filler-%d", i/names))
			if err := os.WriteFile(filler, make([]byte, fillerSize), 0o600); err != nil {
				return err
			}
		}
		home := filepath.Join(homes, string(userName(i)))
		if err := os.Mkdir(home, 0o711); err != nil {
			return err
		}
		if err := os.Link(filler, filepath.Join(home, "file")); err != nil {
			return err
		}
	}
	return nil
}

// tokenColumns are what the seeding fills of a token's row.
const (
	tokenColumns = `account_id, audience, name, id, mac, mac_head, handle, created, expires, read_only, state, seal`
	columnCount  = 12
	rowsAtOnce   = 50
)

// makeTokens writes the rows in the order of their primary key and makes the
// index when they are there: nothing is ever inserted in the middle.
func (d *dataset) makeTokens(ctx context.Context, ids []latchkey.AccountID) error {
	keys, err := auth.LoadKeys(filepath.Join(d.dir(), "token.key"))
	if err != nil {
		return err
	}
	db, err := openRaw(d.file())
	if err != nil {
		return err
	}
	defer db.Close()
	var index string
	if err := db.QueryRowContext(ctx, `SELECT sql FROM sqlite_master WHERE name = 'token_mac'`).Scan(&index); err != nil {
		return err
	}
	if err := execAll(ctx, db, `DROP INDEX token_mac`); err != nil {
		return err
	}
	sample, err := d.insertTokens(ctx, db, keys, ids)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.root, "sample"), []byte(sample), 0o600); err != nil {
		return err
	}
	return execAll(ctx, db, index,
		fmt.Sprintf(`INSERT INTO meta (key, value) VALUES ('token_id', %d) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, d.tokens+1024),
		// Every token was used once, as on a server that has been running for long.
		fmt.Sprintf(`INSERT INTO token_use (mac_head, at, origin, client) SELECT mac_head, %d, '127.0.0.1', %q FROM token INDEXED BY token_mac ORDER BY mac_head`,
			time.Now().Add(-24*time.Hour).UnixMicro(), agent),
		`PRAGMA wal_checkpoint(TRUNCATE)`)
}

func execAll(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.60s: %w", s, err)
		}
	}
	return nil
}

// insertTokens writes the rows, computed meanwhile on another core, and returns
// the sample.
func (d *dataset) insertTokens(ctx context.Context, db *sql.DB, keys *auth.Keys, ids []latchkey.AccountID) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows := make(chan []any, 16)
	sampled := make(chan string, 1)
	go func() {
		defer close(rows)
		sampled <- d.computeTokens(ctx, keys, ids, rows)
	}()
	const perCommit = 20_000 // statements
	var tx *sql.Tx
	n := 0
	for args := range rows {
		var err error
		if n%perCommit == 0 {
			if tx, err = commitAndBegin(ctx, db, tx); err != nil {
				return "", err
			}
		}
		n++
		values := strings.Repeat(", (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", len(args)/columnCount)
		if _, err = tx.ExecContext(ctx, `INSERT INTO token (`+tokenColumns+`) VALUES `+values[2:], args...); err != nil {
			return "", errors.Join(err, tx.Rollback())
		}
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return <-sampled, tx.Commit()
}

func commitAndBegin(ctx context.Context, db *sql.DB, tx *sql.Tx) (*sql.Tx, error) {
	if tx != nil {
		if err := tx.Commit(); err != nil {
			return nil, err
		}
	}
	return db.BeginTx(ctx, nil)
}

// computeTokens draws and seals every token.
func (d *dataset) computeTokens(ctx context.Context, keys *auth.Keys, ids []latchkey.AccountID, rows chan<- []any) string {
	var sample strings.Builder
	created := time.Now().UTC().Truncate(time.Second)
	expires := created.AddDate(10, 0, 0)
	per, stride := d.tokens/d.accounts, d.stride()
	var args []any
	for i := range d.tokens {
		account := min(i/per, d.accounts-1)
		secret := auth.NewToken(latchkey.ForAccount).Reveal()
		if i%stride == 0 {
			fmt.Fprintf(&sample, "%s:%s\n", userName(account), secret)
		}
		t := latchkey.Token{ID: latchkey.TokenID(i + 1), Account: ids[account], Name: fmt.Sprintf("t%08d", i), MAC: keys.MAC(secret), Created: created}
		t.Handle = keys.Handle(t.MAC)
		var until int64
		if i%2 == 0 {
			t.Expires, until = expires, expires.UnixMicro()
		}
		t.Seal = keys.Seal(&t)
		args = append(args, int64(t.Account), int64(t.Audience), t.Name, int64(t.ID), t.MAC[:], int64(binary.BigEndian.Uint64(t.MAC[:8])),
			t.Handle[:], created.UnixMicro(), until, t.ReadOnly, int64(t.State), t.Seal[:])
		if len(args) == rowsAtOnce*columnCount || i == d.tokens-1 {
			select {
			case rows <- args:
			case <-ctx.Done():
				return ""
			}
			args = make([]any, 0, rowsAtOnce*columnCount)
		}
	}
	return sample.String()
}

// forgetCalls takes the trail of earlier runs away: every run begins alike.
func (d *dataset) forgetCalls(ctx context.Context) error {
	db, err := openRaw(d.file())
	if err != nil {
		return err
	}
	defer db.Close()
	if err := os.Remove(filepath.Join(d.dir(), "audit.head")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return execAll(ctx, db, `DELETE FROM audit`, `PRAGMA wal_checkpoint(TRUNCATE)`)
}
