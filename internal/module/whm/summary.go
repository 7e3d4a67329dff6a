package whm

import (
	"context"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// accountRow is an account as listaccts and accountsummary show it. Limits and
// sizes are text, as clients know them.
type accountRow struct {
	Backup                int                  `json:"backup"`
	ChildNodes            []string             `json:"child_nodes"`
	DiskLimit             string               `json:"disklimit"` // "1024M"
	DiskUsed              string               `json:"diskused"`
	Domain                latchkey.Domain      `json:"domain"`
	Email                 string               `json:"email"`
	HasBackup             int                  `json:"has_backup"`
	InodesLimit           any                  `json:"inodeslimit"`
	InodesUsed            int64                `json:"inodesused"`
	IP                    string               `json:"ip"`
	IPv6                  []string             `json:"ipv6"`
	IsLocked              int                  `json:"is_locked"`
	IsTemporaryDomain     int                  `json:"is_temporary_domain"`
	LegacyBackup          int                  `json:"legacy_backup"`
	MailboxFormat         string               `json:"mailbox_format"`
	MaxDeferFail          string               `json:"max_defer_fail_percentage"`
	MaxEmailPerHour       string               `json:"max_email_per_hour"`
	MaxMailboxQuota       string               `json:"max_emailacct_quota"`
	MaxAddons             string               `json:"maxaddons"`
	MaxFTP                string               `json:"maxftp"`
	MaxLists              string               `json:"maxlst"`
	MaxParked             string               `json:"maxparked"`
	MaxMailboxes          string               `json:"maxpop"`
	MaxDatabases          string               `json:"maxsql"`
	MaxSubdomains         string               `json:"maxsub"`
	MinDeferFail          string               `json:"min_defer_fail_to_trigger_protection"`
	OutgoingMailHold      int                  `json:"outgoing_mail_hold"`
	OutgoingMailSuspended int                  `json:"outgoing_mail_suspended"`
	Owner                 latchkey.AccountName `json:"owner"`
	Partition             string               `json:"partition"`
	Plan                  string               `json:"plan"`
	Shell                 string               `json:"shell"`
	StandaloneFeature     string               `json:"standalone_feature"`
	StandaloneFeatureName string               `json:"standalone_feature_name"`
	StartDate             string               `json:"startdate"` // "26 Jan 02 15:04"
	Suspended             bool                 `json:"suspended"`
	SuspendReason         string               `json:"suspendreason"`
	SuspendTime           time.Time            `json:"suspendtime"`
	Temporary             int                  `json:"temporary"`
	Theme                 string               `json:"theme"`
	UID                   latchkey.AccountID   `json:"uid"` // the account's number: homes have no system user of their own
	UnixStartDate         time.Time            `json:"unix_startdate"`
	User                  latchkey.AccountName `json:"user"`
}

func rowOf(ctx context.Context, h hosting.Host, a latchkey.Account) (accountRow, error) {
	q, err := h.Quota(ctx, a.ID)
	if err != nil {
		return accountRow{}, err
	}
	l := a.Limits
	row := accountRow{
		ChildNodes: []string{}, DiskLimit: "unlimited", DiskUsed: strconv.FormatInt(megabytes(q.Bytes), 10) + "M", Domain: a.Domain,
		Email: a.ContactEmail, InodesLimit: "unlimited", InodesUsed: q.Inodes, IP: h.Server().IP, IPv6: []string{}, MailboxFormat: "maildir",
		MaxDeferFail: "unlimited", MaxEmailPerHour: limitText(l.EmailPerHour), MaxMailboxQuota: limitText(l.MailboxMB),
		MaxAddons: limitText(l.Addons), MaxFTP: limitText(l.FTPAccounts), MaxLists: limitText(l.Lists), MaxParked: limitText(l.Parked),
		MaxMailboxes: limitText(l.Mailboxes), MaxDatabases: limitText(l.Databases), MaxSubdomains: limitText(l.Subdomains),
		MinDeferFail: "unlimited", Owner: a.Owner, Partition: partition(h.Home(a.Name)), Plan: a.Package, Shell: a.Shell,
		StartDate: a.Created.UTC().Format("06 Jan 02 15:04"), Suspended: a.Suspended, SuspendReason: "not suspended",
		Theme: a.Theme, UID: a.ID, UnixStartDate: a.Created, User: a.Name,
	}
	if l.DiskMB != latchkey.Unlimited {
		row.DiskLimit = limitText(l.DiskMB) + "M"
	}
	if l.Inodes != latchkey.Unlimited {
		row.InodesLimit = l.Inodes
	}
	if a.Suspended {
		row.SuspendReason, row.SuspendTime = a.SuspendReason, a.SuspendedAt
	}
	return row, nil
}

// megabytes are the full and begun megabytes in n bytes.
func megabytes(n int64) int64 { return n>>20 + min(1, n&(1<<20-1)) }

// partition is the first folder on the way to a home.
func partition(home string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path.Clean(home), "/"), "/")
	return first
}

// searchType is what a search looks at.
type searchType string

