package list

import (
	"encoding/json"
	flags "flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// cases is how many cases a model is asked.
const cases = 20_000

// manyCases makes rapid ask that many, unless it was told otherwise.
func manyCases(t *testing.T) {
	t.Helper()
	f := flags.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	if err := flags.Set("rapid.checks", strconv.Itoa(cases)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flags.Set("rapid.checks", f.DefValue) })
}

// asked is what a client wants of a list, in no dialect.
type asked struct {
	filters []askedFilter
	sorts   []askedSort
	paged   bool
	start   int // -1 is everything
	page    int // over start, where there are pages; 0 for none
	size    int // 0 is all that follow
	columns []string
	noise   bool // switches that are on, and what means nothing
	off     bool // switches that are off: nothing of it counts
}

type askedFilter struct{ column, word, term string }

type askedSort struct {
	column, method string
	reverse        bool
}

// tongue is a dialect as its public page writes it.
type tongue struct {
	name  string
	parse func(api.Args) (Query, error)
	words map[string]Op // of filters
	say   func(asked) [][2]string
	// tell is what the metadata says of a list of before rows, of which total
	// passed the filters.
	tell func(a asked, before, total int) any
}

// suffix is how UAPI and API 2 number what there are several of.
func suffix(i, n int) string {
	if n == 1 {
		return ""
	}
	return "_" + strconv.Itoa(i)
}

// letter is how WHM does.
func letter(i int) string { return []string{"a", "b", "z", "za", "zb"}[i] }

func bit(b bool) string { return map[bool]string{true: "1", false: "0"}[b] }

func sayWithUnderscores(prefix string, columns bool) func(asked) [][2]string {
	return func(a asked) (said [][2]string) {
		say := func(key, value string) { said = append(said, [2]string{prefix + key, value}) }
		for i, f := range a.filters {
			s := suffix(i, len(a.filters))
			say("filter_column"+s, f.column)
			say("filter_type"+s, f.word)
			say("filter_term"+s, f.term)
		}
		for i, o := range a.sorts {
			s := suffix(i, len(a.sorts))
			say("sort_column"+s, o.column)
			say("sort_method"+s, o.method)
			say("sort_reverse"+s, bit(o.reverse))
		}
		if a.paged {
			say("paginate_start", strconv.Itoa(a.start))
			say("paginate_size", strconv.Itoa(a.size))
			if a.page > 0 {
				say("paginate_page", strconv.Itoa(a.page))
			}
		}
		if columns {
			for i, c := range a.columns {
				say("columns_"+letter(i), c)
			}
		}
		if a.noise || a.off {
			for _, family := range []string{"filter", "sort", "paginate", "columns"} {
				if family != "paginate" || a.paged || a.off { // to ask for pages is to ask for a report
					say(family, bit(!a.off))
				}
			}
			say("analytics", "x")
		}
		return said
	}
}

func sayWHM(a asked) (said [][2]string) {
	say := func(key, value string) { said = append(said, [2]string{"api." + key, value}) }
	for i, f := range a.filters {
		say("filter."+letter(i)+".field", f.column)
		say("filter."+letter(i)+".type", f.word)
		say("filter."+letter(i)+".arg0", f.term)
	}
	for i, o := range a.sorts {
		say("sort."+letter(i)+".field", o.column)
		say("sort."+letter(i)+".method", o.method)
		say("sort."+letter(i)+".reverse", bit(o.reverse))
	}
	if a.paged {
		say("chunk.start", strconv.Itoa(a.start))
		say("chunk.size", strconv.Itoa(a.size))
	}
	for i, c := range a.columns {
		say("columns."+letter(i), c)
	}
	if a.noise || a.off {
		for _, family := range []string{"filter", "sort", "chunk", "columns"} {
			if family != "chunk" || a.paged || a.off { // to ask for pages is to ask for a report
				say(family+".enable", bit(!a.off))
			}
		}
		say("filter.verbose", "1")
		say("chunk.verbose", "1")
		say("version", "1")
	}
	return said
}

