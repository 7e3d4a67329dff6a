package whm

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
)

func TestPackages(t *testing.T) {
	const fresh = `"BWLIMIT":"1048576","CPMOD":"","DIGESTAUTH":"n","FEATURELIST":"default","LANG":"","MAXADDON":"0","MAXFTP":"unlimited","MAXLST":"unlimited",` +
		`"MAXPARK":"0","MAXPOP":"unlimited","MAXSQL":"unlimited","MAXSUB":"unlimited","MAX_DEFER_FAIL_PERCENTAGE":"unlimited","MAX_EMAILACCT_QUOTA":"1024",` +
		`"MAX_EMAIL_PER_HOUR":"unlimited","MAX_TEAM_USERS":null,"QUOTA":"10240","_PACKAGE_EXTENSIONS":""}`
	const full = `"BWLIMIT":"unlimited","CPMOD":"dark","DIGESTAUTH":"y","FEATURELIST":"Mail Only","LANG":"de","MAXADDON":"3","MAXFTP":"0","MAXLST":"0",` +
		`"MAXPARK":"unlimited","MAXPOP":"0","MAXSQL":"0","MAXSUB":"0","MAX_DEFER_FAIL_PERCENTAGE":"unlimited","MAX_EMAILACCT_QUOTA":"unlimited",` +
		`"MAX_EMAIL_PER_HOUR":"8","MAX_TEAM_USERS":null,"QUOTA":"unlimited","_PACKAGE_EXTENSIONS":""}`
	const badName = `invalid: The “name” argument is invalid: it must be a name of 1 to 128 characters that does not begin with a dot and has no slash.`
	run(t, hostingtest.NewHost(), []row{
		{`addpkg`, `missing: name`},
		{`addpkg?name=extensions`, `invalid: A package cannot be called “extensions”: choose another name.`},
		{`addpkg?name=../x`, badName},
		{`addpkg?name=a%0Ab`, badName},
		{`addpkg?name=a%FF`, badName},
		{`addpkg?name=+`, badName},
		{`addpkg?name=basic`, `{"pkg":"basic"}`},
		{`addpkg?name=basic`, `exists: A package named “basic” already exists.`},
		{`addpkg?name=x&featurelist=none`, `not-found: There is no feature list “none”.`},
		{`addpkg?name=x&cgi=2`, `invalid: The “cgi” argument is invalid: it must be 1 or 0.`},
		{`addpkg?name=x&_PACKAGE_EXTENSIONS=wp-toolkit`, `invalid: This server cannot do what “_PACKAGE_EXTENSIONS” asks for: leave it out.`},
		{`addpkg?name=x&MAX_DEFER_FAIL_PERCENTAGE=50`, `invalid: This server cannot do what “MAX_DEFER_FAIL_PERCENTAGE” asks for: leave it out.`},
		{`addpkg?name=My+Plan+2&cgi=0&hasshell=1&digestauth=1&ip=y&cpmod=dark&language=de&featurelist=Mail+Only&quota=0&bwlimit=null&maxpop=0&maxftp=0&maxsql=0&maxlst=0` +
			`&maxsub=0&maxpark=unlimited&maxaddon=3&max_emailacct_quota=0&MAX_EMAIL_PER_HOUR=8&max_defer_fail_percentage=unlimited&frontpage=0&max_team_users=7&_PACKAGE_EXTENSIONS=`,
			`{"pkg":"My Plan 2"} warning: These arguments have no effect on this server: max_team_users.`},
		{`getpkginfo`, `missing: pkg`},
		{`getpkginfo?pkg=basic`, `{"pkg":{"CGI":1,"FRONTPAGE":0,"HASSHELL":0,"IP":0,` + fresh + `}`},
		{`getpkginfo?pkg=My+Plan+2`, `{"pkg":{"CGI":0,"FRONTPAGE":0,"HASSHELL":1,"IP":1,` + full + `}`},
		{`editpkg?name=default&quota=10240&bwlimit=1048576&maxpark=0&maxaddon=0&max_emailacct_quota=1024`, `{"pkg":"default"}`},
		{`listpkgs?want=creatable`, `{"pkg":[{"name":"My Plan 2","CGI":"n","FRONTPAGE":"n","HASSHELL":"y","IP":"y",` + full + `,{"name":"basic","CGI":"y","FRONTPAGE":"n","HASSHELL":"n","IP":"n",` + fresh +
			`,{"name":"default","CGI":"y","FRONTPAGE":"n","HASSHELL":"n","IP":"n",` + fresh + `]}`},
	})
}

// TestEditPackage holds that an edit changes what was named, of the package and
// of its accounts.
func TestEditPackage(t *testing.T) {
	h := newHost(t)
	has(t, h, []row{{`modifyacct?user=alice&QUOTA=7&MAXPOP=8`, `"MAXPOP":"8"`}})
	run(t, h, []row{
		{`editpkg?name=gold&quota=2048`, `{"pkg":"gold"}`},
		{`listaccts?search=alice&searchtype=user&want=disklimit,maxpop`, `{"acct":[{"disklimit":"2048M","maxpop":"8"}]}`},
		{`editpkg?name=gold&featurelist=none&maxpop=1`, `not-found: There is no feature list “none”.`},
		{`editpkg?name=gold&max_email_per_hour=0&maxpop=unlimited`, `{"pkg":"gold"}`},
		{`listaccts?want=disklimit,maxpop`, `{"acct":[{"disklimit":"2048M","maxpop":"unlimited"},{"disklimit":"unlimited","maxpop":"unlimited"}]}`},
		{`editpkg?name=new&maxpop=3`, `{"pkg":"new"}`},
		{`editpkg?maxpop=3`, `missing: name`},
	})
	has(t, h, []row{
		{`getpkginfo?pkg=gold`, `"QUOTA":"2048"`},
		{`getpkginfo?pkg=new`, `"MAXPOP":"3"`},
		{`getpkginfo?pkg=new`, `"QUOTA":"10240"`},
	})
}
