package estate

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/sieve"
	"github.com/latchkey/latchkey/internal/store"
)

// answerAll sends the answers that a message gets. One that cannot be sent is in
// the log: the message was delivered all the same.
func (p *passage) answerAll(ctx context.Context) {
	for _, a := range p.answers {
		if err := p.answer(ctx, a); err != nil {
			p.e.Log.Warn("an autoresponder could not answer", "account", a.at.Account, "address", a.at.Address(), "err", err)
		}
	}
}

func (p *passage) answer(ctx context.Context, a answer) error {
	sender, err := hosting.ParseRecipient(p.letter.From)
	if err != nil || !p.wantsAnswer(sender, &a.by) {
		return nil
	}
	if a.by.Every > 0 {
		first, now := false, p.e.Now()
		_, err := p.e.Store.Write(ctx, func(tx store.Tx) (err error) {
			first, err = tx.Answer(a.at, strings.ToLower(sender), now, now.Add(-a.by.Every))
			return err
		})
		if err != nil || !first {
			return err
		}
	}
	raw := p.compose(&a.by, sender)
	if p.e.isLocal(ctx, sender) {
		body := func() (io.Reader, error) {
			return bytes.NewReader(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))), nil
		}
		return p.e.deliver(ctx, sender, lmtp.Letter{To: sender, Body: body}, false)
	}
	if p.e.MailOut == nil {
		return errNoMailOut
	}
	m := &notice.Message{To: sender, Raw: raw}
	p.e.signAnswer(ctx, m, &a)
	return p.e.post(ctx, "", m.Raw, true, []leaving{{sender, a.at.Address()}})
}

// isLocal reports whether an address is of one of our domains.
func (e *Estate) isLocal(ctx context.Context, address string) bool {
	err := e.Store.Read(ctx, func(r store.Reader) error {
		_, err := r.DomainOwner(domainOf(strings.ToLower(address)))
		return err
	})
	return err == nil
}

// wantsAnswer reports whether a message is from a person who wrote to the address
// that answers (RFC 3834, RFC 5230): not from a list, a program or the address
// itself.
func (p *passage) wantsAnswer(sender string, by *sieve.Vacation) bool {
	if strings.EqualFold(sender, by.Address) || !p.names(by.Address) {
		return false
	}
	for _, name := range []string{"List-Id", "List-Post", "List-Unsubscribe", "X-Auto-Response-Suppress"} {
		if len(p.message.Fields(name)) > 0 {
			return false
		}
	}
	for _, text := range p.message.Fields("Auto-Submitted") {
		if !strings.EqualFold(text, "no") {
			return false
		}
	}
	for _, text := range p.message.Fields("Precedence") {
		switch strings.ToLower(text) {
		case "bulk", "junk", "list":
			return false
		}
	}
	local, _, _ := strings.Cut(strings.ToLower(sender), "@")
	for _, name := range []string{"mailer-daemon", "postmaster", "listserv", "majordomo", "noreply", "no-reply"} {
		if local == name {
			return false
		}
	}
	return !strings.HasPrefix(local, "owner-") && !strings.HasSuffix(local, "-request")
}

// names reports whether the message says that it is for an address.
func (p *passage) names(address string) bool {
	test := sieve.Address{Names: []string{"To", "Cc", "Bcc", "Resent-To", "Resent-Cc"}, Match: sieve.Is, Value: address}
	out, err := sieve.Script{sieve.If{Test: test, Then: []sieve.Command{sieve.Discard{}}}}.Run(p.delivery())
	return err == nil && !out.Keep
}

// compose is the message that answers.
func (p *passage) compose(v *sieve.Vacation, to string) []byte {
	var b bytes.Buffer
	kind := "plain"
	if v.HTML {
		kind = "html"
	}
	subject := v.Subject
	if subject == "" {
		subject = "Auto: " + strings.Join(p.message.Fields("Subject"), " ")
	}
	now := p.e.Now()
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\n",
		v.From, (&netmail.Address{Address: to}).String(), mime.QEncoding.Encode("utf-8", oneLine(subject)), now.Format(time.RFC1123Z), rand.Text(), domainOf(v.Address))
	if ids := p.message.Fields("Message-ID"); len(ids) > 0 && safeID(ids[0]) {
		fmt.Fprintf(&b, "In-Reply-To: %s\r\nReferences: %s\r\n", ids[0], ids[0])
	}
	fmt.Fprintf(&b, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n", kind)
	b.WriteString(sieve.Lines(base64.StdEncoding.EncodeToString([]byte(v.Text))))
	return b.Bytes()
}

// oneLine is text without control characters, and not longer than a line should
// be.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return strings.ToValidUTF8(text[:min(len(text), 200)], "")
}

// safeID reports whether a message's ID may stand in another's header.
func safeID(id string) bool {
	return len(id) < 250 && strings.HasPrefix(id, "<") && strings.HasSuffix(id, ">") && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}
