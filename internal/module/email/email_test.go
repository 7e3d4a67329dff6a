package email

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func table(t *testing.T, acct hosting.Account, rows []moduletest.Row) {
	t.Helper()
	moduletest.Table(t, Module, acct, rows)
}

const noAddress = `invalid: The “email” argument is invalid: it `

func TestMailbox(t *testing.T) {
	acct := hostingtest.New()
	acct.Own(latchkey.AddonDomain, "example.org", "example.org")
	table(t, acct, []moduletest.Row{
		{`add_pop?email=bob&password=x&quota=5`, `"bob+example.com"`},
		{`add_pop?email=bob&password=x`, `exists: The email account "bob@example.com" already exists!`},
		{`add_pop?email=BOB@Example.ORG&password=x`, `"bob+example.org"`},
		{`add_pop?email=eve&domain=example.org&password_hash=$6$aa$bb&quota=unlimited`, `"eve+example.org"`},
		{`add_pop?email=a@example.com&domain=example.org&password=x`, `invalid: The address “a@example.com” is not in the domain “example.org”.`},
		{`add_pop?email=a@example.net&password=x`, `not-found: You do not own the domain “example.net”.`},
		{`add_pop?email=a`, `missing: password`},
		{`add_pop?password=x`, `missing: email`},
		{`add_pop?email=a&password=x&password_hash=y`, `invalid: Give either the “password” or the “password_hash” argument, not both.`},
		{`add_pop?email=cpanel&password=x`, `invalid: An email account cannot be called “cpanel”: choose another name.`},
		{`add_pop?email=a%20b&password=x`, noAddress + `may only have letters, digits and . _ - + = & ' before the @.`},
		{`add_pop?email=.a&password=x`, noAddress + `must not begin or end with a dot or have two in a row.`},

		{`get_pop_quota?email=bob`, `5`},
		{`get_pop_quota?email=bob&as_bytes=1`, `5242880`},
		{`get_pop_quota?email=bob&domain=example.org`, `0`},
		{`edit_pop_quota?email=bob&domain=example.com&quota=0`, `null`},
		{`get_pop_quota?email=bob`, `0`},
		{`edit_pop_quota?email=bob&quota=7`, `missing: domain`},
		{`edit_pop_quota?email=no&domain=example.com&quota=7`, `not-found: You do not have an email account named “no@example.com”.`},

		{`verify_password?email=bob&password=x`, `1`},
		{`verify_password?email=bob&password=y`, `0`},
		{`passwd_pop?email=bob@example.com&password=y`, `null`},
		{`verify_password?email=bob@example.com&password=y`, `1`},
		{`passwd_pop?email=bob@example.com`, `missing: password`},
		{`passwd_pop?email=no&password=y`, `not-found: You do not have an email account named “no@example.com”.`},

		{`count_pops`, `3`},
		{`delete_pop?email=bob`, `null`},
		{`delete_pop?email=bob`, `not-found: You do not have an email account named “bob@example.com”.`},
		{`count_pops`, `2`},
	})
}

