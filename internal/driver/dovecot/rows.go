package dovecot

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/latchkey/latchkey/internal/store"
)

//go:embed schema.sql
var schema string

// schemaVersion is another for every schema. The database is but a rendering: one
// of another version is made anew.
const schemaVersion = 1

func (p *Part) migrate(ctx context.Context) error {
	var version int
	if err := p.db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil || version == schemaVersion {
		return err
	}
	return p.change(ctx, func(tx *sql.Tx) error {
		for _, statement := range strings.Split(schema, ";\n\n") {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion))
		return err
	})
}

// boxRow is a row of the table mailbox, but for its address.
type boxRow struct {
	account         int64
	hash, maildir   string
	uid, gid, quota int64
	login, incoming bool
	outdone         bool
	outgoing        Outgoing
	script          string
	moving          bool
}

// aliasRow is a row of the table alias, but for its account, and refusalRow one of
// the table refusal, but for its address.
type (
	aliasRow   struct{ address, target string }
	refusalRow struct {
		account int64
		message string
	}
)

// rows are rows of the database by their keys.
type rows struct {
	domains  map[string]int64 // and their accounts
	boxes    map[string]boxRow
	aliases  map[aliasRow]int64
	refusals map[string]refusalRow
}

func newRows() *rows {
	return &rows{make(map[string]int64), make(map[string]boxRow), make(map[aliasRow]int64), make(map[string]refusalRow)}
}

// add adds what is to be, with its scripts written down.
func (p *Part) add(r *rows, s State) error {
	for _, d := range s.Domains {
		r.domains[string(d.Name)] = int64(d.Account)
	}
	for _, b := range s.Boxes {
		script, err := p.keepScript(b.Script)
		if err != nil {
			return err
		}
		if b.Maildir == "" { // whom a script has answered is kept somewhere
			local, domain, _ := strings.Cut(b.Address, "@")
			b.Maildir = filepath.Join(p.o.Dir, "answers", domain, local)
		}
		r.boxes[b.Address] = boxRow{int64(b.Account), b.Hash, b.Maildir, int64(p.uid), int64(p.gid), b.Quota, b.Login, b.Incoming, b.Outdone, b.Outgoing, script, false}
	}
	for _, a := range s.Aliases {
		r.aliases[aliasRow{a.Address, a.Target}] = int64(a.Account)
	}
	for _, f := range s.Refusals {
		r.refusals[f.Address] = refusalRow{int64(f.Account), oneLine(f.Message)}
	}
	return nil
}

// oneLine is a text as it can stand in an answer of Postfix's.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
}

// filter picks the rows of a place: a condition for each table, and its value.
type filter struct {
	domain, mailbox, alias, refusal string
	value                           []any
}

var everything = filter{"true", "true", "true", "true", nil}

func filterOf(p store.MailPlace) filter {
	switch {
	case p.Domain == "":
		return filter{"account = ?", "account = ?", "account = ?", "account = ?", []any{int64(p.Account)}}
	case p.Local == "":
		return filter{"name = ?", "? = ''", "address = '@' || ?", "address = ?", []any{string(p.Domain)}}
	}
	return filter{"? = ''", "address = ?", "address = ?", "address = ?", []any{p.Local + "@" + string(p.Domain)}}
}

