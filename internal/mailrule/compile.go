package mailrule

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/sieve"
)

// The parts of a message that rules ask about, as clients write them; any header
// field is $header_NAME: besides.
const (
	anyHeader    = "$message_headers"
	messageBody  = "$message_body"
	replyAddress = "$reply_address:"
	anyRecipient = "foranyaddress $h_to:,$h_cc:"
	bounce       = "error_message"
)

// anyFields are what is looked at where any header is asked for: an interpreter
// of Sieve has to name fields.
var anyFields = []string{
	"From", "To", "Cc", "Bcc", "Subject", "Sender", "Reply-To", "Return-Path", "Date", "Message-ID", "In-Reply-To", "References", "Received",
	"Comments", "Keywords", "Resent-From", "Resent-To", "Content-Type", "Content-Language", "User-Agent", "X-Mailer", "X-Priority", "Importance",
	"Precedence", "Auto-Submitted", "List-Id", "List-Post", "List-Unsubscribe", "Delivered-To", "X-Original-To", "X-Originating-IP", "Organization",
	"Authentication-Results", "Received-SPF", "DKIM-Signature", "X-Spam-Status", "X-Spam-Score", "X-Spam-Bar", "X-Spam-Flag", "X-Spam-Level",
}

// matches are the comparisons that rules make, as clients write them.
var matches = map[string]struct {
	match sieve.Match
	not   bool
}{
	"is": {sieve.Is, false}, "equals": {sieve.Is, false}, "is not": {sieve.Is, true}, "does not equal": {sieve.Is, true},
	"contains": {sieve.Contains, false}, "does not contain": {sieve.Contains, true},
	"begins": {sieve.Begins, false}, "begins with": {sieve.Begins, false}, "does not begin": {sieve.Begins, true}, "does not begin with": {sieve.Begins, true},
	"ends": {sieve.Ends, false}, "ends with": {sieve.Ends, false}, "does not end": {sieve.Ends, true}, "does not end with": {sieve.Ends, true},
	"matches": {sieve.Regex, false}, "does not match": {sieve.Regex, true},
	"is above": {sieve.Above, false}, "is not above": {sieve.Above, true}, "is below": {sieve.Below, false}, "is not below": {sieve.Below, true},
}

// Check says why r cannot be a rule, and which of part, match and val is to
// blame.
func (r *Rule) Check() (param string, err error) {
	if r.Part == "not delivered" {
		return "part", fmt.Errorf("asks whether the message is delivered already, which this server does not: order the filters, and use the action finish")
	}
	if r.Part == bounce {
		return "", nil
	}
	if field(r.Part) == "" && r.Part != anyHeader && r.Part != messageBody && r.Part != replyAddress && r.Part != anyRecipient {
		return "part", fmt.Errorf("must be a field such as $header_subject:, or $message_body, $message_headers, $reply_address:, foranyaddress $h_to:,$h_cc:, or error_message")
	}
	m, ok := matches[r.Match]
	switch {
	case !ok:
		return "match", fmt.Errorf("must be is, contains, begins, ends, matches, is above, is below, or the opposite of one")
	case m.match == sieve.Regex:
		return "val", sieve.CheckRegex(r.Value)
	case (m.match == sieve.Above || m.match == sieve.Below) && (r.Value == "" || len(r.Value) > 9 || strings.Trim(r.Value, "0123456789") != ""):
		return "val", fmt.Errorf("must be a whole number to be compared so")
	case r.Value == "" && m.match != sieve.Is:
		return "val", fmt.Errorf("is empty: every text has that in it")
	}
	return "", nil
}

// field is the name of the field in $header_NAME: or $h_NAME:, or "".
func field(part string) string {
	name, ok := strings.CutPrefix(part, "$header_")
	if !ok {
		name, ok = strings.CutPrefix(part, "$h_")
	}
	name, colon := strings.CutSuffix(name, ":")
	if !ok || !colon || len(name) > 76 {
		return ""
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return ""
		}
	}
	return name
}

func (r *Rule) test() sieve.Test {
	if r.Part == bounce {
		return sieve.Bounce{}
	}
	m := matches[r.Match]
	in := func(names ...string) sieve.Test { return sieve.Header{Names: names, Match: m.match, Value: r.Value} }
	var t sieve.Test
	switch r.Part {
	case messageBody:
		t = sieve.Body{Match: m.match, Value: r.Value}
	case anyHeader:
		t = in(anyFields...)
	case anyRecipient:
		t = sieve.Address{Names: []string{"To", "Cc"}, Match: m.match, Value: r.Value}
	case replyAddress:
		has := sieve.Exists{Name: "Reply-To"}
		t = sieve.AnyOf{in("Reply-To"), sieve.AllOf{sieve.Not{Test: has}, in("From")}}
	default:
		t = in(field(r.Part))
	}
	if m.not {
		t = sieve.Not{Test: t}
	}
	return t
}

