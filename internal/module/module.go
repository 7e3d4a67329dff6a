// Package module lists the functions of the server. Each module stands in its
// own folder.
package module

import (
	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/compat"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/absent"
	"github.com/latchkey/latchkey/internal/module/applist"
	"github.com/latchkey/latchkey/internal/module/batch"
	"github.com/latchkey/latchkey/internal/module/custinfo"
	"github.com/latchkey/latchkey/internal/module/dns"
	"github.com/latchkey/latchkey/internal/module/dnssec"
	"github.com/latchkey/latchkey/internal/module/domaininfo"
	"github.com/latchkey/latchkey/internal/module/dynamicdns"
	"github.com/latchkey/latchkey/internal/module/email"
	"github.com/latchkey/latchkey/internal/module/emailauth"
	"github.com/latchkey/latchkey/internal/module/features"
	"github.com/latchkey/latchkey/internal/module/locale"
	"github.com/latchkey/latchkey/internal/module/mailboxes"
	"github.com/latchkey/latchkey/internal/module/missing"
	"github.com/latchkey/latchkey/internal/module/passwdstrength"
	"github.com/latchkey/latchkey/internal/module/quota"
	"github.com/latchkey/latchkey/internal/module/relay"
	"github.com/latchkey/latchkey/internal/module/resourceusage"
	"github.com/latchkey/latchkey/internal/module/session"
	"github.com/latchkey/latchkey/internal/module/ssl"
	"github.com/latchkey/latchkey/internal/module/statsbar"
	"github.com/latchkey/latchkey/internal/module/tokens"
	"github.com/latchkey/latchkey/internal/module/twofactorauth"
	"github.com/latchkey/latchkey/internal/module/variables"
	"github.com/latchkey/latchkey/internal/module/webvhosts"
	"github.com/latchkey/latchkey/internal/module/whm"
	"github.com/latchkey/latchkey/internal/module/zoneedit"
)

// Account is every module of account functions; do runs the calls of a batch, and
// of tells of which features rights are.
func Account(do api.Doer, of tokens.Features) []api.Module[hosting.Account] {
	return []api.Module[hosting.Account]{
		absent.Assassin,
		absent.BoxTrapper,
		batch.New(do),
		custinfo.Module,
		dns.Module,
		dnssec.Module,
		domaininfo.Addon,
		domaininfo.Lookup,
		domaininfo.Module,
		domaininfo.Park,
		domaininfo.Sub,
		dynamicdns.Module,
		absent.Email,
		email.Module,
		emailauth.Module,
		features.Module,
		locale.Module,
		mailboxes.Module,
		passwdstrength.Module,
		quota.Module,
		resourceusage.Module,
		session.Module,
		ssl.Module,
		ssl.Info,
		webvhosts.Module,
		statsbar.Module,
		tokens.New(of),
		twofactorauth.Module,
		variables.Module,
		zoneedit.Module,
	}
}

// Host is every module of host functions, for WHM; do and host run what others
// pass on, missed tells what clients asked for in vain, and names which of the
// functions somebody may call.
func Host(do api.Doer, host api.HostDoer, missed func() []compat.Miss, names func(*latchkey.Caller) []string) []api.Module[hosting.Host] {
	return []api.Module[hosting.Host]{whm.Module, whm.CPHulk, dns.Host, dnssec.Host, emailauth.Host, mailboxes.Host, ssl.Host, whm.TwoFactor, session.Host, applist.New(names), relay.New(do, host), missing.New(missed)}
}
