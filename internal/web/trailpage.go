package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// trailFields are what the trail is searched by, in the order of the form.
var trailFields = []string{"user", "token", "function", "resource", "address", "since", "until"}

// trailEvent is an event of anybody's.
type trailEvent struct {
	event
	Account string
	At      string
	Names   []string `json:"params"`
}

// trailPage is a part of the trail.
type trailPage struct {
	Form    *form
	Values  map[string]string
	Outcome string
	Events  []trailEvent
	Earlier string // the address of the next page; "" after the last
	CSV     string // the address of the same as a file
}

// Fields are what the trail is searched by.
func (*trailPage) Fields() []string { return trailFields }

// trailEvents are what a search finds.
type trailEvents struct {
	Events []trailEvent
	Next   string
}

// search is what the address asks for, as arguments and as an address.
func (t *trailPage) search(v *visit) (args []string, q url.Values) {
	t.Form, t.Values, t.Outcome, q = &form{}, map[string]string{}, v.value("outcome"), url.Values{}
	for _, name := range append([]string{"outcome"}, trailFields...) {
		if text := v.value(name); text != "" {
			t.Values[name] = text
			args, q[name] = append(args, name, text), []string{text}
		}
	}
	return args, q
}

// showTrail shows a page of the audit trail, the newest first.
func showTrail(v *visit) error {
	var t trailPage
	args, q := t.search(v)
	t.CSV = v.link("/audit.csv") + "?" + q.Encode()
	if before := v.value("before"); before != "" {
		args = append(args, "before", before)
	}
	fields := map[string]string{"outcome": "outcome"}
	for _, name := range trailFields {
		fields[name] = name
	}
	var found trailEvents
	err := v.whm("latchkey_activity", &found, append(args, "limit", eventsOnPage)...)
	if latchkey.KindOf(err) != latchkey.Denied {
		err = t.Form.refuse(err, fields)
	}
	if err != nil {
		return err
	}
	if t.Events = found.Events; found.Next != "" {
		q.Set("before", found.Next)
		t.Earlier = v.link("/audit") + "?" + q.Encode()
	}
	v.show(t.Form.status(), "audit", &t)
	return nil
}

// eventsOnPage is how many events are listed at once.
const eventsOnPage = "30"

// mostRows is how many events one file has at most.
const mostRows = 10_000

// rowsAtOnce is how many events are read at once, and the first time, so that a
// file begins soon.
const (
	rowsAtOnce  = 1000
	rowsAtFirst = 100
)

// downloadTrail answers the same as a file for spreadsheets, as it is read. What
// fails before the first row is a page; of a file that breaks off the browser is
// told that it is not whole.
func downloadTrail(v *visit) error {
	var t trailPage
	args, _ := t.search(v)
	w := csv.NewWriter(v.w) // a browser that has gone away is no error of ours
	before, begun := v.value("before"), false
	for rows, size := 0, rowsAtFirst; rows < mostRows; size = min(rowsAtOnce, mostRows-rows) {
		page := append(args[:len(args):len(args)], "limit", strconv.Itoa(size))
		if before != "" {
			page = append(page, "before", before)
		}
		var found trailEvents
		switch err := v.whm("latchkey_activity", &found, page...); {
		case err != nil && begun:
			v.pages.Log.Error("a file of the trail broke off", "err", err)
			panic(http.ErrAbortHandler) // half a file must not look like a whole one
		case err != nil:
			return err
		case !begun:
			begun = true
			v.beginCSV(w)
		}
		for i := range found.Events {
			_ = w.Write(found.Events[i].row())
		}
		w.Flush()
		rows += len(found.Events)
		if before = found.Next; before == "" {
			break
		}
	}
	return nil
}

// beginCSV begins a file with the names of its columns.
func (v *visit) beginCSV(w *csv.Writer) {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
	_ = w.Write([]string{"time", "account", "by", "token", "address", "client", "function", "outcome", "message", "reason", "resources", "id"})
}

// row is the event as cells.
func (e *trailEvent) row() []string {
	cells := []string{e.At, e.Account, e.By, e.TokenName, e.Address, e.Client, e.Function, e.Outcome, e.Message, e.Reason, strings.Join(e.Resources, " "), e.ID}
	for i, text := range cells {
		cells[i] = inert(text)
	}
	return cells
}

// inert keeps spreadsheets from taking a text for something to calculate: a
// stranger wrote parts of what is in the trail.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
