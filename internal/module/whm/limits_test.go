package whm

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
)

const noTraffic = ` warning: This server does not measure traffic: limits of it are kept, and not enforced.`

func TestEditQuota(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`editquota?user=bob`, `missing: quota`},
		{`editquota?quota=5`, `missing: user`},
		{`editquota?user=nobody&quota=5`, `not-found: There is no account “nobody”.`},
		{`editquota?user=bob&quota=-5`, `invalid: The “quota” argument is invalid: it must be a whole number or “unlimited”.`},
		{`editquota?user=bob&quota=5`, `null`},
		{`listaccts?want=disklimit&search=bob&searchtype=user`, `{"acct":[{"disklimit":"5M"}]}`},
		{`editquota?user=bob&quota=0`, `null`},
		{`listaccts?want=disklimit&search=bob&searchtype=user`, `{"acct":[{"disklimit":"unlimited"}]}`},
		{`quota_enabled`, `{"quota_enabled":1}`},
	})
}

func TestBandwidth(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`limitbw`, `missing: user`},
		{`limitbw?user=nobody`, `not-found: There is no account “nobody”.`},
		{`limitbw?user=bob&bwlimit=lots`, `invalid: The “bwlimit” argument is invalid: it must be a whole number or “unlimited”.`},
		{`limitbw?user=bob&bwlimit=5`,
			`{"bwlimits":[{"bwlimit":5,"bwlimitenable":1,"domains":["example.net"],"human_bwlimit":"5 MB","human_bwused":"none","unlimited":0}]}` + noTraffic},
		{`showbw?search=^bob$&searchtype=user&month=3&year=2025`,
			`{"acct":[{"bwusage":[{"deleted":0,"domain":"example.net","usage":0}],"deleted":0,"limit":5242880,"maindomain":"example.net","owner":"root","reseller":0,"totalbytes":0,"user":"bob"}],` +
				`"month":3,"reseller":"root","totalused":0,"year":2025}` + noTraffic},
		{`limitbw?user=bob`,
			`{"bwlimits":[{"bwlimit":0,"bwlimitenable":0,"domains":["example.net"],"human_bwlimit":"unlimited","human_bwused":"none","unlimited":1}]}` + noTraffic},
		{`showbw?showres=nobody`, `{"acct":[],"month":1,"reseller":"nobody","totalused":0,"year":2026}` + noTraffic},
		{`showbw?month=13`, `invalid: The “month” argument is invalid: it must be a whole number from 1 to 12.`},
		{`showbw?year=no`, `invalid: The “year” argument is invalid: it must be a whole number from 1970 to 9999.`},
	})
	has(t, h, []row{{`showbw`, `"limit":0,"maindomain":"example.net"`}, {`showbw`, `"user":"alice"`}})
}

func TestDiskUsage(t *testing.T) {
	h := newHost(t)
	h.Use("alice", 1025, 7)
	run(t, h, []row{
		{`get_disk_usage?cache_mode=off`, `{"accounts":[{"blocks_limit":1048576,"blocks_used":2,"inodes_limit":null,"inodes_used":7,"user":"alice"},` +
			`{"blocks_limit":null,"blocks_used":0,"inodes_limit":null,"inodes_used":0,"user":"bob"}]}`},
		{`get_disk_usage?cache_mode=fast`, `invalid: The “cache_mode” argument is invalid: it must be one of on, off.`},
	})
}

