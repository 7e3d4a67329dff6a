package sieve

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// writer writes a script, and gathers what it requires.
type writer struct {
	strings.Builder
	needs  map[string]bool
	indent int
}

func (w *writer) require(extensions ...string) {
	for _, e := range extensions {
		w.needs[e] = true
	}
}

// Text is the script as other interpreters read it. The extensions it may
// require are body, copy, date, envelope, fileinto, mailbox, regex, reject,
// relational, vacation and vacation-seconds.
func (s Script) Text() string {
	w := &writer{needs: map[string]bool{}}
	w.block(s)
	var names []string
	for name := range w.needs {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return w.String()
	}
	return "require " + list(names) + ";\n" + w.String()
}

func (w *writer) block(commands []Command) {
	for _, c := range commands {
		w.WriteString(strings.Repeat("\t", w.indent))
		c.write(w)
		w.WriteByte('\n')
	}
}

// Quote is text as a string of a script. Lines end in CRLF; other control
// characters but tabs, which no string can hold, are left out.
func Quote(text string) string {
	text = strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(text)
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c != 0x7f || c == '\t' || c == '\r' || c == '\n':
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = Quote(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func (c If) write(w *writer) {
	w.WriteString("if ")
	c.Test.write(w)
	w.WriteString(" {\n")
	w.indent++
	w.block(c.Then)
	w.indent--
	w.WriteString(strings.Repeat("\t", w.indent) + "}")
}

func (Keep) write(w *writer)    { w.WriteString("keep;") }
func (Discard) write(w *writer) { w.WriteString("discard;") }
func (Stop) write(w *writer)    { w.WriteString("stop;") }

func (c FileInto) write(w *writer) {
	w.require("fileinto", "mailbox")
	w.WriteString("fileinto :create " + Quote(c.Folder) + ";")
}

func (c Redirect) write(w *writer) { w.WriteString("redirect " + Quote(c.Address) + ";") }

func (c Reject) write(w *writer) {
	w.require("reject")
	w.WriteString("reject " + Quote(c.Message) + ";")
}

func (c Vacation) write(w *writer) {
	w.require("vacation", "vacation-seconds")
	fmt.Fprintf(w, "vacation :seconds %d :from %s :addresses %s ", int64(c.Every/time.Second), Quote(c.From), list([]string{c.Address}))
	if c.Subject != "" {
		w.WriteString(":subject " + Quote(c.Subject) + " ")
	}
	if c.HTML {
		w.WriteString(":mime ")
	}
	w.WriteString(Quote(c.part()) + ";")
}

// part is the text of the answer, or the MIME part that it is.
func (c Vacation) part() string {
	if !c.HTML {
		return c.Text
	}
	return "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Lines(base64.StdEncoding.EncodeToString([]byte(c.Text)))
}

// Lines is a text in base64 in lines of the length that mail may have.
func Lines(encoded string) string {
	var b strings.Builder
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\r\n")
		encoded = encoded[76:]
	}
	b.WriteString(encoded + "\r\n")
	return b.String()
}

// write writes the comparison of a test, before what is compared.
func (m Match) write(w *writer) {
	switch m {
	case Is:
		w.WriteString(":is")
	case Contains:
		w.WriteString(":contains")
	case Begins, Ends:
		w.WriteString(":matches")
	case Regex:
		w.require("regex")
		w.WriteString(":regex")
	case Above:
		w.number("gt")
	case Below:
		w.number("lt")
	}
}

func (w *writer) number(relation string) {
	w.require("relational", "comparator-i;ascii-numeric")
	w.WriteString(`:value "` + relation + `" :comparator "i;ascii-numeric"`)
}

// key is what a text is compared with.
func (m Match) key(value string) string {
	literal := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)
	switch m {
	case Begins:
		return literal.Replace(value) + "*"
	case Ends:
		return "*" + literal.Replace(value)
	}
	return value
}

// compare writes a test of a kind. A number is only compared with a number.
func (w *writer) compare(kind string, m Match, of, value string) {
	one := func(m Match, value string) {
		w.WriteString(kind + " ")
		m.write(w)
		w.WriteString(" " + of + Quote(m.key(value)))
	}
	switch m {
	case Above:
		w.WriteString("allof (")
		one(Regex, digits)
		w.WriteString(", ")
		one(m, value)
		w.WriteString(")")
	case Below:
		w.WriteString("anyof (")
		one(Regex, minus)
		w.WriteString(", allof (")
		one(Regex, digits)
		w.WriteString(", ")
		one(m, value)
		w.WriteString("))")
	default:
		one(m, value)
	}
}

func (t Header) write(w *writer)  { w.compare("header", t.Match, list(t.Names)+" ", t.Value) }
func (t Address) write(w *writer) { w.compare("address :all", t.Match, list(t.Names)+" ", t.Value) }

func (t Body) write(w *writer) {
	w.require("body")
	w.compare(`body :content "text"`, t.Match, "", t.Value)
}

func (t Exists) write(w *writer) { w.WriteString("exists " + Quote(t.Name)) }

func (Bounce) write(w *writer) {
	w.require("envelope")
	w.WriteString(`envelope :is "from" ""`)
}

func (t Since) write(w *writer) {
	w.require("date", "relational")
	day, hour := Quote(t.Time.UTC().Format("2006-01-02")), Quote(t.Time.UTC().Format("15:04:05"))
	const now = `currentdate :zone "+0000" :value `
	w.WriteString("anyof (" + now + `"gt" "date" ` + day + ", allof (" + now + `"eq" "date" ` + day + ", " + now + `"ge" "time" ` + hour + "))")
}

func (t Not) write(w *writer) {
	w.WriteString("not ")
	t.Test.write(w)
}

func (t AllOf) write(w *writer) { w.tests("allof", t) }
func (t AnyOf) write(w *writer) { w.tests("anyof", t) }

func (w *writer) tests(word string, tests []Test) {
	w.WriteString(word + " (")
	for i, t := range tests {
		if i > 0 {
			w.WriteString(", ")
		}
		t.write(w)
	}
	w.WriteString(")")
}
