package resourceusage

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestUsages(t *testing.T) {
	acct := hostingtest.New()
	acct.Own(latchkey.SubDomain, "blog.example.com", "blog")
	acct.Used = hosting.Quota{Bytes: 1234, ByteLimit: 1 << 20, Inodes: 9, InodeLimit: latchkey.Unlimited}
	acct.Data.Limits.Mailboxes = 5
	moduletest.Table(t, Module, acct, []moduletest.Row{{`get_usages`, `[` +
		`{"description":"Disk Usage","error":null,"formatter":"format_bytes","id":"disk_usage","maximum":1048576,"url":"","usage":1234},` +
		`{"description":"File Usage","error":null,"formatter":null,"id":"filesusage","maximum":null,"url":"","usage":9},` +
		`{"description":"Addon Domains","error":null,"formatter":null,"id":"addon_domains","maximum":null,"url":"","usage":0},` +
		`{"description":"Subdomains","error":null,"formatter":null,"id":"subdomains","maximum":null,"url":"","usage":1},` +
		`{"description":"Aliases","error":null,"formatter":null,"id":"aliases","maximum":null,"url":"","usage":0},` +
		`{"description":"Email Accounts","error":null,"formatter":null,"id":"email_accounts","maximum":5,"url":"","usage":0}]`}})
}
