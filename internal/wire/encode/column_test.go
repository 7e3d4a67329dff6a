package encode

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"
)

type columns struct {
	Name   string     `json:"name"`
	N      int        `json:"n"`
	F      float64    `json:"f"`
	B      bool       `json:"b"`
	Quoted int        `json:"quoted,string"`
	Bytes  []byte     `json:"bytes"`
	List   []string   `json:"list"`
	Ptr    *string    `json:"ptr"`
	When   time.Time  `json:"when"`
	Addr   netip.Addr `json:"addr"`
	Any    any        `json:"any"`
	Opt    string     `json:"opt,omitempty"`
	inner
}

func TestColumn(t *testing.T) {
	row := columns{
		Name: "a\"\n", N: -3, F: 13558.40, B: true, Quoted: 7, Bytes: []byte("12.5"), List: []string{"x"},
		When: time.Unix(9, 0), Addr: netip.MustParseAddr("192.0.2.1"), Any: json.Number("4"), inner: inner{A: 8},
	}
	for _, c := range []struct {
		name    string
		found   bool
		defined bool
		text    string
		number  float64
		isNum   bool
	}{
		{"name", true, true, "a\"\n", 0, false},
		{"n", true, true, "-3", -3, true},
		{"f", true, true, "13558.4", 13558.4, true},
		{"b", true, true, "1", 1, true},
		{"quoted", true, true, "7", 7, true},
		{"bytes", true, true, "12.5", 12.5, true},
		{"list", true, true, `["x"]`, 0, false},
		{"ptr", true, false, "", 0, false},
		{"when", true, true, "9", 9, true},
		{"addr", true, true, "192.0.2.1", 0, false},
		{"any", true, true, "4", 4, true},
		{"opt", false, false, "", 0, false},
		{"a", true, true, "8", 8, true},
		{"Name", false, false, "", 0, false},
	} {
		for _, r := range []any{row, &row} {
			v, found := Column(r, c.name)
			n, isNum := v.Number()
			if found != c.found || v.Defined() != c.defined || v.Text() != c.text || n != c.number || isNum != c.isNum {
				t.Errorf("Column(%T, %q) = %v, defined %v, text %q, number %v %v; want %+v", r, c.name, found, v.Defined(), v.Text(), n, isNum, c)
			}
		}
	}
}

type word string

func TestColumnOfMaps(t *testing.T) {
	m := map[string]any{"a": 1, "nil": nil}
	for _, c := range []struct {
		row  any
		name string
		text string
		ok   bool
	}{
		{m, "a", "1", true},
		{&m, "a", "1", true},
		{m, "nil", "", true},
		{m, "none", "", false},
		{map[string]string{"k": "v"}, "k", "v", true},
		{map[word]int{"k": 5}, "k", "5", true},
		{map[string]any(nil), "k", "", false},
		{map[int]int{1: 1}, "1", "", false},
		{nil, "a", "", false},
		{(*columns)(nil), "n", "", false},
		{"text", "a", "", false},
		{time.Now(), "wall", "", false},
	} {
		v, ok := Column(c.row, c.name)
		if ok != c.ok || v.Text() != c.text {
			t.Errorf("Column(%v, %q) = %q, %v; want %q, %v", c.row, c.name, v.Text(), ok, c.text, c.ok)
		}
	}
}

func TestColumns(t *testing.T) {
	var names []string
	for name := range Columns(&options{Empty: "e"}) {
		names = append(names, name)
	}
	if want := []string{"empty", "serial", "flag", "text", "nilptr", "present"}; !slices.Equal(names, want) {
		t.Errorf("Columns = %q, want %q", names, want)
	}
	for name, v := range Columns(map[string]int{"only": 1}) {
		if name != "only" || v.Text() != "1" {
			t.Errorf("Columns(map) = %q, %q", name, v.Text())
		}
	}
	for name := range Columns(map[string]int{"a": 1, "b": 2}) {
		names = append(names, name)
		break
	}
	for name := range Columns(columns{}) {
		names = append(names, name)
		break
	}
	if len(names) != 8 {
		t.Errorf("breaking out of Columns left %q", names)
	}
	for name := range Columns([]int{1}) {
		t.Errorf("a list has column %q", name)
	}
}

func TestValueInterface(t *testing.T) {
	row := columns{Quoted: 7, B: true}
	for name, want := range map[string]string{"quoted": `"7"`, "b": `1`, "ptr": `null`, "list": `[]`} {
		v, _ := Column(row, name)
		if got := string(Append(nil, v.Interface())); got != want {
			t.Errorf("%s passed on is %s, want %s", name, got, want)
		}
	}
}

func TestHasColumns(t *testing.T) {
	for _, c := range []struct {
		v    any
		want bool
	}{
		{columns{}, true},
		{&columns{}, true},
		{map[string]any{}, true},
		{map[word]int{}, true},
		{map[int]int{}, false},
		{time.Time{}, false},
		{&time.Time{}, false},
		{byPointer{}, false},
		{netip.Addr{}, false},
		{[]columns{}, false},
		{1, false},
	} {
		if got := HasColumns(reflect.TypeOf(c.v)); got != c.want {
			t.Errorf("HasColumns(%T) = %v, want %v", c.v, got, c.want)
		}
	}
	if HasColumns(reflect.TypeFor[any]()) {
		t.Error("HasColumns(any) = true")
	}
}

func TestParseNumber(t *testing.T) {
	for _, c := range []struct {
		in   string
		want float64
		ok   bool
	}{
		{"5", 5, true}, {" -5.25 ", -5.25, true}, {"+1", 1, true}, {"007", 7, true}, {".5", .5, true},
		{"", 0, false}, {"1e3", 0, false}, {"0x10", 0, false}, {"1_0", 0, false}, {"inf", 0, false}, {"nan", 0, false},
		{"1.2.3", 0, false}, {"5 MB", 0, false}, {"unlimited", 0, false}, {"-", 0, false},
	} {
		got, ok := ParseNumber(c.in)
		if got != c.want || ok != c.ok {
			t.Errorf("ParseNumber(%q) = %v, %v; want %v, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}
