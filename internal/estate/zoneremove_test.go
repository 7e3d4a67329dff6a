package estate_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// keeping is a name server that goes on answering for what it is told to forget.
type keeping struct {
	estate.Nameserver
	keeps atomic.Bool
}

func (n *keeping) Withdraw(ctx context.Context, name latchkey.Domain) error {
	if n.keeps.Load() {
		return errors.New("nobody listens")
	}
	return n.Nameserver.Withdraw(ctx, name)
}

// TestZoneIsWithdrawnInTheEnd: a zone that is removed while the name server does not
// listen is answered for no more as soon as it does, after a start of ours too; unless
// there is another of the name by then.
func TestZoneIsWithdrawnInTheEnd(t *testing.T) {
	s := testserver.New(t)
	part := &keeping{Nameserver: s.Estate.DNS}
	s.Estate.DNS = part
	for name, again := range map[string]func(){
		"one.example": func() { s.Estate.Repair(t.Context()) },
		"two.example": func() {
			if _, err := s.Estate.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		s.WHM("adddns", "domain", name, "ip", "192.0.2.7", "trueowner", "demo")
		part.keeps.Store(true)
		if res := s.Call(call.WHM, "root", "", "killdns", "domain", name); res.Err == nil || res.Err.Kind != latchkey.Unavailable {
			t.Errorf("killdns of %s, which is answered for still: %v", name, res.Err)
		}
		again()
		if got := served(t, s.DNS, name+"."); !strings.Contains(got, "192.0.2.7") {
			t.Fatalf("%s is not answered for, and the test shows nothing", name)
		}
		part.keeps.Store(false)
		again()
		if got := served(t, s.DNS, name+"."); got != "" {
			t.Errorf("%s is gone and answered for as\n%s", name, got)
		}
	}
	s.WHM("adddns", "domain", "three.example", "ip", "192.0.2.7")
	part.keeps.Store(true)
	s.Call(call.WHM, "root", "", "killdns", "domain", "three.example")
	part.keeps.Store(false)
	s.WHM("adddns", "domain", "three.example", "ip", "192.0.2.8")
	s.Estate.Repair(t.Context())
	if got := served(t, s.DNS, "three.example."); !strings.Contains(got, "192.0.2.8") {
		t.Errorf("a zone of the same name is answered for as\n%s", got)
	}
}

// TestServersNameIsNoResellers: neither the server's name nor what it lies in is a
// reseller's to make a zone of, or to give to an account.
func TestServersNameIsNoResellers(t *testing.T) {
	s := testserver.New(t)
	s.WHM("setupreseller", "user", "demo", "makeowner", "1")
	s.WHM("setacls", "reseller", "demo", "acl-all", "0", "acl-create-dns", "1", "acl-create-acct", "1", "acl-edit-dns", "1")
	for _, domain := range []string{"host.example.org", "example.org"} {
		if res := s.Call(call.WHM, "demo", "", "adddns", "domain", domain, "ip", "192.0.2.66"); res.Err == nil || res.Err.Kind != latchkey.Invalid {
			t.Errorf("adddns of %s: %v", domain, res.Err)
		}
		if res := s.Call(call.WHM, "demo", "", "createacct", "username", "taker", "domain", domain, "password", testserver.Password); res.Err == nil || res.Err.Kind != latchkey.Invalid {
			t.Errorf("createacct of %s: %v", domain, res.Err)
		}
	}
	if res := s.Call(call.WHM, "demo", "", "adddns", "domain", "ample.org", "ip", "192.0.2.66"); res.Err != nil {
		t.Errorf("adddns of another domain: %v", res.Err)
	}
	s.WHM("adddns", "domain", "example.org", "ip", "192.0.2.7")
}
