// Package sieve is the part of the Sieve language (RFC 5228) that the filters and
// autoresponders of accounts are written in: as values that are put together, as
// the text that another program's interpreter reads ([Script.Text]), and as what
// is done with a message here ([Script.Run]). Both are the same script, so a
// message fares the same in either. Start at [Script].
//
// What comes from somebody who is not to be trusted is a value in it and never
// text: [Quote] is the only way into the text, and there are no variables, so
// nothing in a value has a meaning.
package sieve

import "time"

// Script is what is done with a message. One that says nothing keeps it in the
// inbox.
type Script []Command

// Command is [If] or one of the actions.
type Command interface {
	write(w *writer)
	run(r *run)
}

// If does something with messages that a test fits.
type If struct {
	Test Test
	Then []Command
}

// The actions. All but Keep, Stop and a [Vacation] keep a message from being
// kept in the inbox.
type (
	// Keep puts the message into the inbox.
	Keep struct{}
	// FileInto puts the message into a folder, which is made if it is not there. Its
	// parts are separated by dots.
	FileInto struct{ Folder string }
	// Redirect sends the message on to an address.
	Redirect struct{ Address string }
	// Discard forgets the message.
	Discard struct{}
	// Reject refuses the message. It must be the only action that is taken.
	Reject struct{ Message string }
	// Stop ends the script.
	Stop struct{}
)

// Vacation answers the sender (RFC 5230), not twice within a time.
type Vacation struct {
	From    string // an address, and maybe a name before it
	Address string // what the mail must be for
	Subject string // "" is one made of that of the message
	Text    string
	HTML    bool
	Every   time.Duration // 0 is each time; whole seconds
}

// Test is a question about a message.
type Test interface {
	write(w *writer)
	fits(r *run) bool
}

// Match is how a text is compared. Upper and lower case of a-z are the same.
type Match uint8

const (
	Is Match = iota
	Contains
	Begins
	Ends
	Regex // an expression that [CheckRegex] has nothing against
	Above // as a whole number: what follows a point does not count
	Below
)

// The tests.
type (
	// Header is whether one of the header fields with a name has such a text.
	Header struct {
		Names []string
		Match Match
		Value string
	}
	// Address is whether one of the addresses in the fields is such a text.
	Address struct {
		Names []string
		Match Match
		Value string
	}
	// Body is whether one of the texts in the message is such a text.
	Body struct {
		Match Match
		Value string
	}
	// Exists is whether there is a field with the name.
	Exists struct{ Name string }
	// Bounce is whether the message has no sender.
	Bounce struct{}
	// Since is whether it is the time or later.
	Since struct{ Time time.Time }
	Not   struct{ Test Test }
	AllOf []Test
	AnyOf []Test
)

// digits begins a number that is above or below another, minus one that is below
// every number; what is neither is neither.
const (
	digits = "^[0-9]"
	minus  = "^-[0-9]"
)
