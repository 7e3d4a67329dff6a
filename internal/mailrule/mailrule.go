// Package mailrule says what an account wants done with its mail: forwarders and
// default addresses ([Destination]), autoresponders and filters. Start at
// [Filter]. These are the plain words: package hosting reads and checks them,
// and package sieve makes of them what a mail server runs.
//
// # Where mail for an address goes
//
// To its mailbox, if it has one, and to every destination that it is forwarded
// to; of these [Blackhole] and a refusal outdo the mailbox. An autoresponder
// answers besides, and if the address has nothing else, takes the mail. What has
// none of the three goes to the same name in the domain that its own is forwarded
// to, and without one to the domain's default address. Mail that goes from
// address to address ends where it has been before.
package mailrule

import (
	"strings"
	"time"
)

// Destination is where mail goes: an address, [Blackhole], or ":fail:" and what
// the sender is told. Its text is what clients are shown.
type Destination string

// Blackhole takes mail and forgets it.
const Blackhole Destination = ":blackhole:"

const failing = ":fail:"

// Refusal is the destination that refuses mail with a message.
func Refusal(message string) Destination { return Destination(failing + " " + message) }

// Refuses reports whether mail is refused, and with which message.
func (d Destination) Refuses() (message string, ok bool) {
	message, ok = strings.CutPrefix(string(d), failing)
	return strings.TrimPrefix(message, " "), ok
}

// Address is the address that mail goes to, if it goes to one.
func (d Destination) Address() (address string, ok bool) {
	return string(d), d != "" && d[0] != ':'
}

// Autoresponder answers the mail for an address.
type Autoresponder struct {
	From, Subject, Body string
	Charset             string // of the text, as it was given; kept as UTF-8
	HTML                bool
	Interval            int       // hours for which a sender gets no second answer; 0 for one for each message
	Start, Stop         time.Time // zero for no bound
}

// Answers reports whether there is an answer at a time.
func (a *Autoresponder) Answers(at time.Time) bool {
	return !at.Before(a.Start) && (a.Stop.IsZero() || at.Before(a.Stop))
}

// Filter does something with the messages that its rules fit. Filters run in
// their order, those of the account before those of the mailbox. One that says
// where a message goes keeps it out of the inbox; others after it run all the
// same, unless it has the action [Finish]. If one of the account's said where,
// those of the mailbox do not run.
type Filter struct {
	Name    string   `json:"name"`
	Off     bool     `json:"off,omitempty"`
	Rules   []Rule   `json:"rules"`
	Actions []Action `json:"actions"`
}

// Rule is one question about a message. "and" binds closer than "or".
type Rule struct {
	Part  string `json:"part"`  // as clients write it: $header_subject:
	Match string `json:"match"` // contains, is not …
	Value string `json:"value"`
	Or    bool   `json:"or,omitempty"` // how it is joined to the next
}

// Action is what is done.
type Action struct {
	Do string `json:"do"`
	To string `json:"to,omitempty"`
}

// The actions there are.
const (
	Deliver = "deliver" // To is an address
	Save    = "save"    // To is a folder, [Nowhere] or "" for the inbox
	Fail    = "fail"    // To is the message
	Finish  = "finish"
)

// Nowhere is the folder that forgets.
const Nowhere = "/dev/null"
