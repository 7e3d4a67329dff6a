package email

import (
	"context"
	"errors"
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// pattern is a parameter that filters mailboxes by a regular expression. The
// zero pattern matches all.
type pattern struct{ re *regexp.Regexp }

// ParseParam reads a regular expression, also one between slashes.
func (p *pattern) ParseParam(text string) error {
	if len(text) > 1 && text[0] == '/' && text[len(text)-1] == '/' {
		text = text[1 : len(text)-1]
	}
	var err error
	if p.re, err = regexp.Compile(text); err != nil {
		return latchkey.InvalidParam("", "The “regex” argument is not a regular expression that this server understands. Expressions with look-around or back-references are not.")
	}
	return nil
}

// matches reports whether the pattern fits the whole address or the name before
// the @.
func (p pattern) matches(a hosting.Address) bool {
	return p.re == nil || p.re.MatchString(a.Local) || p.re.MatchString(a.String())
}

type listPopsParams struct {
	Regex      pattern `param:"regex,optional" doc:"List only those whose address or name this regular expression matches."`
	SkipMain   bool    `param:"skip_main,optional" doc:"Leave out the account itself."`
	NoValidate bool    `param:"no_validate,optional" doc:"Accepted. There is nothing to validate."`
}

type popRow struct {
	Email             string `json:"email"`
	Login             string `json:"login"`
	SuspendedIncoming bool   `json:"suspended_incoming"`
	SuspendedLogin    bool   `json:"suspended_login"`
}

// UAPI: Email::list_pops.
func listPops(ctx context.Context, acct hosting.Account, p listPopsParams) (api.Listing, error) {
	a, err := acct.Info(ctx)
	l := &popList{mail: acct.Mail(), late: func(string) bool { return false }, row: func(m *hosting.Mailbox) any {
		address := m.Address.String()
		return &popRow{address, address, m.SuspendedIncoming, m.SuspendedLogin}
	}}
	if p.Regex.re != nil {
		l.wants = p.Regex.matches
	}
	if name := string(a.Name); err == nil && !p.SkipMain && acct.Caller().Mailbox == "" && (p.Regex.re == nil || p.Regex.re.MatchString(name)) {
		l.first = &popRow{Email: name, Login: "Main Account"}
	}
	return api.Listing{List: l}, err
}

func countPops(ctx context.Context, acct hosting.Account, _ api.None) (int64, error) {
	return acct.Mail().Count(ctx)
}

type listPopsWithDiskParams struct {
	Domain          hosting.DomainParam  `param:"domain,optional" doc:"List only mailboxes of this domain."`
	Email           hosting.MailboxParam `param:"email,optional" doc:"List only mailboxes of this name, or the one with this address."`
	Regex           pattern              `param:"regex,optional" doc:"List only those whose address or name this regular expression matches."`
	NoDisk          bool                 `param:"no_disk,optional" doc:"Do not measure what the mailboxes hold."`
	GetRestrictions bool                 `param:"get_restrictions,optional" doc:"Show also whether anything is suspended, and whether mail is held."`
	NearQuotaOnly   bool                 `param:"nearquotaonly,optional" doc:"List only mailboxes that are 95 percent full or more. API 2 has it."`
	MaxAccounts     int64                `param:"maxaccounts,optional" doc:"List at most so many."`
	InfinityImg     string               `param:"infinityimg,optional" doc:"The address of an image to show for “unlimited” in diskquota, as HTML."`
	InfinityLang    bool                 `param:"infinitylang,optional" doc:"Show ∞ for “unlimited” in diskquota."`
	NoValidate      bool                 `param:"no_validate,optional" doc:"Accepted. There is nothing to validate."`
}

func (p *listPopsWithDiskParams) wants(a hosting.Address) bool {
	return (p.Domain.Domain == "" || p.Domain.Domain == a.Domain) &&
		(p.Email.Domain == "" || p.Email.Domain == a.Domain) &&
		(p.Email.Local == "" || p.Email.Local == a.Local) && p.Regex.matches(a)
}

// unlimited is what diskquota shows of a mailbox without a limit.
func (p *listPopsWithDiskParams) unlimited() string {
	switch {
	case p.InfinityImg != "":
		return `<img src="` + html.EscapeString(p.InfinityImg) + `" alt="∞">`
	case p.InfinityLang:
		return "∞"
	}
	return "unlimited"
}

// diskRow is a mailbox in the types that real servers use: megabytes are a text
// with two decimals, and so are used bytes; bytes of the quota are a number.
type diskRow struct {
	box *hosting.Mailbox // nil for one that is not to be measured

	Email  string          `json:"email"`
	Login  string          `json:"login"`
	User   string          `json:"user"`
	Domain latchkey.Domain `json:"domain"`

	DiskQuotaBytes int64  `json:"_diskquota"` // 0 is no limit
	DiskQuota      string `json:"diskquota"`
	HumanDiskQuota string `json:"humandiskquota"`
	TxtDiskQuota   any    `json:"txtdiskquota"` // whole megabytes, or "unlimited"
	*diskUse              // nil if it was not measured

	// SuspendedLogin is null, not 0, in a row with restrictions whose mailbox
	// may be signed in to.
	SuspendedLogin    any  `json:"suspended_login"`
	SuspendedIncoming bool `json:"suspended_incoming"`
	SuspendedOutgoing bool `json:"suspended_outgoing"`
	*restrictions          // nil if they were not asked for
}

type diskUse struct {
	DiskUsedBytes int64     `json:"_diskused,string"`
	DiskUsed      string    `json:"diskused"`
	HumanDiskUsed string    `json:"humandiskused"`
	Percent       int64     `json:"diskusedpercent"` // 0 without a quota, as the next two
	Percent20     int64     `json:"diskusedpercent20"`
	PercentFloat  float64   `json:"diskusedpercent_float"`
	Modified      time.Time `json:"mtime"`
}

type restrictions struct {
	HoldOutgoing bool `json:"hold_outgoing"`
	HasSuspended bool `json:"has_suspended"`
}

// UAPI: Email::list_pops_with_disk.
func listPopsWithDisk(ctx context.Context, acct hosting.Account, p listPopsWithDiskParams) (any, error) {
	l := &popList{mail: acct.Mail(), late: p.late, row: func(m *hosting.Mailbox) any { return p.row(m) }}
	if p.Domain.Domain != "" || p.Email.Local != "" || p.Regex.re != nil {
		l.wants = p.wants
	}
	if p.MaxAccounts > 0 || p.NearQuotaOnly {
		return p.first(ctx, l)
	}
	return api.Listing{List: l}, nil
}

// late reports whether a column shows what a mailbox holds.
func (p *listPopsWithDiskParams) late(column string) bool {
	return !p.NoDisk && (strings.HasPrefix(column, "_diskused") || strings.HasPrefix(column, "diskused") || column == "humandiskused" || column == "mtime")
}

// errEnough ends a list.
var errEnough = errors.New("these are enough")

// first are as many as were asked for, and of those only that are nearly full
// where that was asked for.
func (p *listPopsWithDiskParams) first(ctx context.Context, l *popList) ([]any, error) {
	list := []any{}
	err := l.Each(ctx, func(rows []any) error {
		for _, row := range rows {
			r := row.(*diskRow)
			if r.box != nil {
				if err := r.complete(ctx, l.mail); err != nil {
					return err
				}
			}
			if p.NearQuotaOnly && r.Percent < 95 {
				continue
			}
			if list = append(list, r); int64(len(list)) == p.MaxAccounts {
				return errEnough
			}
		}
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return list, err
}

// row is a mailbox as it is shown without what it holds.
func (p *listPopsWithDiskParams) row(m *hosting.Mailbox) *diskRow {
	address := m.Address.String()
	r := &diskRow{
		Email: address, Login: address, User: m.Address.Local, Domain: m.Address.Domain,
		DiskQuotaBytes: m.Quota, DiskQuota: megabytes(m.Quota), HumanDiskQuota: human(m.Quota), TxtDiskQuota: m.Quota >> 20,
		SuspendedLogin: m.SuspendedLogin, SuspendedIncoming: m.SuspendedIncoming, SuspendedOutgoing: m.SuspendedOutgoing,
	}
	if !p.NoDisk || p.NearQuotaOnly {
		r.box = m
	}
	if m.Quota == 0 {
		r.DiskQuota, r.HumanDiskQuota, r.TxtDiskQuota = p.unlimited(), "None", "unlimited"
	}
	if p.GetRestrictions {
		if !m.SuspendedLogin {
			r.SuspendedLogin = nil
		}
		r.restrictions = &restrictions{
			HoldOutgoing: m.HoldOutgoing,
			HasSuspended: m.SuspendedLogin || m.SuspendedIncoming || m.SuspendedOutgoing || m.HoldOutgoing,
		}
	}
	return r
}

// measure is what a mailbox holds.
func measure(ctx context.Context, mail hosting.Mail, m *hosting.Mailbox) (*diskUse, error) {
	u, err := mail.Usage(ctx, m.Address)
	return shown(u, m), err
}

// shown is what a mailbox holds as it is shown.
func shown(u hosting.MailUsage, m *hosting.Mailbox) *diskUse {
	d := &diskUse{DiskUsedBytes: u.Bytes, DiskUsed: megabytes(u.Bytes), HumanDiskUsed: human(u.Bytes), Modified: u.Modified}
	if m.Quota > 0 {
		d.PercentFloat = float64(u.Bytes) / float64(m.Quota) * 100
		d.Percent = int64(math.Round(d.PercentFloat))
		d.Percent20 = int64(math.Round(d.PercentFloat/20)) * 20
	}
	if d.Modified.IsZero() {
		d.Modified = m.Created
	}
	return d
}

// megabytes is a number of bytes in megabytes with two decimals.
func megabytes(bytes int64) string { return strconv.FormatFloat(inMegabytes(bytes), 'f', 2, 64) }

// inMegabytes is a number of bytes in megabytes, rounded to two decimals.
func inMegabytes(bytes int64) float64 { return math.Round(float64(bytes)/(1<<20)*100) / 100 }

// human is a number of bytes as people read it, its unit after a space that does
// not break.
func human(bytes int64) string {
	const space = "\u00a0"
	if bytes < 1<<10 {
		return strconv.FormatInt(bytes, 10) + space + "bytes"
	}
	n, units := float64(bytes)/(1<<10), []string{"KB", "MB", "GB", "TB", "PB", "EB"}
	for n >= 1<<10 {
		n, units = n/(1<<10), units[1:]
	}
	text := strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(n, 'f', 2, 64), "0"), ".")
	return text + space + units[0]
}
