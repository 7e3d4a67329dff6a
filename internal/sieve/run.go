package sieve

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Outcome is what becomes of a message.
type Outcome struct {
	Keep      bool     // it goes to the inbox
	Folders   []string // and to these
	Redirects []string
	Rejected  *string   // the message, if it is refused
	Answer    *Vacation // if the sender is to be answered
}

// Delivery is a message that a script is run over.
type Delivery struct {
	Message *Message
	From    string // of the envelope; "" for none
	Now     time.Time
	// Work is what this and other runs may compare together; nil for no bound but the
	// one of each.
	Work *atomic.Int64
	// Trace is told of what is asked and done, a line at a time; it may be nil.
	Trace func(line string)
}

// run is one run of a script.
type run struct {
	Delivery
	Outcome
	cancelled bool // what is not kept explicitly is not kept
	stopped   bool
	left      int // of maxWork
}

// maxWork is how much one run may compare, in bytes and what is done with each:
// some seconds of a processor at the most.
const maxWork = 1 << 29

// look is what it costs to look at a text, even if there is nothing in it.
const look = 64

// MaxPlaces is in how many folders and at how many addresses one run may put a
// message, and maxRedirects at how many addresses: as many as Dovecot is set up to.
const (
	MaxPlaces    = 32
	maxRedirects = 25
)

// Run says what becomes of a message. One that takes more than maxWork, or would go
// to more than MaxPlaces, stays in the inbox, whatever the script began to do. An
// error is one of reading it.
func (s Script) Run(d Delivery) (Outcome, error) { return s.within(d, maxWork) }

// within is Run with another bound than maxWork.
func (s Script) within(d Delivery, work int) (Outcome, error) {
	r := &run{Delivery: d, left: work}
	r.block(s)
	if r.left < 0 {
		r.tell("The message takes too long to compare. Deliver to the inbox.")
		return Outcome{Keep: true}, d.Message.err
	}
	if r.crowded() {
		r.tell("The message would go to too many places. Deliver to the inbox.")
		return Outcome{Keep: true}, d.Message.err
	}
	r.Keep = r.Keep || !r.cancelled
	return r.Outcome, d.Message.err
}

// spend takes from what may be compared. Nothing may any more where left is below 0.
func (r *run) spend(work int) {
	r.left -= work
	if r.Work != nil && r.Work.Add(-int64(work)) < 0 {
		r.left = -1
	}
	r.stopped = r.stopped || r.left < 0
}

// crowded reports whether the message would go to too many places.
func (r *run) crowded() bool {
	return len(r.Folders)+len(r.Redirects) > MaxPlaces || len(r.Redirects) > maxRedirects
}

func (r *run) block(commands []Command) {
	for _, c := range commands {
		if r.stopped {
			return
		}
		c.run(r)
	}
}

func (r *run) tell(format string, args ...any) {
	if r.Trace != nil {
		r.Trace(fmt.Sprintf(format, args...))
	}
}

func (c If) run(r *run) {
	if c.Test.fits(r) {
		r.block(c.Then)
	}
}

func (Stop) run(r *run) {
	r.tell("Stop: no later rule is looked at.")
	r.stopped = true
}

func (Keep) run(r *run) {
	r.tell("Deliver to the inbox.")
	r.Outcome.Keep, r.cancelled = true, true
}

func (Discard) run(r *run) {
	r.tell("Discard the message.")
	r.cancelled = true
}

func (c FileInto) run(r *run) {
	r.tell("Deliver to the folder %q.", c.Folder)
	r.cancelled = true
	if !slices.Contains(r.Folders, c.Folder) {
		r.Folders = append(r.Folders, c.Folder)
		r.stopped = r.crowded()
	}
}

func (c Redirect) run(r *run) {
	r.tell("Send on to %s.", c.Address)
	r.cancelled = true
	if !slices.Contains(r.Redirects, c.Address) {
		r.Redirects = append(r.Redirects, c.Address)
		r.stopped = r.crowded()
	}
}

func (c Reject) run(r *run) {
	r.tell("Refuse the message: %q.", c.Message)
	r.cancelled, r.Rejected = true, &c.Message
}

