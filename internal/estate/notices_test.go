package estate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// postbox keeps what is sent, unless it is told to refuse it.
type postbox struct {
	t       *testing.T
	refuses func(*notice.Message) error
	after   func() // what happens when one was sent
	tries   int
	got     []letter
}

type letter struct {
	To, ID, Subject, Text string
}

func (p *postbox) Send(_ context.Context, m *notice.Message) error {
	p.tries++
	if p.refuses != nil {
		if err := p.refuses(m); err != nil {
			return err
		}
	}
	l, err := read(m.Raw)
	if err != nil {
		p.t.Error(err)
	}
	l.To = m.To
	p.got = append(p.got, l)
	if p.after != nil {
		p.after()
	}
	return nil
}

func read(raw []byte) (l letter, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return l, err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	return letter{ID: m.Header.Get("Message-Id"), Subject: m.Header.Get("Subject"), Text: string(text)}, err
}

// take is what was sent since, by its subjects.
func (p *postbox) take() (subjects []string) {
	for _, l := range p.got {
		_, subject, _ := strings.Cut(l.Subject, "] ")
		subjects = append(subjects, subject)
	}
	p.got = nil
	return subjects
}

// told is a server that tells owners what they are to be told, into a postbox.
func told(t *testing.T) (*testserver.Server, *postbox) {
	t.Helper()
	s, p := testserver.New(t), &postbox{t: t}
	s.Estate.Notices = estate.Notices{Mailer: p, From: mail.Address{Address: "latchkey@host.example.org"}}
	s.Verifier.WatchNetworks()
	round(t, s, true)
	return s, p
}

func round(t *testing.T, s *testserver.Server, sweep bool) {
	t.Helper()
	if err := s.Estate.NoticeRound(t.Context(), sweep); err != nil {
		t.Error(err)
	}
}

// again is the same estate after a restart.
func again(s *testserver.Server) { s.Estate = estate.New(s.Estate.Config) }