// read adds the rows that f picks.
func (r *rows) read(tx *sql.Tx, f filter) error {
	err := each(tx, `SELECT name, account FROM domain WHERE `+f.domain, f.value, func(row *sql.Rows) error {
		var name string
		var account int64
		err := row.Scan(&name, &account)
		r.domains[name] = account
		return err
	})
	if err != nil {
		return err
	}
	err = each(tx, `SELECT address, account, hash, maildir, uid, gid, quota, login, incoming, outdone, outgoing, script, moving FROM mailbox WHERE `+f.mailbox, f.value, func(row *sql.Rows) error {
		var address string
		var b boxRow
		err := row.Scan(&address, &b.account, &b.hash, &b.maildir, &b.uid, &b.gid, &b.quota, &b.login, &b.incoming, &b.outdone, &b.outgoing, &b.script, &b.moving)
		r.boxes[address] = b
		return err
	})
	if err != nil {
		return err
	}
	err = each(tx, `SELECT address, target, account FROM alias WHERE `+f.alias, f.value, func(row *sql.Rows) error {
		var a aliasRow
		var account int64
		err := row.Scan(&a.address, &a.target, &account)
		r.aliases[a] = account
		return err
	})
	if err != nil {
		return err
	}
	return each(tx, `SELECT address, account, message FROM refusal WHERE `+f.refusal, f.value, func(row *sql.Rows) error {
		var address string
		var f refusalRow
		err := row.Scan(&address, &f.account, &f.message)
		r.refusals[address] = f
		return err
	})
}

func each(tx *sql.Tx, query string, values []any, fn func(*sql.Rows) error) error {
	list, err := tx.Query(query, values...)
	if err != nil {
		return err
	}
	defer list.Close()
	for list.Next() {
		if err := fn(list); err != nil {
			return err
		}
	}
	return list.Err()
}

// become makes the rows of the database, which are r, what want has.
func (r *rows) become(tx *sql.Tx, want *rows) error {
	c := &changes{tx: tx}
	for name := range r.domains {
		if _, ok := want.domains[name]; !ok {
			c.run(`DELETE FROM domain WHERE name = ?`, name)
		}
	}
	for address := range r.boxes {
		if _, ok := want.boxes[address]; !ok {
			c.run(`DELETE FROM mailbox WHERE address = ?`, address)
		}
	}
	for a := range r.aliases {
		if _, ok := want.aliases[a]; !ok {
			c.run(`DELETE FROM alias WHERE address = ? AND target = ?`, a.address, a.target)
		}
	}
	for address := range r.refusals {
		if _, ok := want.refusals[address]; !ok {
			c.run(`DELETE FROM refusal WHERE address = ?`, address)
		}
	}
	r.insert(c, want)
	return c.err
}

// insert adds what want has and r has not so.
func (r *rows) insert(c *changes, want *rows) {
	for name, account := range want.domains {
		if was, ok := r.domains[name]; !ok || was != account {
			c.run(`INSERT OR REPLACE INTO domain (name, account) VALUES (?, ?)`, name, account)
		}
	}
	for address, b := range want.boxes {
		if was, ok := r.boxes[address]; !ok || was != b {
			c.run(`INSERT OR REPLACE INTO mailbox (address, account, hash, maildir, uid, gid, quota, login, incoming, outdone, outgoing, script, moving) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				address, b.account, b.hash, b.maildir, b.uid, b.gid, b.quota, b.login, b.incoming, b.outdone, int64(b.outgoing), b.script, b.moving)
		}
	}
	for a, account := range want.aliases {
		if was, ok := r.aliases[a]; !ok || was != account {
			c.run(`INSERT OR REPLACE INTO alias (address, target, account) VALUES (?, ?, ?)`, a.address, a.target, account)
		}
	}
	for address, f := range want.refusals {
		if was, ok := r.refusals[address]; !ok || was != f {
			c.run(`INSERT OR REPLACE INTO refusal (address, account, message) VALUES (?, ?, ?)`, address, f.account, f.message)
		}
	}
}

// changes runs statements until one fails.
type changes struct {
	tx  *sql.Tx
	err error
}

func (c *changes) run(query string, values ...any) {
	if c.err == nil {
		_, c.err = c.tx.Exec(query, values...)
	}
}

// differs is how many rows are not the same in r and want.
func (r *rows) differs(want *rows) int {
	return differ(r.domains, want.domains) + differ(r.boxes, want.boxes) + differ(r.aliases, want.aliases) + differ(r.refusals, want.refusals)
}

func differ[K, V comparable](a, b map[K]V) (n int) {
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			n++
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			n++
		}
	}
	return n
}