func (c Vacation) run(r *run) {
	r.tell("Answer as %s.", c.From)
	r.Answer = &c
}

// compare reports whether one of the texts is as it is asked for. Where there is
// nothing left to compare with, none is, and the run ends.
func (r *run) compare(m Match, texts []string, value string) bool {
	fits, weight := m.with(value)
	r.spend(100 * weight) // to make it ready
	return slices.ContainsFunc(texts, func(text string) bool {
		r.spend(look + weight*len(text))
		return r.left >= 0 && fits(text)
	})
}

// with is the comparison with value, and how much it does with each byte.
func (m Match) with(value string) (fits func(string) bool, weight int) {
	if m == Regex {
		re, steps, err := compile(value)
		return func(t string) bool { return err == nil && re.MatchString(t) }, 2 + steps
	}
	return m.plain(value), 2
}

// plain is a comparison that is none with an expression.
func (m Match) plain(value string) func(string) bool {
	v := lower(value)
	switch m {
	case Contains:
		return func(t string) bool { return strings.Contains(lower(t), v) }
	case Begins:
		return func(t string) bool { return strings.HasPrefix(lower(t), v) }
	case Ends:
		return func(t string) bool { return strings.HasSuffix(lower(t), v) }
	case Above:
		return func(t string) bool { n, ok := number(t); return ok && order(n, value) > 0 }
	case Below:
		return func(t string) bool {
			n, ok := number(t)
			return ok && order(n, value) < 0 || len(t) > 1 && t[0] == '-' && isDigit(t[1])
		}
	}
	return func(t string) bool { return lower(t) == v }
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number is the whole number that a text begins with.
func number(text string) (digits string, ok bool) {
	n := len(text) - len(strings.TrimLeft(text, "0123456789"))
	return text[:n], n > 0
}

// order compares two numbers.
func order(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// lower is text with A-Z in lower case, and nothing else changed.
func lower(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, text)
}

var matchWords = [...]string{Is: "is", Contains: "contains", Begins: "begins with", Ends: "ends with", Regex: "matches", Above: "is above", Below: "is below"}

// asked notes the answer to a question.
func (r *run) asked(of string, m Match, value string, fits bool) bool {
	r.tell("%s %s %q: %t", of, matchWords[m], value, fits)
	return fits
}

func (t Header) fits(r *run) bool {
	var texts []string
	for _, name := range t.Names {
		texts = append(texts, r.Message.Fields(name)...)
	}
	return r.asked(named(t.Names), t.Match, t.Value, r.compare(t.Match, texts, t.Value))
}

func named(names []string) string {
	if len(names) > 3 {
		return "Any field of the header"
	}
	return strings.Join(names, ", ")
}

func (t Address) fits(r *run) bool {
	var texts []string
	for _, name := range t.Names {
		texts = append(texts, r.Message.addresses(name)...)
	}
	return r.asked("An address in "+named(t.Names), t.Match, t.Value, r.compare(t.Match, texts, t.Value))
}

// addresses are those in the text of a field; what cannot be read stands for
// itself.
func addresses(text string) (list []string) {
	read, err := mail.ParseAddressList(text)
	if err != nil {
		return []string{text}
	}
	for _, a := range read {
		list = append(list, a.Address)
	}
	return list
}

func (t Body) fits(r *run) bool {
	return r.asked("The text", t.Match, t.Value, r.compare(t.Match, r.Message.Texts(), t.Value))
}

func (t Exists) fits(r *run) bool { return len(r.Message.Fields(t.Name)) > 0 }

func (Bounce) fits(r *run) bool {
	r.tell("It is a notice of a failed delivery: %t", r.From == "")
	return r.From == ""
}

func (t Since) fits(r *run) bool { return !r.Now.Before(t.Time) }
func (t Not) fits(r *run) bool   { return !t.Test.fits(r) }

func (t AllOf) fits(r *run) bool {
	for _, one := range t {
		if !one.fits(r) {
			return false
		}
	}
	return true
}

func (t AnyOf) fits(r *run) bool {
	for _, one := range t {
		if one.fits(r) {
			return true
		}
	}
	return false
}
