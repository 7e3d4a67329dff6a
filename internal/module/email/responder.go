package email

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
)

// charset is what all texts are kept and sent in.
const charset = "utf-8"

// moment is a parameter that is a time, or none.
type moment struct{ time.Time }

// ParseParam reads seconds since 1970; 0 and the word null are none.
func (m *moment) ParseParam(text string) error {
	text = strings.TrimSpace(text)
	if text == "null" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 253402300799 {
		return fmt.Errorf("must be a time in seconds since 1970, or 0 for none")
	}
	if n > 0 {
		m.Time = time.Unix(n, 0).UTC()
	}
	return nil
}

// ParamType is the public name of the type.
func (*moment) ParamType() string { return "integer" }

type addResponderParams struct {
	Email    hosting.MailboxParam `param:"email" doc:"The address that answers: its name, or whole."`
	Domain   hosting.DomainParam  `param:"domain,optional" doc:"Its domain; the main domain if nothing is said."`
	From     *string              `param:"from" doc:"The name that the answer is from."`
	Subject  *string              `param:"subject" doc:"Its subject; “Auto:” and that of the message if it is empty."`
	Body     *string              `param:"body" doc:"Its text."`
	Interval int                  `param:"interval,optional" doc:"For how many hours the same sender gets no second answer; 0: each message is answered."`
	HTML     bool                 `param:"is_html,optional" doc:"The text is HTML."`
	Charset  string               `param:"charset,optional" doc:"Its character set, as it is to be shown. Texts are taken, kept and sent in UTF-8."`
	Start    moment               `param:"start,optional" doc:"When it begins to answer; 0 for at once."`
	Stop     moment               `param:"stop,optional" doc:"When it ends; 0 for never."`
}

// UAPI: Email::add_auto_responder.
func addResponder(ctx context.Context, acct hosting.Account, p addResponderParams) (api.Void, error) {
	a, err := addressOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return nil, err
	}
	for _, need := range []struct {
		name  string
		value *string
	}{{"from", p.From}, {"subject", p.Subject}, {"body", p.Body}} {
		if need.value == nil {
			return nil, &latchkey.Error{Kind: latchkey.Missing, Param: need.name}
		}
	}
	name, _, _ := strings.Cut(*p.From, "<")
	r := mailrule.Autoresponder{
		From: strings.TrimSpace(name), Subject: *p.Subject, Body: strings.TrimRight(*p.Body, "\n") + "\n",
		Charset: p.Charset, HTML: p.HTML, Interval: p.Interval, Start: p.Start.Time, Stop: p.Stop.Time,
	}
	if r.Charset == "" {
		r.Charset = charset
	}
	return nil, acct.Mail().Answer(ctx, hosting.Autoresponder{Address: a, Autoresponder: r})
}

type listRespondersParams struct {
	Domain hosting.DomainParam `param:"domain,optional" doc:"List only those of this domain."`
	Regex  pattern             `param:"regex,optional" doc:"List only those whose address or name this regular expression matches."`
}

type responderRow struct {
	Email   string `json:"email"`
	Subject string `json:"subject"`
}

// UAPI: Email::list_auto_responders.
func listResponders(ctx context.Context, acct hosting.Account, p listRespondersParams) ([]responderRow, error) {
	list, err := acct.Mail().Autoresponders(ctx)
	rows := make([]responderRow, 0, len(list))
	for i := range list {
		if r := &list[i]; (p.Domain.Domain == "" || p.Domain.Domain == r.Domain) && p.Regex.matches(r.Address) {
			rows = append(rows, responderRow{r.Address.String(), r.Subject})
		}
	}
	return rows, err
}

func countResponders(ctx context.Context, acct hosting.Account, _ api.None) (int, error) {
	list, err := acct.Mail().Autoresponders(ctx)
	return len(list), err
}

type responderParams struct {
	Email   hosting.MailboxParam `param:"email" doc:"The address: its name, or whole."`
	Domain  hosting.DomainParam  `param:"domain,optional" doc:"Its domain; the main domain if nothing is said."`
	Charset string               `param:"temp_charset,optional" doc:"Accepted. Texts are in UTF-8."`
}

// noResponder is what is told of an address that has none.
type noResponder struct {
	Charset string `json:"charset"`
}

type shownResponder struct {
	Body     string `json:"body"`
	Charset  string `json:"charset"`
	From     string `json:"from"`
	Interval int    `json:"interval"`
	HTML     bool   `json:"is_html"`
	Start    any    `json:"start"` // null for none
	Stop     any    `json:"stop"`
	Subject  string `json:"subject"`
}

// UAPI: Email::get_auto_responder.
func showResponder(ctx context.Context, acct hosting.Account, p responderParams) (any, error) {
	a, err := mailboxOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return nil, err
	}
	r, err := acct.Mail().Autoresponder(ctx, a)
	if e := latchkey.AsError(err); e != nil && e.Kind == latchkey.NotFound && e.Param == "email" {
		return noResponder{charset}, nil
	}
	if err != nil {
		return nil, err
	}
	return shownResponder{r.Body, r.Charset, r.From, r.Interval, r.HTML, second(r.Start), second(r.Stop), r.Subject}, nil
}

// second is a time in seconds since 1970, or null.
func second(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

// UAPI: Email::delete_auto_responder.
func deleteResponder(ctx context.Context, acct hosting.Account, p responderParams) (api.Void, error) {
	a, err := mailboxOf(ctx, acct, p.Email, p.Domain)
	if err != nil {
		return nil, err
	}
	return nil, acct.Mail().Unanswer(ctx, a)
}

// charsets is what texts can be given in.
func charsets(context.Context, hosting.Account, api.None) ([]string, error) {
	return []string{charset}, nil
}

type charmap struct {
	Map string `json:"map"`
}

func charmaps(context.Context, hosting.Account, api.None) ([]charmap, error) {
	return []charmap{{charset}}, nil
}
