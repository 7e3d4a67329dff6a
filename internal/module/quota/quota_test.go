package quota

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestQuota(t *testing.T) {
	const none = latchkey.Unlimited
	for _, test := range []struct {
		quota       hosting.Quota
		info, local string
	}{
		{hosting.Quota{Bytes: 5725225, ByteLimit: none, Inodes: 1035, InodeLimit: none},
			`{"inode_limit":0,"inodes_remain":0,"inodes_used":1035,"megabyte_limit":0,"megabytes_remain":0,"megabytes_used":5.46,` +
				`"under_inode_limit":"1","under_megabyte_limit":"1","under_quota_overall":"1"}`,
			`{"byte_limit":0,"bytes_used":5725225,"inode_limit":0,"inodes_used":1035}`},
		{hosting.Quota{Bytes: 1 << 20, ByteLimit: 10 << 20, Inodes: 5, InodeLimit: 5},
			`{"inode_limit":5,"inodes_remain":0,"inodes_used":5,"megabyte_limit":10,"megabytes_remain":9,"megabytes_used":1,` +
				`"under_inode_limit":"0","under_megabyte_limit":"1","under_quota_overall":"0"}`,
			`{"byte_limit":10485760,"bytes_used":1048576,"inode_limit":5,"inodes_used":5}`},
		{hosting.Quota{Bytes: 12 << 20, ByteLimit: 10 << 20, InodeLimit: none},
			`{"inode_limit":0,"inodes_remain":0,"inodes_used":0,"megabyte_limit":10,"megabytes_remain":0,"megabytes_used":12,` +
				`"under_inode_limit":"1","under_megabyte_limit":"0","under_quota_overall":"0"}`,
			`{"byte_limit":10485760,"bytes_used":12582912,"inode_limit":0,"inodes_used":0}`},
	} {
		acct := hostingtest.New()
		acct.Used = test.quota
		moduletest.Table(t, Module, acct, []moduletest.Row{
			{"get_quota_info", test.info},
			{"get_local_quota_info", test.local},
		})
	}
}

// The answer is the only thing that a call of the hot path allocates.
func TestLocalQuotaInfoAllocates(t *testing.T) {
	acct, run := hosting.Account(hostingtest.New()), Module.Funcs[1].Run.Call
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := run(ctx, acct, nil); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("get_local_quota_info allocates %v times, want at most once", n)
	}
}