// place is where a page begins, how long it is, which one it is and how many
// there are.
func (a *asked) place(total int) (start, size, current, pages int) {
	start, size = a.start, a.size
	switch {
	case a.start < 0:
		start, size = 1, 0
	case a.page > 0:
		start = 1 + (a.page-1)*a.size
	case a.start == 0:
		start = 1
	}
	if size == 0 {
		size = total
	}
	current, pages = 1, 1
	for at := 1; size > 0 && at+size <= start; at += size {
		current++
	}
	for at := 1; size > 0 && at+size <= total; at += size {
		pages++
	}
	return start, size, current, pages
}

func tellUAPI(a asked, before, total int) any {
	m := map[string]any{"transformed": 1}
	if len(a.filters) > 0 {
		m["filter"] = map[string]any{"records_before_filter": before}
	}
	if p := tellPages(a, before, total); p != nil {
		m["paginate"] = p
	}
	return m
}

func tellPages(a asked, _, total int) any {
	if !a.paged {
		return nil
	}
	start, size, current, pages := a.place(total)
	return map[string]any{"current_page": current, "results_per_page": size, "start_result": strconv.Itoa(start), "total_pages": pages, "total_results": total}
}

func tellWHM(a asked, before, total int) any {
	m := map[string]any{}
	if len(a.filters) > 0 {
		m["filter"] = map[string]any{"filtered": before}
	}
	if a.paged {
		start, size, current, pages := a.place(total)
		m["chunk"] = map[string]any{"start": start, "size": size, "current": current, "chunks": pages, "records": total}
	}
	return m
}

var underscoreWords = map[string]Op{
	"": Contains, "contains": Contains, "begins": Begins, "ends": Ends, "eq": Equal, "ne": NotEqual, "lt": Less, "gt": Greater,
	"lt_handle_unlimited": LessUnlimited, "gt_handle_unlimited": GreaterUnlimited, "defined": Defined, "undefined": Undefined,
}

var tongues = []tongue{
	{"UAPI", FromUAPI, underscoreWords, sayWithUnderscores("api.", false), tellUAPI},
	{"API 2", FromAPI2, underscoreWords, sayWithUnderscores("api2_", true), tellPages},
	{"WHM", FromWHM, map[string]Op{
		"": Contains, "contains": Contains, "begins": Begins, "eq": EqualText, "==": Equal, "lt": Less, "lt_equal": LessEqual, "gt": Greater,
		"gt_equal": GreaterEqual, "lt_handle_unlimited": LessUnlimited, "gt_handle_unlimited": GreaterUnlimited,
	}, sayWHM, tellWHM},
}

func (g *tongue) reports(r Report) any {
	switch g.name {
	case "UAPI":
		return r.UAPI()
	case "API 2":
		return r.Paginate()
	}
	return r.WHM()
}

var methodsByName = map[string]Method{"": Lexicographic, "lexicographic": Lexicographic, "numeric": Numeric, "numeric_zero_as_max": NumericZeroAsMax, "ipv4": IPv4}

// answer is what the model makes of rows.
func (g *tongue) answer(rows []map[string]string, a asked) ([]map[string]string, int) {
	q := Query{}
	var anywhere []Filter
	for _, f := range a.filters {
		filter := Filter{Column: f.column, Op: g.words[f.word], Term: f.term}
		if f.column == AnyColumn {
			anywhere = append(anywhere, filter)
		} else {
			q.Filters = append(q.Filters, filter)
		}
	}
	for _, f := range anywhere {
		var kept []map[string]string
		for _, row := range rows {
			for column := range row {
				f.Column = column
				if modelPasses(row, f) {
					kept = append(kept, row)
					break
				}
			}
		}
		rows = kept
	}
	for _, o := range a.sorts {
		q.Sorts = append(q.Sorts, Sort{o.column, methodsByName[o.method], o.reverse})
	}
	rows, total := modelApply(rows, q)
	if a.paged {
		start, size, _, _ := a.place(total)
		var page []map[string]string
		for i, row := range rows {
			if n := i + 1; n >= start && (a.size == 0 || a.start < 0 || n < start+size) {
				page = append(page, row)
			}
		}
		rows = page
	}
	if len(a.columns) > 0 && g.name != "UAPI" {
		var cut []map[string]string
		for _, row := range rows {
			less := map[string]string{}
			for _, c := range a.columns {
				if v, ok := row[c]; ok {
					less[c] = v
				}
			}
			cut = append(cut, less)
		}
		rows = cut
	}
	return rows, total
}

