package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
)

func drawEvent(t *rapid.T) latchkey.Event {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "alice", "Email::add_pop", "curl/8"}), rapid.String(), rapid.StringN(0, 400, -1))
	list := rapid.Custom(func(t *rapid.T) []string {
		l := rapid.SliceOfN(text, 0, 5).Draw(t, "list")
		if len(l) == 0 {
			return nil
		}
		return l
	})
	e := latchkey.Event{
		At:      time.UnixMicro(rapid.Int64Range(-1<<60, 1<<60).Draw(t, "at")).UTC(),
		Took:    time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "took")) * time.Microsecond,
		Account: latchkey.AccountID(rapid.Uint32().Draw(t, "account")), Name: latchkey.AccountName(text.Draw(t, "name")),
		By: latchkey.CallerKind(rapid.IntRange(0, 7).Draw(t, "by")), Client: text.Draw(t, "client"), Func: text.Draw(t, "func"),
		Change: rapid.Bool().Draw(t, "change"), Outcome: latchkey.Kind(rapid.Byte().Draw(t, "outcome")), OK: rapid.Bool().Draw(t, "ok"),
		Reason: text.Draw(t, "reason"), Messages: text.Draw(t, "messages"), Names: list.Draw(t, "names"), Values: list.Draw(t, "values"),
	}
	for range rapid.IntRange(0, maxOn+1).Draw(t, "resources") * rapid.IntRange(0, 1).Draw(t, "any") {
		r := latchkey.Resource{Kind: rapid.SampledFrom([]string{"mailbox", "zone", latchkey.RecordKind, latchkey.MoreKind}).Draw(t, "kind"), Name: rapid.StringN(0, 20, 60).Draw(t, "thing")}
		if r.Kind == latchkey.RecordKind {
			r.Zone, r.Type = rapid.StringN(0, 20, 60).Draw(t, "zone"), rapid.SampledFrom([]string{"A", "TXT"}).Draw(t, "type")
		}
		e.On = append(e.On, r)
	}
	copy(e.Handle[:], rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "handle"))
	if raw := rapid.SampledFrom([]int{0, 4, 16}).Draw(t, "address"); raw > 0 {
		e.From, _ = netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), raw, raw).Draw(t, "from"))
	}
	return e
}

var compareAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []latchkey.Event
		var body []byte
		var s segment
		for range rapid.IntRange(0, 4).Draw(t, "segments") {
			for range rapid.IntRange(0, 6).Draw(t, "events") {
				e := drawEvent(t)
				s.add(&e)
				want = append(want, e)
			}
			body = s.seal(body)
		}
		alone := drawEvent(t)
		body = append(body, Encode(&alone)...)
		want = append(want, alone)
		got, err := Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, compareAddr); d != "" {
			t.Fatalf("Decode (-want +got):\n%s", d)
		}
	})
}

// A token that went astray, as a user's name or as an argument, does not end up
// in the trail.
func TestNoTokenInTrail(t *testing.T) {
	for _, audience := range []latchkey.Audience{latchkey.ForAccount, latchkey.ForHost} {
		token := auth.NewToken(audience).Reveal()
		e := latchkey.Event{
			At: noon, Name: latchkey.AccountName(token), Client: "curl " + token, Func: "Email::" + token, Reason: token,
			Names: []string{"LK" + token}, Values: []string{"name=" + token + token + "."}, Messages: "There is no “" + strings.ToLower(token) + "”.",
		}
		body := Encode(&e)
		if bytes.Contains(bytes.ToUpper(body), []byte(token)) {
			t.Errorf("the trail holds the token: %q", body)
		}
		list, err := Decode(body)
		if err != nil || len(list) != 1 || list[0].Values[0] != "name=******." || list[0].Messages != "There is no “***”." || list[0].Names[0] != "LK***" {
			t.Errorf("Decode = %+v, %v", list, err)
		}
	}
	plain := latchkey.Event{At: noon, Func: "LK", Messages: "LKLKLKLKLKLKLKLKLKLKLKLKLKLKLKLKLK is no token"}
	if list, err := Decode(Encode(&plain)); err != nil || list[0].Func != plain.Func || list[0].Messages != plain.Messages {
		t.Errorf("Decode = %+v, %v", list, err)
	}
}

// A link that was written before events said what they were about reads as it
// did.
func TestDecodeOld(t *testing.T) {
	const text = "6f80c0d0bcffacb006e807073900010203040506c00002010b616c6963650d6375726c2f381d456d61696c3a3a6164645f706f700000010b656d61696c" +
		"0123656d61696c3d6140622e6578616d706c6580897ae807073104010203040506c00002010b616c696365040600000108010a"
	body, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	first := latchkey.Event{At: noon, Took: time.Millisecond, Account: 7, Name: "alice", By: latchkey.ByToken, Handle: latchkey.Handle{1, 2, 3, 4, 5, 6},
		From: netip.MustParseAddr("192.0.2.1"), Client: "curl/8", Func: "Email::add_pop", Change: true, OK: true, Names: []string{"email"}, Values: []string{"email=a@b.example"}}
	second := first
	second.At, second.OK, second.Outcome = noon.Add(time.Second), false, latchkey.Exists
	got, err := Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]latchkey.Event{first, second}, got, compareAddr); d != "" {
		t.Errorf("Decode (-want +got):\n%s", d)
	}
	var s segment
	s.add(&first)
	s.add(&second)
	if again := s.seal(nil); !bytes.Equal(again, body) {
		t.Errorf("an event about nothing is written as %x, was %x", again, body)
	}
}

