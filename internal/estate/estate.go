// Package estate keeps the accounts: it implements what package hosting
// promises, with the wanted state in the store and its effects through the
// drivers. Start at [Estate.Account] and [Estate.Host]; intent.go says how what
// was begun gets finished.
package estate

import (
	"context"
	"log/slog"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/observe"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// Estate is all accounts. All fields of [Config] are required, but for those
// that say otherwise.
type Estate struct {
	Config
	locks  locks
	usages usages
	boxes  boxLocks
	zones  zones
	mails  mails
	naming sync.Mutex // held while an account's name is being given away

	serving  locks // whose sites somebody is at work on
	behind   behind
	reshapes atomic.Bool // the web server is to be told again that accounts have changed
	checks   *checks
	owning   sync.Mutex // held while the certificate of the server's doors is exchanged

	unfinished numbers
	posting    posting
	sent       sentSettings
	outgoing   outbox
	filtering  filtering
}

// Config is what an Estate stands on.
type Config struct {
	Auth   *auth.Verifier
	Store  store.Store
	Trail  *audit.Recorder
	Keys   *auth.Keys
	Hasher *password.Hasher
	Homes  *homedir.Homes
	Mail   *maildir.Store
	DNS    Nameserver // nil if nobody answers for zones
	Web    Webserver  // nil if nobody serves sites
	// Mailserver delivers mail by what the store says; nil if this program does.
	Mailserver Mailserver
	// MailOut takes what is forwarded to other servers and what answers people, where
	// this program delivers; nil if no mail leaves.
	MailOut Mailer
	// Queue is the directory where such mail waits; it is made when it is needed.
	Queue string
	// AutoSSL gets certificates; nil if nobody does. It may be set after New.
	AutoSSL *AutoSSL
	// Doors show the server's own certificate; nil where it cannot be exchanged. It
	// may be set after New.
	Doors  Doors
	Server hosting.Server
	// MostTokens is how many tokens an account may have for each door; 0 for any
	// number.
	MostTokens int
	// Notices are how owners are told by mail; the zero value tells nobody.
	Notices Notices
	// Templates is what new zones are made of; nil is the standard one alone.
	Templates *zone.Templates
	// FilterWork is how much the filters of an account may compare in a minute; 0 for
	// some seconds of a processor.
	FilterWork int64
	// MostZones is how many zones an account may have that are not the administrator's
	// to give; 0 for as many as it likes.
	MostZones int
	// ZoneSize is how many bytes an account may let a zone grow to; 0 for as many as
	// a zone may have at all.
	ZoneSize int
	// HomeRoot is the directory that clients are told homes are in.
	HomeRoot string
	// Reads tells of account functions whether they change nothing. It may be nil:
	// then none is known to.
	Reads func(module, function string) bool
	// Observed is where the uses of watched tokens are gathered; nil if they are not.
	Observed *observe.Book
	Now      latchkey.Clock
	Log      *slog.Logger
}

// New makes an Estate. Call [Estate.Recover] before the first call.
func New(c Config) *Estate {
	if c.DNS == nil {
		c.DNS = silent{}
	}
	if c.Web == nil {
		c.Web = closed{}
	}
	if c.Mailserver == nil {
		c.Mailserver = homely{}
	}
	if c.Templates == nil {
		c.Templates = new(zone.Templates)
	}
	if host := zone.HostName(c.Server.Hostname); len(c.Server.Nameservers) == 0 {
		c.Server.Nameservers = []string{"ns1." + host, "ns2." + host}
	}
	if c.Notices.Mailer != nil {
		c.Auth.WatchNetworks()
	}
	return &Estate{Config: c, checks: newChecks(), outgoing: outbox{posted: make(chan struct{}, 1)}}
}

// Account puts caller's own account into their hands, or of it the mailbox they
// signed in as.
func (e *Estate) Account(_ context.Context, act *audit.Act, caller *latchkey.Caller) (hosting.Account, error) {
	acct := &account{e: e, act: act, caller: caller}
	if caller.Mailbox != "" {
		local, domain := caller.Mailbox.Split()
		return hosting.ForMailbox(acct, hosting.Address{Local: local, Domain: domain}), nil
	}
	return acct, nil
}

// Host puts the server into the hands of who came in at the host's door: the
// administrator, or a reseller. What they can reach through it is what is
// theirs; see [latchkey.Caller.Sees].
func (e *Estate) Host(ctx context.Context, act *audit.Act, caller *latchkey.Caller) (hosting.Host, error) {
	if caller.Door != latchkey.ForHost {
		return nil, latchkey.Errorf(latchkey.Denied, "Permission denied")
	}
	return &host{e: e, act: act, caller: caller}, nil
}

// commit runs fn in one transaction together with the event of the call it
// makes true, if caller, who began it, still may. The server's own changes, and
// those that had begun before, have no caller.
func (e *Estate) commit(ctx context.Context, act *audit.Act, caller *latchkey.Caller, fn func(store.Tx) error) error {
	err := e.Auth.Commit(ctx, func(tx store.Tx) error {
		if err := e.stands(tx, caller); err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		tx.Audit(act.Success(), 1)
		return nil
	})
	if err == nil {
		act.Kept()
	}
	return err
}

// begin is commit for what can only be done after it: the trail says that the call
// has begun, and how it ended when it has.
func (e *Estate) begin(ctx context.Context, act *audit.Act, caller *latchkey.Caller, fn func(store.Tx) error) error {
	return e.Auth.Commit(ctx, func(tx store.Tx) error {
		if err := e.stands(tx, caller); err != nil {
			return err
		}
		if err := fn(tx); err != nil {
			return err
		}
		tx.Audit(act.Begun(), 1)
		return nil
	})
}

func (e *Estate) stands(tx store.Tx, caller *latchkey.Caller) error {
	if caller == nil {
		return nil
	}
	return e.Auth.Stands(tx, caller)
}

// account is one account in the hands of one caller.
type account struct {
	e      *Estate
	act    *audit.Act
	caller *latchkey.Caller
	info   *latchkey.Account // nil until it is asked for
}

func (a *account) Info(ctx context.Context) (*latchkey.Account, error) {
	if a.info == nil {
		entry, err := a.e.Auth.Entry(ctx, a.caller.Account)
		if err != nil {
			return nil, err
		}
		a.info = &entry.Account
	}
	return a.info, nil
}

func (a *account) Caller() *latchkey.Caller           { return a.caller }
func (a *account) At() time.Time                      { return a.act.At() }
func (a *account) Server() *hosting.Server            { return &a.e.Server }
func (a *account) Home() string                       { return path.Join(a.e.HomeRoot, string(a.caller.Name)) }
func (a *account) Mail() hosting.Mail                 { return &mail{a} }
func (a *account) Zones() hosting.Zones               { return &ownZones{a} }
func (a *account) DKIM() hosting.DKIM                 { return &dkimKeys{a} }
func (a *account) DynamicHosts() hosting.DynamicHosts { return &dynamicHosts{a} }
func (a *account) Tokens() hosting.Tokens {
	return &tokens{e: a.e, act: a.act, caller: a.caller, account: a.caller.Account, audience: latchkey.ForAccount}
}

func (a *account) Domains(ctx context.Context) (list []latchkey.OwnedDomain, err error) {
	err = a.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, err = r.Domains(a.caller.Account)
		return err
	})
	return mainFirst(list), err
}

// mainFirst is the list with the main domain at its head.
func mainFirst(list []latchkey.OwnedDomain) []latchkey.OwnedDomain {
	for i, d := range list {
		if d.Kind == latchkey.MainDomain {
			copy(list[1:], list[:i])
			list[0] = d
		}
	}
	return list
}

func (a *account) Plan(ctx context.Context) (p latchkey.Package, err error) {
	info, err := a.Info(ctx)
	if err != nil {
		return p, err
	}
	err = a.e.Store.Read(ctx, func(r store.Reader) (err error) {
		p, err = r.Package(info.Package)
		return err
	})
	return p, err
}

func (a *account) Quota(ctx context.Context) (hosting.Quota, error) {
	return a.e.quota(ctx, a.caller.Account, a.act.At(), patience())
}