func wants(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func in(s *testserver.Server, d time.Duration) string {
	return strconv.FormatInt(s.Now().Add(d).Unix(), 10)
}

const day = 24 * time.Hour

// Owners are told seven days before a token ends and one day before, once, over
// restarts too; of a short-lived one only what it lives long enough for.
func TestToldOfEnds(t *testing.T) {
	s, p := told(t)
	start := s.Now()
	for name, life := range map[string]time.Duration{"long": 10 * day, "short": 3 * day, "tiny": 12 * time.Hour} {
		s.Token("demo", name, "expires_at", in(s, life))
	}
	s.Token("demo", "never")
	round(t, s, true)
	p.take()
	at := map[string]time.Duration{}
	for range 12 * 24 / 4 {
		s.Wait(4 * time.Hour)
		again(s)
		round(t, s, true)
		round(t, s, true)
		for _, subject := range p.take() {
			if _, twice := at[subject]; twice {
				t.Errorf("told twice: %s", subject)
			}
			at[subject] = s.Now().Sub(start)
		}
	}
	want := map[string]time.Duration{
		`demo: API token "long" ends in 7 days, on 2026-12-03`:     3 * day,
		`demo: API token "long" ends within a day, on 2026-12-03`:  9 * day,
		`demo: API token "short" ends within a day, on 2026-11-26`: 2 * day,
	}
	if d := cmp.Diff(want, at); d != "" {
		t.Errorf("told, and when (-want +got):\n%s", d)
	}
}

// Who stops the server for long is told once of what ends then, and of nothing
// that has ended.
func TestToldOfEndsAfterALongStop(t *testing.T) {
	s, p := told(t)
	s.Token("demo", "gone", "expires_at", in(s, 10*day))
	s.Token("demo", "soon", "expires_at", in(s, 20*day+12*time.Hour))
	s.Token("demo", "later", "expires_at", in(s, 25*day))
	round(t, s, true)
	p.take()
	s.Wait(20 * day)
	again(s)
	round(t, s, true)
	wants(t, "after twenty days", p.take(), `demo: API token "later" ends in 5 days, on 2026-12-18`, `demo: API token "soon" ends within a day, on 2026-12-14`)
}

// get calls something with a token from an address.
func get(t *testing.T, s *testserver.Server, secret, from string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/execute/Tokens/list", nil)
	r.RemoteAddr = from
	r.Header.Set("Authorization", "cpanel demo:"+secret)
	if a := s.Serve(s.Account, r); a.Status != http.StatusOK {
		t.Fatalf("from %s: %d %s", from, a.Status, a.Body)
	}
}

// Owners are told when a token is used from a network it was never used from.
func TestToldOfNetworks(t *testing.T) {
	s := testserver.New(t)
	old := s.Token("demo", "old")
	s.Wait(time.Hour)
	p := &postbox{t: t}
	s.Estate.Notices = estate.Notices{Mailer: p, From: mail.Address{Address: "latchkey@host.example.org"}}
	s.Verifier.WatchNetworks()
	round(t, s, true)
	s.Wait(time.Second)
	secret := s.Token("demo", "new")
	round(t, s, false)
	p.take()
	from := func(what, secret, from string, want ...string) {
		t.Helper()
		get(t, s, secret, from)
		get(t, s, secret, from)
		again(s)
		round(t, s, false)
		wants(t, what, p.take(), want...)
	}
	const first, more = `demo: API token "new" was used for the first time`, `demo: API token "new" was used from a new network`
	from("the first use", secret, "192.0.2.7:1", first)
	from("a neighbour", secret, "192.0.2.200:1")
	from("another network", secret, "198.51.100.7:1", more)
	from("back again", secret, "192.0.2.7:1")
	from("IPv6", secret, "[2001:db8:1:1::1]:1", more)
	from("the same customer", secret, "[2001:db8:1:ffff::9]:1")
	from("the fourth in a day", secret, "[2001:db8:2::1]:1")
	s.Wait(25 * time.Hour)
	from("known, though nobody was told", secret, "[2001:db8:2::1]:1")
	from("another day", secret, "203.0.113.1:1", more)
	from("a token from before notices were on", old, "192.0.2.7:1")
	from("and then from elsewhere", old, "203.0.113.1:1", strings.Replace(more, "new", "old", 1))
}

// What cannot be sent waits longer each time, and is given up after three days
// with a word in the trail; what is refused for good is given up at once.
func TestNoticesAreTriedAgain(t *testing.T) {
	s, p := told(t)
	s.UAPI("demo", "Tokens", "set_notices", "created", "0")
	var sent []time.Duration
	start := s.Now()
	p.refuses = func(*notice.Message) error {
		sent = append(sent, s.Now().Sub(start))
		return errors.New("451 come back later")
	}
	tell(t, s, "demo", "t")
	for range 4 * 24 * 60 {
		round(t, s, false)
		s.Wait(time.Minute)
	}
	minutes := func(list ...int) (d []time.Duration) {
		for _, n := range list {
			d = append(d, time.Duration(n)*time.Minute)
		}
		return d
	}
	if want := minutes(0, 1, 6, 21, 81, 321, 1041, 1761, 2481, 3201, 3921, 4641); !slices.Equal(sent, want) {
		t.Errorf("tried after %v, want %v", sent, want)
	}
	if got := gaveUp(t, s); len(got) != 1 || got[0] != "451 come back later" {
		t.Errorf("given up: %q", got)
	}
	p.refuses = func(*notice.Message) error { return &notice.Refusal{Err: errors.New("550 nobody\r\nby that name")} }
	tell(t, s, "demo", "t2")
	p.tries = 0
	round(t, s, false)
	s.Wait(day)
	round(t, s, false)
	if got := gaveUp(t, s); p.tries != 1 || len(got) != 2 || got[1] != "550 nobody by that name" {
		t.Errorf("after a refusal: %d tries, given up %q", p.tries, got)
	}
}

// gaveUp is what the trail says of notices that were given up.
func gaveUp(t *testing.T, s *testserver.Server) (list []string) {
	t.Helper()
	err := audit.List(t.Context(), s.Store, 0, func(_ uint64, e *latchkey.Event) bool {
		if e.Func == "notices::give_up" && e.Name == "demo" {
			list = append(list, e.Messages)
		}
		return true
	})
	if err != nil {
		t.Error(err)
	}
	return list
}

// tell puts a notice about a new token into the queue.
func tell(t *testing.T, s *testserver.Server, user, name string) {
	t.Helper()
	secret := s.Token(user, name)
	get(t, s, secret, "192.0.2.7:1")
}

// While no mail server answers, nobody's notice is used up by trying.
func TestNoticesWaitForTheMailServer(t *testing.T) {
	s, p := told(t)
	p.refuses = func(*notice.Message) error { return &notice.Unreachable{Err: errors.New("connection refused")} }
	for i := range 5 {
		tell(t, s, "demo", fmt.Sprint("t", i))
	}
	for range 60 {
		round(t, s, false)
		s.Wait(time.Minute)
	}
	if p.tries < 4 || p.tries > 10 {
		t.Errorf("tried %d times in an hour", p.tries)
	}
	p.refuses = nil
	s.Wait(15 * time.Minute)
	round(t, s, false)
	if len(p.got) < 5 {
		t.Errorf("sent when it answers again: %d, want all", len(p.got))
	}
	if n := strings.Count(s.Log.String(), "cannot be sent and wait"); n != 1 {
		t.Errorf("it is in the log %d times", n)
	}
}

// A sender that is stopped between sending and noting it sends that one again, as
// the same message, and no other.
func TestNoticesOfACrash(t *testing.T) {
	s, p := told(t)
	for i := range 5 {
		tell(t, s, "demo", fmt.Sprint("t", i))
	}
	p.after = func() {
		if len(p.got) == 3 {
			panic("the server is killed")
		}
	}
	func() {
		defer func() { _ = recover() }()
		round(t, s, false)
		t.Error("it was not killed")
	}()
	p.after = func() {}
	again(s)
	round(t, s, false)
	times := map[string]int{}
	for _, l := range p.got {
		times[l.ID]++
	}
	twice := 0
	for _, n := range times {
		twice += n - 1
	}
	if len(times) < 5 || twice != 1 {
		t.Errorf("sent: %v: %d twice, want one", times, twice)
	}
}

// Whom nobody can be told at is told nothing, nor is who does not want it.
func TestToldNothing(t *testing.T) {
	s, p := told(t)
	for _, contact := range []string{"-oQ/tmp@x.example", "\"a b\"@x.example", "a@x.example,b@x.example"} {
		if res := s.Call(call.WHM, "root", "", "modifyacct", "user", "demo", "contactemail", contact); res.Err != nil {
			continue // it is not taken as a contact address at all
		}
		tell(t, s, "demo", "t"+strconv.Itoa(len(contact)))
	}
	s.Token("other", "nobody-to-tell")
	s.WHM("modifyacct", "user", "demo", "contactemail", "owner@example.com")
	_, err := s.Store.Write(t.Context(), func(tx store.Tx) error {
		a, err := tx.Account("demo")
		if err == nil {
			err = tx.PutNoticesOff(a.ID, []string{string(notice.Network), string(notice.Created)})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tell(t, s, "demo", "unwanted")
	round(t, s, true)
	wants(t, "told", p.take())
}

// Too much is not told: the last of a day says so.
func TestToldNoMore(t *testing.T) {
	s, p := told(t)
	for i := range 60 {
		tell(t, s, "demo", fmt.Sprint("t", i))
		round(t, s, false)
	}
	if n := len(p.got); n != 50 || !strings.Contains(p.got[49].Text, "no more of them are sent for a day") || strings.Contains(p.got[48].Text, "no more of them") {
		t.Errorf("%d were sent", n)
	}
	p.take()
	s.Wait(25 * time.Hour)
	tell(t, s, "demo", "next-day")
	round(t, s, true)
	if len(p.got) == 0 {
		t.Error("nothing is told on the next day")
	}
}