// Of what was touched an event has so much and no more, and says how much more
// there was.
func TestOnBounds(t *testing.T) {
	act := Begin(clock, latchkey.Origin{})
	long := latchkey.Resource{Kind: "mailbox", Name: strings.Repeat("x", 10_000)}
	act.On(long)
	for i := range 100 {
		act.On(latchkey.Resource{Kind: latchkey.RecordKind, Zone: "example.com", Name: fmt.Sprint("n", i), Type: "A"})
	}
	list, err := Decode(act.Success())
	if err != nil {
		t.Fatal(err)
	}
	on := list[0].On
	if len(on) != maxOn+1 || len(on[0].Name) != maxOnName || on[maxOn].String() != "more=69" {
		t.Errorf("the event is about %d things, the last of them %v", len(on), on[len(on)-1])
	}
}

// Whoever looks into a zone and edits records of it touches those; who only
// looks, the zone.
func TestOnZone(t *testing.T) {
	act := Begin(clock, latchkey.Origin{})
	look := latchkey.Resource{Kind: latchkey.RecordKind, Zone: "example.com", Some: true}
	touched := func() string {
		list, err := Decode(act.Success())
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		return strings.Join(list[0].Touched(), "; ")
	}
	act.On(look)
	if got := touched(); got != "zone=example.com" {
		t.Errorf("looked into %s", got)
	}
	act.On(latchkey.Resource{Kind: latchkey.RecordKind, Zone: "example.com", Name: "www", Type: "A"})
	act.On(look)
	if got := touched(); got != "zone=example.com, name=www, type=A" {
		t.Errorf("edited %s", got)
	}
}

// A body that was cut is refused, wherever it was cut.
func TestDecodeCut(t *testing.T) {
	e := latchkey.Event{At: noon, Name: "alice", Func: "Email::add_pop", Names: []string{"email", "password"}, From: netip.MustParseAddr("2001:db8::1")}
	body := Encode(&e)
	for n := 1; n < len(body); n++ {
		if events, err := Decode(body[:n]); err == nil {
			t.Errorf("Decode of %d of %d bytes = %d events", n, len(body), len(events))
		}
	}
	for _, rubbish := range []string{"\x80", "\x05abc", "\x01\x00", strings.Repeat("\xff", 30), "\x0b\x00\x00\x00\x00\x00aaaaaa"} {
		if events, err := Decode([]byte(rubbish)); err == nil {
			t.Errorf("Decode(%q) = %+v", rubbish, events)
		}
	}
	event := func(took, account uint64) []byte {
		b := binary.AppendUvarint(binary.AppendUvarint([]byte{0}, took), account)
		b = append(b, make([]byte, 2+6+5+2)...)
		return append([]byte{byte(len(b))}, b...)
	}
	for _, test := range []struct {
		took, account uint64
		ok            bool
	}{{1, 1, true}, {1 << 53, 1<<32 - 1, true}, {1 << 62, 1, false}, {1, 1 << 32, false}} {
		if _, err := Decode(event(test.took, test.account)); (err == nil) != test.ok {
			t.Errorf("Decode of an event that took %d µs, of account %d: %v", test.took, test.account, err)
		}
	}
	long := binary.AppendUvarint(nil, 1<<60)
	if _, err := Decode(append([]byte{byte(len(long))}, long...)); err == nil {
		t.Error("Decode of a length beyond all bounds succeeded")
	}
}

func FuzzDecode(f *testing.F) {
	e := latchkey.Event{At: noon, Took: time.Millisecond, Account: 7, Name: "alice", By: latchkey.ByToken, From: netip.MustParseAddr("192.0.2.1"),
		Func: "Email::add_pop", Change: true, OK: true, Names: []string{"email", "email"}, Values: []string{"email=a@b.example"}}
	f.Add(Encode(&e))
	f.Add(append(Encode(&e), Encode(&e)...))
	f.Add([]byte{})
	e.On = []latchkey.Resource{{Kind: "mailbox", Name: "a@b.example"}, {Kind: latchkey.RecordKind, Zone: "b.example", Name: "@", Type: "MX"}, {Kind: latchkey.MoreKind, Name: "3"}}
	f.Add(Encode(&e))
	f.Add([]byte{1, 0})
	f.Add([]byte("\x16\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := Decode(body)
		if err != nil {
			if events != nil {
				t.Errorf("%d events and an error", len(events))
			}
			return
		}
		// What can be read can be written, and reads the same.
		var s segment
		for i := range events {
			s.add(&events[i])
		}
		again, err := Decode(s.seal(nil))
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if d := cmp.Diff(events, again, compareAddr); d != "" {
			t.Fatalf("written again (-first +again):\n%s", d)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	var s segment
	e := &latchkey.Event{At: noon, By: latchkey.ByToken, Func: "Email::list_pops", Name: "alice", Client: "curl/8.5", From: netip.MustParseAddr("192.0.2.1"), OK: true}
	b.ReportAllocs()
	for b.Loop() {
		if s.add(e); len(s.buf) > 1<<20 {
			s.seal(nil)
		}
	}
}
