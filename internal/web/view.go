package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// view is a template with the layout around it.
type view struct{ t *template.Template }

// newViews reads the templates: those whose names begin with _ are parts that all
// others may use, and each other one is a page.
func newViews(a *assets) map[string]*view {
	funcs := template.FuncMap{"asset": a.link, "dict": dict, "list": func(all ...any) []any { return all }, "join": strings.Join}
	parts, err := fs.Glob(files, "templates/_*.html")
	if err == nil && len(parts) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		panic(err)
	}
	base := template.Must(template.New("base").Funcs(funcs).ParseFS(files, parts...))
	all, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err)
	}
	views := make(map[string]*view)
	for _, file := range all {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if !strings.HasPrefix(name, "_") {
			views[name] = &view{template.Must(template.Must(base.Clone()).ParseFS(files, file))}
		}
	}
	return views
}

// dict is a map for a part that takes more than one thing.
func dict(said ...any) (map[string]any, error) {
	m := make(map[string]any, len(said)/2)
	for i := 0; i+1 < len(said); i += 2 {
		key, ok := said[i].(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", said[i])
		}
		m[key] = said[i+1]
	}
	return m, nil
}

func (v *view) run(into *bytes.Buffer, s *shown) error { return v.t.ExecuteTemplate(into, "layout", s) }

// shown is what templates see: the visit, and the page's own data.
type shown struct {
	*visit
	Data   any
	Notes  []note
	Status int
}

// T says what stands under id in the visitor's language.
func (s *shown) T(id string, args ...any) string { return s.lang.say(id, args...) }

// Said is a note in the visitor's language.
func (s *shown) Said(n note) string {
	args := make([]any, 0, 2*len(n.Args))
	for key, value := range n.Args {
		args = append(args, key, value)
	}
	return s.lang.say(n.ID, args...)
}

// Link is an address within the visitor's session.
func (s *shown) Link(path string, elements ...any) string { return s.link(path, elements...) }

// Lang is the visitor's language, Languages are all there are.
func (s *shown) Lang() string         { return s.lang.Tag }
func (s *shown) Languages() []*tongue { return s.pages.languages.list }

// Theme is the scheme that was chosen, Themes are all there are.
func (s *shown) Theme() string    { return s.theme }
func (s *shown) Themes() []string { return themes }

// Chosen is the scheme that was chosen, or system.
func (s *shown) Chosen() string {
	if s.theme == "" {
		return "system"
	}
	return s.theme
}

// Host is the server's name.
func (s *shown) Host() string { return s.pages.Hostname }

// In reports whether somebody has signed in, User is who.
func (s *shown) In() bool     { return s.caller.Kind == latchkey.BySession }
func (s *shown) User() string { return string(s.caller.Name) }

// Admin reports whether these are the administrator's pages.
func (s *shown) Admin() bool { return s.Audience == latchkey.ForHost }

// Nav are the entries of the navigation: those that lead somewhere for the visitor.
func (s *shown) Nav() []navEntry {
	if s.Admin() {
		return slices.DeleteFunc(slices.Clone(hostNav), func(n navEntry) bool { return !n.needs.Within(s.caller.Privileges) })
	}
	return accountNav
}

// Here reports whether the page belongs to an entry of the navigation.
func (s *shown) Here(nav string) bool { return s.at != nil && s.at.nav == nav }

// Back is the address of the page without its session: to return to.
func (s *shown) Back() string {
	if s.r.Method != "GET" {
		return "/"
	}
	if s.r.URL.RawQuery == "" {
		return s.Path
	}
	return s.Path + "?" + s.r.URL.RawQuery
}

// navEntry is an entry of the navigation.
type navEntry struct {
	Path, ID string
	needs    latchkey.PrivilegeSet // to see anything there
}

// Date and Moment are a day and a minute in the visitor's language, Stamp is a
// minute as programs read it. Of no time they are "".
func (s *shown) Date(at stamp) string {
	if at == 0 {
		return ""
	}
	return s.lang.date(at.Time())
}

func (s *shown) Moment(at stamp) string {
	if at == 0 {
		return ""
	}
	return s.lang.moment(at.Time())
}

func (s *shown) Stamp(at stamp) string {
	if at == 0 {
		return ""
	}
	return at.Time().Format(time.RFC3339)
}

// Ago is how far a time is from now, in words.
func (s *shown) Ago(at stamp) string {
	if at == 0 {
		return ""
	}
	d := s.now().Sub(at.Time())
	ahead := d < 0
	n, unit := span(d.Abs())
	switch {
	case unit == "":
		return s.T("time.now")
	case ahead:
		return s.T("time.in_"+unit, "Count", n)
	}
	return s.T("time.ago_"+unit, "Count", n)
}

// span is a time span in the unit that people would use.
func span(d time.Duration) (n int, unit string) {
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return 0, ""
	case d < time.Hour:
		return int(d / time.Minute), "minutes"
	case d < 2*day:
		return int(d / time.Hour), "hours"
	case d < 60*day:
		return int(math.Round(float64(d) / float64(day))), "days"
	case d < 2*365*day:
		return int(d / (30 * day)), "months"
	}
	return int(d / (365 * day)), "years"
}

// stamp is a time as answers have it: seconds since 1970, 0 or null for none.
type stamp int64

func (s stamp) Time() time.Time { return time.Unix(int64(s), 0).UTC() }

// Program is what came, in short: of a browser, whose own words for itself are long
// and name all others too, its name, its version and the system that it runs on.
func (*shown) Program(client string) string {
	if !strings.HasPrefix(client, "Mozilla/5.0 (") {
		return client
	}
	name, system := "", ""
	for _, b := range browsers {
		if _, after, ok := strings.Cut(client, b.mark); ok {
			digits := len(after) - len(strings.TrimLeft(after, "0123456789"))
			name = strings.TrimSpace(b.name + " " + after[:min(digits, 4)])
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(client, s.mark) {
			system = s.name
			break
		}
	}
	if name == "" || system == "" {
		return client
	}
	return name + ", " + system
}

// browsers and systems by the marks that they leave; those that carry others' marks
// too come first.
var (
	browsers = []struct{ mark, name string }{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Version/", "Safari"},
	}
	systems = []struct{ mark, name string }{
		{"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	}
)

// Bytes is a size as people write it.
func (s *shown) Bytes(n int64) string {
	const unit = 1 << 10
	if n < unit {
		return strconv.FormatInt(n, 10) + "\u00a0B"
	}
	x, units := float64(n)/unit, []string{"KB", "MB", "GB", "TB", "PB", "EB"}
	for x >= unit && len(units) > 1 {
		x, units = x/unit, units[1:]
	}
	return s.lang.number(strconv.FormatFloat(x, 'f', 1, 64)) + "\u00a0" + units[0]
}
