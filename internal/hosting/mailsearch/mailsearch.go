// Package mailsearch reads queries that choose messages of a mailbox, in the
// language that Dovecot's tools have for that: keys such as savedbefore 52w,
// unseen or from alice, joined by standing side by side, or, not and brackets.
// Start at [Parse].
package mailsearch

import (
	"fmt"
	"mime"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// Message is what can be asked of a message.
type Message struct {
	Flags    string // letters of the Maildir convention
	Recent   bool   // no mail program has seen that it is there
	Size     int64
	Received time.Time
	Saved    time.Time // when it came into its folder
	// Header reads the header. It is called when a key asks for it.
	Header func() (mail.Header, error)
}

// Query chooses messages.
type Query struct{ root term }

// Matches reports whether the query chooses m.
func (q Query) Matches(m *Message) (bool, error) { return q.root(m) }

// term is a part of a query.
type term func(*Message) (bool, error)

// What a query may have at most.
const (
	maxText   = 4096
	maxNested = 20
)

// Parse reads a query. What it says of a time that has passed is counted back
// from now. An empty query is refused: it would choose everything.
func Parse(text string, now time.Time) (Query, error) {
	if len(text) > maxText {
		return Query{}, fmt.Errorf("must have at most %d bytes", maxText)
	}
	words, err := split(text)
	if err != nil {
		return Query{}, err
	}
	if len(words) == 0 {
		return Query{}, fmt.Errorf("must not be empty: “all” chooses every message")
	}
	p := parser{words: words, now: now}
	root, err := p.all(0)
	if err == nil && len(p.words) > 0 {
		err = fmt.Errorf("has a bracket that closes nothing")
	}
	return Query{root}, err
}

// word is one word of a query; one between quotes is no bracket and no key.
type word struct {
	text   string
	quoted bool
}

func (w word) is(mark string) bool { return !w.quoted && w.text == mark }

func split(text string) (words []word, err error) {
	for {
		text = strings.TrimLeft(text, " \t")
		switch {
		case text == "":
			return words, nil
		case text[0] == '(' || text[0] == ')':
			words, text = append(words, word{text[:1], false}), text[1:]
		case text[0] == '"':
			var w strings.Builder
			i := 1
			for ; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' && i+1 < len(text) {
					i++
				}
				w.WriteByte(text[i])
			}
			if i >= len(text) {
				return nil, fmt.Errorf("has a quote that does not end")
			}
			words, text = append(words, word{w.String(), true}), text[i+1:]
		default:
			end := strings.IndexAny(text, " \t()\"")
			if end < 0 {
				end = len(text)
			}
			words, text = append(words, word{text[:end], false}), text[end:]
		}
	}
}

type parser struct {
	words []word
	now   time.Time
}

func (p *parser) next() (w word, ok bool) {
	if len(p.words) == 0 {
		return w, false
	}
	w, p.words = p.words[0], p.words[1:]
	return w, true
}

