package variables

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestVariables(t *testing.T) {
	const noSuch = `invalid: There is no setting “no_such”: call this function without a name to see them all.`
	acct := hostingtest.New()
	acct.Own(latchkey.SubDomain, "blog.example.com", "blog")
	acct.Data.Limits.DiskMB, acct.Data.Limits.Mailboxes, acct.Data.Limits.BandwidthMB = 250, 10, 3
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`get_user_information?name=home`, `{"home":"/home/demo"}`},
		{`get_user_information?name-0=user&name-1=domain&name-2=maximum_mail_accounts&name-3=maximum_ftp_accounts`,
			`{"domain":"example.com","maximum_ftp_accounts":"unlimited","maximum_mail_accounts":10,"user":"demo"}`},
		{`get_user_information?name=domains&name=plan&name=created&name=notify_disk_limit`,
			`{"created":1767182400,"domains":["example.com","blog.example.com"],"notify_disk_limit":0,"plan":"default"}`},
		{`get_user_information?name=disk_block_limit&name=bandwidth_limit&name=dead_domains`,
			`{"bandwidth_limit":3145728,"dead_domains":[],"disk_block_limit":256000}`},
		{`get_user_information?name=mxcheck&name=uid`, fmt.Sprintf(`{"mxcheck":{"blog.example.com":"local","example.com":"local"},"uid":%d}`, os.Getuid())},
		{`get_user_information?name=no_such`, noSuch},
		{`get_user_information?name=home&name=no_such`, noSuch},
		{`get_session_information`, `{"host":"host.example.net"}`},
		{`get_session_information?name=host`, `{"host":"host.example.net"}`},
		{`get_session_information?name=no_such`, noSuch},
		{`get_server_information?name=version&name=mysql_host&name=minimum_password_strength`,
			`{"minimum_password_strength":65,"mysql_host":null,"version":"1.2.3"}`},
		{`get_server_information?name=no_such`, noSuch},
	})
	acct.Data.Limits = latchkey.NoLimits()
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`get_user_information?name=disk_block_limit&name=bandwidth_limit`, `{"bandwidth_limit":0,"disk_block_limit":0}`},
	})
}

func TestEverything(t *testing.T) {
	for call, want := range map[string]int{"get_user_information": 65, "get_server_information": 58} {
		var all map[string]any
		text := moduletest.Call(t, Module, hostingtest.New(), call)
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%s: %v in %s", call, err, text)
		}
		if len(all) != want {
			t.Errorf("%s tells %d settings, want %d", call, len(all), want)
		}
	}
}