// Words are what a search can look at.
func (searchType) Words() []string { return []string{"domain", "owner", "user", "ip", "package"} }

// ParseParam reads what a search looks at.
func (s *searchType) ParseParam(text string) error {
	*s = searchType(text)
	return oneWord(text, s.Words())
}

// searchMethod is how a search compares.
type searchMethod string

// Words are the ways to compare.
func (searchMethod) Words() []string { return []string{"exact", "regex"} }

// ParseParam reads how a search compares.
func (s *searchMethod) ParseParam(text string) error {
	*s = searchMethod(text)
	return oneWord(text, s.Words())
}

// WHM API 1: listaccts.
type listAccountsParams struct {
	Search string       `param:"search,optional" doc:"What to look for; without it, or without searchtype, every account is listed."`
	Type   searchType   `param:"searchtype,optional" doc:"Where to look for it."`
	Method searchMethod `param:"searchmethod,optional" doc:"exact for the whole text, regex (the default) for a regular expression, without regard to case."`
	Want   []string     `param:"want,optional" doc:"The fields to show, separated by commas; all if it is left out."`
}

type accountList struct {
	Acct []any `json:"acct"`
}

func listAccounts(ctx context.Context, h hosting.Host, p listAccountsParams) (accountList, error) {
	found, err := p.matcher(h.Server())
	if err != nil {
		return accountList{}, err
	}
	all, err := h.Accounts(ctx)
	if err != nil {
		return accountList{}, err
	}
	want := p.want()
	list := accountList{}
	for _, a := range all {
		if !found(a) {
			continue
		}
		row, err := rowOf(ctx, h, a)
		switch {
		case latchkey.KindOf(err) == latchkey.NotFound:
			continue // it was removed a moment ago
		case err != nil:
			return accountList{}, err
		case want != nil:
			list.Acct = append(list.Acct, pick(row, want))
		default:
			list.Acct = append(list.Acct, row)
		}
	}
	return list, nil
}

// matcher tells which accounts a search finds.
func (p *listAccountsParams) matcher(s *hosting.Server) (func(latchkey.Account) bool, error) {
	if p.Search == "" || p.Type == "" {
		return func(latchkey.Account) bool { return true }, nil
	}
	matches := func(text string) bool { return text == p.Search }
	if p.Method != "exact" {
		re, err := regexp.Compile("(?i)" + p.Search)
		if err != nil {
			return nil, latchkey.InvalidParam("search", "The “search” argument is not a regular expression this server understands: it knows neither look-around nor back-references. Use “searchmethod=exact” for plain text.")
		}
		matches = re.MatchString
	}
	return func(a latchkey.Account) bool { return matches(p.Type.of(a, s)) }, nil
}

// of is what a search compares of an account.
func (s searchType) of(a latchkey.Account, server *hosting.Server) string {
	switch s {
	case "domain":
		return string(a.Domain)
	case "owner":
		return string(a.Owner)
	case "ip":
		return server.IP
	case "package":
		return a.Package
	}
	return string(a.Name)
}

// want are the names of the fields to show; nil for all of them.
func (p *listAccountsParams) want() []string {
	var names []string
	for _, text := range p.Want {
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// pick is the part of a row that is wanted.
func pick(row accountRow, want []string) map[string]any {
	part := map[string]any{}
	v := reflect.ValueOf(row)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("json"); slices.Contains(want, name) {
			part[name] = v.Field(i).Interface()
		}
	}
	return part
}

// WHM API 1: accountsummary.
type summarizeAccountParams struct {
	User   hosting.AccountParam `param:"user,optional" doc:"The account."`
	Domain hosting.DomainParam  `param:"domain,optional" doc:"The account's main domain, where user is left out."`
}

func summarizeAccount(ctx context.Context, h hosting.Host, p summarizeAccountParams) (accountList, error) {
	a, err := p.find(ctx, h)
	if err != nil {
		return accountList{}, err
	}
	row, err := rowOf(ctx, h, a)
	return accountList{[]any{row}}, err
}

func (p *summarizeAccountParams) find(ctx context.Context, h hosting.Host) (latchkey.Account, error) {
	switch {
	case p.User.Name != "":
		return h.Account(ctx, p.User.Name)
	case p.Domain.Domain == "":
		return latchkey.Account{}, &latchkey.Error{Kind: latchkey.Missing, Param: "user"}
	}
	all, err := h.Accounts(ctx)
	if err != nil {
		return latchkey.Account{}, err
	}
	for _, a := range all {
		if a.Domain == p.Domain.Domain {
			return a, nil
		}
	}
	return latchkey.Account{}, &latchkey.Error{Kind: latchkey.NotFound, Param: "domain",
		Msg: "There is no account with the main domain “" + string(p.Domain.Domain) + "”."}
}

type userList struct {
	Users []latchkey.AccountName `json:"users"`
}

func listUsers(ctx context.Context, h hosting.Host, _ api.None) (userList, error) {
	all, err := h.Accounts(ctx)
	list := userList{[]latchkey.AccountName{"root"}}
	for _, a := range all {
		list.Users = append(list.Users, a.Name)
	}
	return list, err
}
