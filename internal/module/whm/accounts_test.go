package whm

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestCreateAccount(t *testing.T) {
	const badName = `” is not a valid username: use 1 to 16 lower-case letters and digits, beginning with a letter and not with “test”.`
	h := newHost(t)
	h.Machine.Nameservers = []string{"ns1.example.net", "ns2.example.net"}
	has(t, h, []row{{`createacct?username=Carol9ABCDEFGHIJ&domain=Example.ORG.&password=` + strong, `"nameserver":"ns1.example.net","nameserver2":"ns2.example.net","nameserver3":""`}})
	h.Machine.Nameservers = nil
	run(t, h, []row{
		{`createacct`, `missing: username`},
		{`createacct?username=carol`, `missing: domain`},
		{`createacct?domain=c.example`, `missing: username`},
		{`createacct?username=test1&domain=c.example`, `invalid: “test1` + badName},
		{`createacct?username=1st&domain=c.example`, `invalid: “1st` + badName},
		{`createacct?username=abcdefghijklmnopq&domain=c.example`, `invalid: “abcdefghijklmnopq` + badName},
		{`createacct?username=a-b&domain=c.example`, `invalid: “a-b` + badName},
		{`createacct?username=a%00b&domain=c.example`, `invalid: The “username” argument is invalid: it must be the name of an account.`},
		{`createacct?username=../etc&domain=c.example`, `invalid: “../etc` + badName},
		{`createacct?username=root&domain=c.example`, `invalid: “root” is a reserved username: choose another.`},
		{`createacct?username=ALICE&domain=c.example`, `exists: The username “alice” or the domain “c.example” already exists: choose another.`},
		{`createacct?username=dave&domain=example.com`, `exists: The domain “example.com” already exists.`},
		{`createacct?username=dave&domain=localhost`, `invalid: The “domain” argument is invalid: it must be a domain such as example.com.`},
		{`createacct?username=dave&domain=d.example&plan=none`, `not-found: There is no package “none”.`},
		{`createacct?username=dave&domain=d.example&contactemail=nobody`, `invalid: The “contactemail” argument is invalid: it must be an address such as user@example.com.`},
		{`createacct?username=dave&domain=d.example&password=abc`, `invalid: The password is too weak: its strength is 9 of 100 and must be at least 65. Make it longer, or mix letters, digits and signs.`},
		{`createacct?username=dave&domain=d.example&password=` + strong + `&pass=other`, `invalid: The arguments “password” and “pass” differ: give one of them.`},
		{`createacct?username=dave&domain=d.example&owner=nobody`, `not-found: There is no account “nobody”.`},
		{`createacct?username=dave&domain=d.example&maxpop=-1`, `invalid: The “maxpop” argument is invalid: it must be a whole number or “unlimited”.`},
		{`createacct?username=dave&domain=d.example&quota=1e3`, `invalid: The “quota” argument is invalid: it must be a whole number or “unlimited”.`},
		{`createacct?username=dave&domain=d.example&quota=9223372036854775807`, `invalid: The “quota” argument is invalid: it must be a whole number or “unlimited”.`},
		{`createacct?username=dave&domain=d.example&language=../x`, `invalid: The “language” argument is invalid: it must be a name of letters, digits, _ and -.`},
		{`createacct?username=dave&domain=d.example&reseller=x`, `invalid: The “reseller” argument is invalid: it must be 1 or 0.`},
		{`createacct?username=dave&domain=d.example&ip=y`, `invalid: This server cannot do what “ip” asks for: leave it out.`},
		{`createacct?username=dave&domain=d.example&customip=192.0.2.9`, `invalid: This server cannot do what “customip” asks for: leave it out.`},
		{`createacct?username=dave&domain=d.example&hasshell=1`, `invalid: This server cannot do what “hasshell” asks for: leave it out.`},
		{`createacct?username=dave&domain=d.example&mxcheck=remote`, `invalid: This server cannot do what “mxcheck” asks for: leave it out.`},
		{`createacct?username=dave&domain=d.example&featurelist=Mail+Only`,
			`invalid: The feature list belongs to the package, and that of “default” is “default”: name another package, or give “pkgname” to save a new one.`},
		{`list_users`, `{"users":["root","alice","bob","carol9abcdefghij"]}`}, // nothing above left anything behind
		{`listpkgs?want=some`, `invalid: The “want” argument is invalid: it must be one of all, creatable, editable, viewable.`},

		{`createacct?username=dave&domain=d.example&pass=` + strong + `&ip=n&customip=192.0.2.1&reseller=0&hasshell=0&mxcheck=auto&cgi=1&dkim=1&spamassassin=0&frobnicate=1&language=de&cpmod=dark&ownerself=1`,
			createdIn("default") + ` warning: These arguments have no effect on this server: cgi, dkim, frobnicate.`},
	})
	if !h.Opens("dave", strong) || !h.Opens("carol9abcdefghij", strong) || h.Opens("bob", "") {
		t.Error("the passwords are not those that were given")
	}
	a, err := h.Account(t.Context(), "dave")
	if err != nil || a.Locale != "de" || a.Theme != "dark" || a.Owner != "dave" {
		t.Errorf("dave is %+v, %v; want the locale de, the theme dark and itself as the owner", a, err)
	}
	if a, _ := h.Account(t.Context(), "bob"); a.Owner != "root" {
		t.Errorf("bob's owner is %q, want root", a.Owner)
	}
}

