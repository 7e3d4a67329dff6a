package call_test

import (
	"context"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

type broken struct{}

func (broken) Say(*call.Request) error { panic("not for the caller") }

// A request that breaks the part that reads it is an internal failure of this
// call alone: in the log with its reason, in the trail as a failure.
func TestPanicWhileReading(t *testing.T) {
	s := testserver.New(t)
	res := s.Calls.Do(context.Background(), &call.Request{Local: "demo", Speaker: broken{}})
	if res == nil || res.Err == nil || res.Err.Kind != latchkey.Internal || res.Err.Msg != "" {
		t.Errorf("Do = %+v, want an internal error", res)
	}
	if !strings.Contains(s.Log.String(), "not for the caller") {
		t.Errorf("the log says %q", s.Log.String())
	}
	s.Trail.Flush()
	var last latchkey.Event
	err := audit.List(t.Context(), s.Store, 0, func(_ uint64, e *latchkey.Event) bool { last = *e; return true })
	if err != nil || last.OK || last.Outcome != latchkey.Internal {
		t.Errorf("the trail ends with %+v, %v", last, err)
	}
}