// all is terms side by side, up to the end or a bracket that closes.
func (p *parser) all(depth int) (term, error) {
	var terms []term
	for len(p.words) > 0 && !p.words[0].is(")") {
		t, err := p.one(depth)
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	if len(terms) == 0 {
		return nil, fmt.Errorf("has nothing between brackets")
	}
	return func(m *Message) (bool, error) {
		for _, t := range terms {
			if ok, err := t(m); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}, nil
}

func (p *parser) one(depth int) (term, error) {
	w, ok := p.next()
	switch {
	case !ok:
		return nil, fmt.Errorf("ends where a key is missing")
	case depth > maxNested:
		return nil, fmt.Errorf("is nested too deeply")
	case w.is("("):
		t, err := p.all(depth + 1)
		if err != nil {
			return nil, err
		}
		if end, ok := p.next(); !ok || !end.is(")") {
			return nil, fmt.Errorf("has a bracket that is not closed")
		}
		return t, nil
	case w.quoted:
		return nil, fmt.Errorf("has “%.40s” where a key is missing", w.text)
	}
	return p.key(strings.ToLower(w.text), depth)
}

// flags are the keys that ask for a flag, or that it is not there.
var flags = map[string]string{"seen": "S", "answered": "R", "flagged": "F", "deleted": "T", "draft": "D"}

func (p *parser) key(key string, depth int) (term, error) {
	if letter, ok := flags[key]; ok {
		return has(letter, true), nil
	}
	if letter, ok := flags[strings.TrimPrefix(key, "un")]; ok {
		return has(letter, false), nil
	}
	switch key {
	case "all":
		return func(*Message) (bool, error) { return true, nil }, nil
	case "recent":
		return func(m *Message) (bool, error) { return m.Recent, nil }, nil
	case "old":
		return func(m *Message) (bool, error) { return !m.Recent, nil }, nil
	case "new":
		return func(m *Message) (bool, error) { return m.Recent && !strings.Contains(m.Flags, "S"), nil }, nil
	case "not":
		t, err := p.one(depth + 1)
		return func(m *Message) (bool, error) { ok, err := t(m); return !ok && err == nil, err }, err
	case "or":
		return p.either(depth)
	case "larger", "smaller":
		return p.size(key)
	case "from", "to", "cc", "bcc", "subject":
		return p.header(key)
	case "header":
		name, ok := p.next()
		if !ok || name.text == "" {
			return nil, fmt.Errorf("has no name of a header after “header”")
		}
		return p.header(name.text)
	}
	return p.time(key)
}

func has(letter string, want bool) term {
	return func(m *Message) (bool, error) { return strings.Contains(m.Flags, letter) == want, nil }
}

func (p *parser) either(depth int) (term, error) {
	a, err := p.one(depth + 1)
	if err != nil {
		return nil, err
	}
	b, err := p.one(depth + 1)
	return func(m *Message) (bool, error) {
		if ok, err := a(m); ok || err != nil {
			return ok, err
		}
		return b(m)
	}, err
}

func (p *parser) size(key string) (term, error) {
	w, _ := p.next()
	digits, unit := w.text, int64(1)
	if n := len(digits) - 1; n > 0 {
		switch digits[n] {
		case 'k', 'K':
			digits, unit = digits[:n], 1<<10
		case 'm', 'M':
			digits, unit = digits[:n], 1<<20
		case 'g', 'G':
			digits, unit = digits[:n], 1<<30
		}
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("has no size after “%s”: give bytes, or a number with k, M or G", key)
	}
	size := int64(n) * unit
	if key == "larger" {
		return func(m *Message) (bool, error) { return m.Size > size, nil }, nil
	}
	return func(m *Message) (bool, error) { return m.Size < size, nil }, nil
}

// header asks for a text in a header, letters large or small; for an empty text,
// whether there is such a header.
func (p *parser) header(name string) (term, error) {
	w, ok := p.next()
	if !ok || !w.quoted && (w.text == "(" || w.text == ")") {
		return nil, fmt.Errorf("has no text after “%.40s”", name)
	}
	want := strings.ToLower(w.text)
	return func(m *Message) (bool, error) {
		h, err := m.Header()
		if err != nil {
			return false, err
		}
		for _, value := range h[canonical(name)] {
			if strings.Contains(strings.ToLower(decoded(value)), want) {
				return true, nil
			}
		}
		return false, nil
	}, nil
}

// canonical is a header's name as [mail.Header] has it.
func canonical(name string) string {
	parts := strings.Split(strings.ToLower(name), "-")
	for i, part := range parts {
		if part != "" {
			parts[i] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "-")
}

func decoded(value string) string {
	if text, err := new(mime.WordDecoder).DecodeHeader(value); err == nil {
		return text
	}
	return value
}

// time is a key that asks for a time: of receiving, of saving or of sending.
func (p *parser) time(key string) (term, error) {
	which, of := key, func(m *Message) (time.Time, error) { return m.Received, nil }
	switch {
	case strings.HasPrefix(key, "saved"):
		which, of = key[len("saved"):], func(m *Message) (time.Time, error) { return m.Saved, nil }
	case strings.HasPrefix(key, "sent"):
		which, of = key[len("sent"):], sent
	}
	if which != "before" && which != "since" && which != "on" {
		return nil, fmt.Errorf("has “%.40s”, which is no key that this server knows", key)
	}
	w, _ := p.next()
	from, err := when(w.text, p.now)
	if err != nil {
		return nil, fmt.Errorf("has no time after “%s”: %w", key, err)
	}
	return func(m *Message) (bool, error) {
		at, err := of(m)
		if err != nil || at.IsZero() {
			return false, err
		}
		switch which {
		case "before":
			return at.Before(from), nil
		case "since":
			return !at.Before(from), nil
		}
		return !at.Before(from) && at.Before(from.AddDate(0, 0, 1)), nil
	}, nil
}

// sent is when a message says that it was sent; zero, if it does not.
func sent(m *Message) (at time.Time, err error) {
	h, err := m.Header()
	if err == nil {
		at, _ = h.Date()
	}
	return at, err
}

// units of time, of which any beginning will do.
var units = []struct {
	name string
	is   time.Duration
}{{"seconds", time.Second}, {"secs", time.Second}, {"minutes", time.Minute}, {"mins", time.Minute}, {"hours", time.Hour}, {"days", 24 * time.Hour}, {"weeks", 7 * 24 * time.Hour}}

// when reads a time: a day, seconds since 1970, or how long ago.
func when(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{"2006-01-02", "2-Jan-2006"} {
		if day, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return day, nil
		}
	}
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseUint(text[:digits], 10, 36)
	unit := strings.ToLower(strings.TrimSpace(text[digits:]))
	if err == nil && unit == "" {
		return time.Unix(int64(n), 0), nil
	}
	for _, u := range units {
		if err == nil && unit != "" && strings.HasPrefix(u.name, unit) && int64(n) <= int64(200*366*24*time.Hour/u.is) {
			return now.Add(-time.Duration(n) * u.is), nil
		}
	}
	return time.Time{}, fmt.Errorf("give a day (2026-01-31), seconds since 1970, or how long ago (52w, 3days)")
}
