package notice

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// Message is a mail on its way: whom it is from and to, as a mail server is told,
// and its text with its header.
type Message struct {
	From, To string
	Raw      []byte
}

// Refusal says that a message will not be taken, however often it is tried.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Unreachable says that no message can be sent now.
type Unreachable struct{ Err error }

func (u *Unreachable) Error() string { return u.Err.Error() }
func (u *Unreachable) Unwrap() error { return u.Err }

// Message is the mail that tells n. id tells it from all others: the same notice
// sent twice is the same message. Nothing in n, and no address, can become a
// line of the header.
func (n *Notice) Message(from mail.Address, to, id string, now time.Time) (*Message, error) {
	n = n.tame()
	return compose(from, to, id, now, n.subject(), n.text())
}

// compose is a mail of the server's. subject is one line; no line of text is one of
// the header.
func compose(from mail.Address, to, id string, now time.Time, subject, text string) (*Message, error) {
	recipient, err := Address(to)
	if err != nil {
		return nil, &Refusal{err}
	}
	var b bytes.Buffer
	line := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	line("From", from.String())
	line("To", (&mail.Address{Address: recipient}).String())
	line("Subject", mime.QEncoding.Encode("utf-8", subject))
	line("Date", now.UTC().Format(time.RFC1123Z))
	line("Message-ID", "<"+id+">")
	line("MIME-Version", "1.0")
	line("Content-Type", "text/plain; charset=utf-8")
	line("Content-Transfer-Encoding", "quoted-printable")
	line("Auto-Submitted", "auto-generated")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return &Message{From: from.Address, To: recipient, Raw: b.Bytes()}, nil
}

// errAddress is what is wrong with an address that nobody can be told at.
var errAddress = errors.New("it must be one mail address such as name@example.com")

// Address reads a contact address: one address of the plain form local@domain,
// with no name, quotes or comments, that no program can take for anything else.
func Address(text string) (string, error) {
	local, domain, ok := strings.Cut(text, "@")
	if !ok || len(text) > 254 || len(local) > 64 || !dotted(local, "!#$%&'*+-/=?^_`{|}~") || !dotted(domain, "-") || local[0] == '-' {
		return "", errAddress
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label[0] == '-' || label[len(label)-1] == '-' {
			return "", errAddress
		}
	}
	return text, nil
}

// dotted reports whether text is words of letters, digits and more, with dots
// between them.
func dotted(text, more string) bool {
	for word := range strings.SplitSeq(text, ".") {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(more, r)
		}) {
			return false
		}
	}
	return true
}
