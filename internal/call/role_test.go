package call_test

import (
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// Where there is no name server, nobody is told that a zone was changed.
func TestRoleThatIsNotHere(t *testing.T) {
	s := testserver.New(t)
	s.Estate.Server.DNS = false
	for _, c := range []struct {
		names        call.Names
		user         string
		module, name string
	}{
		{call.UAPI, "demo", "DNS", "parse_zone"}, {call.API2, "demo", "ZoneEdit", "fetchzones"}, {call.WHM, "root", "", "listzones"},
	} {
		res := s.Call(c.names, c.user, c.module, c.name, "zone", "example.com")
		if res.Err == nil || res.Err.Kind != latchkey.RoleOff {
			t.Errorf("%s without a name server: %v", c.name, res.Err)
		}
	}
}
