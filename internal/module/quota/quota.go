// Package quota is the module Quota: what the account's home takes up and may
// take up.
package quota

import (
	"context"
	"math"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module Quota.
var Module = api.Module[hosting.Account]{
	Name: "Quota",
	Doc:  "What the account's home takes up and may take up.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "get_quota_info", Run: api.Run(quotaInfo),
			Doc: "Tell what the account takes up, what it may and what is left, in megabytes and files."},
		{Name: "get_local_quota_info", Run: api.Run(localQuotaInfo),
			Doc: "Tell what the account takes up on this server and what it may, in bytes and files."},
	},
}

// info has 0 for a limit that there is not, and for what such a limit leaves. The
// page calls the last three integers; servers send them as text, and there are
// clients that understand nothing else.
type info struct {
	InodeLimit         int64   `json:"inode_limit"`
	InodesRemain       int64   `json:"inodes_remain"`
	InodesUsed         int64   `json:"inodes_used"`
	MegabyteLimit      float64 `json:"megabyte_limit"`
	MegabytesRemain    float64 `json:"megabytes_remain"`
	MegabytesUsed      float64 `json:"megabytes_used"`
	UnderInodeLimit    bool    `json:"under_inode_limit,string"`
	UnderMegabyteLimit bool    `json:"under_megabyte_limit,string"`
	UnderQuotaOverall  bool    `json:"under_quota_overall,string"`
}

// UAPI: Quota::get_quota_info.
func quotaInfo(ctx context.Context, acct hosting.Account, _ api.None) (info, error) {
	q, err := acct.Quota(ctx)
	i := info{
		InodeLimit: limit(q.InodeLimit), InodesRemain: left(q.InodeLimit, q.Inodes), InodesUsed: q.Inodes,
		MegabyteLimit: megabytes(limit(q.ByteLimit)), MegabytesRemain: megabytes(left(q.ByteLimit, q.Bytes)), MegabytesUsed: megabytes(q.Bytes),
		UnderInodeLimit: q.Inodes < q.InodeLimit, UnderMegabyteLimit: q.Bytes < q.ByteLimit,
	}
	i.UnderQuotaOverall = i.UnderInodeLimit && i.UnderMegabyteLimit
	return i, err
}

// localInfo has 0 for a limit that there is not.
type localInfo struct {
	ByteLimit  int64 `json:"byte_limit"`
	BytesUsed  int64 `json:"bytes_used"`
	InodeLimit int64 `json:"inode_limit"`
	InodesUsed int64 `json:"inodes_used"`
}

// UAPI: Quota::get_local_quota_info.
func localQuotaInfo(ctx context.Context, acct hosting.Account, _ api.None) (localInfo, error) {
	q, err := acct.Quota(ctx)
	return localInfo{ByteLimit: limit(q.ByteLimit), BytesUsed: q.Bytes, InodeLimit: limit(q.InodeLimit), InodesUsed: q.Inodes}, err
}

// limit is a limit as the wire has it.
func limit(most int64) int64 {
	if most == latchkey.Unlimited {
		return 0
	}
	return most
}

// left is what a limit leaves: nothing where there is none, and where it is
// passed.
func left(most, used int64) int64 {
	return max(0, limit(most)-used)
}

// megabytes is a number of bytes in megabytes, rounded to two decimals.
func megabytes(bytes int64) float64 { return math.Round(float64(bytes)/(1<<20)*100) / 100 }
