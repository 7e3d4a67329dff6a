package trail

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// Where the trail takes nothing, nothing changes: every change is refused, and is
// not there. Reads go on; and once the trail takes events again, so do changes.
func TestNoAuditNoChange(t *testing.T) {
	s := testserver.New(t)
	s.Token("demo", "before")
	s.UAPI("demo", "Email", "add_pop", "email", "before", "password", testserver.Password)
	settle(t, s)
	path := filepath.Join(s.Dir, "latchkey.db")
	changes := []struct {
		who, module, function string
		args                  []string
	}{
		{"demo", "Tokens", "create_full_access", []string{"name", "after"}},
		{"demo", "Tokens", "revoke", []string{"name", "before"}},
		{"demo", "Tokens", "rename", []string{"name", "before", "new_name", "after"}},
		{"demo", "Email", "add_pop", []string{"email", "after", "password", testserver.Password}},
		{"demo", "Email", "delete_pop", []string{"email", "before"}},
		{"demo", "Email", "edit_pop_quota", []string{"email", "before", "domain", "example.com", "quota", "5"}},
		{"root", "", "createacct", []string{"username", "after", "domain", "after.example", "password", testserver.Password}},
		{"root", "", "suspendacct", []string{"user", "demo"}},
		{"root", "", "removeacct", []string{"username", "demo"}},
		{"root", "", "addpkg", []string{"name", "after"}},
	}
	do := func(i int) *call.Result {
		c := &changes[i]
		if c.module == "" {
			return s.Call(call.WHM, c.who, "", c.function, c.args...)
		}
		return s.Call(call.UAPI, c.who, c.module, c.function, c.args...)
	}
	state := func() (text string) {
		t.Helper()
		err := s.Store.Read(t.Context(), func(r store.Reader) error {
			a, err := r.Account("demo")
			if err != nil {
				return err
			}
			tokens, _ := r.Tokens(a.ID, latchkey.ForAccount)
			boxes, _ := r.Mailboxes(a.ID, store.Mailbox{}, 0)
			accounts, _ := r.Accounts("", 100)
			packages, _ := r.Packages()
			intents, _ := r.Intents()
			for _, t := range tokens {
				text += " " + t.Name
			}
			for _, b := range boxes {
				text += " " + b.Address()
			}
			for _, a := range accounts {
				text += " " + string(a.Name)
			}
			for _, p := range packages {
				text += " " + p.Name
			}
			if a.Suspended || len(intents) > 0 || boxes[0].Quota == 5<<20 {
				text += " changed"
			}
			return nil
		})
		must(t, err)
		return text
	}
	before := state()
	must(t, query(t, path, `CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'no'); END`))
	for i, c := range changes {
		res := do(i)
		if res.Err == nil || res.Err.Kind != latchkey.Unavailable || !strings.Contains(res.Err.Msg, "nothing was changed") {
			t.Errorf("%s without a trail: %v, %v", c.function, res.Data, res.Err)
		}
		if after := state(); after != before {
			t.Fatalf("%s without a trail: there is%s, was%s", c.function, after, before)
		}
	}
	for _, read := range [][]string{{"Email", "list_pops"}, {"Tokens", "list"}, {"Quota", "get_quota_info"}} {
		if res := s.Call(call.UAPI, "demo", read[0], read[1]); res.Err != nil {
			t.Errorf("%s without a trail: %v", read[1], res.Err)
		}
	}
	must(t, query(t, path, `DROP TRIGGER no_audit`))
	for i, c := range changes {
		if i == 2 || i == 5 { // what it is about is gone
			continue
		}
		if res := do(i); res.Err != nil {
			t.Errorf("%s with a trail again: %v", c.function, res.Err)
		}
		if state := s.Call(call.WHM, "root", "", "listaccts"); state.Err != nil {
			t.Error(state.Err)
		}
		if c.function == "suspendacct" {
			s.WHM("unsuspendacct", "user", "demo")
		}
	}
}
