package encode

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

type plainRow struct {
	Email     string  `json:"email"`
	Used      int64   `json:"diskused"`
	Quota     float64 `json:"diskquota"`
	Suspended bool    `json:"suspended_login"`
	Hidden    string  `json:"-"`
	//lint:ignore SA5008 the name is meant to be "-"
	Dash   int `json:"-,"`
	Bare   uint8
	secret string
}

type options struct {
	Empty   string    `json:"empty,omitempty"`
	List    []int     `json:"list,omitempty"`
	Ptr     *int      `json:"ptr,omitempty"`
	When    time.Time `json:"when,omitzero"`
	Serial  int       `json:"serial,string"`
	Flag    bool      `json:"flag,string"`
	Text    string    `json:"text,string"`
	NilPtr  *int      `json:"nilptr,string"`
	Present []string  `json:"present"`
}

type inner struct {
	A int `json:"a"`
	B int `json:"b"`
}

type Deep struct {
	C int `json:"c"`
}

type outer struct {
	inner
	*Deep
	B string `json:"b"`
}

type left struct{ X int }
type right struct{ X int }
type ambiguous struct {
	left
	right
	Y int
}
type tagWins struct {
	left
	Right struct{} `json:"-"`
	taggedX
}
type taggedX struct {
	Z int `json:"X"`
}

type byValue struct{ n int }

func (b byValue) AppendJSON(dst []byte) []byte {
	return append(appendInt(append(dst, '<'), int64(b.n)), '>')
}

type byPointer struct{ n int }

func (b *byPointer) AppendJSON(dst []byte) []byte { return appendInt(append(dst, '#'), int64(b.n)) }

type mapAppender map[string]int

func (m mapAppender) AppendJSON(dst []byte) []byte { return append(dst, "map"...) }

type failing struct{}

func (failing) MarshalText() ([]byte, error) { return nil, errors.New("no") }

type textByPointer struct{ s string }

func (t *textByPointer) MarshalText() ([]byte, error) { return []byte(t.s), nil }

type kind string
type octets []byte

type node struct {
	Name string  `json:"name"`
	Next *node   `json:"next"`
	Kids []*node `json:"kids,omitempty"`
}