func TestQuota(t *testing.T) {
	const bad = `invalid: The “quota” argument is invalid: it must be a whole number of megabytes, up to 4294967296, or “unlimited”.`
	acct := hostingtest.New()
	table(t, acct, []moduletest.Row{
		{`get_default_email_quota`, `0`},
		{`get_max_email_quota_mib`, `0`},
		{`add_pop?email=a&password=x&quota=-1`, bad},
		{`add_pop?email=a&password=x&quota=ten`, bad},
		{`add_pop?email=a&password=x&quota=1.5`, bad},
		{`add_pop?email=a&password=x&quota=99999999999999999999`, bad},
		{`add_pop?email=a&password=x&quota=4294967297`, bad},
		{`add_pop?email=a&password=x&quota=4294967296`, `"a+example.com"`},
		{`get_pop_quota?email=a`, `4294967296`},
		{`add_pop?email=b&password=x&quota=Unlimited`, `"b+example.com"`},
		{`get_pop_quota?email=b`, `0`},
	})

	const tooLarge = `invalid: The quota is too large: the package allows an email account at most 100 MB.`
	acct = hostingtest.New()
	acct.Data.Limits.MailboxMB, acct.Data.Limits.Mailboxes = 100, 2
	table(t, acct, []moduletest.Row{
		{`get_default_email_quota`, `104857600`},
		{`get_default_email_quota_mib`, `100`},
		{`get_max_email_quota`, `104857600`},
		{`get_max_email_quota_mib`, `100`},
		{`add_pop?email=a&password=x&quota=0`, tooLarge},
		{`add_pop?email=a&password=x&quota=101`, tooLarge},
		{`add_pop?email=a&password=x`, `"a+example.com"`},
		{`get_pop_quota?email=a`, `100`},
		{`edit_pop_quota?email=a&domain=example.com&quota=50`, `null`},
		{`get_pop_quota?email=a`, `50`},
		{`edit_pop_quota?email=a&domain=example.com&quota=unlimited`, tooLarge},
		{`add_pop?email=b&password=x&quota=100`, `"b+example.com"`},
		{`add_pop?email=c&password=x&quota=1`, `limit: The account has all the email accounts its package allows (2).`},
	})
}

// filled is an account with two mailboxes, one of which holds something.
func filled(t *testing.T) *hostingtest.Account {
	t.Helper()
	acct := hostingtest.New()
	acct.Own(latchkey.AddonDomain, "example.org", "example.org")
	table(t, acct, []moduletest.Row{
		{`add_pop?email=ann&password=x&quota=5120`, `"ann+example.com"`},
		{`add_pop?email=bob&domain=example.org&password=x`, `"bob+example.org"`},
	})
	acct.Fill(hosting.Address{Local: "ann", Domain: "example.com"}, hosting.MailUsage{
		Bytes: 1085280485, Messages: 9, Modified: time.Unix(1767000000, 0),
	})
	return acct
}

