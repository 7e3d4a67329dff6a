package call_test

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// A name server that does not sign says so of what is about signatures alone.
func TestNameServerDoesNotSign(t *testing.T) {
	s := testserver.New(t)
	s.Estate.Server.DNSSEC = false
	for _, c := range []struct {
		names        call.Names
		user         string
		module, name string
	}{{call.UAPI, "demo", "DNSSEC", "enable_dnssec"}, {call.UAPI, "demo", "DNSSEC", "fetch_ds_records"}, {call.WHM, "root", "", "enable_dnssec_for_domains"}} {
		res := s.Call(c.names, c.user, c.module, c.name, "domain", "example.com")
		if res.Err == nil || res.Err.Kind != latchkey.RoleOff || res.Err.Param != "DNSSEC" {
			t.Errorf("%s where nobody signs: %v", c.name, res.Err)
		}
	}
	s.UAPI("demo", "DNS", "parse_zone", "zone", "example.com")
}

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

// What no part of this server does is refused by the role, whatever it is called
// with, and by nothing else: the function is known.
func TestRolesThatAreNever(t *testing.T) {
	s := testserver.New(t)
	for _, name := range []string{"SpamAssassin::get_user_preferences", "BoxTrapper::set_status", "Email::get_spam_settings", "Email::enable_spam_assassin", "Email::add_list"} {
		module, function, _ := strings.Cut(name, "::")
		res := s.Call(call.UAPI, "demo", module, function, "email", "bob@example.com", "enabled", "1")
		if res.Err == nil || res.Err.Kind != latchkey.RoleOff {
			t.Errorf("%s: %v", name, res.Err)
		}
	}
}