func TestDomains(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`domainuserdata`, `missing: domain`},
		{`domainuserdata?domain=none.example`, `not-found: There is no domain “none.example”.`},
		{`domainuserdata?domain=Example.COM`, `{"userdata":{"customlog":[],"documentroot":"/home/alice/public_html","group":"alice","hascgi":1,"homedir":"/home/alice",` +
			`"ip":"192.0.2.1","owner":"root","scriptalias":[],"serveradmin":"webmaster@example.com","serveralias":"mail.example.com www.example.com",` +
			`"servername":"example.com","usecanonicalname":"Off","user":"alice"}}`},
		{`getdomainowner?domain=example.com`, `{"user":"alice"}`},
		{`getdomainowner?domain=none.example`, `{"user":null}`},
		{`getdomainowner`, `missing: domain`},
		{`get_domain_info`, `{"domains":[{"docroot":"/home/alice/public_html","domain":"example.com","domain_type":"main","ipv4":"192.0.2.1","ipv4_ssl":"192.0.2.1","ipv6":null,` +
			`"ipv6_is_dedicated":0,"modsecurity_enabled":0,"parent_domain":"example.com","php_version":"","port":80,"port_ssl":443,"user":"alice","user_owner":"root"},` +
			`{"docroot":"/home/bob/public_html","domain":"example.net","domain_type":"main","ipv4":"192.0.2.1","ipv4_ssl":"192.0.2.1","ipv6":null,` +
			`"ipv6_is_dedicated":0,"modsecurity_enabled":0,"parent_domain":"example.net","php_version":"","port":80,"port_ssl":443,"user":"bob","user_owner":"root"}]}`},
		{`listips`, `{"ip":[{"active":1,"dedicated":0,"if":"","ip":"192.0.2.1","mainaddr":1,"netmask":"","network":"","public_ip":"192.0.2.1","removable":0,"used":1}]}`},
		{`setsiteip?ip=192.0.2.1`, `missing: user`},
		{`setsiteip?user=bob`, `missing: ip`},
		{`setsiteip?user=bob&ip=192.0.2.1`, `null`},
		{`setsiteip?domain=example.net&ip=192.0.2.1`, `null`},
		{`setsiteip?user=nobody&ip=192.0.2.1`, `not-found: There is no account “nobody”.`},
		{`setsiteip?domain=none.example&ip=192.0.2.1`, `not-found: There is no domain “none.example”.`},
		{`setsiteip?user=bob&ip=192.0.2.9`, `invalid: This server has no other address to give than “192.0.2.1”, which all accounts share.`},
	})
}

func TestAliases(t *testing.T) {
	owned := []latchkey.OwnedDomain{{Name: "a.example", Kind: latchkey.MainDomain}, {Name: "p.example", Kind: latchkey.ParkedDomain}}
	for _, test := range []struct {
		d    latchkey.OwnedDomain
		want string
	}{
		{owned[0], "mail.a.example www.a.example p.example mail.p.example www.p.example"},
		{latchkey.OwnedDomain{Name: "s.a.example", Kind: latchkey.SubDomain}, "www.s.a.example"},
		{latchkey.OwnedDomain{Name: "b.example", Kind: latchkey.AddonDomain}, "mail.b.example www.b.example"},
	} {
		if got := aliases(test.d, owned); got != test.want {
			t.Errorf("aliases of %s = %q, want %q", test.d.Name, got, test.want)
		}
	}
}

func TestCounts(t *testing.T) {
	const conflict = `”, or one that begins with the same eight characters.`
	h := newHost(t)
	run(t, h, []row{
		{`get_current_users_count`, `{"users":2}`},
		{`get_maximum_users`, `{"users":0}`},
		{`get_homedir_roots`, `{"payload":[{"path":"/home"}]}`},
		{`acctcounts`, `{"reseller":{"active":2,"limit":null,"suspended":0,"user":"root"}}`},
		{`suspendacct?user=bob`, `null`},
		{`acctcounts?user=root`, `{"reseller":{"active":1,"limit":null,"suspended":1,"user":"root"}}`},
		{`acctcounts?user=alice`, `{"reseller":{"active":0,"limit":null,"suspended":0,"user":"alice"}}`},
		{`acctcounts?user=nobody`, `not-found: There is no account “nobody”.`},
		{`has_digest_auth?user=bob`, `{"digestauth":0}`},
		{`has_digest_auth?user=nobody`, `not-found: There is no account “nobody”.`},
		{`verify_new_username`, `missing: user`},
		{`verify_new_username?user=carol`, `null`},
		{`verify_new_username?user=Alice`, `exists: This system already has an account named “alice` + conflict},
		{`verify_new_username?user=root`, `invalid: “root” is a reserved username: choose another.`},
		{`verify_new_username?user=test9`, `invalid: “test9” is not a valid username: use 1 to 16 lower-case letters and digits, beginning with a letter and not with “test”.`},
	})
}