func TestLimits(t *testing.T) {
	const u = latchkey.Unlimited
	h := newHost(t)
	run(t, h, []row{{`createacct?username=carol&domain=c.example&plan=gold&quota=0&bwlimit=unlimited&maxpop=0&maxftp=null&maxsql=3&maxlst=0&maxsub=0&maxpark=2&maxaddon=unlimited&max_emailacct_quota=0&max_email_per_hour=7`,
		createdIn("gold")}})
	limitsAre(t, h, "carol", latchkey.Limits{DiskMB: u, Inodes: u, BandwidthMB: u, Mailboxes: u, MailboxMB: u, FTPAccounts: u, Databases: 3, Subdomains: 0, Addons: u, Parked: 2, Lists: u, EmailPerHour: 7})

	has(t, h, []row{{`modifyacct?user=carol&QUOTA=10&BWLIMIT=1048577&MAXPOP=0&MAXFTP=0&MAXSQL=0&MAXLST=0&MAXSUB=unlimited&MAXPARK=0&MAXADDON=0&MAX_EMAILACCT_QUOTA=5&MAX_EMAIL_PER_HOUR=0`, `"BWLIMIT":"2097152"`}})
	limitsAre(t, h, "carol", latchkey.Limits{DiskMB: 10, Inodes: u, BandwidthMB: 2, Mailboxes: 0, MailboxMB: 5, FTPAccounts: 0, Databases: 0, Subdomains: u, Addons: u, Parked: 0, Lists: u, EmailPerHour: u})

	gold := latchkey.Limits{DiskMB: 1024, Inodes: u, BandwidthMB: 1048576, Mailboxes: 5, MailboxMB: 1024, FTPAccounts: u, Databases: u, Subdomains: u, Addons: 0, Parked: 0, Lists: u, EmailPerHour: u}
	limitsAre(t, h, "alice", gold)
	run(t, h, []row{
		{`changepackage?user=alice&pkg=none`, `not-found: There is no package “none”.`},
		{`changepackage?user=nobody&pkg=gold`, `not-found: There is no account “nobody”.`},
		{`changepackage?user=alice`, `missing: pkg`},
		{`changepackage?user=alice&pkg=default`, `null`},
		{`changepackage?user=carol&pkg=gold`, `null`},
	})
	limitsAre(t, h, "alice", latchkey.NoLimits())
	limitsAre(t, h, "carol", gold)
}

func limitsAre(t *testing.T, h *hostingtest.Host, name latchkey.AccountName, want latchkey.Limits) {
	t.Helper()
	if a, err := h.Account(t.Context(), name); err != nil || a.Limits != want {
		t.Errorf("the limits of %s are\n got %+v, %v\nwant %+v", name, a.Limits, err, want)
	}
}

func TestSavePackage(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`createacct?username=carol&domain=c.example&plan=gold&pkgname=silver&featurelist=Mail+Only&maxpop=2`, createdIn("silver")},
		{`createacct?username=dave&domain=d.example&savepkg=1`, createdIn("dave")},
		{`createacct?username=erin&domain=e.example&savepkg=0&pkgname=bronze&quota=5`, createdIn("default")},
		{`createacct?username=fred&domain=f.example&pkgname=silver`, `exists: A package named “silver” already exists.`},
		{`createacct?username=fred&domain=f.example&pkgname=extensions`, `invalid: A package cannot be called “extensions”: choose another name.`},
		{`createacct?username=fred&domain=f.example&pkgname=a/b`,
			`invalid: The “pkgname” argument is invalid: it must be a name of 1 to 128 characters that does not begin with a dot and has no slash.`},
		{`createacct?username=fred&domain=f.example&pkgname=x&featurelist=none`, `not-found: There is no feature list “none”.`},
		{`getpkginfo?pkg=bronze`, `not-found: There is no package “bronze”.`},
	})
	has(t, h, []row{
		{`getpkginfo?pkg=silver`, `"FEATURELIST":"Mail Only"`},
		{`getpkginfo?pkg=silver`, `"MAXPOP":"2"`},
		{`getpkginfo?pkg=silver`, `"QUOTA":"1024"`},
		{`accountsummary?user=erin`, `"disklimit":"5M"`},
	})
}