// drawAsked draws what a client may want. A page is not asked for where there is
// no size, and no start with a page, as nobody does.
func drawAsked(t *rapid.T, g *tongue) asked {
	column := rapid.SampledFrom([]string{"a", "b", "c", AnyColumn})
	value := rapid.SampledFrom(modelValues)
	var words []string
	for w := range g.words {
		words = append(words, w)
	}
	slices.Sort(words)
	var a asked
	for range rapid.IntRange(0, 3).Draw(t, "filters") {
		f := askedFilter{column.Draw(t, "column"), rapid.SampledFrom(words).Draw(t, "word"), value.Draw(t, "term")}
		if bySize(g.words[f.word]) {
			f.term = rapid.SampledFrom([]string{"0", "1", "1.5", "10", "-1"}).Draw(t, "number")
		}
		a.filters = append(a.filters, f)
	}
	for range rapid.IntRange(0, 3).Draw(t, "sorts") {
		method := rapid.SampledFrom([]string{"", "lexicographic", "numeric", "numeric_zero_as_max", "ipv4"}).Draw(t, "method")
		a.sorts = append(a.sorts, askedSort{rapid.SampledFrom([]string{"a", "b", "c", "nothing"}).Draw(t, "by"), method, rapid.Bool().Draw(t, "reverse")})
	}
	if a.paged = rapid.Bool().Draw(t, "paged"); a.paged {
		a.start, a.size = rapid.IntRange(-1, 12).Draw(t, "start"), rapid.IntRange(0, 9).Draw(t, "size")
		if g.name != "WHM" && a.start >= 0 && a.size > 0 {
			a.page = rapid.IntRange(0, 5).Draw(t, "page")
		}
	}
	a.columns = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "nothing"}), 0, 3, rapid.ID[string]).Draw(t, "columns")
	a.noise = rapid.Bool().Draw(t, "noise")
	a.off = rapid.IntRange(0, 9).Draw(t, "off") == 0
	return a
}

func bySize(o Op) bool {
	switch o {
	case Less, LessEqual, Greater, GreaterEqual, LessUnlimited, GreaterUnlimited:
		return true
	}
	return false
}

// What is asked for in the words of each dialect, in whatever order they come,
// gives what the model gives, and the metadata says so.
func TestDialectsAgainstModel(t *testing.T) {
	manyCases(t)
	row := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.SampledFrom(modelValues), 0, 3)
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		g := &tongues[rapid.IntRange(0, len(tongues)-1).Draw(t, "dialect")]
		rows := rapid.SliceOfN(row, 0, 20).Draw(t, "rows")
		a := drawAsked(t, g)
		said := g.say(a)
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
		shuffle.Shuffle(len(said), func(i, j int) { said[i], said[j] = said[j], said[i] })
		args := api.Args{{Key: "domain", Value: "example.com"}}
		for _, kv := range said {
			args = append(args, api.Arg{Key: kv[0], Value: kv[1], Body: shuffle.IntN(2) == 0})
		}
		q, err := g.parse(args)
		if err != nil {
			t.Fatalf("%s %v: %v", g.name, said, err)
		}
		if a.off {
			a = asked{}
		}
		want, total := g.answer(rows, a)
		got, report := Apply(rows, q)
		if diff := gocmp.Diff(plain(want), plain(got)); diff != "" {
			t.Fatalf("%s %v of %v (-want +got):\n%s", g.name, said, rows, diff)
		}
		if q.Zero() {
			seen["nothing"]++
			return
		}
		seen[g.name]++
		if diff := gocmp.Diff(plain(g.tell(a, len(rows), total)), plain(g.reports(report))); diff != "" {
			t.Fatalf("%s %v of %d rows: metadata (-want +got):\n%s", g.name, said, len(rows), diff)
		}
	})
	t.Logf("%v", seen)
}

// plain is v as it is read from the wire.
func plain(v any) any {
	var p any
	text := encode.Append(nil, v)
	if string(text) == "[]" { // no rows, whether there is a list of none or no list
		text = []byte("null")
	}
	if err := json.Unmarshal(text, &p); err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return p
}