func TestCreateReseller(t *testing.T) {
	const already = ` warning: The account “carol” is a reseller already: its privileges stay.`
	h := newHost(t)
	run(t, h, []row{
		{`createacct?username=carol&domain=c.example&reseller=1`, createdIn("default")},
		{`listresellers`, `{"reseller":["carol"]}`},
		{`setupreseller?user=carol`, `null` + already},
		{`listaccts?want=owner&search=carol&searchtype=user`, `{"acct":[{"owner":"root"}]}`},
		{`setupreseller?user=carol&makeowner=1`, `null` + already},
		{`listaccts?want=owner&search=carol&searchtype=user`, `{"acct":[{"owner":"carol"}]}`},
		{`acctcounts?user=carol`, `{"reseller":{"active":1,"limit":null,"suspended":0,"user":"carol"}}`},
		{`setresellerlimits?user=carol&enable_account_limit=1&account_limit=7`, `null`},
		{`acctcounts?user=carol`, `{"reseller":{"active":1,"limit":7,"suspended":0,"user":"carol"}}`},
	})
}

func TestListSuspended(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`listsuspended`, `{"account":[]}`},
		{`suspendacct?user=bob&reason=` + strings.Repeat("x", 4097), `invalid: The “reason” argument is invalid: it must be a text of at most 4096 bytes.`},
		{`suspendacct?user=bob&reason=+not%0D%0A%09paid%00%FF&disallowun=1`, `null`},
		{`suspendacct?user=alice`, `null`},
		{`listsuspended`, `{"account":[{"is_locked":0,"owner":"root","reason":"Unknown","time":"Thu Jan  1 12:00:00 2026","unixtime":1767268800,"user":"alice"},` +
			`{"is_locked":1,"owner":"root","reason":"not paid �","time":"Thu Jan  1 12:00:00 2026","unixtime":1767268800,"user":"bob"}]}`},
		{`listlockedaccounts`, `{"account":["bob"]}`},
		{`listaccts?want=user,is_locked`, `{"acct":[{"is_locked":0,"user":"alice"},{"is_locked":1,"user":"bob"}]}`},
		{`unsuspendacct?user=bob`, `null`},
		{`listlockedaccounts`, `{"account":[]}`},
	})
}

func TestMassModify(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`massmodifyacct?MAXPOP=1`, `missing: user`},
		{`massmodifyacct?user=bob&newuser=rob`, `invalid: The “newuser” argument is one account’s alone: change it with modifyacct.`},
		{`massmodifyacct?user=bob&user-1=nobody&MAXPOP=1&shell=/bin/bash`, `{"payload":[` +
			`{"extended":null,"messages":[],"proxied_from":[],"reason":"This server cannot change “shell” of an account: leave it out. Capital and small letters differ in these names.","result":0,"user":"bob","warnings":[]},` +
			`{"extended":null,"messages":[],"proxied_from":[],"reason":"There is no account “nobody”.","result":0,"user":"nobody","warnings":[]}]}`},
	})
	has(t, h, []row{
		{`massmodifyacct?user=bob&user-1=alice&CONTACTEMAIL=new@example.org&MAXPOP=1`, `"reason":"Account Modified","result":1,"user":"bob"`},
		{`listaccts?want=email,maxpop`, `{"acct":[{"email":"new@example.org","maxpop":"1"},{"email":"new@example.org","maxpop":"1"}]}`},
	})
}

func TestFindings(t *testing.T) {
	run(t, newHost(t), []row{
		{`listaccts?want=user&searchtype=user&search=^Alice$`, `{"acct":[{"user":"alice"}]}`},
		{`listaccts?want=user&searchtype=user&search=^nobody$`, `{"acct":[]}`},
		{`listaccts?want=user&searchtype=domain&search=^example\.com$`, `{"acct":[{"user":"alice"}]}`},
		{`listaccts?want=user&searchtype=domain&search=^example.com$`, `{"acct":[{"user":"alice"}]}`},
		{`listaccts?want=user&searchtype=domain&search=^none\.example$`, `{"acct":[]}`},
		{`listaccts?want=user&searchtype=user&search=^(alice|bob)$`, `{"acct":[{"user":"alice"},{"user":"bob"}]}`},
		{`listaccts?searchtype=user&search=` + strings.Repeat("x", 513), `invalid: The “search” argument is invalid: it must be at most 512 bytes long.`},
		{`accountsummary?searchtype=user`, `missing: user`},
		{`accountsummary`, `missing: user`},
	})
	has(t, newHost(t), []row{{`accountsummary?searchtype=user&search=bob`, `"user":"bob"`}})
}

