package sqlite

import (
	"encoding/json"
	"errors"
	"math"
	"sync"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// roll is what accounts are searched by, of all that there were at one moment. It
// never changes.
type roll struct {
	seq   int64 // the last change that it knows of
	lines []rollLine
}

// rollLine is an account. Lines are in the order of names.
type rollLine struct {
	name, domain, owner, pack string
	id                        int64
}

func (l *rollLine) text(by store.AccountField) string {
	switch by {
	case store.ByDomain:
		return l.domain
	case store.ByOwner:
		return l.owner
	case store.ByPackage:
		return l.pack
	}
	return l.name
}

// rolls keeps the newest roll that a read has made.
type rolls struct {
	mu   sync.Mutex
	last *roll
}

// SearchAccounts implements [store.Reader]. It searches a roll in memory, which is
// the one of this very moment: who finds it behind brings it up to date.
func (r *reader) SearchAccounts(q store.AccountSearch, skip, limit int) ([]latchkey.Account, int, error) {
	all, err := r.roll()
	if err != nil {
		return nil, 0, err
	}
	var ids []int64
	total := 0
	last, is := "", q.Match("")
	for i := range all.lines {
		l := &all.lines[i]
		if q.Owner != "" && l.owner != string(q.Owner) {
			continue
		}
		if text := l.text(q.By); text != last { // packages and owners are mostly that of the one before
			last, is = text, q.Match(text)
		}
		if !is {
			continue
		}
		if total++; total > skip && len(ids) < limit {
			ids = append(ids, l.id)
		}
	}
	list := make([]latchkey.Account, 0, len(ids))
	for _, id := range ids {
		a, err := r.AccountByID(latchkey.AccountID(id))
		if err != nil {
			return nil, 0, err
		}
		list = append(list, a)
	}
	return list, total, nil
}

// roll is the roll of the moment that r reads.
func (r *reader) roll() (*roll, error) {
	var seq int64
	if err := r.q.one(r.ctx, `SELECT coalesce(max(seq), 0) FROM account_touched`, nil, &seq); err != nil {
		return nil, err
	}
	if r.rolls == nil { // a transaction sees what nobody else may ever see
		return r.wholeRoll(seq)
	}
	r.rolls.mu.Lock()
	defer r.rolls.mu.Unlock()
	was := r.rolls.last
	var is *roll
	var err error
	switch {
	case was != nil && was.seq == seq:
		return was, nil
	case was != nil && was.seq > seq: // this read began before another
		return r.wholeRoll(seq)
	case was == nil:
		is, err = r.wholeRoll(seq)
	default:
		is, err = r.nextRoll(was, seq)
	}
	if err == nil {
		r.rolls.last = is
	}
	return is, err
}

const rollColumns = `account.name, account.domain, account.owner, account.package, account.id`

// scanRoll reads lines of a roll. Texts that are alike are kept once.
func scanRoll() func(scanner) (rollLine, error) {
	alike := map[string]string{}
	return func(s scanner) (l rollLine, err error) {
		err = s.Scan(&l.name, &l.domain, &l.owner, &l.pack, &l.id)
		for _, text := range []*string{&l.owner, &l.pack} {
			if known, ok := alike[*text]; ok {
				*text = known
			} else {
				alike[*text] = *text
			}
		}
		return l, err
	}
}

func (r *reader) wholeRoll(seq int64) (*roll, error) {
	lines, err := all(r.ctx, r.q, scanRoll(), `SELECT `+rollColumns+` FROM account WHERE stage = 1 AND role = 0 ORDER BY name`)
	return &roll{seq, lines}, err
}

// nextRoll is a roll after the changes up to seq.
func (r *reader) nextRoll(was *roll, seq int64) (*roll, error) {
	touched, err := all(r.ctx, r.q, func(s scanner) (id int64, err error) { return id, s.Scan(&id) },
		`SELECT account_id FROM account_touched WHERE seq > ?`, was.seq)
	if err != nil {
		return nil, err
	}
	fresh, err := all(r.ctx, r.q, scanRoll(),
		`SELECT `+rollColumns+` FROM account_touched JOIN account ON account.id = account_touched.account_id
			WHERE account_touched.seq > ? AND account.stage = 1 AND account.role = 0 ORDER BY account.name`, was.seq)
	if err != nil {
		return nil, err
	}
	gone := make(map[int64]bool, len(touched))
	for _, id := range touched {
		gone[id] = true
	}
	lines := make([]rollLine, 0, len(was.lines)+len(fresh))
	for i := range was.lines {
		l := &was.lines[i]
		for len(fresh) > 0 && fresh[0].name < l.name {
			lines, fresh = append(lines, fresh[0]), fresh[1:]
		}
		if !gone[l.id] {
			lines = append(lines, *l)
		}
	}
	return &roll{seq, append(lines, fresh...)}, nil
}

// ofToken picks accounts for a search of tokens, whose account_id names them.
const ofToken = `EXISTS (SELECT 1 FROM account WHERE account.id = token.account_id AND account.stage = 1
	AND (? = '' OR owner = ? OR account.name = ?) AND (? = '' OR instr(lower(account.name || char(10) || token.name), ?) > 0)
	AND (? = 'null' OR package IN (SELECT value FROM json_each(?))))`

// idle picks tokens by when they were used last, as far as that is written down.
const idle = `(? = 0 OR created <= ? AND NOT EXISTS (SELECT 1 FROM token_use WHERE mac_head IN (token.mac_head, token.was_head) AND at > ?))`

// FindTokens implements [store.Reader].
func (r *reader) FindTokens(q store.TokenSearch, after store.TokenKey, look, limit int) ([]latchkey.Token, *store.TokenKey, error) {
	door := int64(latchkey.ForAccount)
	to, end := store.TokenKey{Account: math.MaxUint32}, true
	err := r.q.one(r.ctx, `SELECT account_id, name FROM token WHERE (account_id, audience, name) > (?, ?, ?) AND audience = ?
		ORDER BY account_id, audience, name LIMIT 1 OFFSET ?`, []any{int64(after.Account), door, after.Name, door, look - 1}, &to.Account, &to.Name)
	switch {
	case err == nil:
		end = false
	case !errors.Is(err, store.ErrNotFound):
		return nil, nil, err
	}
	packages, err := json.Marshal(q.Packages)
	if err != nil {
		return nil, nil, err
	}
	before := micros(q.Idle)
	list, err := all(r.ctx, r.q, scanToken, `SELECT `+tokenColumns+` FROM token
		WHERE (account_id, audience, name) > (?, ?, ?) AND (account_id, audience, name) <= (?, ?, ?) AND audience = ?
		AND (? = 0 OR expires = 0) AND (? = 0 OR grants = '' AND read_only = 0) AND `+idle+` AND `+ofToken+`
		ORDER BY account_id, audience, name LIMIT ?`,
		int64(after.Account), door, after.Name, int64(to.Account), door, to.Name, door, q.NoEnd, q.Full, before, before, before,
		string(q.Owner), string(q.Owner), string(q.Owner), q.Text, q.Text, string(packages), string(packages), limit)
	switch {
	case err != nil:
		return nil, nil, err
	case len(list) == limit && limit > 0:
		last := &list[limit-1]
		return list, &store.TokenKey{Account: last.Account, Name: last.Name}, nil
	case end:
		return list, nil, nil
	}
	return list, &to, nil
}

// UsesOf implements [store.Reader].
func (r *reader) UsesOf(macs []latchkey.TokenMAC) (map[latchkey.TokenMAC]latchkey.Use, error) {
	heads := make([]int64, len(macs))
	of := make(map[int64]latchkey.TokenMAC, len(macs))
	for i, mac := range macs {
		heads[i] = macHead(mac)
		of[heads[i]] = mac
	}
	list, err := json.Marshal(heads)
	if err != nil {
		return nil, err
	}
	uses := make(map[latchkey.TokenMAC]latchkey.Use)
	_, err = all(r.ctx, r.q, func(s scanner) (_ struct{}, err error) {
		var head, at int64
		var u latchkey.Use
		err = s.Scan(&head, &at, &u.From, &u.Client)
		u.At = instant(at)
		uses[of[head]] = u
		return struct{}{}, err
	}, `SELECT mac_head, at, origin, client FROM token_use WHERE mac_head IN (SELECT value FROM json_each(?))`, string(list))
	return uses, err
}
