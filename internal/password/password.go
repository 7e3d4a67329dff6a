// Package password makes and checks the hashes of mailbox and account
// passwords. Start at [Hasher]; [ParseForeign] takes in hashes that were made
// elsewhere, [Strength] judges a password before it is taken.
package password

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"unicode"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// MaxLength is the longest password that is taken, in bytes. The cost of the
// older schemes grows with the length, so there has to be an end.
const MaxLength = 256

// waiting is how many calls may stand in line for each worker: about three
// seconds of work.
const waiting = 64

// Hash is a password hash with its scheme in front, as Dovecot writes it:
// "{ARGON2ID}$argon2id$v=19$...". The empty Hash is matched by no password.
// It prints as its scheme alone; string(h) is the text to store.
type Hash string

// Scheme is the name between the braces, or "" where there is none.
func (h Hash) Scheme() string {
	if name, _, ok := strings.Cut(string(h), "}"); ok && strings.HasPrefix(name, "{") {
		return name[1:]
	}
	return ""
}

func (h Hash) String() string       { return "{" + h.Scheme() + "}***" }
func (h Hash) GoString() string     { return h.String() }
func (h Hash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// ParseParam reads a hash that a caller gives instead of a password, as
// [ParseForeign] does. It makes Hash a parameter type.
func (h *Hash) ParseParam(text string) error {
	foreign, err := ParseForeign(text)
	*h = foreign
	return err
}

// Hasher makes and checks hashes, only so many at a time, so that no number of
// logins can take every core or all memory. It is safe for concurrent use.
// A call that finds the line full is refused at once with
// [latchkey.Unavailable]; one whose context ends while it stands in line
// returns the context's error.
type Hasher struct {
	line    chan struct{} // one place for each call inside: working or waiting
	workers chan struct{} // one place for each call that is working
}

// New makes a Hasher that works on that many hashes at a time; 0 stands for
// one less than there are cores, and at least one.
func New(workers int) *Hasher {
	if workers <= 0 {
		workers = max(1, runtime.NumCPU()-1)
	}
	return &Hasher{
		line:    make(chan struct{}, workers*(1+waiting)),
		workers: make(chan struct{}, workers),
	}
}

// Workers is how many hashes are worked on at a time.
func (h *Hasher) Workers() int { return cap(h.workers) }

// Make hashes a new password with argon2id and a fresh salt. It refuses, with
// [latchkey.Invalid], a password that is empty, longer than [MaxLength] or
// holds control characters.
func (h *Hasher) Make(ctx context.Context, password latchkey.Secret) (Hash, error) {
	text := password.Reveal()
	if err := acceptable(text); err != nil {
		return "", err
	}
	var made Hash
	err := h.work(ctx, func() { made = makeArgon2id(text) })
	return made, err
}

// Verify reports whether password is the one that hash was made of. A hash of
// no known scheme is an error with kind [latchkey.Invalid].
//
// A wrong password costs at least as much as [Hasher.VerifyNothing], whatever
// the scheme, so that the time does not tell which accounts exist.
func (h *Hasher) Verify(ctx context.Context, hash Hash, password latchkey.Secret) (bool, error) {
	if hash == "" {
		return false, h.VerifyNothing(ctx, password)
	}
	s, encoded, err := parse(string(hash))
	if err != nil {
		return false, err
	}
	text := password.Reveal()
	if len(text) > MaxLength {
		return false, nil
	}
	var same bool
	err = h.work(ctx, func() {
		same = s.match(encoded, text)
		if !same && s.name != argon2idName {
			matchNothing(text)
		}
	})
	return same, err
}

// VerifyNothing takes as long as a Verify that fails. Call it for a user who
// does not exist.
func (h *Hasher) VerifyNothing(ctx context.Context, password latchkey.Secret) error {
	text := password.Reveal()
	if len(text) > MaxLength {
		return nil
	}
	return h.work(ctx, func() { matchNothing(text) })
}

// work runs f when a worker is free.
func (h *Hasher) work(ctx context.Context, f func()) error {
	select {
	case h.line <- struct{}{}:
		defer func() { <-h.line }()
	default:
		return latchkey.Errorf(latchkey.Unavailable, "Too many passwords are being checked at this moment. Try again in a few seconds.")
	}
	select {
	case h.workers <- struct{}{}:
		defer func() { <-h.workers }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f()
	return nil
}

func acceptable(text string) error {
	switch {
	case text == "":
		return latchkey.Errorf(latchkey.Invalid, "The password is empty. Choose one.")
	case len(text) > MaxLength:
		return latchkey.Errorf(latchkey.Invalid, "The password is too long. At most %d bytes are allowed.", MaxLength)
	case strings.ContainsFunc(text, unicode.IsControl):
		return latchkey.Errorf(latchkey.Invalid, "The password holds control characters. Choose one without them.")
	}
	return nil
}
