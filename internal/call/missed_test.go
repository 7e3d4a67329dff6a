package call_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// What somebody whom we know asks for in vain is counted, by any way; what
// nobody in particular asks for is not, nor what is refused for another reason.
func TestMissed(t *testing.T) {
	s := testserver.New(t)
	demo, root := s.Token("demo", "a"), s.HostToken("a")
	ask := func(scheme latchkey.Scheme, user, secret string, r call.Request) {
		r.Cred = latchkey.Credentials{Scheme: scheme, User: user, Secret: latchkey.NewSecret(secret)}
		r.Origin.Client = "acme.sh/3 " + demo
		if scheme == latchkey.SchemeHostToken {
			r.Audience = latchkey.ForHost
		}
		s.Calls.Do(context.Background(), &r)
	}
	mine := func(r call.Request) { ask(latchkey.SchemeToken, "demo", demo, r) }
	hosts := func(r call.Request) { ask(latchkey.SchemeHostToken, "root", root, r) }
	mine(call.Request{Module: "Cron", Func: "list"})
	mine(call.Request{Module: "Cron", Func: "list"})
	mine(call.Request{Names: call.API2, Module: "Email", Func: "nothing"})
	mine(call.Request{Module: "Email", Func: demo})
	mine(call.Request{Module: "Email", Func: "add_pop"}) // an argument is missing
	hosts(call.Request{Names: call.WHM, Func: "nothing"})
	hosts(call.Request{Names: call.WHM0, Func: "api_token_list"})
	hosts(call.Request{Module: "Cron", Func: "listcron", For: "demo"})
	mine(call.Request{Module: "Batch", Func: "strict", Args: api.Args{{Key: "command", Value: `["Ftp","list_ftp"]`}}})
	ask(latchkey.SchemeToken, "demo", "WRONG", call.Request{Module: "Secret", Func: "guess"})

	got := map[string]int64{}
	for _, m := range s.Calls.Missed.List() {
		got[m.API+" "+m.Name] = m.Count
		for client := range m.Clients {
			if client != "acme.sh/3 ***" {
				t.Errorf("%s was asked for by %q", m.Name, client)
			}
		}
	}
	want := map[string]int64{
		"UAPI Cron::list": 2, "API 2 Email::nothing": 1, "UAPI (not a name)": 1, "WHM API 1 nothing": 1, "WHM API 0 api_token_list": 1,
		"UAPI Cron::listcron": 1, "UAPI Ftp::list_ftp": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Missed (-want +got):\n%s", diff)
	}
}