func TestModifyAccount(t *testing.T) {
	const file = `{"cpuser":{"BACKUP":"0","BWLIMIT":"unlimited","CONTACTEMAIL":"new@example.org","CONTACTEMAIL2":"","DEMO":"0","DOMAIN":"example.net",` +
		`"FEATURELIST":"default","IP":"192.0.2.1","LEGACY_BACKUP":"0","LOCALE":"fr","MAILBOX_FORMAT":"maildir","MAXADDON":"unlimited","MAXFTP":"unlimited",` +
		`"MAXLST":"unlimited","MAXPARK":"unlimited","MAXPOP":"9","MAXSQL":"unlimited","MAXSUB":"unlimited","MAX_DEFER_FAIL_PERCENTAGE":"unlimited",` +
		`"MAX_EMAILACCT_QUOTA":"unlimited","MAX_EMAIL_PER_HOUR":"unlimited","OWNER":"alice","PLAN":"default","QUOTA":"unlimited","RS":"dark",` +
		`"STARTDATE":"1700000000","USER":"robert","_PACKAGE_EXTENSIONS":""},"domain":"example.net","setshell":"unmodified","user":"robert"}`
	const cannot = `: leave it out. Capital and small letters differ in these names.`
	h := newHost(t)
	run(t, h, []row{
		{`modifyacct`, `missing: user`},
		{`modifyacct?user=nobody`, `not-found: There is no account “nobody”.`},
		{`modifyacct?user=bob&domain=other.example`, `invalid: This server cannot change the main domain of an account: leave “domain” out, or create an account for the other domain.`},
		{`modifyacct?user=bob&DNS=other.example&MAXPOP=1`, `invalid: This server cannot change the main domain of an account: leave “DNS” out, or create an account for the other domain.`},
		{`modifyacct?user=bob&shell=/bin/bash`, `invalid: This server cannot change “shell” of an account` + cannot},
		{`modifyacct?user=bob&HASSHELL=1`, `invalid: This server cannot change “HASSHELL” of an account` + cannot},
		{`modifyacct?user=bob&maxpop=1`, `invalid: This server cannot change “maxpop” of an account` + cannot},
		{`modifyacct?user=bob&MXCHECK-example.net=remote`, `invalid: This server cannot change “MXCHECK-example.net” of an account` + cannot},
		{`modifyacct?user=bob&notify_disk_limit=1`, `invalid: This server cannot change “notify_disk_limit” of an account` + cannot},
		{`modifyacct?user=bob&reseller=1`, `invalid: This server cannot change “reseller” of an account` + cannot},
		{`modifyacct?user=bob&owner=nobody`, `not-found: There is no account “nobody”.`},
		{`modifyacct?user=bob&plan=none&MAXPOP=1`, `not-found: There is no package “none”.`},
		{`modifyacct?user=bob&newuser=alice&MAXPOP=1`, `exists: The username “alice” already exists: choose another.`},
		{`modifyacct?user=bob&newuser=root`, `invalid: “root” is a reserved username: choose another.`},
		{`modifyacct?user=bob&STARTDATE=-1`, `invalid: The “STARTDATE” argument is invalid: it must be a time in seconds since 1970.`},
		{`modifyacct?user=bob&STARTDATE=yesterday`, `invalid: The “STARTDATE” argument is invalid: it must be a whole number.`},
	})
	limitsAre(t, h, "bob", latchkey.NoLimits()) // nothing was changed in part
	run(t, h, []row{
		{`modifyacct?user=bob&newuser=Robert&domain=example.net&DNS=example.net&HASSHELL=0&HASCGI=0&reseller=0&notify_disk_limit=0&_submit=Save&shell=/usr/local/cpanel/bin/noshell` +
			`&contactemail=new@example.org&LOCALE=fr&RS=dark&owner=alice&STARTDATE=1700000000&MAXPOP=9`, file},
		{`list_users`, `{"users":["root","alice","robert"]}`},
	})
	has(t, h, []row{
		{`modifyacct?user=robert&owner=robert`, `"OWNER":"robert"`},
		{`modifyacct?user=robert&newuser=bob`, `"OWNER":"bob"`},
		{`modifyacct?user=bob&OWNER=root&package=gold&MAXPOP=6`, `"MAXPOP":"6"`},
		{`modifyacct?user=bob`, `"PLAN":"gold","QUOTA":"1024"`},
		{`modifyacct?user=bob&newuser=bob`, `"OWNER":"root"`},
	})
}

