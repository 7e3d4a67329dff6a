package whm

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// WHM API 1: suspendacct. There are no FTP accounts to leave.
type suspendAccountParams struct {
	User     hosting.AccountParam `param:"user" doc:"The account."`
	Reason   remark               `param:"reason,optional" doc:"The reason people are told; Unknown if it is left out."`
	Disallow bool                 `param:"disallowun,optional" doc:"1 to lock the account: only the administrator can end the suspension."`
	LeaveFTP bool                 `param:"leave-ftp-accts-enabled,optional" doc:"1 to leave FTP accounts as they are; there are none here."`
}

func suspendAccount(ctx context.Context, h hosting.Host, p suspendAccountParams) (api.Void, error) {
	return nil, h.Suspend(ctx, p.User.Name, true, cmp.Or(string(p.Reason), "Unknown"), p.Disallow)
}

// WHM API 1: unsuspendacct.
type unsuspendAccountParams struct {
	User   hosting.AccountParam `param:"user" doc:"The account."`
	Retain bool                 `param:"retain-service-proxies,optional" doc:"1 to leave service proxies as they are; there are none here."`
}

func unsuspendAccount(ctx context.Context, h hosting.Host, p unsuspendAccountParams) (api.Void, error) {
	return nil, h.Suspend(ctx, p.User.Name, false, "", false)
}

// suspendedRow is an account as listsuspended shows it.
type suspendedRow struct {
	IsLocked bool                 `json:"is_locked"`
	Owner    latchkey.AccountName `json:"owner"`
	Reason   string               `json:"reason"`
	Time     string               `json:"time"` // "Mon Jan  2 15:04:05 2006"
	UnixTime time.Time            `json:"unixtime"`
	User     latchkey.AccountName `json:"user"`
}

type suspendedList struct {
	Account []suspendedRow `json:"account"`
}

// WHM API 1: listsuspended.
func listSuspended(ctx context.Context, h hosting.Host, _ api.None) (suspendedList, error) {
	var list suspendedList
	err := eachAccount(ctx, h, func(accounts []latchkey.Account) error {
		for _, a := range accounts {
			if a.Suspended {
				list.Account = append(list.Account, suspendedRow{
					IsLocked: a.SuspendLocked, Owner: a.Owner, Reason: a.SuspendReason, Time: a.SuspendedAt.UTC().Format(time.ANSIC), UnixTime: a.SuspendedAt, User: a.Name,
				})
			}
		}
		return nil
	})
	return list, err
}

// suspendedOfAPI0 has the time as text.
func suspendedOfAPI0(data any) any {
	list, ok := data.(suspendedList)
	if !ok {
		return data
	}
	type row struct {
		suspendedRow
		UnixTime string `json:"unixtime"`
	}
	accts := make([]row, len(list.Account))
	for i, r := range list.Account {
		accts[i] = row{r, strconv.FormatInt(r.UnixTime.Unix(), 10)}
	}
	return struct {
		Accts []row `json:"accts"`
	}{accts}
}

type lockedList struct {
	Account []latchkey.AccountName `json:"account"`
}

// WHM API 1: listlockedaccounts.
func listLocked(ctx context.Context, h hosting.Host, _ api.None) (lockedList, error) {
	suspended, err := listSuspended(ctx, h, api.None{})
	var list lockedList
	for _, row := range suspended.Account {
		if row.IsLocked {
			list.Account = append(list.Account, row.User)
		}
	}
	return list, err
}
