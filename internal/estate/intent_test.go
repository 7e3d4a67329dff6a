package estate_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// What could not be finished in an account that has been removed since touches
// nothing in the account that has its name now.
func TestUnfinishedOfRemovedAccount(t *testing.T) {
	s := testserver.New(t)
	mail := filepath.Join(s.Dir, "homes", "demo", "mail", "example.com")
	s.UAPI("demo", "Email", "add_pop", "email", "cat", "password", testserver.Password)
	must(t, os.Rename(mail, mail+".aside"))
	must(t, os.WriteFile(mail, nil, 0o600))
	for _, c := range [][]string{{"delete_pop", "email", "cat"}, {"add_pop", "email", "dog", "password", testserver.Password}} {
		if res := s.Call(call.UAPI, "demo", "Email", c[0], c[1:]...); res.Err == nil || res.Err.Kind != latchkey.Unavailable {
			t.Fatalf("%s: %v, want %v", c[0], res.Err, latchkey.Unavailable)
		}
	}
	s.WHM("removeacct", "username", "demo")
	s.WHM("createacct", "username", "demo", "domain", "example.com", "password", testserver.Password)
	s.UAPI("demo", "Email", "add_pop", "email", "cat", "password", testserver.Password)
	message := filepath.Join(mail, "cat", "new", "1.message")
	must(t, os.WriteFile(message, []byte("hello"), 0o600))

	s.Estate.Repair(t.Context())
	if _, err := os.Stat(message); err != nil {
		t.Errorf("the new account's mail: %v", err)
	}
	if _, err := os.Stat(filepath.Join(mail, "dog")); err == nil {
		t.Error("the new account has a mailbox of the old one's")
	}
	if open := openIntents(t, s); open != nil {
		t.Errorf("still open: %v", open)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
