package estate_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/estate"
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

// After a clean end what the store remembers counts as measured, until something
// is written in a home; after a crash it does not.
func TestFiguresOverAnEnd(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "cat", "password_hash", hash)
	_, err := letIn(t, s, latchkey.SchemeBasic, testserver.Password).Quota(t.Context())
	must(t, err)
	id := letIn(t, s, latchkey.SchemeBasic, testserver.Password).Caller().Account
	// started is the server as it is after another start, and whether it takes the
	// figures for measured.
	started := func() (*estate.Estate, auth.Figures) {
		t.Helper()
		c := s.Estate.Config
		c.Auth, err = auth.NewVerifier(t.Context(), auth.Config{Store: s.Store, Keys: c.Keys, Hasher: c.Hasher, Now: s.Now, Log: c.Log})
		must(t, err)
		e := estate.New(c)
		_, err = e.Recover(t.Context())
		must(t, err)
		f, err := c.Auth.Figures(t.Context(), id)
		must(t, err)
		return e, f
	}
	end := func(e *estate.Estate) {
		ended, stop := context.WithCancel(t.Context())
		stop()
		e.RunUsage(ended)
	}
	before, err := s.Verifier.Figures(t.Context(), id)
	must(t, err)
	if before.TakenAt == 0 || before.Inodes == 0 {
		t.Fatalf("nothing was measured: %+v", before)
	}
	if _, f := started(); f.TakenAt != 0 {
		t.Errorf("after a crash the figures count as measured at %d", f.TakenAt)
	}
	end(s.Estate)
	e, f := started()
	if f != before {
		t.Errorf("after an end the figures are %+v, want %+v", f, before)
	}
	box, err := e.Deliveries().Resolve(t.Context(), cat)
	must(t, err)
	must(t, box.Deliver(t.Context(), mailFrom("Subject: one\r\n\r\nmore\r\n")))
	if _, f := started(); f.TakenAt != 0 {
		t.Errorf("after a delivery and a crash the figures count as measured at %d", f.TakenAt)
	}
}
