// Package statsbar is the module StatsBar: figures of an account, as the edge of
// a page shows them. Those there are stand in [items].
package statsbar

import (
	"context"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module StatsBar.
var Module = api.Module[hosting.Account]{
	Name: "StatsBar",
	Doc:  "Figures of the account.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "get_stats", API2: "stat", Run: api.Run(stats),
			Doc: "Tell figures of the account and its limits."},
	},
}

// parity is a parameter that says whether the first row is even or odd.
type parity string

// Words are even and odd.
func (p *parity) Words() []string { return []string{"even", "odd"} }

// ParseParam takes one of the words.
func (p *parity) ParseParam(text string) error {
	if !slices.Contains(p.Words(), text) {
		return fmt.Errorf("must be even or odd")
	}
	*p = parity(text)
	return nil
}

// percentage is a parameter from 1 to 100.
type percentage int64

// ParseParam reads a whole number from 1 to 100.
func (p *percentage) ParseParam(text string) error {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 1 || n > 100 {
		return fmt.Errorf("must be a whole number from 1 to 100")
	}
	*p = percentage(n)
	return nil
}

type params struct {
	Display      string     `param:"display" doc:"The figures to tell, with | between them. What does not exist here is left out."`
	Warnings     bool       `param:"warnings,optional" doc:"Tell only figures that are near their limit."`
	WarningLevel percentage `param:"warninglevel,optional" doc:"How near, in percent of the limit; 80 if nothing is said."`
	WarnOut      string     `param:"warnout,optional" doc:"With warnings: 0 leaves out figures that are at their limit."`
	InfinityImg  string     `param:"infinityimg,optional" doc:"The address of an image to show where there is no limit, as HTML."`
	InfinityLang string     `param:"infinitylang,optional" doc:"What to show where there is no limit, instead of “unlimited”."`
	RowCounter   parity     `param:"rowcounter,optional" doc:"Whether the first row is even or odd."`
}

// unlimited is what max shows of a figure without a limit.
func (p *params) unlimited() string {
	switch {
	case p.InfinityImg != "":
		return `<img src="` + html.EscapeString(p.InfinityImg) + `" alt="∞">`
	case p.InfinityLang != "":
		return p.InfinityLang
	}
	return "unlimited"
}

// wants reports whether a row passes the filter for warnings.
func (p *params) wants(r row) bool {
	if !p.Warnings {
		return true
	}
	level := int64(p.WarningLevel)
	if level == 0 {
		level = 80
	}
	return r.counted != nil && r.Percent >= level && (p.WarnOut != "0" || r.Percent < 100)
}

// row is one figure: a count and its limit, or a text.
type row struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Item    string `json:"item"`
	Phrase  string `json:"phrase"`
	Module  string `json:"module"`
	Feature string `json:"feature,omitempty"`
	Role    string `json:"role,omitempty"`
	RowType string `json:"rowtype"`
	Count   string `json:"count"`
	Plain   string `json:"_count"`
	Value   string `json:"value,omitempty"` // of a text
	*counted
}

type counted struct {
	Max             string `json:"max"`
	PlainMax        string `json:"_max"`
	Maxed           bool   `json:"_maxed"`
	IsMaxed         bool   `json:"is_maxed"`
	MaxedPhrase     string `json:"maxed_phrase"`
	NearLimitPhrase string `json:"near_limit_phrase"`
	Normalized      bool   `json:"normalized"`
	Percent         int64  `json:"percent"` // 0 without a limit, as the next three
	Percent5        int64  `json:"percent5"`
	Percent10       int64  `json:"percent10"`
	Percent20       int64  `json:"percent20"`
	Units           string `json:"units"`
	ZeroIsUnlimited bool   `json:"zeroisunlimited"`
}

// UAPI: StatsBar::get_stats.
func stats(ctx context.Context, acct hosting.Account, p params) ([]row, error) {
	rows := []row{}
	parities := []string{"even", "odd"}
	if p.RowCounter == "odd" {
		slices.Reverse(parities)
	}
	for name := range strings.SplitSeq(p.Display, "|") {
		it, ok := find(strings.TrimSpace(name))
		if !ok || !acct.Caller().Features.Has(it.feature) {
			continue
		}
		r, err := it.row(ctx, acct, &p)
		if err != nil {
			return nil, err
		}
		if p.wants(r) {
			r.RowType = parities[len(rows)%2]
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// item is one kind of figure; it has either text or count.
type item struct {
	name, title, module string
	feature             latchkey.Feature // without it there is no such figure
	role                api.Role
	text                func(ctx context.Context, acct hosting.Account) (string, error)
	count               func(ctx context.Context, acct hosting.Account) (used, most int64, err error)
	bytes               bool // what is counted
}

func find(name string) (*item, bool) {
	i := slices.IndexFunc(items, func(it item) bool { return it.name == name })
	if i < 0 {
		return nil, false
	}
	return &items[i], true
}

func (it *item) row(ctx context.Context, acct hosting.Account, p *params) (row, error) {
	r := row{ID: it.name, Name: it.name, Item: it.title, Phrase: it.title, Module: it.module, Feature: it.feature.String(), Role: string(it.role)}
	if it.text != nil {
		text, err := it.text(ctx, acct)
		r.Count, r.Plain, r.Value = text, text, text
		return r, err
	}
	used, most, err := it.count(ctx, acct)
	if err != nil {
		return row{}, err
	}
	show, plain := func(n int64) string { return strconv.FormatInt(n, 10) }, func(n int64) string { return strconv.FormatInt(n, 10) }
	if it.bytes {
		show, plain = human, megabytes
	}
	r.Count, r.Plain = show(used), plain(used)
	r.counted = &counted{Max: p.unlimited(), PlainMax: "unlimited", Normalized: true, ZeroIsUnlimited: it.bytes}
	if it.bytes {
		r.Units = "MB"
	}
	if most != latchkey.Unlimited {
		r.limit(show, plain, used, most)
	}
	return r, nil
}

// limit fills in what follows from a limit.
func (r *row) limit(show, plain func(int64) string, used, most int64) {
	c := r.counted
	c.Max, c.PlainMax = show(most), plain(most)
	c.Maxed = used >= most
	c.IsMaxed = c.Maxed
	c.MaxedPhrase = fmt.Sprintf("%s: all %s are in use.", r.Item, c.Max)
	c.NearLimitPhrase = fmt.Sprintf("%s: %s of %s are in use.", r.Item, r.Count, c.Max)
	exact := 100.0
	if most > 0 {
		exact = float64(used) / float64(most) * 100
	}
	near := func(step float64) int64 { return int64(math.Round(exact/step) * step) }
	c.Percent, c.Percent5, c.Percent10, c.Percent20 = near(1), near(5), near(10), near(20)
}

// megabytes is a number of bytes in megabytes with two decimals.
func megabytes(bytes int64) string {
	return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 2, 64)
}

// human is a number of bytes as people read it, its unit after a space that does
// not break.
func human(bytes int64) string {
	const space = "\u00a0"
	if bytes < 1<<10 {
		return strconv.FormatInt(bytes, 10) + space + "bytes"
	}
	n, units := float64(bytes)/(1<<10), []string{"KB", "MB", "GB", "TB", "PB", "EB"}
	for n >= 1<<10 {
		n, units = n/(1<<10), units[1:]
	}
	text := strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(n, 'f', 2, 64), "0"), ".")
	return text + space + units[0]
}