func TestLists(t *testing.T) {
	const (
		demo = `{"email":"demo","login":"Main Account","suspended_incoming":0,"suspended_login":0}`
		ann  = `{"email":"ann@example.com","login":"ann@example.com","suspended_incoming":0,"suspended_login":0}`
		bob  = `{"email":"bob@example.org","login":"bob@example.org","suspended_incoming":0,"suspended_login":0}`

		annHead  = `{"email":"ann@example.com","login":"ann@example.com","user":"ann","domain":"example.com","_diskquota":5368709120,`
		annQuota = annHead + `"diskquota":"5120.00","humandiskquota":"5` + "\u00a0" + `GB","txtdiskquota":5120,`
		annUse   = `"_diskused":"1085280485","diskused":"1035.00","humandiskused":"1.01` + "\u00a0" + `GB",` +
			`"diskusedpercent":20,"diskusedpercent20":20,"diskusedpercent_float":20.214924309402704,"mtime":1767000000,`
		annDisk  = annQuota + annUse + off
		bobHead  = `{"email":"bob@example.org","login":"bob@example.org","user":"bob","domain":"example.org","_diskquota":0,`
		bobQuota = `"diskquota":"unlimited","humandiskquota":"None","txtdiskquota":"unlimited",`
		bobUse   = `"_diskused":"0","diskused":"0.00","humandiskused":"0` + "\u00a0" + `bytes",` +
			`"diskusedpercent":0,"diskusedpercent20":0,"diskusedpercent_float":0,"mtime":1767268800,`
		bobDisk = bobHead + bobQuota + bobUse + off
	)
	table(t, filled(t), []moduletest.Row{
		{`list_pops`, `[` + demo + `,` + ann + `,` + bob + `]`},
		{`list_pops?skip_main=1`, `[` + ann + `,` + bob + `]`},
		{`list_pops?regex=^a&no_validate=1`, `[` + ann + `]`},
		{`list_pops?regex=/org$/`, `[` + bob + `]`},
		{`list_pops?regex=d.mo`, `[` + demo + `]`},
		{`list_pops?regex=nobody`, `[]`},
		{`list_pops?regex=(`, `invalid: The “regex” argument is not a regular expression that this server understands. Expressions with look-around or back-references are not.`},
		{`list_pops?skip_main=True`, `[` + ann + `,` + bob + `]`},
		{`list_pops?skip_main=False`, `[` + demo + `,` + ann + `,` + bob + `]`},
		{`list_pops?skip_main=maybe`, `invalid: The “skip_main” argument is invalid: it must be 1 or 0.`},

		{`list_pops_with_disk`, `[` + annDisk + `,` + bobDisk + `]`},
		{`list_pops_with_disk?domain=example.com`, `[` + annDisk + `]`},
		{`list_pops_with_disk?domain=example.net`, `[]`},
		{`list_pops_with_disk?email=bob`, `[` + bobDisk + `]`},
		{`list_pops_with_disk?email=bob@example.org`, `[` + bobDisk + `]`},
		{`list_pops_with_disk?email=bob&domain=example.com`, `[]`},
		{`list_pops_with_disk?regex=^[a-z0-9_-]{3}$&maxaccounts=1`, `[` + annDisk + `]`},
		{`list_pops_with_disk?nearquotaonly=1`, `[]`},
		{`list_pops_with_disk?email=ann&no_disk=1`, `[` + annQuota + off + `]`},
		{`list_pops_with_disk?email=bob&infinitylang=1`, `[` + strings.Replace(bobDisk, `"unlimited"`, `"∞"`, 1) + `]`},
		{`list_pops_with_disk?email=bob&infinitylang=1&infinityimg=a%22b.png`,
			`[` + strings.Replace(bobDisk, `"unlimited"`, `"<img src=\"a&#34;b.png\" alt=\"∞\">"`, 1) + `]`},

		{`2:listpops?skip_main=1`, `[{"email":"ann@example.com","login":"ann@example.com"},{"email":"bob@example.org","login":"bob@example.org"}]`},
		{`2:listpopswithdisk?domain=example.com`, `[{"email":"ann@example.com","login":"ann@example.com","user":"ann","domain":"example.com",` +
			`"_diskquota":"5368709120","diskquota":"5120.00","humandiskquota":"5` + "\u00a0" + `GB","txtdiskquota":"5120",` +
			`"_diskused":"1085280485","diskused":1035,"humandiskused":"1.01` + "\u00a0" + `GB","diskusedpercent":20,"diskusedpercent20":20,"mtime":"1767000000"}]`},
		{`2:listpopswithdisk?domain=example.org&no_disk=1`, `[{"email":"bob@example.org","login":"bob@example.org","user":"bob","domain":"example.org",` +
			`"_diskquota":null,"diskquota":"unlimited","humandiskquota":"None","txtdiskquota":"unlimited"}]`},
	})
}

const off = `"suspended_login":0,"suspended_incoming":0,"suspended_outgoing":0}`

