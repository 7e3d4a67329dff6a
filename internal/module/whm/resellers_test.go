package whm

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestResellers(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`listresellers`, `{"reseller":[]}`},
		{`setupreseller`, `missing: user`},
		{`setupreseller?user=nobody`, `not-found: There is no account “nobody”.`},
		{`setupreseller?user=alice&makeowner=1`, `null`},
		{`setupreseller?user=alice`, `null warning: The account “alice” is a reseller already: its privileges stay.`},
		{`listresellers`, `{"reseller":["alice"]}`},
		{`setacls?reseller=bob&acl-passwd=1`, `not-found: The account “bob” is not a reseller.`},
		{`createacct?username=carol&domain=carol.example&owner=alice`, createdIn("default")},
		{`createacct?username=dora&domain=dora.example&reseller=1`, createdIn("default")},
		{`listresellers`, `{"reseller":["alice","dora"]}`},
		{`removeacct?user=dora`, `null`},
		{`unsetupreseller?user=bob`, `not-found: The account “bob” is not a reseller.`},
		{`suspendreseller?user=bob`, `not-found: The account “bob” is not a reseller.`},
		{`suspendreseller?user=alice&reason=unpaid&disallow=1`, `null`},
	})
	for _, name := range []latchkey.AccountName{"alice", "bob", "carol"} {
		a, err := h.Account(t.Context(), name)
		if want := name != "bob"; err != nil || a.Suspended != want || a.SuspendLocked != want || want && a.SuspendReason != "unpaid" {
			t.Errorf("after suspendreseller %s is %+v, %v", name, a, err)
		}
	}
	run(t, h, []row{
		{`unsuspendreseller?user=alice&reseller-only=1`, `null`},
		{`listaccts?search=1&want=user,suspended`, `{"acct":[{"suspended":0,"user":"alice"},{"suspended":0,"user":"bob"},{"suspended":1,"user":"carol"}]}`},
		{`unsuspendreseller?user=alice`, `null`},
		{`listaccts?search=1&want=user,suspended`, `{"acct":[{"suspended":0,"user":"alice"},{"suspended":0,"user":"bob"},{"suspended":0,"user":"carol"}]}`},
		{`terminatereseller?user=alice`, `missing: terminatereseller`},
		{`terminatereseller?user=alice&terminatereseller=0`, `{"acct":[{"output":{"raw":""},"reason":"carol account removed","result":1,"user":"carol"}]}`},
		{`terminatereseller?user=alice&terminatereseller=1`, `{"acct":[{"output":{"raw":""},"reason":"alice account removed","result":1,"user":"alice"}]}`},
		{`listresellers`, `{"reseller":[]}`},
		{`listaccts?want=user`, `{"acct":[{"user":"bob"}]}`},
	})
}

func TestResellerSettings(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`setupreseller?user=alice`, `null`},
		{`setresellerlimits?user=alice&enable_account_limit=1`, `invalid: Say with “account_limit” how many accounts the reseller may own: at least 1.`},
		{`setresellerlimits?user=alice&enable_account_limit=1&account_limit=3&enable_resource_limits=1&diskspace_limit=1000&bandwidth_limit=2000&enable_overselling_diskspace=1`, `null`},
		{`setresellerlimits?user=alice&enable_overselling=0`, `null`},
		{`setresellerlimits?user=alice&account_limit=x`, `invalid: The “account_limit” argument is invalid: it must be a whole number or “unlimited”.`},
		{`setresellerpackagelimit?user=alice&allowed=1`, `missing: package`},
		{`setresellerpackagelimit?user=alice&package=nothing&allowed=1`, `not-found: There is no package “nothing”.`},
		{`setresellerpackagelimit?user=alice&package=gold&allowed=1&number=5`, `null`},
		{`setresellerpackagelimit?user=alice&package=default&allowed=0`, `null`},
		{`setresellernameservers?user=alice&nameservers=ns1.example.com, ns2.example.com`, `null`},
		{`setresellernameservers?user=alice&nameservers=not a name`, `invalid: The “nameservers” argument is invalid: “not a name” is not a domain.`},
		{`setresellernameservers?user=alice&nameservers=a.example,b.example,c.example,d.example,e.example`, `invalid: A reseller has four nameservers at most.`},
		{`setresellermainip?user=alice&ip=192.0.2.1`, `null`},
		{`setresellermainip?user=alice&ip=192.0.2.2`, `invalid: This server has one address, 192.0.2.1, which all accounts share: it cannot give a reseller another.`},
		{`setresellerips?user=alice`, `{"all":1,"ip":["192.0.2.1"]}`},
		{`setresellerips?user=alice&ips=192.0.2.1&delegate=1`, `{"ip":["192.0.2.1"]}`},
		{`setresellerips?user=alice&ips=192.0.2.1,192.0.2.9`, `invalid: This server has one address, 192.0.2.1, which all accounts share: it cannot give a reseller another.`},
	})
	_, s, err := h.Resellers().Reseller(t.Context(), "alice")
	if err != nil || !s.LimitAccounts || s.Accounts != 3 || !s.LimitResources || s.DiskMB != 1000 || s.BandwidthMB != 2000 || s.OversellDisk || !s.LimitPackages ||
		!s.LimitNumbers || s.Packages["gold"] != (latchkey.PackageShare{Allowed: true, Number: 5}) || s.Packages["default"].Allowed || len(s.Nameservers) != 2 {
		t.Errorf("alice may %+v, %v", s, err)
	}
	run(t, h, []row{
		{`setresellerpackagelimit?user=alice&no_limit=1`, `null`},
		{`setresellernameservers?user=alice`, `null`},
	})
	if _, s, err = h.Resellers().Reseller(t.Context(), "alice"); err != nil || s.LimitPackages || s.Nameservers != nil {
		t.Errorf("alice may %+v, %v", s, err)
	}
}

