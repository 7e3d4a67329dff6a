package statsbar

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

const (
	hostname = `{"id":"hostname","name":"hostname","item":"Server Name","phrase":"Server Name","module":"StatsBar","rowtype":"even",` +
		`"count":"host.example.net","_count":"host.example.net","value":"host.example.net"}`
	addons = `{"id":"addondomains","name":"addondomains","item":"Addon Domains","phrase":"Addon Domains","module":"Park","feature":"addondomains","rowtype":"odd",` +
		`"count":"1","_count":"1","max":"unlimited","_max":"unlimited","_maxed":0,"is_maxed":0,"maxed_phrase":"","near_limit_phrase":"","normalized":1,` +
		`"percent":0,"percent5":0,"percent10":0,"percent20":0,"units":"","zeroisunlimited":0}`
	diskUsed = `"count":"950` + "\u00a0" + `MB","_count":"950.00","max":"1` + "\u00a0" + `GB","_max":"1024.00","_maxed":0,"is_maxed":0,` +
		`"maxed_phrase":"Disk Space Usage: all 1` + "\u00a0" + `GB are in use.","near_limit_phrase":"Disk Space Usage: 950` + "\u00a0" + `MB of 1` + "\u00a0" + `GB are in use.",` +
		`"normalized":1,"percent":93,"percent5":95,"percent10":90,"percent20":100,"units":"MB","zeroisunlimited":1}`
	diskHead = `{"id":"diskusage","name":"diskusage","item":"Disk Space Usage","phrase":"Disk Space Usage","module":"Quota",`
	diskEven = diskHead + `"rowtype":"even",` + diskUsed
	diskOdd  = diskHead + `"rowtype":"odd",` + diskUsed
	noBoxes  = `{"id":"emailaccounts","name":"emailaccounts","item":"Email Accounts","phrase":"Email Accounts","module":"Email","feature":"popaccts","role":"MailReceive",` +
		`"rowtype":"even","count":"0","_count":"0","max":"0","_max":"0","_maxed":1,"is_maxed":1,"maxed_phrase":"Email Accounts: all 0 are in use.",` +
		`"near_limit_phrase":"Email Accounts: 0 of 0 are in use.","normalized":1,"percent":100,"percent5":100,"percent10":100,"percent20":100,"units":"","zeroisunlimited":0}`
)

func TestStats(t *testing.T) {
	acct := hostingtest.New()
	acct.Own(latchkey.AddonDomain, "shop.example", "shop")
	acct.Used = hosting.Quota{Bytes: 950 << 20, ByteLimit: 1 << 30, InodeLimit: latchkey.Unlimited}
	acct.Data.Limits.Mailboxes = 0
	acct.Who.Features = acct.Who.Features.With(latchkey.FeatureSubdomains, false)
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`get_stats?display=hostname%7Caddondomains`, `[` + hostname + `,` + addons + `]`},
		{`2:stat?display=hostname%7Caddondomains`, `[` + hostname + `,` + addons + `]`},
		{`get_stats?display=apacheversion%7C%7Cmysqldiskusage%7Csubdomains`, `[]`},
		{`get_stats?display=%20diskusage%20%7Cno_such`, `[` + diskEven + `]`},
		{`get_stats?display=diskusage&rowcounter=odd`, `[` + diskOdd + `]`},
		{`get_stats?display=hostname%7Cemailaccounts%7Caddondomains%7Cdiskusage&warnings=1`, `[` + noBoxes + `,` + diskOdd + `]`},
		{`get_stats?display=emailaccounts%7Cdiskusage&warnings=1&warnout=0`, `[` + diskEven + `]`},
		{`get_stats?display=emailaccounts%7Cdiskusage&warnings=1&warninglevel=95`, `[` + noBoxes + `]`},
		{`get_stats?display=diskusage&warnings=0&warninglevel=95`, `[` + diskEven + `]`},
		{`get_stats`, `missing: display`},
		{`get_stats?display=diskusage&warninglevel=101`, `invalid: The “warninglevel” argument is invalid: it must be a whole number from 1 to 100.`},
		{`get_stats?display=diskusage&rowcounter=third`, `invalid: The “rowcounter” argument is invalid: it must be even or odd.`},
	})
}

func TestUnlimited(t *testing.T) {
	for _, test := range []struct {
		p    params
		want string
	}{
		{params{}, "unlimited"},
		{params{InfinityLang: "no end"}, "no end"},
		{params{InfinityLang: "no end", InfinityImg: `a"b.png`}, `<img src="a&#34;b.png" alt="∞">`},
	} {
		if got := test.p.unlimited(); got != test.want {
			t.Errorf("unlimited(%+v) = %q, want %q", test.p, got, test.want)
		}
	}
}