func TestSuspensions(t *testing.T) {
	const shown = `list_pops_with_disk?email=ann&no_disk=1&get_restrictions=1`
	acct := filled(t)
	var head string
	row := func(login, incoming, outgoing, hold, any string) moduletest.Row {
		return moduletest.Row{shown, head + `"suspended_login":` + login + `,"suspended_incoming":` + incoming +
			`,"suspended_outgoing":` + outgoing + `,"hold_outgoing":` + hold + `,"has_suspended":` + any + `}]`}
	}
	head, _, _ = strings.Cut(moduletest.Call(t, Module, acct, shown), `"suspended_login"`)
	table(t, acct, []moduletest.Row{
		row("null", "0", "0", "0", "0"),
		{`suspend_login?email=ann@example.com`, `null`},
		row("1", "0", "0", "0", "1"),
		{`suspend_incoming?email=ann@example.com`, `null`},
		{`suspend_outgoing?email=ann@example.com`, `1`},
		{`hold_outgoing?email=ann`, `null`},
		row("1", "1", "1", "1", "1"),
		{`unsuspend_login?email=ann@example.com`, `null`},
		{`unsuspend_incoming?email=ann@example.com`, `1`},
		{`unsuspend_outgoing?email=ann@example.com`, `null`},
		row("null", "0", "0", "1", "1"),
		{`release_outgoing?email=ann@example.com`, `null`},
		row("null", "0", "0", "0", "0"),
		{`suspend_login`, `missing: email`},
		{`suspend_login?email=no@example.com`, `not-found: You do not have an email account named “no@example.com”.`},
		{`suspend_login?email=no@example.net`, `not-found: You do not own the domain “example.net”.`},
	})
}

func TestUsage(t *testing.T) {
	acct := filled(t)
	acct.Used.Bytes = 1835008
	table(t, acct, []moduletest.Row{
		{`get_disk_usage?user=ann&domain=example.com`, `{"diskused":1035.004125,"domain":"example.com","login":"ann@example.com","user":"ann"}`},
		{`2:getdiskusage?user=ann&domain=example.com`, `[{"diskused":"1035.004125","domain":"example.com","login":"ann@example.com","user":"ann"}]`},
		{`get_disk_usage?user=no&domain=example.com`, `not-found: You do not have an email account named “no@example.com”.`},
		{`get_disk_usage?user=ann`, `missing: domain`},
		{`get_main_account_disk_usage`, `"1.75` + "\u00a0" + `MB"`},
		{`get_main_account_disk_usage_bytes`, `1835008`},
	})
}

func TestDomains(t *testing.T) {
	acct := hostingtest.New()
	acct.Own(latchkey.AddonDomain, "aaa.example", "aaa")
	table(t, acct, []moduletest.Row{
		{`list_mail_domains`, `[{"domain":"example.com"},{"domain":"aaa.example"}]`},
		{`list_mail_domains?select=aaa.example&return_temporary_domain=true`, `[{"domain":"example.com"},{"domain":"aaa.example","select":1}]`},
		{`list_mail_domains?add_www=1&include_wildcard=1`, `[{"domain":"example.com"},{"domain":"www.example.com"},{"domain":"*.example.com"},` +
			`{"domain":"aaa.example"},{"domain":"www.aaa.example"},{"domain":"*.aaa.example"}]`},
		{`2:listmaildomains`, `[{"domain":"example.com"},{"domain":"aaa.example"}]`},
		{`account_name`, `""`},
		{`account_name?display=1`, `"All Mail On The Account"`},
		{`account_name?account=ann&display=1`, `"ann"`},
		{`has_plaintext_authentication`, `0`},
		{`stats_db_status`, `"active"`},
		{`has_delegated_mailman_lists?delegate=ann@example.com`, `0`},
	})
}

func TestDeletionOfAPI2(t *testing.T) {
	table(t, hostingtest.New(), []moduletest.Row{
		{`add_pop?email=ann&password=x`, `"ann+example.com"`},
		{`2:delpop?domain=example.com&email=ann`, `[{"rawout":"","reason":"","result":1}]`},
	})
}

func TestHuman(t *testing.T) {
	for _, test := range []struct {
		bytes int64
		want  string
	}{
		{0, "0 bytes"}, {1023, "1023 bytes"}, {1024, "1 KB"}, {1536, "1.5 KB"}, {1 << 20, "1 MB"}, {10 << 30, "10 GB"}, {1<<62 + 1<<61, "6 EB"},
	} {
		if got := human(test.bytes); got != strings.Replace(test.want, " ", "\u00a0", 1) {
			t.Errorf("human(%d) = %q, want %q", test.bytes, got, test.want)
		}
	}
}
