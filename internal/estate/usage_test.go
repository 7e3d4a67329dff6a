package estate_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// Mailboxes made side by side are each counted once.
func TestUsageOfMailboxesMadeTogether(t *testing.T) {
	s := testserver.New(t)
	acct := letIn(t, s, latchkey.SchemeBasic, testserver.Password)
	s.UAPI("demo", "Email", "add_pop", "email", "first", "password", testserver.Password)
	for {
		f, err := s.Verifier.Figures(t.Context(), acct.Caller().Account)
		must(t, err)
		if f.TakenAt != 0 {
			break
		}
		_, err = acct.Quota(t.Context())
		must(t, err)
		time.Sleep(10 * time.Millisecond)
	}
	var together sync.WaitGroup
	for i := range 16 {
		together.Go(func() {
			res := s.Call(call.UAPI, "demo", "Email", "add_pop", "email", fmt.Sprintf("box%d", i), "password_hash", hash)
			if res.Err != nil {
				t.Error(res.Err)
			}
		})
	}
	together.Wait()
	homes, err := homedir.Open(filepath.Join(s.Dir, "homes"))
	must(t, err)
	defer homes.Close()
	want, err := homes.Measure(t.Context(), "demo")
	must(t, err)
	got, err := acct.Quota(t.Context())
	must(t, err)
	if got.Inodes != want.Inodes {
		t.Errorf("the account holds %d files and directories by its quota, %d by a count", got.Inodes, want.Inodes)
	}
}
