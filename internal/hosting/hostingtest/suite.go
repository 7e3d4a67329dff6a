package hostingtest

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// failed checks that a call failed with a kind, and with words for the caller.
func failed(t *testing.T, call string, err error, want latchkey.Kind) {
	t.Helper()
	switch e := latchkey.AsError(err); {
	case e == nil:
		t.Errorf("%s succeeded, want an error (%v)", call, want)
	case e.Kind != want:
		t.Errorf("%s: %v (%v), want %v", call, err, e.Kind, want)
	case e.Msg == "":
		t.Errorf("%s: %v has no words for the caller", call, err)
	}
}

// worked checks that a call succeeded.
func worked(t *testing.T, call string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", call, err)
	}
}

// same checks that a call succeeded and what it returned.
func same[T any](t *testing.T, call string, got T, err error, want T) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", call, err)
	} else if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", call, d)
	}
}

// each is fn of every element, and never nil.
func each[T, S any](list []T, fn func(T) S) []S {
	out := make([]S, len(list))
	for i := range list {
		out[i] = fn(list[i])
	}
	return out
}

// atOnce runs fn n times at once and returns how often it succeeded, and the
// kinds of its errors.
func atOnce(t *testing.T, n int, fn func(i int) error) (succeeded int, kinds []latchkey.Kind) {
	t.Helper()
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { errs[i] = fn(i) })
	}
	calls.Wait()
	for _, err := range errs {
		if err == nil {
			succeeded++
		} else {
			kinds = append(kinds, latchkey.KindOf(err))
		}
	}
	slices.Sort(kinds)
	return succeeded, slices.Compact(kinds)
}
