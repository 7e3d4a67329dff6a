package matrix

import (
	"context"
	"testing"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// events is the whole audit trail.
func events(t *testing.T, s *testserver.Server) (list []latchkey.Event) {
	t.Helper()
	err := audit.List(context.Background(), s.Store, 0, func(_ uint64, e *latchkey.Event) bool {
		list = append(list, *e)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