func TestRemoveAccount(t *testing.T) {
	run(t, newHost(t), []row{
		{`removeacct`, `missing: username`},
		{`removeacct?user=nobody`, `not-found: There is no account “nobody”.`},
		{`removeacct?user=root`, `not-found: There is no account “root”.`},
		{`removeacct?user=alice&username=bob`, `invalid: The arguments “username” and “user” differ: give one of them.`},
		{`removeacct?user=alice&keepdns=1`, `invalid: This server cannot keep the DNS entries of an account it removes: leave “keepdns” out or set it to 0.`},
		{`removeacct?user=alice&keepdns=0`, `null`},
		{`removeacct?username=BOB&user=bob`, `null`},
		{`removeacct?username=bob`, `not-found: There is no account “bob”.`},
		{`list_users`, `{"users":["root"]}`},
		{`listaccts`, `{"acct":[]}`},
	})
}

func TestSuspend(t *testing.T) {
	h := newHost(t)
	run(t, h, []row{
		{`suspendacct?reason=x`, `missing: user`},
		{`suspendacct?user=nobody`, `not-found: There is no account “nobody”.`},
		{`suspendacct?user=bob&reason=not+paid&disallowun=1&leave-ftp-accts-enabled=0`, `null`},
		{`listaccts?want=user,suspended,suspendreason,suspendtime`,
			`{"acct":[{"suspended":0,"suspendreason":"not suspended","suspendtime":null,"user":"alice"},` +
				`{"suspended":1,"suspendreason":"not paid","suspendtime":1767268800,"user":"bob"}]}`},
		{`suspendacct?user=bob`, `null`},
		{`listaccts?search=bob&searchtype=user&want=suspendreason`, `{"acct":[{"suspendreason":"Unknown"}]}`},
		{`unsuspendacct?user=bob&retain-service-proxies=1`, `null`},
		{`unsuspendacct?user=bob`, `null`},
		{`unsuspendacct?user=nobody`, `not-found: There is no account “nobody”.`},
		{`listaccts?search=bob&searchtype=user&want=suspended,suspendreason,suspendtime`, `{"acct":[{"suspended":0,"suspendreason":"not suspended","suspendtime":null}]}`},
	})
}

func TestPasswd(t *testing.T) {
	const other = "Vogel_im+Baum.77"
	h := newHost(t)
	run(t, h, []row{
		{`passwd?user=bob`, `missing: password`},
		{`passwd?password=` + strong, `missing: user`},
		{`passwd?user=nobody&password=` + strong, `not-found: There is no account “nobody”.`},
		{`passwd?user=bob&password=abc`, `invalid: The password is too weak: its strength is 9 of 100 and must be at least 65. Make it longer, or mix letters, digits and signs.`},
		{`passwd?user=bob&password=` + strong + `&digestauth=1`, `invalid: This server has no Digest Authentication: leave “enabledigest” out or set it to 0.`},
		{`passwd?user=bob&pass=` + strong + `&password=` + strong + `&db_pass_update=1`, `{"app":["system"]}`},
	})
	if !h.Opens("bob", strong) {
		t.Error("passwd did not set the password")
	}
	run(t, h, []row{
		{`passwd?user=bob&pass=` + strings.ReplaceAll(other, "+", "%2B"), `{"app":["system"]}`},
		{`passwd?user=bob&pass=` + strong + `&password=x`, `invalid: The arguments “password” and “pass” differ: give one of them.`},
	})
	if !h.Opens("bob", other) {
		t.Error("passwd did not set the password given as pass")
	}
}

