package email

import (
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestForwarders(t *testing.T) {
	acct := hostingtest.New()
	acct.Own(latchkey.AddonDomain, "example.org", "example.org")
	row := func(dest, forward, uriDest, uriForward string) string {
		return `{"dest":"` + dest + `","forward":"` + forward + `","html_dest":"` + dest + `","html_forward":"` + forward + `","uri_dest":"` + uriDest + `","uri_forward":"` + uriForward + `"}`
	}
	info := row("info@example.com", "bob@example.net", "info%40example.com", "bob%40example.net")
	gone := row("old@example.org", ":fail: Gone", "old%40example.org", "%3Afail%3A+Gone")
	table(t, acct, []moduletest.Row{
		{`add_forwarder?domain=example.com&email=info&fwdopt=fwd&fwdemail=bob@example.net`, `[{"domain":"example.com","email":"info@example.com","forward":"bob@example.net"}]`},
		{`2:addforward?domain=example.com&email=info@example.com&fwdopt=fwd&fwdemail=bob@Example.NET`, `[{"domain":"example.com","email":"info@example.com","forward":"bob@example.net"}]`},
		{`count_forwarders`, `1`}, // the same pair is stored once
		{`list_forwarders?domain=example.com`, `[` + info + `]`},
		{`add_forwarder?domain=example.org&email=old&fwdopt=fail&failmsgs=Gone`, `[{"domain":"example.org","email":"old@example.org","forward":":fail: Gone"}]`},
		{`list_forwarders`, `[` + info + `,` + gone + `]`},
		{`2:listforwards?regex=^old`, `[` + gone + `]`},
		{`list_forwarders?domain=example.com&regex=nobody`, `[]`},
		{`add_forwarder?domain=example.com&email=a&fwdopt=fwd&fwdemail=x@y.example,%20z@y.example`,
			`[{"domain":"example.com","email":"a@example.com","forward":"x@y.example"},{"domain":"example.com","email":"a@example.com","forward":"z@y.example"}]`},
		{`delete_forwarder?address=a@example.com&forwarder=x@y.example,z@y.example`, `null`},
		{`add_forwarder?domain=example.com&email=a&fwdopt=blackhole`, `[{"domain":"example.com","email":"a@example.com","forward":":blackhole:"}]`},
		{`2:delforward?email=a@example.com&emaildest=:blackhole:`, `null`},
		{`delete_forwarder?address=info@example.com&forwarder=no@example.net`, `not-found: “info@example.com” is not forwarded to “no@example.net”.`},
		{`delete_forwarder?address=info@example.com&forwarder=bob@example.net`, `null`},
		{`delete_forwarder?address=info@example.com`, `missing: forwarder`},
		{`delete_forwarder`, `missing: address`},
		{`count_forwarders`, `1`},
		{`add_forwarder?email=a&domain=example.com&fwdopt=pipe&pipefwd=/bin/sh`, `invalid: Mail cannot be given to a program: the accounts of this server are virtual and run none. Forward it to a mailbox.`},
		{`add_forwarder?email=a&domain=example.com&fwdopt=system&fwdsystem=root`, `invalid: Mail cannot be given to a system user: the accounts of this server have mailboxes, and no user that takes mail besides. Give the address of a mailbox.`},
		{`add_forwarder?email=a&domain=example.com&fwdopt=fwd`, `missing: fwdemail`},
		{`add_forwarder?email=a&domain=example.com`, `missing: fwdopt`},
		{`add_forwarder?email=a&domain=example.com&fwdopt=eat`, `invalid: The “fwdopt” argument is invalid: it must be fwd, fail, blackhole, system, pipe.`},
		{`add_forwarder?email=a&domain=example.net&fwdopt=blackhole`, `not-found: You do not own the domain “example.net”.`},
		{`add_forwarder?email=a&domain=example.com&fwdopt=fwd&fwdemail=%7C/bin/sh@x.example`, `invalid: The “fwdemail” argument is invalid: it may only have letters, digits and . _ - + = & ' # $ * ? ^ ~ before the @.`},
		{`add_forwarder?email=a&domain=example.com&fwdopt=fwd&fwdemail=-oQ@x.example`, `invalid: The “fwdemail” argument is invalid: it must not begin with a dash.`},
		{`add_forwarder?email=a&domain=example.com&fwdopt=fail&failmsgs=a%0Ab`, `invalid: The “failmsgs” argument is invalid: it may have 500 bytes of text on one line, and no control characters.`},

		{`add_domain_forwarder?domain=example.org&destdomain=example.net`, `"example.net"`},
		{`list_domain_forwarders`, `[{"dest":"example.org","forward":"example.net"}]`},
		{`2:listdomainforwards?domain=example.com`, `[]`},
		{`list_forwarders_backups`, `[{"domain":"example.org"}]`},
		{`add_domain_forwarder?domain=example.org&destdomain=example.org`, `invalid: That is the same domain.`},
		{`delete_domain_forwarder?domain=example.org`, `null`},
		{`delete_domain_forwarder?domain=example.org`, `not-found: The domain “example.org” is not forwarded.`},
	})
}

func TestDefaultAddress(t *testing.T) {
	acct := hostingtest.New()
	acct.Own(latchkey.SubDomain, "shop.example.com", "shop")
	const fresh = `"\":fail: No Such User Here\""`
	table(t, acct, []moduletest.Row{
		{`list_default_address`, `[{"defaultaddress":` + fresh + `,"domain":"example.com"},{"defaultaddress":` + fresh + `,"domain":"shop.example.com"}]`},
		{`set_default_address?fwdopt=fwd&fwdemail=bob@example.com`, `[{"dest":"bob@example.com","domain":"example.com"}]`},
		{`2:listdefaultaddresses?domain=example.com`, `[{"defaultaddress":"bob@example.com","domain":"example.com"}]`},
		{`2:setdefaultaddress?fwdopt=blackhole&domain=example.com`, `[":blackhole:"]`},
		{`2:checkmaindiscard`, `[{"status":1}]`},
		{`set_default_address?fwdopt=fail&failmsgs=Nobody%20home.`, `[{"dest":":fail: Nobody home.","domain":"example.com"}]`},
		{`list_default_address?domain=example.com`, `[{"defaultaddress":"\":fail: Nobody home.\"","domain":"example.com"}]`},
		{`set_default_address?fwdopt=fwd&fwdemail=a@x.example,b@x.example`, `invalid: A domain has one default address: give one.`},
		{`set_default_address?fwdopt=fwd&fwdemail=demo`, `invalid: The “fwdemail” argument is invalid: it must be an address such as user@example.com.`},
		{`set_default_address?fwdopt=pipe&pipefwd=x`, `invalid: Mail cannot be given to a program: the accounts of this server are virtual and run none. Forward it to a mailbox.`},
		{`set_default_address?fwdopt=blackhole&domain=example.net`, `not-found: You do not own the domain “example.net”.`},
		{`2:checkmaindiscard`, `[{"status":0}]`},
	})
}

func TestAutoresponders(t *testing.T) {
	const one = `add_auto_responder?email=info&domain=example.com&from=Info%20<x@y.example>&subject=Away%20%C3%BC&body=A%0D%0AB%0A%0A%0A&interval=8`
	table(t, hostingtest.New(), []moduletest.Row{
		{`get_auto_responder?email=info@example.com`, `{"charset":"utf-8"}`},
		{one, `null`},
		{`list_auto_responders?domain=example.com`, `[{"email":"info@example.com","subject":"Away ü"}]`},
		{`get_auto_responder?email=info@example.com`,
			`{"body":"A\r\nB\n","charset":"utf-8","from":"Info","interval":8,"is_html":0,"start":null,"stop":null,"subject":"Away ü"}`},
		{`2:addautoresponder?email=info&domain=example.com&from=&subject=x&body=&interval=0&is_html=1&charset=us-ascii&start=1410277881&stop=1410300000`, `null`},
		{`count_auto_responders`, `1`}, // the second took the place of the first
		{`2:fetchautoresponder?email=info`,
			`{"body":"\n","charset":"us-ascii","from":"","interval":0,"is_html":1,"start":1410277881,"stop":1410300000,"subject":"x"}`},
		{`add_auto_responder?email=info&domain=example.com&from=a&subject=x&interval=0`, `missing: body`},
		{`add_auto_responder?email=info&domain=example.com&from=a&subject=x&body=b&start=9&stop=8`, `invalid: The “stop” argument is invalid: it must be a time after “start”.`},
		{`add_auto_responder?email=info&domain=example.com&from=a&subject=x&body=b&interval=-1`, `invalid: The “interval” argument is invalid: give a number of hours, 0 to 8760.`},
		{`add_auto_responder?email=info&domain=example.com&from=a%0D%0ABcc:%20x&subject=x&body=b`, `invalid: The “from” argument is invalid: it may have 500 bytes of text on one line, and no control characters.`},
		{`add_auto_responder?email=info&domain=example.com&from=a&subject=x&body=b%00`, `invalid: The “body” argument is invalid: it may have 65536 bytes of text.`},
		{`add_auto_responder?email=info&domain=example.net&from=a&subject=x&body=b`, `not-found: You do not own the domain “example.net”.`},
		{`delete_auto_responder?email=info@example.com`, `null`},
		{`delete_auto_responder?email=info@example.com`, `null`},
		{`list_auto_responders`, `[]`},
		{`get_charsets`, `["utf-8"]`},
		{`fetch_charmaps`, `[{"map":"utf-8"}]`},
	})
}

func TestFilters(t *testing.T) {
	acct := hostingtest.New()
	const spam = `store_filter?filtername=spam&part1=$header_subject:&match1=contains&val1=[SPAM]&action1=save&dest1=/home/demo/mail/.Junk`
	const one = `{"filtername":"spam","enabled":1,"unescaped":"1","rules":[{"part":"$header_subject:","match":"contains","opt":null,"val":"[SPAM]"}],"actions":[{"action":"save","dest":"$home/mail/.Junk"}]}`
	const two = `{"filtername":"b","enabled":1,"unescaped":"1","rules":[{"part":"$header_from:","match":"is","opt":"or","val":"x"},{"part":"$message_body","match":"begins","opt":null,"val":"y"}],` +
		`"actions":[{"action":"deliver","dest":"a@b.example"},{"action":"finish","dest":null}]}`
	table(t, acct, []moduletest.Row{
		{`add_pop?email=bob&password=x`, `"bob+example.com"`},
		{`get_filter?filtername=spam`, `{"filtername":"Rule 1","rules":[{"number":1}],"actions":[{"number":1}]}`},
		{spam, `{"account":"demo"}`},
		{spam, `{"account":"demo"}`}, // takes its own place
		{`count_filters`, `1`},
		{`list_filters`, `[` + one + `]`},
		{`get_filter?filtername=spam&account=demo`, `{"filtername":"spam","rules":[{"part":"$header_subject:","match":"contains","opt":null,"val":"[SPAM]","number":1}],"actions":[{"action":"save","dest":"/.Junk","number":1}]}`},
		{`2:storefilter?filtername=b&part1=$header_from:&match1=is&val1=x&opt1=or&part2=$message_body&match2=begins&val2=y&opt2=and&action1=deliver&dest1=a@B.example&action2=finish`, `[{"account":"demo","error":0,"ok":1,"result":"Filter saved"}]`},
		{`2:filterlist`, `[` + one + `,` + two + `]`},
		{`store_filter?filtername=b&match_type=or&part1=$header_from:&match1=is&val1=x&part2=$message_body&match2=begins&val2=y&action1=deliver&dest1=a@b.example&action2=finish`, `{"account":"demo"}`},
		{`reorder_filters?mailbox=demo&filter1=b`, `null`},
		{`list_filters?account=demo`, `[` + two + `,` + one + `]`},
		{`reorder_filters?mailbox=demo&filter1=no`, `not-found: Filter "no" not found.`},
		{`disable_filter?account=demo&filtername=spam`, `{"filtername":"spam","updated":1}`},
		{`enable_filter?account=demo&filtername=spam`, `{"filtername":"spam","updated":1}`},
		{`delete_filter?filtername=none`, `not-found: Filter "none" not found.`},
		{`delete_filter?filtername=b&account=demo`, `null`},
		{`list_filters`, `[` + one + `]`},

		// Those of a mailbox are its own.
		{`list_filters?account=bob@example.com`, `[]`},
		{`store_filter?filtername=f&account=bob@example.com&part1=error_message&match1=is&val1=&action1=save&dest1=$home/mail/example.com/bob/.Work.A`, `{"account":"bob@example.com"}`},
		{`2:loadfilter?filtername=f&account=bob@example.com`, `{"filtername":"f","rules":[{"part":"error_message","match":"is","opt":null,"val":"","number":1}],"actions":[{"action":"save","dest":"/example.com/bob/.Work.A","number":1}]}`},
		{`store_filter?filtername=f&account=bob@example.com&oldfiltername=f&part1=$header_to:&match1=ends&val1=x&action1=save&dest1=/example.com/bob`, `{"account":"bob@example.com"}`},
		{`list_filters?account=bob@example.com`, `[{"filtername":"f","enabled":1,"unescaped":"1","rules":[{"part":"$header_to:","match":"ends","opt":null,"val":"x"}],"actions":[{"action":"save","dest":"$home/mail/example.com/bob"}]}]`},
		{`list_filters?account=no@example.com`, `not-found: You do not have an email account named “no@example.com”.`},
		{`list_filters?account=bob@example.net`, `not-found: You do not own the domain “example.net”.`},

		// Another account's name means nobody, and not the account itself.
		{spam + `&account=other`, `not-found: You do not have an email account named “other”.`},
		{`list_filters?account=other`, `not-found: You do not have an email account named “other”.`},
		{`get_filter?account=other&filtername=spam`, `not-found: You do not have an email account named “other”.`},
		{`delete_filter?account=other&filtername=spam`, `not-found: You do not have an email account named “other”.`},
		{`disable_filter?account=nobody&filtername=spam`, `not-found: You do not have an email account named “nobody”.`},
		{`reorder_filters?mailbox=other&filter1=spam`, `not-found: You do not have an email account named “other”.`},
		{`trace_filter?account=other&msg=x`, `not-found: You do not have an email account named “other”.`},
		{`list_filters?account=Demo`, `[` + one + `]`},
	})

	const asks = `store_filter?filtername=x&part1=`
	table(t, acct, []moduletest.Row{
		{`store_filter?filtername=x&action1=finish`, `invalid: A filter must have a rule: give “part1”, “match1” and “val1”.`},
		{asks + `$header_to:&match1=is&val1=x`, `invalid: A filter must have an action: give “action1”.`},
		{asks + `not+delivered&match1=is&val1=x&action1=finish`, `invalid: The “part1” argument is invalid: it asks whether the message is delivered already, which this server does not: order the filters, and use the action finish.`},
		{asks + `$header_a%20b:&match1=is&val1=x&action1=finish`, `invalid: The “part1” argument is invalid: it must be a field such as $header_subject:, or $message_body, $message_headers, $reply_address:, foranyaddress $h_to:,$h_cc:, or error_message.`},
		{asks + `$header_to:&match1=likes&val1=x&action1=finish`, `invalid: The “match1” argument is invalid: it must be is, contains, begins, ends, matches, is above, is below, or the opposite of one.`},
		{asks + `$header_to:&match1=is&val1=x&opt1=is&action1=finish`, `invalid: Invalid filter match join: give “and” or “or”.`},
		{asks + `$header_to:&match1=is+above&val1=x&action1=finish`, `invalid: The “val1” argument is invalid: it must be a whole number to be compared so.`},
		{asks + `$header_to:&match1=matches&val1=(&action1=finish`, `invalid: The “val1” argument is invalid: it must be an extended regular expression of POSIX: it is not one.`},
		{asks + `$header_to:&match1=is&val1=x&action1=pipe&dest1=/bin/sh`, `invalid: The “action1” argument is invalid: it asks for a program to be run: the accounts of this server are virtual and run none.`},
		{asks + `$header_to:&match1=is&val1=x&action1=fail&action2=finish`, `invalid: The “dest1” argument is invalid: it stands beside another action: a filter that refuses messages does nothing else.`},
		{asks + `$header_to:&match1=is&val1=x&action1=save&dest1=../../other/mail`, `invalid: The “dest1” argument is invalid: it must be a folder of the mailbox that the message is for, such as INBOX.Work: this server keeps mail nowhere else.`},
		{asks + `$header_to:&match1=is&val1=x%0Ay&action1=finish`, `invalid: The “val1” argument is invalid: it may have 1000 bytes of text on one line, and no control characters.`},
		{`count_filters`, `1`},
		{`trace_filter?msg=Subject:+[SPAM]%0A%0Ahello`,
			`{"trace":"Testing the message with the filters of demo. Nothing is delivered.\nsubject contains \"[SPAM]\": true\nDeliver to the folder \"Junk\".\n"}`},
		{`2:tracefilter?msg=Subject:+hello%0A%0A[SPAM]`,
			`{"trace":"Testing the message with the filters of demo. Nothing is delivered.\nsubject contains \"[SPAM]\": false\nThe message goes to the inbox.\n"}`},
	})
}

// TestRulesOfOneMailbox: who may act on one mailbox only reaches what is done
// with its mail, and nothing of the account as a whole.
func TestRulesOfOneMailbox(t *testing.T) {
	all := hostingtest.New()
	table(t, all, []moduletest.Row{
		{`add_pop?email=bob&password=x`, `"bob+example.com"`},
		{`add_forwarder?email=eve&domain=example.com&fwdopt=blackhole`, `[{"domain":"example.com","email":"eve@example.com","forward":":blackhole:"}]`},
		{`add_auto_responder?email=eve&domain=example.com&from=a&subject=x&body=b`, `null`},
	})
	no := latchkey.Errorf(latchkey.Denied, "no")
	acct := hosting.Narrow(all, func(things ...latchkey.Resource) error {
		if len(things) == 1 && things[0] == (latchkey.Resource{Kind: "mailbox", Name: "bob@example.com"}) {
			return nil
		}
		return no
	})
	const filter = `&filtername=f&part1=$header_to:&match1=is&val1=x&action1=finish`
	table(t, acct, []moduletest.Row{
		{`list_forwarders`, `[]`},
		{`count_forwarders`, `0`},
		{`list_auto_responders`, `[]`},
		{`list_default_address`, `[]`},
		{`add_forwarder?email=bob@example.com&fwdopt=blackhole`, `[{"domain":"example.com","email":"bob@example.com","forward":":blackhole:"}]`},
		{`add_forwarder?email=eve@example.com&fwdopt=blackhole`, `denied: no`},
		{`delete_forwarder?address=eve@example.com&forwarder=:blackhole:`, `denied: no`},
		{`set_default_address?domain=example.com&fwdopt=pipe`, `denied: no`},
		{`add_domain_forwarder?domain=example.com&destdomain=example.net`, `denied: no`},
		{`get_auto_responder?email=eve@example.com`, `denied: no`},
		{`delete_auto_responder?email=eve@example.com`, `denied: no`},
		{`store_filter?account=demo` + filter, `denied: no`},
		{`store_filter?account=eve@example.com` + filter, `denied: no`},
		{`store_filter?account=bob@example.com` + filter, `{"account":"bob@example.com"}`},
		{`list_filters`, `denied: no`},
		{`trace_filter?msg=x`, `denied: no`},
	})
}

// TestTraceDelivery: a trace shows what mail meets on its way, and no more of it than
// who asks may see.
func TestTraceDelivery(t *testing.T) {
	acct := hostingtest.New()
	acct.Own(latchkey.AddonDomain, "example.org", "example.org")
	const box = `{"mailbox":"bob@example.com","type":"local_delivery"}`
	const bob = `{"address":"bob@example.com","destinations":[` + box + `],"type":"routed"}`
	table(t, acct, []moduletest.Row{
		{`add_pop?email=bob&password=x`, `"bob+example.com"`},
		{`add_forwarder?email=info&domain=example.org&fwdopt=fwd&fwdemail=bob@example.com,x@example.net`,
			`[{"domain":"example.org","email":"info@example.org","forward":"bob@example.com"},{"domain":"example.org","email":"info@example.org","forward":"x@example.net"}]`},
		{`add_forwarder?email=a&domain=example.com&fwdopt=fwd&fwdemail=b@example.com`, `[{"domain":"example.com","email":"a@example.com","forward":"b@example.com"}]`},
		{`add_forwarder?email=b&domain=example.com&fwdopt=fwd&fwdemail=a@example.com`, `[{"domain":"example.com","email":"b@example.com","forward":"a@example.com"}]`},
		{`add_forwarder?email=no&domain=example.com&fwdopt=fail&failmsgs=Gone`, `[{"domain":"example.com","email":"no@example.com","forward":":fail: Gone"}]`},
		{`add_auto_responder?email=away&domain=example.com&from=a&subject=x&body=b`, `null`},
		{`trace_delivery?recipient=bob@example.com`, bob},
		{`trace_delivery?recipient=bob`, bob},
		{`trace_delivery?recipient=info@example.org`, `{"address":"info@example.org","destinations":[` + bob + `,{"address":"x@example.net","type":"remote_delivery"}],"type":"routed"}`},
		{`trace_delivery?recipient=no@example.com`, `{"address":"no@example.com","destinations":[{"message":"Gone","type":"bounce"}],"type":"routed"}`},
		{`trace_delivery?recipient=away@example.com`, `{"address":"away@example.com","destinations":[{"address":"away@example.com","type":"autoresponder"}],"type":"routed"}`},
		{`trace_delivery?recipient=nobody@example.com`, `{"address":"nobody@example.com","destinations":[{"message":"No Such User Here","type":"bounce"}],"type":"routed"}`},
		{`trace_delivery?recipient=a@example.com`, `{"address":"a@example.com","destinations":[{"address":"b@example.com","destinations":[{"address":"a@example.com",` +
			`"message":"Mail has come by this address already, or by too many: it is not followed further.","type":"routed"}],"type":"routed"}],"type":"routed"}`},
		{`set_default_address?fwdopt=blackhole&domain=example.com`, `[{"dest":":blackhole:","domain":"example.com"}]`},
		{`add_domain_forwarder?domain=example.org&destdomain=example.com`, `"example.com"`},
		{`trace_delivery?recipient=bob@example.org`, `{"address":"bob@example.org","destinations":[` + bob + `],"type":"routed"}`},
		{`trace_delivery?recipient=nobody@example.org`, `{"address":"nobody@example.org","destinations":[{"address":"nobody@example.com","destinations":[{"type":"discard"}],"type":"routed"}],"type":"routed"}`},
		{`suspend_incoming?email=bob`, `null`},
		{`trace_delivery?recipient=bob`, `{"address":"bob@example.com","destinations":[{"message":"Incoming mail for this mailbox is suspended.","type":"bounce"}],"type":"routed"}`},
		{`trace_delivery?recipient=bob@example.net`, `not-found: You do not own the domain “example.net”.`},
		{`trace_delivery`, `missing: recipient`},
	})
	no := latchkey.Errorf(latchkey.Denied, "no")
	narrow := hosting.Narrow(acct, func(things ...latchkey.Resource) error {
		if len(things) == 1 && things[0].Kind == "mailbox" && (things[0].Name == "info@example.org" || things[0].Name == "a@example.com") {
			return nil
		}
		return no
	})
	table(t, narrow, []moduletest.Row{
		{`trace_delivery?recipient=bob@example.com`, `denied: no`},
		{`trace_delivery?recipient=info@example.org`, `{"address":"info@example.org","destinations":[{"address":"bob@example.com","type":"remote_delivery"},{"address":"x@example.net","type":"remote_delivery"}],"type":"routed"}`},
	})
}

// TestTraceEnds: a message that would take a processor for long is not compared with
// filters for as long by who only asks what would become of it.
func TestTraceEnds(t *testing.T) {
	acct := hostingtest.New()
	heavy := url.QueryEscape(strings.Repeat("(a|b|c| )*", 30) + "z")
	table(t, acct, []moduletest.Row{
		{`store_filter?filtername=x&part1=$message_body&match1=matches&val1=` + heavy + `&action1=save&dest1=Work`, `{"account":"demo"}`},
		{`trace_filter?msg=Subject:+x%0A%0A` + strings.Repeat("a+b+c+", 400_000), `{"trace":"Testing the message with the filters of demo. Nothing is delivered.\n` +
			`The text matches \"` + strings.Repeat("(a|b|c| )*", 30) + `z\": false\nThe message takes too long to compare. Deliver to the inbox.\nThe message goes to the inbox.\n"}`},
	})
}
