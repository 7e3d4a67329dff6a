package whm

import (
	"context"
	"path"
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
	account latchkey.Account

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
	IsLocked              bool                 `json:"is_locked"`
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

func (r *accountRow) of() latchkey.Account { return r.account }

func (r *accountRow) complete(q hosting.Quota) {
	r.DiskUsed, r.InodesUsed = strconv.FormatInt(megabytes(q.Bytes), 10)+"M", q.Inodes
}

// rowOf is the row of an account, but for what its home takes up.
func rowOf(h hosting.Host, a latchkey.Account) *accountRow {
	l := a.Limits
	row := &accountRow{
		account: a, ChildNodes: []string{}, DiskLimit: "unlimited", Domain: a.Domain,
		Email: a.ContactEmail, InodesLimit: "unlimited", IP: h.Server().IP, IPv6: []string{}, MailboxFormat: "maildir",
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
		row.SuspendReason, row.SuspendTime, row.IsLocked = a.SuspendReason, a.SuspendedAt, a.SuspendLocked
	}
	return row
}

// megabytes are the full and begun megabytes in n bytes.
func megabytes(n int64) int64 { return n>>20 + min(1, n&(1<<20-1)) }

// partition is the first folder on the way to a home.
func partition(home string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path.Clean(home), "/"), "/")
	return first
}

// WHM API 1: listaccts.
type listAccountsParams struct {
	Search string       `param:"search,optional" doc:"What to look for; without it, or without searchtype, every account is listed."`
	Type   searchType   `param:"searchtype,optional" doc:"Where to look for it."`
	Method searchMethod `param:"searchmethod,optional" doc:"exact for the whole text, regex (the default) for a regular expression, without regard to case."`
	Want   []string     `param:"want,optional" doc:"The fields to show, separated by commas; all if it is left out."`
}

func listAccounts(ctx context.Context, h hosting.Host, p listAccountsParams) (api.Listing, error) {
	found, err := search{p.Search, p.Type, p.Method}.in(ctx, h)
	return api.Listing{List: found, Under: "acct", Columns: words(p.Want)}, err
}

// words are the names in a list that may be repeated, or separated by commas.
func words(texts []string) []string {
	var names []string
	for _, text := range texts {
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// WHM API 1: accountsummary.
type summarizeAccountParams struct {
	User   hosting.AccountParam `param:"user,optional" doc:"The account."`
	Domain hosting.DomainParam  `param:"domain,optional" doc:"The account's main domain, where user is left out."`
	Search string               `param:"search,optional" doc:"As in listaccts, where user and domain are left out."`
	Type   searchType           `param:"searchtype,optional" doc:"As in listaccts."`
	Method searchMethod         `param:"searchmethod,optional" doc:"As in listaccts."`
}

func summarizeAccount(ctx context.Context, h hosting.Host, p summarizeAccountParams) (api.Listing, error) {
	found, err := p.find(ctx, h)
	return api.Listing{List: found, Under: "acct"}, err
}

func (p *summarizeAccountParams) find(ctx context.Context, h hosting.Host) (*accountList, error) {
	switch {
	case p.User.Name != "":
		a, err := h.Account(ctx, p.User.Name)
		return &accountList{h: h, only: []latchkey.Account{a}}, noAccount(err, "user")
	case p.Domain.Domain != "":
		a, d, err := h.FindDomain(ctx, p.Domain.Domain)
		if err == nil && d.Kind != latchkey.MainDomain {
			err = latchkey.Errorf(latchkey.NotFound, "no main domain")
		}
		return &accountList{h: h, only: []latchkey.Account{a}}, noAccount(err, "domain")
	case p.Search == "" || p.Type == "":
		return nil, &latchkey.Error{Kind: latchkey.Missing, Param: "user"}
	}
	return search{p.Search, p.Type, p.Method}.in(ctx, h)
}

// noAccount is what accountsummary says of an account that is not there.
func noAccount(err error, param string) error {
	if latchkey.KindOf(err) == latchkey.NotFound {
		return &latchkey.Error{Kind: latchkey.NotFound, Param: param, Msg: "Account does not exist.", Err: err}
	}
	return err
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
