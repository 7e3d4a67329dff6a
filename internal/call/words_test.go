package call

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestWords(t *testing.T) {
	for _, test := range []struct {
		e    latchkey.Error
		want string
	}{
		{latchkey.Error{Kind: latchkey.Missing, Param: "zone"}, "Provide the ‘zone’ argument."},
		{latchkey.Error{Kind: latchkey.UnknownModule, Param: "X"}, "Failed to load module “X”: The module “Cpanel::API::X” does not exist."},
		{latchkey.Error{Kind: latchkey.UnknownFunction, Param: "f"}, "The system could not find the function “f” in the module “Email”."},
		{latchkey.Error{Kind: latchkey.FeatureOff, Param: "popaccts"}, "You do not have the feature “popaccts”."},
		{latchkey.Error{Kind: latchkey.ReadOnly, Param: "Email::add_pop"}, "This API token is read-only: it may not call “Email::add_pop”, which changes the account."},
		{latchkey.Error{Kind: latchkey.NotHere}, "Permission denied"},
		{latchkey.Error{Kind: latchkey.RoleOff, Param: "DNS"}, "The “DNS” role is disabled on this server."},
		{latchkey.Error{Kind: latchkey.Unavailable}, "The request failed: unavailable."},
		{latchkey.Error{Kind: latchkey.Invalid, Msg: "Bad.", Err: errors.New("disk 7 is on fire")}, "Bad."},
	} {
		r := &Request{Module: "Email", Func: "f"}
		if got := Words(&test.e, r, slog.New(slog.DiscardHandler)); got != test.want {
			t.Errorf("Words(%v) = %q, want %q", test.e.Kind, got, test.want)
		}
	}
}

// TestWordsOfInternal: the caller gets a number, the log gets the number and
// the reason.
func TestWordsOfInternal(t *testing.T) {
	var log bytes.Buffer
	e := &latchkey.Error{Kind: latchkey.Internal, Msg: "not for you", Err: errors.New("disk 7 is on fire")}
	got := Words(e, &Request{Module: "Email", Func: "f"}, slog.New(slog.NewTextHandler(&log, nil)))
	id, ok := strings.CutPrefix(got, "The request failed. (Error ID: ")
	id, ok2 := strings.CutSuffix(id, ")")
	if !ok || !ok2 || len(id) != 6 || strings.ToLower(id) != id {
		t.Errorf("Words = %q", got)
	}
	if !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "disk 7 is on fire") {
		t.Errorf("the log has %q", log.String())
	}
}