func TestResellerStats(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`setupreseller?user=alice`, `null`},
		{`createacct?username=carol&domain=carol.example&owner=alice&quota=100&bwlimit=500`, createdIn("default")},
	})
	h.Use("carol", 3<<19, 7)
	has(t, h, []row{
		{`resellerstats?user=alice&month=2&year=2019`, `{"bandwidthlimit":"500.00","bandwidthused":"0","deleted":0,"diskquota":"100.00","diskused":"1.50","domain":"carol.example","package":"default","suspended":0,"user":"carol"}`},
		{`resellerstats?user=alice&month=2&year=2019`, `"domain":"example.com"`},
		{`resellerstats?user=alice&month=2&year=2019`, `"bandwidthlimit":0,"bwoverselling":0,"diskoverselling":0,"diskquota":0,"diskused":1.5,"month":2,"totalbwalloc":"500","totalbwused":"0","totaldiskalloc":"100","user":"alice","year":2019}}`},
	})
	run(t, h, []row{
		{`resellerstats?user=bob`, `not-found: The account “bob” is not a reseller.`},
		{`resellerstats?user=alice&month=13`, `invalid: The “month” argument is invalid: it must be 1 to 12, and “year” a year such as 2026.`},
		{`suspendacct?user=carol`, `null`},
	})
	if got := call(t, h, `resellerstats?user=alice&filter_suspended=1`); strings.Contains(got, "carol") {
		t.Errorf("resellerstats without suspended accounts = %s", got)
	}
}

func TestPrivilegeLists(t *testing.T) {
	const form = `invalid: The argument “acl-nonsense” names no privilege: myprivs lists those there are.`
	h := newHost(t)
	run(t, h, []row{
		{`setupreseller?user=alice`, `null`},
		{`listacls`, `{"acl":[]}`},
		{`saveacllist?acllist=mine&acl-passwd=1&acl-quota=1&acl-frontpage=1`, `null warning: These privileges have no effect on this server: frontpage.`},
		{`saveacllist?acllist=mine&acl-nonsense=1`, form},
		{`saveacllist?acllist=mine&acl-passwd=maybe`, `invalid: The “acl-passwd” argument is invalid: it must be 1 or 0.`},
		{`saveacllist?acllist=mine&passwd=1`, `invalid: The argument “passwd” is not understood: give privileges as “acl-list-accts=1” and so on.`},
		{`saveacllist?acllist=mine&acl-quota=0&acl-ssl=1`, `null`},
		{`setacls?acllist=mine`, `missing: reseller`},
		{`setacls?reseller=alice&user=bob&acllist=mine`, `invalid: The arguments “reseller” and “user” differ: give one of them.`},
		{`setacls?reseller=alice&acllist=mine&acl-quota=1`, `invalid: Give “acllist” or privileges, not both.`},
		{`setacls?reseller=alice&acllist=other`, `not-found: There is no list of privileges “other”.`},
		{`setacls?reseller=alice&acl-nonsense=1`, form},
		{`setacls?user=alice&acllist=mine`, `{"acl":["passwd","ssl"]}`},
		{`setacls?reseller=alice&acl-list-accts=1&acl-passwd=0&acl-quota=&acl-nameserver-config=1&acl-public-contact=1`,
			`{"acl":["list-accts","ns-config"]} warning: These privileges have no effect on this server: public-contact.`},
		{`saveacllist?acllist=every&acl-all=1`, `null`},
		{`setacls?reseller=alice&acl-list-accts=1`, `{"acl":["list-accts"]}`},
		{`setacls?reseller=alice`, `{"acl":[]}`},
	})
	has(t, h, []row{
		{`listacls`, `{"acl":[{"name":"every","privileges":{"acct-summary":1,`},
		{`listacls`, `{"name":"mine","privileges":{"acct-summary":0,`},
		{`listacls`, `"passwd":1,"quota":0,`},
		{`setacls?reseller=alice&acllist=every`, `"viewglobalpackages"]}`},
		{`saveacllist?acllist=every&acl-quota=0`, `null`},
		{`listacls`, `"all":0,`},
	})
}
