package estate_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// hash looks like the hash of a password, and costs nothing.
const hash = "$6$aa$./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz./0123456789ABCDEFGHIJ"

// openIntents are the kinds of what was begun and is not finished.
func openIntents(t *testing.T, s *testserver.Server) (kinds []string) {
	t.Helper()
	err := s.Store.Read(t.Context(), func(r store.Reader) error {
		open, err := r.Intents()
		for _, i := range open {
			kinds = append(kinds, i.Kind)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// Every name that an address may have either gets its mailbox or is refused in
// words before anything has begun.
func TestMailboxNames(t *testing.T) {
	s := testserver.New(t)
	names := []string{strings.Repeat("a", 64)}
	for c := '!'; c <= '~'; c++ {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			names = append(names, string(c), string(c)+"x", "x"+string(c)+"y", "z"+string(c))
		}
	}
	made := 0
	for _, name := range names {
		if _, err := hosting.ParseLocal(name); err != nil {
			continue
		}
		switch res := s.Call(call.UAPI, "demo", "Email", "add_pop", "email", name, "password_hash", hash); {
		case res.Err == nil:
			made++
		case res.Err.Kind != latchkey.Invalid:
			t.Errorf("add_pop %s: %v (%v)", name, res.Err, res.Err.Kind)
		}
	}
	if n := s.UAPI("demo", "Email", "count_pops"); n != int64(made) || made == 0 {
		t.Errorf("there are %v mailboxes, and %d were made", n, made)
	}
	if open := openIntents(t, s); open != nil {
		t.Errorf("still open: %v", open)
	}
}