func TestListAccounts(t *testing.T) {
	const alice = `{"backup":0,"child_nodes":[],"disklimit":"1024M","diskused":"12M","domain":"example.com","email":"a@example.org","has_backup":0,` +
		`"inodeslimit":"unlimited","inodesused":34,"ip":"192.0.2.1","ipv6":[],"is_locked":0,"is_temporary_domain":0,"legacy_backup":0,"mailbox_format":"maildir",` +
		`"max_defer_fail_percentage":"unlimited","max_email_per_hour":"unlimited","max_emailacct_quota":"1024","maxaddons":"0","maxftp":"unlimited",` +
		`"maxlst":"unlimited","maxparked":"0","maxpop":"5","maxsql":"unlimited","maxsub":"unlimited","min_defer_fail_to_trigger_protection":"unlimited",` +
		`"outgoing_mail_hold":0,"outgoing_mail_suspended":0,"owner":"root","partition":"home","plan":"gold","shell":"/usr/local/cpanel/bin/noshell",` +
		`"standalone_feature":"","standalone_feature_name":"","startdate":"26 Jan 01 12:00","suspended":0,"suspendreason":"not suspended","suspendtime":null,` +
		`"temporary":0,"theme":"jupiter","uid":1001,"unix_startdate":1767268800,"user":"alice"}`
	h := newHost(t)
	h.Use("alice", 12<<20-1, 34)
	run(t, h, []row{
		{`accountsummary?user=Alice`, `{"acct":[` + alice + `]}`},
		{`accountsummary?domain=EXAMPLE.com`, `{"acct":[` + alice + `]}`},
		{`accountsummary`, `missing: user`},
		{`accountsummary?user=nobody`, `not-found: Account does not exist.`},
		{`accountsummary?domain=none.example`, `not-found: Account does not exist.`},
		{`listaccts?search=alice&searchtype=user&searchmethod=exact`, `{"acct":[` + alice + `]}`},
		{`listaccts?want=user,+diskused&want=disklimit`, `{"acct":[{"disklimit":"1024M","diskused":"12M","user":"alice"},{"disklimit":"unlimited","diskused":"0M","user":"bob"}]}`},
	})
	const both, onlyAlice, onlyBob, none = `{"acct":[{"user":"alice"},{"user":"bob"}]}`, `{"acct":[{"user":"alice"}]}`, `{"acct":[{"user":"bob"}]}`, `{"acct":[]}`
	for search, want := range map[string]string{
		``:                           both,
		`search=alice`:               both,
		`searchtype=user`:            both,
		`search=^A&searchtype=user`:  onlyAlice,
		`search=a|b&searchtype=user`: both,
		`search=o&searchtype=user`:   onlyBob,
		`search=bo&searchtype=user&searchmethod=exact`:       none,
		`search=example.net&searchtype=domain`:               onlyBob,
		`search=gold&searchtype=package`:                     onlyAlice,
		`search=root&searchtype=owner&searchmethod=exact`:    both,
		`search=192.0.2.1&searchtype=ip&searchmethod=exact`:  both,
		`search=192.0.2.11&searchtype=ip&searchmethod=exact`: none,
		`search=%29.*%28&searchtype=user`:                    `invalid: The “search” argument is not a regular expression this server understands: it knows neither look-around nor back-references. Use “searchmethod=exact” for plain text.`,
		`search=%28%3F%3Da%29&searchtype=user`:               `invalid: The “search” argument is not a regular expression this server understands: it knows neither look-around nor back-references. Use “searchmethod=exact” for plain text.`,
		`search=a&searchtype=color`:                          `invalid: The “searchtype” argument is invalid: it must be one of domain, owner, user, ip, package.`,
		`search=a&searchtype=user&searchmethod=fuzzy`:        `invalid: The “searchmethod” argument is invalid: it must be one of exact, regex.`,
	} {
		run(t, h, []row{{`listaccts?want=user&` + search, want}})
	}
}

func TestMegabytes(t *testing.T) {
	for n, want := range map[int64]int64{0: 0, 1: 1, 1 << 20: 1, 1<<20 + 1: 2, latchkey.Unlimited: 1 << 43} {
		if got := megabytes(n); got != want {
			t.Errorf("megabytes(%d) = %d, want %d", n, got, want)
		}
	}
	for home, want := range map[string]string{"/home/bob": "home", "/srv/web/bob": "srv", "bob": "bob", "/": ""} {
		if got := partition(home); got != want {
			t.Errorf("partition(%q) = %q, want %q", home, got, want)
		}
	}
	if got := time.Unix(lastSecond, 0).UTC().Year(); got != 9999 {
		t.Errorf("the last second is in the year %d, want 9999", got)
	}
}
