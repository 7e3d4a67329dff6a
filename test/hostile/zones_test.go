package hostile

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/needs"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/zone"
	"github.com/latchkey/latchkey/test/testserver"
)

// field is one field of a record: the record with a text in it, and where that
// text stands in what is read back: the data from 0, or -1 for the name.
type field struct {
	name   string
	record func(text string) map[string]any
	data   int
}

func of(rtype string, at int, data ...string) field {
	return field{fmt.Sprint(rtype, " ", at), func(text string) map[string]any {
		d := append([]string(nil), data...)
		d[at] = text
		return map[string]any{"dname": "p", "ttl": 60, "record_type": rtype, "data": d}
	}, at}
}

var fields = []field{
	{"name", func(text string) map[string]any {
		return map[string]any{"dname": text, "ttl": 60, "record_type": "TXT", "data": []string{"x"}}
	}, -1},
	{"type", func(text string) map[string]any {
		return map[string]any{"dname": "p", "ttl": 60, "record_type": text, "data": []string{"x"}}
	}, -2},
	{"ttl", func(text string) map[string]any {
		return map[string]any{"dname": "p", "ttl": text, "record_type": "TXT", "data": []string{"x"}}
	}, -2},
	of("TXT", 0, ""), of("TXT", 1, "first", ""), of("A", 0, ""), of("AAAA", 0, ""), of("CNAME", 0, ""), of("DNAME", 0, ""),
	of("MX", 0, "", "mx.example.org"), of("MX", 1, "10", ""), of("SRV", 0, "", "1", "1", "t.example.org"), of("SRV", 3, "1", "1", "1", ""),
	of("CAA", 0, "", "issue", "x"), of("CAA", 1, "0", "", "x"), of("CAA", 2, "0", "issue", ""), of("HINFO", 0, "", "y"), of("NAPTR", 2, "1", "1", "", "s", "", "."),
	of("NAPTR", 4, "1", "1", "u", "s", "", "."), of("DS", 3, "1", "13", "2", ""), of("TLSA", 3, "3", "1", "1", ""), of("SSHFP", 2, "1", "1", ""), of("LOC", 0, ""), of("HTTPS", 2, "1", ".", ""),
	of("TYPE65280", 2, `\#`, "4", ""),
}

// TestRecordFields: every hostile text in every field of a record is refused in
// words, or comes back exactly, and the zone stays one that is read again, with
// one record more and no other line changed.
func TestRecordFields(t *testing.T) {
	s, program := testserver.New(t), needs.Program(t, "named-checkzone")
	refused, kept, checked := 0, 0, 0
	for _, f := range fields {
		for class, texts := range payloads {
			for _, text := range append(texts, "", " ", "\"", "\\", "(", ")", "a b", "@", "*", strings.Repeat("é", 300)) {
				record := f.record(text)
				if !utf8.ValidString(text) {
					continue // JSON has no such text
				}
				body, err := json.Marshal(record)
				if err != nil {
					t.Fatal(err)
				}
				before := zoneNow(t, s)
				res := s.Call(call.UAPI, "demo", "DNS", "mass_edit_zone", "zone", "example.com", "serial", fmt.Sprint(before.Serial()), "add", string(body))
				if res.Err != nil {
					if res.Err.Kind != latchkey.Invalid || res.Err.Msg == "" {
						t.Errorf("%s, %s %.80q: %v", f.name, class, text, res.Err)
					}
					if zoneNow(t, s).String() != before.String() {
						t.Fatalf("%s, %s %.80q: refused, and the zone has changed", f.name, class, text)
					}
					refused++
					continue
				}
				kept++
				after := zoneNow(t, s)
				added(t, f, text, before, after)
				if kept%20 == 0 || f.name != "TXT 0" && kept%4 == 0 {
					checkzone(t, program, after)
					checked++
				}
				s.UAPI("demo", "DNS", "mass_edit_zone", "zone", "example.com", "serial", fmt.Sprint(after.Serial()), "remove", fmt.Sprint(after.Lines()-1))
			}
		}
	}
	t.Logf("%d refused, %d kept, %d zones checked by named-checkzone", refused, kept, checked)
	if refused < 500 || kept < 300 {
		t.Error("too few to mean anything")
	}
}

