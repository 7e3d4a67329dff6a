package hostingtest

import (
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func testAutoSSL(t *testing.T, tenant *Tenant) {
	ctx := t.Context()
	is := func(list ...latchkey.Domain) func([]latchkey.Domain) []latchkey.Domain {
		return func([]latchkey.Domain) []latchkey.Domain { return list }
	}
	for _, step := range []struct {
		change func([]latchkey.Domain) []latchkey.Domain
		kind   latchkey.Kind
		want   []latchkey.Domain
	}{
		{is("www.example.com"), 0, []latchkey.Domain{"www.example.com"}},
		{func(was []latchkey.Domain) []latchkey.Domain { return append(was, "example.com") }, 0, []latchkey.Domain{"example.com", "www.example.com"}},
		{is("example.com", "nobody.example"), latchkey.Invalid, []latchkey.Domain{"example.com", "www.example.com"}},
		{is("mail.example.com", "example.com"), 0, []latchkey.Domain{"example.com", "mail.example.com"}},
		{is(), 0, nil},
	} {
		err := tenant.Open().AutoSSL().Exclude(ctx, step.change)
		if step.kind == 0 && err != nil || step.kind != 0 && latchkey.KindOf(err) != step.kind {
			t.Errorf("Exclude: %v, want kind %v", err, step.kind)
		}
		got, err := tenant.Open().AutoSSL().Excluded(ctx)
		if err != nil || len(got) != len(step.want) {
			t.Fatalf("Excluded: %v, %v, want %v", got, err, step.want)
		}
		for i := range got {
			if got[i] != step.want[i] {
				t.Errorf("Excluded: %v, want %v", got, step.want)
			}
		}
	}
	if problems, err := tenant.Open().AutoSSL().Problems(ctx); err != nil || len(problems) > 0 {
		t.Errorf("Problems before any check: %v, %v", problems, err)
	}
	if on, err := tenant.Open().AutoSSL().Checking(ctx); on || err != nil {
		t.Errorf("Checking before any check: %v, %v", on, err)
	}
}
