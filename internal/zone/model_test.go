package zone

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is edited, in whatever order: the lines that no edit names are byte
// for byte what they were, every record is where a list of lines would have it,
// the serial number rises, and what is written is what is read.
func TestEditsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, err := Parse("example.com", drawZone(t))
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			edit := drawEdit(t, z)
			next, err := z.Edit(edit, today)
			if err != nil {
				if next != nil {
					t.Fatal("a zone and an error")
				}
				continue // refused for what it holds together, as CNAME beside others
			}
			if next.Serial() <= z.Serial() {
				t.Fatalf("serial %d after %d", next.Serial(), z.Serial())
			}
			compare(t, z, next, edit)
			z = next
		}
	})
}

func compare(t *rapid.T, was, is *Zone, edit Edit) {
	var want []string // the text of each entry, "" for one that has changed
	for line, e := range was.All() {
		_, replaced := edit.Replace[line]
		switch {
		case slices.Contains(edit.Remove, line):
		case replaced, e.Type() == "SOA":
			want = append(want, strings.Repeat("\x00", e.Lines()))
		default:
			want = append(want, e.Text())
		}
	}
	for range edit.Add {
		want = append(want, "\x00")
	}
	i := 0
	for _, e := range is.All() {
		if i == len(want) {
			t.Fatalf("more entries than expected:\n%s", is)
		}
		if w := want[i]; strings.HasPrefix(w, "\x00") {
			if e.Lines() != len(w) {
				t.Fatalf("entry %d has %d lines, want %d", i, e.Lines(), len(w))
			}
		} else if e.Text() != w {
			t.Fatalf("entry %d is %q, was %q", i, e.Text(), w)
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("%d entries, want %d", i, len(want))
	}
	sameAsRead(t, is)
	added := 0
	for line, e := range is.All() {
		if n := i - len(edit.Add); added < len(edit.Add) && indexOf(is, line) >= n {
			if got, want := fmt.Sprint(e.TTL(), e.Type(), e.Data()), shownNew(edit.Add[added]); got != want {
				t.Fatalf("added %s, want %s", got, want)
			}
			added++
		}
	}
}

func indexOf(z *Zone, line int) (n int) {
	for at := range z.All() {
		if at >= line {
			return n
		}
		n++
	}
	return n
}

func shownNew(n New) string {
	data := n.Data
	if n.Type == "TXT" {
		data = nil
		for _, s := range n.Data {
			for len(s) > 255 {
				data, s = append(data, s[:255]), s[255:]
			}
			data = append(data, s)
		}
	}
	return fmt.Sprint(n.TTL, n.Type, data)
}

// sameAsRead holds a zone to be what its text says.
func sameAsRead(t interface{ Fatalf(string, ...any) }, z *Zone) {
	text := z.String()
	again, err := Parse(z.Name(), text)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, text)
	}
	parts := make([]Part, len(z.Parts()))
	for i, p := range z.Parts() {
		parts[i] = Part{Key: p.Key, Text: p.Text}
	}
	loaded, err := Load(z.Name(), parts)
	if err != nil {
		t.Fatalf("what was kept cannot be loaded: %v", err)
	}
	if again.String() != text || loaded.String() != text || again.Serial() != z.Serial() || again.Lines() != z.Lines() || loaded.Lines() != z.Lines() || z.size != len(text) {
		t.Fatalf("another zone was read")
	}
	one := all(z)
	if two, three := all(again), all(loaded); !slices.Equal(one, two) || !slices.Equal(one, three) {
		t.Fatalf("other entries were read:\n%q\n%q\n%q", one, two, three)
	}
}

func all(z *Zone) (list []string) {
	for line, e := range z.All() {
		list = append(list, fmt.Sprint(line, e.Kind(), e.Name(), e.TTL(), e.Type(), e.RR(), e.Text()))
	}
	return list
}

func drawZone(t *rapid.T) string {
	var b strings.Builder
	b.WriteString(rapid.SampledFrom([]string{"; cPanel first\n", "", "\n\n"}).Draw(t, "head"))
	b.WriteString(rapid.SampledFrom([]string{"$TTL 300\n", "$ttl\t1h ; x\n"}).Draw(t, "ttl"))
	b.WriteString(rapid.SampledFrom([]string{
		"@ SOA ns.x.example. r.x.example. 1 2 3 4 5\n", "example.com. 60 IN SOA ns.x.example. (r.x.example.\n\t2026112398 ; serial\n 2 3\n4 5 )\n",
	}).Draw(t, "soa"))
	b.WriteString("@ NS ns.x.example.\n")
	n := rapid.IntRange(0, 12).Draw(t, "lines")
	if rapid.IntRange(0, 9).Draw(t, "many") == 0 {
		n = 600
	}
	for i := range n {
		line := rapid.SampledFrom([]string{
			"; a comment", "", "  \t", "n%d 60 IN A 192.0.2.1", "n%d A 192.0.2.2", "\tTXT same", " 5 AAAA ::1", "m%d MX 5 mail", "t%d TXT \"a;(\\\"b\" c\\;d",
			"t%d (\n\n TXT ; x\n \"y\" )", "_s._tcp.n%d SRV 1 2 3 host", "c%d CAA 0 issue \"ca.example\"", "u%d.example.com. TYPE65000 \\# 2 abcd",
		}).Draw(t, "line")
		if strings.HasPrefix(line, "\t") || strings.HasPrefix(line, " ") && strings.Contains(line, "AAAA") {
			line = "n%d A 192.0.2.4\n" + line // takes its name from a host
		}
		if strings.Contains(line, "%d") {
			line = fmt.Sprintf(line, i)
		}
		b.WriteString(line + "\n")
	}
	text := b.String()
	if rapid.Bool().Draw(t, "open end") {
		text = strings.TrimSuffix(text, "\n")
	}
	return text
}

func drawEdit(t *rapid.T, z *Zone) Edit {
	edit := Edit{Replace: map[int]New{}}
	var lines []int
	for line, e := range z.All() {
		if e.Kind() == Record && e.Type() != "SOA" {
			lines = append(lines, line)
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "touched") {
		line := rapid.SampledFrom(lines).Draw(t, "line")
		if _, twice := edit.Replace[line]; twice || slices.Contains(edit.Remove, line) {
			continue
		}
		if rapid.Bool().Draw(t, "remove") {
			edit.Remove = append(edit.Remove, line)
		} else {
			edit.Replace[line] = drawNew(t)
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "added") {
		edit.Add = append(edit.Add, drawNew(t))
	}
	return edit
}

func drawNew(t *rapid.T) New {
	name := rapid.SampledFrom([]string{"example.com.", "www", "_acme-challenge.example.com.", "*.w", "n1", "x.y.z"}).Draw(t, "name")
	ttl := rapid.SampledFrom([]uint32{0, 1, 300, maxTTL}).Draw(t, "ttl")
	switch rapid.IntRange(0, 3).Draw(t, "type") {
	case 0:
		return New{name, ttl, "A", []string{"192.0.2.77"}}
	case 1:
		return New{name, ttl, "MX", []string{"10", "mail.example.net."}}
	case 2:
		return New{name, ttl, "CNAME", []string{"other.example.net."}}
	}
	text := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")) }), 1, 3).Draw(t, "texts")
	return New{name, ttl, "TXT", text}
}