func TestAppend(t *testing.T) {
	seven := 7
	for _, c := range []struct {
		in   any
		want string
	}{
		{nil, `null`},
		{true, `1`},
		{false, `0`},
		{0, `0`},
		{int8(-128), `-128`},
		{int64(math.MinInt64), `-9223372036854775808`},
		{uint64(math.MaxUint64), `18446744073709551615`},
		{1.0, `1`},
		{0.1, `0.1`},
		{13558.40, `13558.4`},
		{-0.5, `-0.5`},
		{float32(0.1), `0.1`},
		{1e21, `1000000000000000000000`},
		{1e-7, `0.0000001`},
		{math.NaN(), `null`},
		{math.Inf(1), `null`},
		{math.Inf(-1), `null`},
		{"", `""`},
		{"a<b>&c", `"a<b>&c"`},
		{"q\"b\\s/", `"q\"b\\s/"`},
		{"\x00\x01\b\f\n\r\t\x1f\x7f", `"\u0000\u0001\b\f\n\r\t\u001f` + "\x7f" + `"`},
		{"a\xffb\xc3", "\"a\uFFFDb\uFFFD\""},
		{"\xed\xa0\x80", "\"\uFFFD\uFFFD\uFFFD\""},
		{"‘zone’ \u2028 😀 \uFFFD", "\"‘zone’ \u2028 😀 \uFFFD\""},
		{kind("uapi"), `"uapi"`},
		{[]byte("raw"), `"raw"`},
		{[]byte(nil), `""`},
		{octets("o"), `"o"`},
		{[2]byte{1, 2}, `[1,2]`},
		{[]string(nil), `[]`},
		{[]any{1, "a", nil, true, []int{}}, `[1,"a",null,1,[]]`},
		{map[string]int(nil), `{}`},
		{map[string]any{"b": 1, "a": false, "c\n": nil}, `{"a":0,"b":1,"c\n":null}`},
		{map[int]string{10: "x", 9: "y"}, `{"10":"x","9":"y"}`},
		{map[uint8]bool{1: true}, `{"1":1}`},
		{map[netip.Addr]int{netip.MustParseAddr("::1"): 1}, `{"::1":1}`},
		{map[float64]int{1: 1}, `null`},
		{(*int)(nil), `null`},
		{&seven, `7`},
		{new(any), `null`},
		{make(chan int), `null`},
		{func() {}, `null`},
		{complex(1, 1), `null`},
		{json.Number("1.50"), `1.50`},
		{json.Number(""), `0`},
		{json.Number("-1e5"), `-1e5`},
		{json.Number("1]"), `"1]"`},
		{json.Number("x"), `"x"`},
		{json.RawMessage("{\"a\" : [1,\n2]}"), `{"a":[1,2]}`},
		{json.RawMessage(nil), `null`},
		{json.RawMessage("{oops"), `"{oops"`},
		{json.RawMessage("\"\xff\""), "\"\uFFFD\""},
		{time.Unix(1767225600, 999).UTC(), `1767225600`},
		{time.Time{}, `null`},
		{&time.Time{}, `null`},
		{time.Second, `1000000000`},
		{netip.MustParseAddr("203.0.113.7"), `"203.0.113.7"`},
		{failing{}, `null`},
		{textByPointer{"p"}, `"p"`},
		{&textByPointer{"p"}, `"p"`},
		{(*textByPointer)(nil), `null`},
		{byValue{3}, `<3>`},
		{&byValue{3}, `<3>`},
		{(*byValue)(nil), `null`},
		{byPointer{4}, `#4`},
		{[]byPointer{{4}}, `[#4]`},
		{map[string]byPointer{"k": {4}}, `{"k":#4}`},
		{[]*byPointer{{4}, nil}, `[#4,null]`},
		{mapAppender(nil), `null`},
		{mapAppender{}, `map`},
		{struct{ V Appender }{byValue{1}}, `{"V":<1>}`},
		{struct{ V Appender }{}, `{"V":null}`},
		{struct{}{}, `{}`},
		{plainRow{"a@b", 1, 2.5, true, "h", 4, 5, "s"}, `{"email":"a@b","diskused":1,"diskquota":2.5,"suspended_login":1,"-":4,"Bare":5}`},
		{options{}, `{"serial":"0","flag":"0","text":"","nilptr":null,"present":[]}`},
		{options{"e", []int{0}, &seven, time.Unix(5, 0), 2026070300, true, "t", &seven, []string{"p"}},
			`{"empty":"e","list":[0],"ptr":7,"when":5,"serial":"2026070300","flag":"1","text":"t","nilptr":"7","present":["p"]}`},
		{outer{inner{1, 2}, nil, "out"}, `{"a":1,"b":"out"}`},
		{outer{inner{1, 2}, &Deep{3}, "out"}, `{"a":1,"c":3,"b":"out"}`},
		{ambiguous{left{1}, right{2}, 3}, `{"Y":3}`},
		{tagWins{left: left{1}, taggedX: taggedX{2}}, `{"X":2}`},
		{node{"a", &node{Name: "b"}, nil}, `{"name":"a","next":{"name":"b","next":null}}`},
	} {
		if got := string(Append(nil, c.in)); got != c.want {
			t.Errorf("Append(%#v) = %s, want %s", c.in, got, c.want)
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	if got := string(Append([]byte(`{"data":`), []int{1})); got != `{"data":[1]` {
		t.Errorf("got %s", got)
	}
}

// What contains itself must end, and be JSON.
func TestAppendCycle(t *testing.T) {
	n := &node{Name: "a"}
	n.Next = n
	n.Kids = []*node{{Name: "k"}}
	if got := Append(nil, n); !json.Valid(got) {
		t.Errorf("not JSON: %.80s", got)
	}
	m := map[string]any{}
	m["m"] = m
	if got := Append(nil, m); !json.Valid(got) {
		t.Errorf("not JSON: %.80s", got)
	}
}

// Struct fields are chosen as encoding/json chooses them.
func TestFieldsLikeEncodingJSON(t *testing.T) {
	type L3 struct{ A, B, C int }
	type L2 struct {
		L3
		B int
		D int `json:"C"`
	}
	type L2b struct {
		*L3
		E int
	}
	type Rec struct {
		N int
		*L2
	}
	type L1 struct {
		L2
		L2b
		Rec
		F int `json:"E"`
	}
	type Named struct {
		L2 `json:"two"`
		L2b
	}
	type Twice struct {
		left
		*right
		L3
	}
	for _, v := range []any{
		L1{}, L1{L2b: L2b{L3: &L3{1, 2, 3}}}, L1{Rec: Rec{L2: &L2{B: 4}}},
		Named{L2b: L2b{L3: &L3{}}}, Twice{}, Twice{right: &right{1}}, outer{}, ambiguous{}, tagWins{},
	} {
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(Append(nil, v)); got != string(want) {
			t.Errorf("Append(%#v) = %s, want %s", v, got, want)
		}
	}
}

// Plans are made once however many ask at once.
func TestAppendConcurrently(t *testing.T) {
	type fresh struct {
		Next *fresh
		Rows []struct{ N int }
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got := string(Append(nil, fresh{Next: &fresh{}, Rows: []struct{ N int }{{1}}}))
			if want := `{"Next":{"Next":null,"Rows":[]},"Rows":[{"N":1}]}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	wg.Wait()
}

func TestAppendAllocatesNothing(t *testing.T) {
	var v any = &plainRow{Email: "someone@example.com", Used: 1 << 40, Quota: 2.5}
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { dst = Append(dst[:0], v) }); n != 0 {
		t.Errorf("Append(struct) allocates %v times", n)
	}
}

// FuzzAppend: whatever encoding/json reads, it reads again from what Append wrote.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{`null`, `{"a":[1,2.5,"x"],"b":{}}`, `"\ud800\u2028<>&\\\""`, `[1e300,-0,1e-300,123456789012345678]`, "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var want, got any
		if json.Unmarshal(in, &want) != nil {
			return
		}
		out := Append(nil, want)
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("Append wrote %q: %v", out, err)
		}
		if want = withoutBools(want); !reflect.DeepEqual(got, want) {
			t.Fatalf("Append wrote %q: got %#v, want %#v", out, got, want)
		}
		if raw := Append(nil, json.RawMessage(in)); !json.Valid(raw) || strings.ContainsAny(string(raw), "\n") {
			t.Fatalf("RawMessage written as %q", raw)
		}
	})
}

// withoutBools is v with 1 and 0 for booleans, as they come back from the wire.
func withoutBools(v any) any {
	switch v := v.(type) {
	case bool:
		if v {
			return 1.0
		}
		return 0.0
	case []any:
		for i := range v {
			v[i] = withoutBools(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = withoutBools(v[k])
		}
	}
	return v
}

// FuzzAppendString: any text comes back as itself, invalid bytes as U+FFFD.
func FuzzAppendString(f *testing.F) {
	f.Add("a\x00\xff‘’\u2028\"\\</script>")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(Append(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if want := string([]rune(s)); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

type numbers struct {
	ID        int64   `json:"id"`
	Used      int64   `json:"_diskused"`
	Quota     int64   `json:"_diskquota"`
	Percent   float64 `json:"diskusedpercent_float"`
	Mtime     int64   `json:"mtime"`
	Login     bool    `json:"suspended_login"`
	Incoming  bool    `json:"suspended_incoming"`
	Hold      bool    `json:"hold_outgoing"`
	Suspended bool    `json:"has_suspended"`
}

var nine = numbers{17, 1 << 30, 250 << 20, 12.75, 1767225600, false, true, false, true}

func BenchmarkAppend(b *testing.B) {
	var v any = &nine
	dst := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		dst = Append(dst[:0], v)
	}
}

func BenchmarkAppendEncodingJSON(b *testing.B) {
	var v any = &nine
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendList(b *testing.B) {
	rows := make([]plainRow, 1000)
	for i := range rows {
		rows[i] = plainRow{Email: "someone@example.com", Used: int64(i), Quota: 250}
	}
	var v any = rows
	dst := make([]byte, 0, 1<<18)
	b.ReportAllocs()
	for b.Loop() {
		dst = Append(dst[:0], v)
	}
}

func BenchmarkAppendListEncodingJSON(b *testing.B) {
	rows := make([]plainRow, 1000)
	for i := range rows {
		rows[i] = plainRow{Email: "someone@example.com", Used: int64(i), Quota: 250}
	}
	var v any = rows
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(v); err != nil {
			b.Fatal(err)
		}
	}
}