func TestRoles(t *testing.T) {
	run(t, newHost(t), []row{
		{`is_role_enabled?role=MailReceive`, `{"enabled":1}`},
		{`is_role_enabled?role=WebServer`, `{"enabled":0}`},
		{`is_role_enabled`, `missing: role`},
		{`is_role_enabled?role=mailreceive`, `invalid: The “role” argument is invalid: it must be one of CalendarContact, DNS, FileStorage, FTP, MailLocal, MailReceive, MailRelay, MailSend, MySQL, MySQLClient, Postgres, PostgresClient, SpamFilter, WebDisk, Webmail, WebServer.`},
		{`systemloadavg`, `{"fifteen":"1.00","five":"0.50","one":"0.25"}`},
		{`loadavg`, `{"fifteen":"1.00","five":"0.50","one":"0.25"}`},
		{`get_nameserver_config`, `{"nameservers":[]}`},
		{`get_password_strength?password=abc`, `{"strength":9}`},
		{`getminimumpasswordstrengths?name=passwd`, `{"passwd":65}`},
		{`getminimumpasswordstrengths?name=tea`, `invalid: The “name” argument is invalid: it must be one of createacct, default, ftp, list, mysql, passwd, postgres, sshkey, virtual.`},
		{`getminimumpasswordstrengths`, `{"createacct":65,"default":65,"ftp":65,"list":65,"mysql":65,"passwd":65,"postgres":65,"sshkey":65,"virtual":65}`},
	})
}

func TestRemovePolicy(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`killpkg`, `missing: pkgname`},
		{`killpkg?pkgname=none`, `not-found: There is no package “none”.`},
		{`killpkg?pkgname=gold`, `invalid: The package “gold” cannot be deleted.`},
		{`killpkg?pkgname=default`, `invalid: The package “default” cannot be deleted.`},
		{`changepackage?user=alice&pkg=default`, `null`},
		{`killpkg?pkgname=gold`, `null`},
		{`getpkginfo?pkg=gold`, `not-found: There is no package “gold”.`},
		{`create_featurelist?featurelist=mine&popaccts=1`, `{"featurelist":"mine"}`},
		{`get_available_featurelists`, `{"available_featurelists":["Mail Only","default","disabled","mine"]}`},
		{`get_featurelists_by_package_types`, `{"package_types_feature_lists":{"standard":["Mail Only","default","disabled","mine"]}}`},
		{`addpkg?name=tin&featurelist=mine`, `{"pkg":"tin"}`},
		{`delete_featurelist?featurelist=mine`, `invalid: The feature list “mine” cannot be deleted.`},
		{`killpkg?pkgname=tin`, `null`},
		{`delete_featurelist?featurelist=mine`, `{"deleted_featurelist":"mine"}`},
		{`delete_featurelist?featurelist=mine`, `not-found: There is no feature list “mine”.`},
		{`delete_featurelist?featurelist=default`, `invalid: The feature list “default” cannot be deleted.`},
		{`delete_featurelist`, `missing: featurelist`},
	})
}

func TestMatchPackages(t *testing.T) {
	h := newHost(t)
	names := func(call string, want ...string) {
		t.Helper()
		data, err := function(t, "matchpkgs").Run.Whole(t.Context(), h, arguments(t, call))
		if err != nil {
			t.Fatalf("matchpkgs?%s: %v", call, err)
		}
		var got []string
		for _, p := range data.(packageList).Pkg {
			got = append(got, p.Name)
		}
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("matchpkgs?%s = %v, want %v", call, got, want)
		}
	}
	names("", "default", "gold")
	names("MAXPOP=5", "gold")
	names("MAXPOP=5&QUOTA=1024&CGI=1&HASSHELL=0&DIGESTAUTH=n&IP=n&_PACKAGE_EXTENSIONS=", "gold")
	names("MAXPOP=6")
	names("QUOTA=unlimited", "default")
	names("CGI=0")
	run(t, h, []row{
		{`matchpkgs?maxpop=5`, `invalid: A package has no “maxpop”: name keys as listpkgs has them, in capitals.`},
		{`addpkgext?name=gold&_PACKAGE_EXTENSIONS=a+b`, `not-found: There is no package extension “a”, “b”: this server has none.`},
		{`addpkgext?name=none&_PACKAGE_EXTENSIONS=a`, `not-found: There is no package “none”.`},
		{`delpkgext?name=gold&_DELETE_EXTENSIONS=a`, `not-found: There is no package extension “a”: this server has none.`},
		{`_getpkgextensionform?pkg=gold`, `null`},
		{`_getpkgextensionform?pkg=none`, `not-found: There is no package “none”.`},
	})
}
