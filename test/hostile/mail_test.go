package hostile

import (
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// children are what the processes have used that this one has started and that
// have ended: it changes with each.
func children(t *testing.T) (u syscall.Rusage) {
	t.Helper()
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// everything is all that a server keeps of an account: the rows with its number,
// and its home.
func everything(t *testing.T, s *testserver.Server, name latchkey.AccountName) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Dir, "latchkey.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b strings.Builder
	for _, table := range column(t, db, `SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'account_id' AND m.name NOT IN ('usage', 'trail') ORDER BY 1`) {
		names := strings.Join(column(t, db, `SELECT 'quote("' || name || '")' FROM pragma_table_info('`+table+`')`), " || ',' || ")
		for _, row := range column(t, db, `SELECT `+names+` FROM "`+table+`" WHERE account_id = (SELECT id FROM account WHERE name = '`+string(name)+`')`) {
			fmt.Fprintln(&b, table, row)
		}
	}
	err = filepath.WalkDir(filepath.Join(s.Dir, "homes", string(name)), func(path string, d fs.DirEntry, err error) error {
		fmt.Fprintln(&b, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// mailSample is an argument that makes sense, so that the one that does not is
// reached.
func mailSample(p api.Param) string {
	switch {
	case len(p.Enum) > 0:
		return p.Enum[0]
	case p.Resource == "mailbox":
		return "box@example.test"
	case p.Resource == "domain", p.Resource == "zone":
		return "example.test"
	case p.Type == "boolean":
		return "0"
	case p.Type == "integer":
		return "1"
	}
	switch p.Name {
	case "domain", "destdomain":
		return "example.test"
	case "account", "mailbox", "address", "fwdemail", "recipient":
		return "box@example.test"
	case "query":
		return "savedbefore 52w"
	case "fwdopt":
		return "fwd"
	case "quota":
		return "5"
	case "regex":
		return "."
	}
	return "12345luggage"
}

// someHash is a password's.
const someHash = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"

// TestMailFields: shell words, paths, line ends and other people's names in every
// parameter of every function about mail, one after another: each is refused in
// words or taken as a text, nothing is run, no file's name and no text in the store
// has a control character, and the neighbour is as before.
func TestMailFields(t *testing.T) {
	s := testserver.New(t)
	for name, domain := range map[string]string{"alice": "example.test", "victim": "victim.test"} {
		s.WHM("createacct", "username", name, "domain", domain, "password", testserver.Password)
		s.UAPI(name, "Email", "add_pop", "email", "box", "password_hash", someHash, "quota", "77")
	}
	token := "cpanel alice:" + s.Token("alice", "attack")
	neighbour, started := everything(t, s, "victim"), children(t)
	asked, taken := 0, 0
	for _, e := range s.Calls.Registry.All() {
		switch e.Module {
		case "Email", "EmailAuth", "Mailboxes", "SpamAssassin", "BoxTrapper":
		default:
			continue
		}
		params := e.Params()
		if len(params) == 1 && params[0].Rest {
			params = []api.Param{{Name: "email"}, {Name: "account"}, {Name: "value"}}
		}
		for i := range params {
			for _, class := range []string{"shell", "path", "line", "identity"} {
				for _, text := range payloads[class] {
					if e.Name == "delete_pop" {
						s.Call(call.UAPI, "alice", "Email", "add_pop", "email", "box@example.test", "password_hash", someHash)
					}
					q := url.Values{}
					for k, p := range params {
						if k == i {
							q.Set(p.Name, text)
						} else if p.Required {
							q.Set(p.Name, mailSample(p))
						}
					}
					target := "/execute/" + e.Module + "/" + e.Name + "?" + q.Encode()
					if e.OnlyAPI2 {
						target = "/json-api/cpanel?cpanel_jsonapi_module=" + e.Module + "&cpanel_jsonapi_func=" + e.API2 + "&" + q.Encode()
					}
					a := s.Get(s.Account, target, token)
					asked++
					if a.Status != 200 || strings.Contains(a.Body, "Error ID") {
						t.Errorf("%s with %q in %s: %d %s", e.FullName(), text, params[i].Name, a.Status, a.Body)
					}
					if strings.Contains(a.Body, `"status":1`) {
						taken++
					}
				}
			}
		}
		if now := everything(t, s, "victim"); now != neighbour {
			t.Fatalf("%s has changed another account:\n%s\nwas:\n%s", e.FullName(), now, neighbour)
		}
	}
	stored(t, s.Dir)
	if children(t) != started {
		t.Error("a program was run")
	}
	if log := s.Log.String(); strings.Contains(log, "panic") || strings.Contains(log, mark) {
		t.Errorf("the log:\n%s", excerpt(log))
	}
	t.Logf("%d calls, %d texts taken", asked, taken)
	if asked < 5000 || taken < 100 {
		t.Errorf("%d calls, %d texts taken: too few to mean anything", asked, taken)
	}
}
