package crash

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// boxModel is what a model of the account's mail knows of one.
type boxModel struct {
	Quota    int64
	Off      bool   // the login is suspended
	Password string // "" for the one that it was made with
	Letters  int
	Sorted   int    // letters that a filter has put into a folder
	Filters  string // what they look for
}

// sorted is the folder that filters put letters into.
const sorted = "Sorted"

// mailModel is the account's mail.
type mailModel struct {
	Boxes    map[string]boxModel
	Forwards string // where mail for the address team goes
	Answer   string // what it is answered with
	Default  string // what becomes of mail for nobody
	Filters  string // the account's own
}

// firstMail is what there is before the first change.
var firstMail = mailModel{Boxes: map[string]boxModel{"old": {Letters: 1}}}

// mailChange is one change of mail: a call of a function, or a message.
type mailChange struct {
	what, local string
	text        string // an address in it is unlike all others; of a message, what a filter looks for
	quota       int64
}

// apply is the model after the change.
func (c mailChange) apply(was mailModel) mailModel {
	is := was
	is.Boxes = maps.Clone(was.Boxes)
	m := is.Boxes[c.local]
	switch c.what {
	case "delete_pop":
		delete(is.Boxes, c.local)
		return is
	case "add_forwarder":
		is.Forwards = strings.TrimSpace(was.Forwards + " " + c.text)
	case "delete_forwarder":
		_, is.Forwards, _ = strings.Cut(was.Forwards, " ")
	case "add_auto_responder":
		is.Answer = c.text
	case "delete_auto_responder":
		is.Answer = ""
	case "set_default_address":
		is.Default = c.text
	case "store_filter":
		if c.local == "" {
			is.Filters = strings.TrimSpace(was.Filters + " " + c.text)
		} else {
			m.Filters = strings.TrimSpace(m.Filters + " " + c.text)
		}
	case "delete_filter":
		_, m.Filters, _ = strings.Cut(m.Filters, " ")
	case "edit_pop_quota":
		m.Quota = c.quota << 20
	case "suspend_login", "unsuspend_login":
		m.Off = c.what == "suspend_login"
	case "passwd_pop":
		m.Password = c.text
	case "message":
		if c.text == "" {
			m.Letters++
		} else {
			m.Sorted++
		}
	}
	if c.local != "" {
		is.Boxes[c.local] = m
	}
	return is
}

// aboutRules are the changes of what becomes of mail.
var aboutRules = []string{
	"add_forwarder", "delete_forwarder", "add_auto_responder", "delete_auto_responder", "set_default_address", "store_filter", "delete_filter",
}

// aboutBoxes are those of mailboxes that are there.
var aboutBoxes = []string{"passwd_pop", "passwd_pop", "edit_pop_quota", "suspend_login", "message", "message", "delete_pop"}

// plannedChanges are n changes that make sense one after another, beginning with
// one mailbox that holds a letter.
func plannedChanges(seed uint64, n int) (list []mailChange) {
	random := rand.New(rand.NewPCG(seed, 1))
	is := firstMail
	for i := range n {
		c := mailChange{what: "add_pop", local: fmt.Sprintf("box%d", i)}
		names := slices.Sorted(maps.Keys(is.Boxes))
		some, k := names[random.IntN(len(names))], random.IntN(4)
		switch {
		case k < 2:
			c = is.rule(aboutRules[random.IntN(len(aboutRules))], some, i)
		case k == 2 && len(names) > 1 || len(names) > 5:
			c = mailChange{what: aboutBoxes[random.IntN(len(aboutBoxes))], local: some, text: fmt.Sprintf("correct-horse-%d", i), quota: int64(i + 1)}
			if is.Boxes[some].Off && c.what == "suspend_login" {
				c.what = "unsuspend_login"
			}
			if c.what == "message" {
				c.text = first(is.Boxes[some].Filters)
			}
		}
		list, is = append(list, c), c.apply(is)
	}
	return list
}

// rule is a change of what becomes of mail: one that can be made now.
func (m *mailModel) rule(what, local string, i int) mailChange {
	c := mailChange{what: what, text: fmt.Sprintf("t%03d@example.com", i)}
	switch what {
	case "delete_forwarder":
		c.what, c.text = orElse(first(m.Forwards), what, "add_forwarder", c.text)
	case "delete_auto_responder":
		c.what, c.text = orElse(m.Answer, what, "add_auto_responder", c.text)
	case "delete_filter":
		c.local = local
		c.what, c.text = orElse(first(m.Boxes[local].Filters), what, "store_filter", c.text)
	case "store_filter":
		if i%3 > 0 {
			c.local = local
		}
	case "set_default_address":
		if i%2 > 0 {
			c.text = ":fail: not here, write to " + c.text
		}
	}
	return c
}

// first is the first of a list.
func first(list string) string {
	text, _, _ := strings.Cut(list, " ")
	return text
}

// orElse is a change of what is there, or where nothing is there another.
func orElse(there, what, other, text string) (string, string) {
	if there == "" {
		return other, text
	}
	return what, cmp.Or(there, text)
}

// call is the function of the module Email that makes the change, and its arguments.
func (c mailChange) call() (function string, args []string) {
	on := []string{"email", c.local, "domain", "example.com"}
	team := []string{"email", "team", "domain", "example.com"}
	box := c.local + "@example.com"
	switch c.what {
	case "add_pop":
		args = append(on, "password", startPassword, "quota", "0")
	case "delete_pop":
		args = on
	case "passwd_pop":
		args = append(on, "password", c.text)
	case "edit_pop_quota":
		args = append(on, "quota", strconv.FormatInt(c.quota, 10))
	case "suspend_login", "unsuspend_login":
		args = []string{"email", box}
	case "add_forwarder":
		args = append(team, "fwdopt", "fwd", "fwdemail", c.text)
	case "delete_forwarder":
		args = []string{"address", "team@example.com", "forwarder", c.text}
	case "add_auto_responder":
		args = append(team, "from", "Team", "subject", c.text, "body", "Later.", "interval", "8")
	case "delete_auto_responder":
		args = []string{"email", "team@example.com"}
	case "set_default_address":
		if message, fails := strings.CutPrefix(c.text, ":fail: "); fails {
			return c.what, []string{"domain", "example.com", "fwdopt", "fail", "failmsgs", message}
		}
		args = []string{"domain", "example.com", "fwdopt", "fwd", "fwdemail", c.text}
	case "store_filter":
		args = []string{"filtername", c.text, "part1", "$header_subject:", "match1", "contains", "val1", c.text}
		if c.local != "" {
			args = append(args, "account", box, "action1", "save", "dest1", "INBOX."+sorted)
		} else {
			args = append(args, "action1", "finish")
		}
	case "delete_filter":
		args = []string{"filtername", c.text, "account", box}
	}
	return c.what, args
}

// make makes the change as a client of the server.
func (c mailChange) make(as *client) error {
	if c.what != "message" {
		function, args := c.call()
		return as.call(nil, "Email/"+function, args...)
	}
	m, err := dialMail(as.lmtp)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.send(c.local+"@example.com", "Subject: a letter "+c.text+"\n\nA letter.\n")
}
