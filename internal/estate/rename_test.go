package estate_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// A call that was under way when the account got another name finds its mail.
func TestUsageUnderWay(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "cat", "password_hash", hash)
	acct := letIn(t, s, latchkey.SchemeBasic, testserver.Password)
	s.WHM("modifyacct", "user", "demo", "newuser", "emo")
	if _, err := acct.Mail().Usage(t.Context(), cat); err != nil {
		t.Errorf("Usage after a rename: %v", err)
	}
}

// The first eight characters of a name are nobody else's, but the account's own
// do not stand in its way.
func TestRenameAlike(t *testing.T) {
	s := testserver.New(t)
	s.WHM("createacct", "username", "customer1", "domain", "one.example")
	h := hostOf(t, s)
	must(t, h.RenameAccount(t.Context(), "customer1", "customer2"))
	if _, err := h.Account(t.Context(), "customer2"); err != nil {
		t.Error(err)
	}
	for _, name := range []latchkey.AccountName{"customer2", "demo"} {
		if err := h.RenameAccount(t.Context(), "customer2", name); latchkey.KindOf(err) != latchkey.Exists {
			t.Errorf("RenameAccount to %s: %v, want %v", name, err, latchkey.Exists)
		}
	}
	if err := h.RenameAccount(t.Context(), "demo", "customer9"); latchkey.KindOf(err) != latchkey.Exists {
		t.Errorf("RenameAccount to another's first letters: %v, want %v", err, latchkey.Exists)
	}
}

// Of several who remove one account at one moment, one does, and the others are
// told what everybody is told of an account there is not.
func TestRemoveTogether(t *testing.T) {
	s := testserver.New(t)
	results := make(chan *call.Result, 4)
	var together sync.WaitGroup
	for range cap(results) {
		together.Go(func() { results <- s.Call(call.WHM, "root", "", "removeacct", "username", "demo") })
	}
	together.Wait()
	close(results)
	removed := 0
	for res := range results {
		switch {
		case res.Err == nil:
			removed++
		case !strings.Contains(res.Err.Msg, "System user demo does not exist!"):
			t.Errorf("removeacct: %v", res.Err)
		}
	}
	if removed != 1 {
		t.Errorf("removed %d times", removed)
	}
}