// test is whether the rules of a filter fit: several that are joined by "and", or
// one of several such groups.
func (f *Filter) test() sieve.Test {
	var groups sieve.AnyOf
	var group sieve.AllOf
	for i := range f.Rules {
		group = append(group, f.Rules[i].test())
		if f.Rules[i].Or || i == len(f.Rules)-1 {
			groups, group = append(groups, single(group, sieve.AllOf(group))), nil
		}
	}
	return single(groups, groups)
}

// single is the only one of several tests, or all.
func single(tests []sieve.Test, all sieve.Test) sieve.Test {
	if len(tests) == 1 {
		return tests[0]
	}
	return all
}

// places reports whether a filter says where a message goes, and whether by
// refusing it.
func (f *Filter) places() (places, refuses bool) {
	for _, a := range f.Actions {
		places = places || a.Do != Finish
		refuses = refuses || a.Do == Fail
	}
	return places, refuses
}

// Script is what is done with the messages for a mailbox: the filters of its
// account, its own, and its autoresponder, which may be nil. address is its own.
func Script(account, box []Filter, r *Autoresponder, address string) sieve.Script {
	var s sieve.Script
	if r != nil {
		s = append(s, r.command(address, refusing(account, box)))
	}
	first, placing := filters(account, nil)
	s = append(s, first...)
	second, _ := filters(box, nil)
	if len(placing) > 0 && len(second) > 0 {
		s = append(s, sieve.If{Test: single(placing, placing), Then: []sieve.Command{sieve.Stop{}}})
	}
	return append(s, second...)
}

// Answering is what is done with the messages for an address that has an
// autoresponder and no mailbox.
func Answering(r *Autoresponder, address string) sieve.Script {
	return sieve.Script{r.command(address, nil), sieve.Discard{}}
}

// Kept are filters that keep in the inbox what they would send on to addresses that
// are not here.
func Kept(list []Filter, here func(address string) (bool, error)) ([]Filter, error) {
	list = slices.Clone(list)
	for i := range list {
		list[i].Actions = slices.Clone(list[i].Actions)
		for j, a := range list[i].Actions {
			if a.Do != Deliver {
				continue
			}
			ours, err := here(a.To)
			if err != nil {
				return nil, err
			}
			if !ours {
				list[i].Actions[j] = Action{Do: Save}
			}
		}
	}
	return list, nil
}

// refusing are the tests of the filters that refuse messages.
func refusing(lists ...[]Filter) (tests sieve.AnyOf) {
	for _, list := range lists {
		for i := range list {
			if _, refuses := list[i].places(); refuses && !list[i].Off {
				tests = append(tests, list[i].test())
			}
		}
	}
	return tests
}

// filters are a list of filters as commands, and the tests of those that say
// where a message goes. A message that one has placed is refused by none after
// it: a script can do one or the other.
func filters(list []Filter, placing sieve.AnyOf) (sieve.Script, sieve.AnyOf) {
	var s sieve.Script
	for i := range list {
		f := &list[i]
		if f.Off {
			continue
		}
		test := f.test()
		places, refuses := f.places()
		when := test
		if refuses && len(placing) > 0 {
			when = sieve.AllOf{test, sieve.Not{Test: single(placing, placing)}}
		}
		s = append(s, sieve.If{Test: when, Then: f.commands()})
		if places {
			placing = append(placing[:len(placing):len(placing)], test)
		}
	}
	return s, placing
}

func (f *Filter) commands() (list []sieve.Command) {
	for _, a := range f.Actions {
		switch {
		case a.Do == Deliver:
			list = append(list, sieve.Redirect{Address: a.To})
		case a.Do == Save && a.To == "":
			list = append(list, sieve.Keep{})
		case a.Do == Save && a.To == Nowhere:
			list = append(list, sieve.Discard{})
		case a.Do == Save:
			list = append(list, sieve.FileInto{Folder: a.To})
		case a.Do == Fail:
			message := a.To
			if message == "" {
				message = "This message was refused."
			}
			return append(list, sieve.Reject{Message: message}, sieve.Stop{})
		case a.Do == Finish:
			return append(list, sieve.Stop{})
		}
	}
	return list
}

// command is the autoresponder as a command. It does not answer what a filter
// refuses.
func (r *Autoresponder) command(address string, refused sieve.AnyOf) sieve.Command {
	v := sieve.Vacation{
		From: (&mail.Address{Name: r.From, Address: address}).String(), Address: address, Subject: r.Subject,
		Text: r.Body, HTML: r.HTML, Every: time.Duration(r.Interval) * time.Hour,
	}
	var when sieve.AllOf
	if !r.Start.IsZero() {
		when = append(when, sieve.Since{Time: r.Start})
	}
	if !r.Stop.IsZero() {
		when = append(when, sieve.Not{Test: sieve.Since{Time: r.Stop}})
	}
	if len(refused) > 0 {
		when = append(when, sieve.Not{Test: single(refused, refused)})
	}
	if len(when) == 0 {
		return v
	}
	return sieve.If{Test: single(when, when), Then: []sieve.Command{v}}
}