// added holds a zone to be the one before with one record at its end, which has
// text where f says.
func added(t *testing.T, f field, text string, before, after *zone.Zone) {
	t.Helper()
	was, is := strings.Split(before.String(), "\n"), strings.Split(after.String(), "\n")
	if len(is) != len(was)+1 {
		t.Fatalf("%s, %.80q: the zone has %d lines more", f.name, text, len(is)-len(was))
	}
	for i := range was[:len(was)-1] {
		if was[i] != is[i] && !strings.Contains(is[i], "; serial") {
			t.Fatalf("%s, %.80q: line %d was %q and is %q", f.name, text, i, was[i], is[i])
		}
	}
	e := after.At(after.Lines() - 1)
	if e == nil || e.Kind() != zone.Record {
		t.Fatalf("%s, %.80q: no record at the end", f.name, text)
	}
	switch got := e.Data(); {
	case f.name == "TXT 0" || f.name == "TXT 1":
		if all := strings.TrimPrefix(strings.Join(got, ""), map[bool]string{true: "first"}[f.name == "TXT 1"]); all != text {
			t.Errorf("%s: %.80q became %.80q", f.name, text, all)
		}
	case f.name == "CAA 2" || strings.HasPrefix(f.name, "HINFO") || strings.HasPrefix(f.name, "NAPTR"):
		if got[f.data] != text {
			t.Errorf("%s: %.80q became %.80q", f.name, text, got[f.data])
		}
	case f.data >= 0 && !same(got[min(f.data, len(got)-1)], text):
		t.Errorf("%s: %.80q became %.80q", f.name, text, got)
	}
}

// same reports whether a field that is a name, a number or an address is what
// was given: names get a dot, numbers lose zeros.
func same(got, text string) bool {
	fold := func(s string) string {
		return strings.TrimLeft(strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(strings.Join(strings.Fields(s), "")), "."), ".example.com"), "0+")
	}
	return fold(got) == fold(text) || text == "@" && got == "example.com."
}

func zoneNow(t *testing.T, s *testserver.Server) (z *zone.Zone) {
	t.Helper()
	err := s.Store.Read(t.Context(), func(r store.Reader) error {
		row, err := r.Zone("example.com")
		if err != nil {
			return err
		}
		kept, err := r.ZoneParts(row.Name)
		if err != nil {
			return err
		}
		text := ""
		for _, key := range row.Parts {
			for _, p := range kept {
				if p.Key == key {
					text += p.Text
				}
			}
		}
		z, err = zone.Parse(row.Name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// checkzone asks BIND about a zone.
func checkzone(t *testing.T, program string, z *zone.Zone) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(z.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "-i", "local", "-k", "fail", string(z.Name()), file).CombinedOutput(); err != nil {
		t.Errorf("named-checkzone: %v\n%s\n%s", err, out, z)
	}
}

// TestOtherFields: the same for functions that write records of one kind: what
// they take is there as it was given, in parse_zone's answer, and nothing else.
func TestOtherFields(t *testing.T) {
	s, program := testserver.New(t), needs.Program(t, "named-checkzone")
	kept := 0
	for _, f := range []struct {
		module, name, argument string
		rest                   []string
	}{
		{"EmailAuth", "install_spf_records", "record", []string{"domain", "example.com"}},
		{"EmailAuth", "apply_dmarc", "policy", []string{"domain", "example.com"}},
		{"EmailAuth", "install_dkim_private_keys", "key", []string{"domain", "example.com"}},
		{"Email", "add_mx", "exchanger", []string{"domain", "example.com", "priority", "5"}},
		{"Email", "add_mx", "domain", []string{"exchanger", "mx.example.org", "priority", "5"}},
		{"DynamicDNS", "create", "domain", nil},
		{"DynamicDNS", "create", "description", []string{"domain", "home.example.com"}},
	} {
		for _, texts := range payloads {
			for _, text := range texts {
				for _, head := range []string{"", "v=spf1 ", "v=DMARC1; p=none; "} {
					before := zoneNow(t, s)
					res := s.Call(call.UAPI, "demo", f.module, f.name, append(f.rest, f.argument, head+text)...)
					if res.Err != nil && (res.Err.Kind == latchkey.Internal || res.Err.Msg == "" && res.Err.Kind != latchkey.Missing) {
						t.Errorf("%s::%s with %.80q: %v", f.module, f.name, head+text, res.Err)
					}
					after := zoneNow(t, s)
					if after.Serial() == before.Serial() {
						continue
					}
					kept++
					told := string(encode.Append(nil, s.UAPI("demo", "DNS", "parse_zone", "zone", "example.com")))
					if f.module == "EmailAuth" && !strings.Contains(told, base64.StdEncoding.EncodeToString([]byte(strings.TrimSpace(head+text)))) && len(head+text) < 250 {
						t.Errorf("%s::%s with %.80q: it does not come back", f.module, f.name, head+text)
					}
					if n := strings.Count(after.String(), "\n") - strings.Count(before.String(), "\n"); n < 0 || n > 1 {
						t.Errorf("%s::%s with %.80q: the zone has %d lines more", f.module, f.name, head+text, n)
					}
				}
			}
		}
	}
	if checkzone(t, program, zoneNow(t, s)); kept < 50 {
		t.Errorf("only %d texts were taken", kept)
	}
	t.Logf("%d texts were taken", kept)
}
