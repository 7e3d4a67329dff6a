package audit

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// events are all events in the trail.
func events(tb testing.TB, s store.Store) (list []latchkey.Event) {
	tb.Helper()
	err := List(tb.Context(), s, 0, func(_ uint64, e *latchkey.Event) bool {
		list = append(list, *e)
		return true
	})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

func numbered(n int) *latchkey.Event {
	return &latchkey.Event{At: noon.Add(time.Duration(n) * time.Second), By: latchkey.ByToken, Func: fmt.Sprint("f", n)}
}

// inOrder checks that the events are the first n numbered ones.
func inOrder(t *testing.T, list []latchkey.Event, n int) {
	t.Helper()
	if len(list) != n {
		t.Fatalf("%d events are in the trail, want %d", len(list), n)
	}
	for i, e := range list {
		if e.Func != fmt.Sprint("f", i) || !e.At.Equal(numbered(i).At) {
			t.Errorf("event %d is %s of %v", i, e.Func, e.At)
		}
	}
}

func TestRecorder(t *testing.T) {
	s := newTrail(t)
	r := newRecorder(s, nil)
	r.Flush()
	for n := range 10 {
		r.Record(numbered(n))
	}
	inOrder(t, events(t, s), 0)
	r.Flush()
	r.Flush()
	inOrder(t, events(t, s), 10)
	if rep, err := Verify(t.Context(), s, nil); err != nil || rep.Links != 1 || rep.Events != 10 {
		t.Errorf("Verify = %+v, %v, want 10 events in 1 link", rep, err)
	}
}

// What the store refuses is kept, in its order, until it takes it again.
func TestRecorderKeeps(t *testing.T) {
	s := newTrail(t)
	r := newRecorder(s, nil)
	s.refuse.Store(true)
	for n := range 30 {
		r.Record(numbered(n))
		if n%3 == 0 {
			r.Flush()
		}
	}
	s.refuse.Store(false)
	r.Flush()
	inOrder(t, events(t, s), 30)
	if _, err := Verify(t.Context(), s, nil); err != nil {
		t.Error(err)
	}
}

// What there is no room for is counted, and the count stands in the trail.
func TestRecorderCounts(t *testing.T) {
	s := newTrail(t)
	r := newRecorder(s, nil)
	s.refuse.Store(true)
	const n = 400
	for i := range n {
		e := numbered(i)
		e.Messages = fmt.Sprint(i, strings.Repeat("x", 1<<16))
		r.Record(e)
		if i%100 == 99 {
			r.Flush()
		}
	}
	s.refuse.Store(false)
	r.Flush()
	kept, lost := 0, 0
	for _, e := range events(t, s) {
		if e.Func != "audit" {
			kept++
			continue
		}
		var some int
		if _, err := fmt.Sscanf(e.Messages, "%d events were not kept", &some); err != nil {
			t.Errorf("a note that cannot be read: %q", e.Messages)
		}
		lost += some
	}
	if kept == n || kept < 100 || kept+lost != n {
		t.Errorf("%d events kept and %d counted, want %d together", kept, lost, n)
	}
}

// A flood of strangers is counted; the calls of those we know are kept.
func TestRecorderFlood(t *testing.T) {
	s := newTrail(t)
	r := newRecorder(s, nil)
	const flood = 5 * refusalsAtOnce
	for n := range flood {
		r.Record(&latchkey.Event{At: noon, Reason: string(auth.UnknownToken), Outcome: latchkey.BadCredentials})
		if n%10 == 0 {
			r.Record(numbered(n))
		}
	}
	r.forget()
	r.Flush()
	known, strangers, counted := 0, 0, 0
	for _, e := range events(t, s) {
		switch {
		case e.Func == "audit":
			if _, err := fmt.Sscanf(e.Messages, "%d more refusals", &counted); err != nil {
				t.Errorf("a note that cannot be read: %q", e.Messages)
			}
		case e.By != 0:
			known++
		default:
			strangers++
		}
	}
	if known != flood/10 || strangers != refusalsAtOnce || counted != flood-refusalsAtOnce {
		t.Errorf("%d known, %d strangers, %d counted", known, strangers, counted)
	}
}

// A flood that goes on is counted, too: writing down does not make room for
// more of it, time does.
func TestRecorderLongFlood(t *testing.T) {
	s := newTrail(t)
	r := newRecorder(s, nil)
	flood := func() (kept int) {
		for range 50 {
			for range refusalsAtOnce / 10 {
				r.Record(&latchkey.Event{At: noon, Reason: string(auth.UnknownToken), Outcome: latchkey.BadCredentials})
			}
			r.Flush()
		}
		for _, e := range events(t, s) {
			if e.Func != "audit" {
				kept++
			}
		}
		return kept
	}
	if kept := flood(); kept != refusalsAtOnce {
		t.Errorf("%d refusals were kept one by one, want %d", kept, refusalsAtOnce)
	}
	r.forget()
	if kept := flood(); kept != refusalsAtOnce+refusalsPerSecond {
		t.Errorf("%d refusals were kept one by one a second later, want %d", kept, refusalsAtOnce+refusalsPerSecond)
	}
}

// Run writes by itself, copies the head, and leaves nothing behind.
func TestRecorderRun(t *testing.T) {
	s, heads := newTrail(t), newHeads(t)
	r := newRecorder(s, heads)
	ctx, cancel := context.WithCancel(t.Context())
	var running, writers sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	for range 4 {
		writers.Go(func() {
			for n := range 50 {
				r.Record(numbered(n))
				time.Sleep(time.Millisecond)
			}
		})
	}
	writers.Wait()
	cancel()
	running.Wait()
	rep, err := Verify(t.Context(), s, heads)
	if err != nil || rep.Events != 200 {
		t.Errorf("Verify = %+v, %v, want 200 events", rep, err)
	}
	if top, err := heads.read(); err != nil || top.Seq != rep.Head {
		t.Errorf("the copied head is link %d, %v, want %d", top.Seq, err, rep.Head)
	}
}

// Nothing of a secret ends up in an event, wherever it stood in the call.
func TestNoSecretInEvents(t *testing.T) {
	const secret = "Hunter2-Hunter2"
	params := []api.Param{
		{Name: "email", Resource: "mailbox"},
		{Name: "password", Secret: true, Resource: "mailbox"}, // not shown, whatever else it is
		{Name: "note"},
	}
	args := api.Args{{Key: "email", Value: "a@b.example"}, {Key: "password", Value: secret}, {Key: "note", Value: secret}, {Key: "other", Value: secret}}
	s := newTrail(t)
	r := newRecorder(s, nil)
	for _, err := range []*latchkey.Error{
		nil,
		{Kind: latchkey.Internal, Msg: "while using " + secret, Err: fmt.Errorf("sql: %s", secret)},
		{Kind: latchkey.Invalid, Msg: "It is too weak.", Err: fmt.Errorf("%s is too weak", secret)},
	} {
		act := Begin(clock, latchkey.Origin{Addr: netip.MustParseAddr("192.0.2.1"), Client: "curl"})
		act.As(&latchkey.Caller{Kind: latchkey.ByToken, Account: 1, Name: "alice", Handle: latchkey.Handle{1}})
		act.Calls("Email::add_pop", true, args, params)
		if bytes.Contains(act.Success(), []byte(secret)) {
			t.Error("the event of a success holds the secret")
		}
		act.End(r, err)
	}
	act := Begin(clock, latchkey.Origin{})
	act.Refused(&auth.Refusal{Reason: auth.WrongPassword, Name: "alice"})
	act.End(r, latchkey.Errorf(latchkey.BadCredentials, "Access denied"))
	r.Flush()
	list := events(t, s)
	if len(list) != 4 {
		t.Fatalf("%d events, want 4", len(list))
	}
	for _, e := range list {
		if strings.Contains(fmt.Sprintf("%+v", e), secret) {
			t.Errorf("the secret stands in %+v", e)
		}
	}
	names, values := []string{"email", "password", "note", "other"}, []string{"email=a@b.example"}
	if e := list[0]; !slices.Equal(e.Names, names) || !slices.Equal(e.Values, values) || !e.OK || !e.Change {
		t.Errorf("the event is %+v", e)
	}
	if e := list[1]; e.OK || e.Outcome != latchkey.Internal || e.Messages != "" {
		t.Errorf("the event of an internal error is %+v", e)
	}
}

// An event that stands in the trail with its change is not written twice; one
// whose call failed after that is.
func TestKept(t *testing.T) {
	s := newTrail(t)
	r := newRecorder(s, nil)
	for _, err := range []*latchkey.Error{nil, {Kind: latchkey.Unavailable, Msg: "Try again."}} {
		act := Begin(clock, latchkey.Origin{})
		act.Calls("Email::add_pop", true, nil, nil)
		act.Kept()
		act.End(r, err)
	}
	r.Flush()
	if list := events(t, s); len(list) != 1 || list[0].OK || list[0].Messages != "Try again." {
		t.Errorf("events %+v, want the one that failed", list)
	}
}

// However much a call brings along, its event stays small and printable.
func TestEventBounds(t *testing.T) {
	var args api.Args
	for i := range 2000 {
		args = append(args, api.Arg{Key: fmt.Sprintf("key-%d\n\x1b[31m%s", i, strings.Repeat("k", 1000)), Value: strings.Repeat("v", 1000)})
		args = append(args, api.Arg{Key: "domain", Value: fmt.Sprint(i, ".example")})
	}
	act := Begin(clock, latchkey.Origin{})
	act.Asked(strings.Repeat("nonsense\r\n", 1000))
	if name := act.event.Func; len(name) > maxFunc || strings.ContainsAny(name, "\r\n") {
		t.Errorf("the name asked for is kept as %q", name)
	}
	act.Calls("Email::add_pop", true, args, []api.Param{{Name: "domain", Resource: "domain", List: true}})
	if n := len(act.Success()); n > 16<<10 {
		t.Errorf("the event takes %d bytes", n)
	}
	for _, name := range act.event.Names {
		if strings.ContainsAny(name, "\n\x1b") {
			t.Errorf("the name %q is kept as it came", name)
		}
	}
	s := newTrail(t)
	r := newRecorder(s, nil)
	act.End(r, &latchkey.Error{Kind: latchkey.NotFound, Msg: "There is no “" + strings.Repeat("é", 1<<20) + "”."})
	r.Flush()
	if e := events(t, s)[0]; len(e.Messages) > maxMessage+3 {
		t.Errorf("the message takes %d bytes", len(e.Messages))
	}
}
