package estate

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/driver/acme"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/store"
)

// AutoSSL looks at the sites of one account after another. What it finds out about
// a host is in the store: who excluded it, what stands in the way, and when to try
// again. Which accounts wait for their turn is in memory alone: after a restart
// all are looked at anew.

// AutoSSL is how the server gets certificates by itself.
type AutoSSL struct {
	Authority Authority
	// Wildcard asks for a domain and all names below it where the zone is here, by
	// DNS. ByDNS proves names in zones that are here by DNS. All else is proved by
	// HTTP.
	Wildcard, ByDNS bool
	// Prove has an authority that comes to a host for a token find proof, until
	// done is called.
	Prove func(host latchkey.Domain, token, proof string) (done func())
	// Own are the names that a certificate for the server's doors is got for, the
	// server's first; none if none is to be.
	Own []string
	// Directory is the name of the authority's host, for people.
	Directory string
}

// Authority is who certificates are got from.
type Authority interface {
	// Obtain gets a certificate and those above it, as PEM. It fails with an
	// [acme.Refused] if that is about one of the names.
	Obtain(ctx context.Context, o acme.Order) ([]byte, error)
	// Renewal is when the authority wants a certificate renewed, and when to ask
	// again; ok is false where it does not say.
	Renewal(ctx context.Context, leaf *x509.Certificate) (at, again time.Time, ok bool, err error)
}

// autoSSLProvider is who got the certificates that AutoSSL may replace.
const autoSSLProvider = "latchkey-acme"

// How AutoSSL takes its time.
const (
	autoSSLWorkers  = 4                // accounts at once
	autoSSLRound    = time.Hour        // from one look at all accounts to the next
	autoSSLPatience = 5 * time.Minute  // for one certificate
	autoSSLAgain    = 15 * time.Minute // at least, after a failure, for who asks
	autoSSLBackoff  = time.Hour        // after the first failure; doubled by every other
	autoSSLPause    = time.Hour        // after a certificate, before another in the place of one that was taken away
	autoSSLLongest  = 48 * time.Hour
	autoSSLReplaces = 72 * time.Hour // before the end of what a person has installed, if it is to be replaced
	autoSSLNames    = 100            // in a certificate
	autoSSLRefused  = 5              // names that are left out at a time
)

// checks are the accounts whose sites are to be looked at.
type checks struct {
	mu       sync.Mutex
	waiting  []latchkey.AccountID
	asked    map[latchkey.AccountID]bool // by whose owner; false: by the clock
	busy     map[latchkey.AccountID]bool
	wake     chan struct{}
	renewals map[string]renewal            // by certificate
	got      map[latchkey.Domain]time.Time // when a site last got a certificate
	round    time.Time                     // when all are looked at again
	runs     []*run                        // the newest last
}

// renewal is when an authority wants a certificate renewed.
type renewal struct {
	at, again time.Time
	says      bool
}

func newChecks() *checks {
	return &checks{asked: make(map[latchkey.AccountID]bool), busy: make(map[latchkey.AccountID]bool), wake: make(chan struct{}, autoSSLWorkers), renewals: make(map[string]renewal), got: make(map[latchkey.Domain]time.Time)}
}

// add has an account looked at.
func (c *checks) add(id latchkey.AccountID, asked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, waits := c.asked[id]; waits {
		c.asked[id] = was || asked
		return
	}
	c.asked[id] = asked
	if asked { // people wait
		c.waiting = slices.Insert(c.waiting, 0, id)
	} else {
		c.waiting = append(c.waiting, id)
	}
	c.call()
}

// next is an account to look at that nobody is at work on.
func (c *checks) next() (id latchkey.AccountID, asked, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.waiting, func(id latchkey.AccountID) bool { return !c.busy[id] })
	if i < 0 {
		return 0, false, false
	}
	id = c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	asked = c.asked[id]
	delete(c.asked, id)
	c.busy[id] = true
	return id, asked, true
}

func (c *checks) done(id latchkey.AccountID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, id)
	if _, again := c.asked[id]; again {
		c.call()
	}
}

// gets notes that a site has got a certificate, and lately tells whether it has
// within the last hour: who takes theirs away uses up nobody else's share of what
// the authority gives the server.
func (c *checks) gets(site latchkey.Domain, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got[site] = now
}

func (c *checks) lately(site latchkey.Domain, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.got[site]
	return ok && now.Before(at.Add(autoSSLPause))
}

// call calls a worker. c is locked.
func (c *checks) call() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// has reports whether an account is being looked at, or waits for it.
func (c *checks) has(id latchkey.AccountID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waits := c.asked[id]
	return waits || c.busy[id]
}

// RunAutoSSL gets certificates until ctx ends.
func (e *Estate) RunAutoSSL(ctx context.Context) {
	if e.AutoSSL == nil {
		return
	}
	var wg sync.WaitGroup
	for range autoSSLWorkers {
		wg.Go(func() { e.checkSites(ctx) })
	}
	if err := e.sweepProofs(ctx); err != nil && ctx.Err() == nil {
		e.Log.Error("AutoSSL could not take away the proofs that were left", "err", err)
	}
	round := time.NewTimer(e.checks.again(e.Now(), time.Minute)) // not while a server starts
	defer round.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-round.C:
			if err := e.checkAll(ctx, false); err != nil && ctx.Err() == nil {
				e.Log.Error("AutoSSL could not look at all accounts", "err", err)
			}
			round.Reset(e.checks.again(e.Now(), autoSSLRound))
		}
	}
	wg.Wait()
}

// again notes that all are looked at after a time.
func (c *checks) again(now time.Time, after time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.round = now.Add(after)
	return after
}

// theDoors are nobody's account: the server's own certificate has its turn among
// those of accounts.
const theDoors latchkey.AccountID = 0

// checkAll has every account looked at, and the server's own certificate.
func (e *Estate) checkAll(ctx context.Context, asked bool) error {
	if set, err := e.autoSSLSet(ctx); err != nil || set.Off {
		return err
	}
	e.checks.add(theDoors, asked)
	const page = 1000
	var after latchkey.AccountName
	for {
		var list []latchkey.Account
		err := e.Store.Read(ctx, func(r store.Reader) (err error) {
			list, err = r.Accounts(after, page)
			return err
		})
		if err != nil {
			return err
		}
		for i := range list {
			e.checks.add(list[i].ID, asked)
			after = list[i].Name
		}
		if len(list) < page {
			return nil
		}
	}
}

// checkSites looks at accounts as they come.
func (e *Estate) checkSites(ctx context.Context) {
	for ctx.Err() == nil {
		id, asked, ok := e.checks.next()
		if !ok {
			select {
			case <-ctx.Done():
			case <-e.checks.wake:
			}
			continue
		}
		look := e.checkAccount
		if id == theDoors {
			look = func(ctx context.Context, _ latchkey.AccountID, asked bool) error { return e.checkOwn(ctx, asked) }
		}
		if err := look(ctx, id, asked); err != nil && ctx.Err() == nil && gone(err) != nil {
			e.Log.Error("AutoSSL could not look at an account", "account", id, "err", err)
		}
		e.checks.done(id)
	}
}

// tenancy is an account as AutoSSL acts for it.
type tenancy struct {
	e      *Estate
	caller latchkey.Caller
	rows   map[latchkey.Domain]store.AutoSSL
	set    autoSSLSet
	run    *run
	asked  bool
}

// checkAccount gets certificates for the sites of an account that need one.
func (e *Estate) checkAccount(ctx context.Context, id latchkey.AccountID, asked bool) error {
	entry, err := e.Auth.Entry(ctx, id)
	if err != nil || entry.Account.Suspended || !entry.Features.Has(latchkey.FeatureAutoSSL) {
		return err
	}
	t := &tenancy{e: e, asked: asked, rows: make(map[latchkey.Domain]store.AutoSSL)}
	if t.set, err = e.autoSSLSet(ctx); err != nil || t.set.Off {
		return err
	}
	if t.caller, err = e.Auth.Local(ctx, entry.Account.Name, latchkey.ForAccount); err != nil {
		return err
	}
	t.caller.Features = latchkey.FeatureSet(0).With(latchkey.FeatureAutoSSL, true) // what it stands on
	rows, err := e.autoSSL(ctx, id)
	if err != nil {
		return err
	}
	for _, row := range rows {
		t.rows[row.Host] = row
	}
	t.run = e.checks.run(entry.Account.Name, e.Now())
	defer t.run.end()
	if asked {
		t.run.say(e.Now(), "out", "Looking at the account’s web sites, as somebody has asked.")
	}
	sites, err := t.acting("look").Certificates().Sites(ctx)
	for i := 0; i < len(sites) && err == nil; i++ {
		err = t.check(ctx, &sites[i])
	}
	return err
}

func (e *Estate) autoSSL(ctx context.Context, id latchkey.AccountID) (rows []store.AutoSSL, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) (err error) {
		rows, err = r.AutoSSL(id)
		return err
	})
	return rows, err
}

// acting is the account in the hands of AutoSSL, for one change: what it does is
// in the trail under that name.
func (t *tenancy) acting(what string) *account {
	act := audit.Begin(t.e.Now, latchkey.Origin{})
	act.As(&t.caller)
	act.Calls("autossl::"+what, true, nil, nil)
	return &account{e: t.e, act: act, caller: &t.caller}
}

// check gets a certificate for a site if it needs one and it is time to try.
func (t *tenancy) check(ctx context.Context, s *hosting.Site) error {
	now := t.e.Now()
	row := t.rows[s.Name]
	names := t.names(ctx, s)
	if row.Excluded || len(names) == 0 || !t.needs(ctx, s, names, now) {
		return nil
	}
	if t.asked && row.Tries > 0 && now.Before(row.At.Add(autoSSLAgain)) || !t.asked && now.Before(row.Due) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, autoSSLPatience)
	defer cancel()
	t.run.say(now, "out", "The web site “%s” needs a certificate for %s.", s.Name, strings.Join(names, ", "))
	refused, err := t.obtain(ctx, s, names)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return err // the server stops
	}
	return t.note(context.WithoutCancel(ctx), s, refused, err)
}

// names are what the certificate of a site is to be for: the names it has without
// those that its owner has excluded, or all directly below its own and what else
// there is.
func (t *tenancy) names(ctx context.Context, s *hosting.Site) []string {
	if t.e.AutoSSL.Wildcard && t.zone(ctx, s.Name) != "" {
		names := []string{string(s.Name), "*." + string(s.Name)}
		for _, n := range s.Names {
			if _, above, _ := strings.Cut(string(n), "."); above != string(s.Name) && n != s.Name && t.zone(ctx, n) != "" && !t.rows[n].Excluded {
				names = append(names, string(n))
			}
		}
		return names[:min(len(names), autoSSLNames)]
	}
	var names []string
	for _, n := range s.Names {
		if !t.rows[n].Excluded {
			names = append(names, string(n))
		}
	}
	return names[:min(len(names), autoSSLNames)]
}

// zone is the account's zone that a name is in, "" if there is none.
func (t *tenancy) zone(ctx context.Context, name latchkey.Domain) (in latchkey.Domain) {
	if t.e.DNS == (silent{}) {
		return ""
	}
	zones, err := t.e.zonesOf(ctx, t.caller.Account)
	if err != nil {
		return ""
	}
	return zoneFor(zones, name)
}

// zoneFor is the one of zones that a name is in, "" if there is none.
func zoneFor(zones []latchkey.Domain, name latchkey.Domain) (in latchkey.Domain) {
	for _, z := range zones {
		if (name == z || strings.HasSuffix(string(name), "."+string(z))) && len(z) > len(in) {
			in = z
		}
	}
	return in
}

// needs reports whether a site needs a certificate: it has none, or one that does
// not hold, or it is time to renew one that AutoSSL got. What people have
// installed is left alone while it holds.
func (t *tenancy) needs(ctx context.Context, s *hosting.Site, names []string, now time.Time) bool {
	c := s.Certificate
	switch {
	case c == nil, c.SelfSigned(), now.After(c.NotAfter):
		return !t.e.checks.lately(s.Name, now)
	case s.Provider != autoSSLProvider:
		return t.set.Replaces && now.After(c.NotAfter.Add(-autoSSLReplaces))
	case !t.covered(c, names):
		return true
	}
	return !now.Before(t.e.renewalOf(ctx, c, now))
}

// covered reports whether a certificate is for all of names but those that were
// refused and whose time has not come.
func (t *tenancy) covered(c *pki.Certificate, names []string) bool {
	now := t.e.Now()
	for _, n := range names {
		row := t.rows[latchkey.Domain(n)]
		waits := row.Problem != "" && now.Before(row.Due) && !(t.asked && now.After(row.At.Add(autoSSLAgain)))
		if !slices.Contains(c.DNSNames, n) && !waits {
			return false
		}
	}
	return true
}

// renewalOf is when a certificate is to be renewed: when its authority says, or
// else in the last third of its life, not all in the same moment.
func (e *Estate) renewalOf(ctx context.Context, c *pki.Certificate, now time.Time) time.Time {
	life := c.NotAfter.Sub(c.NotBefore)
	h := fnv.New32a()
	h.Write(c.Raw)
	at := c.NotAfter.Add(-life/3 - life/30*time.Duration(h.Sum32()%1000)/1000)
	k := e.checks
	k.mu.Lock()
	r, known := k.renewals[c.ID()]
	k.mu.Unlock()
	if !known || now.After(r.again) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		var err error
		if r.at, r.again, r.says, err = e.AutoSSL.Authority.Renewal(ctx, c.Certificate); err != nil {
			e.Log.Debug("AutoSSL: the authority does not say when to renew", "err", err)
			r.says = false
		}
		r.again = later(r.again, now.Add(6*time.Hour))
		k.mu.Lock()
		k.renewals[c.ID()] = r
		k.mu.Unlock()
	}
	if r.says && r.at.Before(c.NotAfter) {
		return r.at
	}
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// obtain gets a certificate for a site and installs it. Names that the authority
// refuses are left out, but for the site's own: refused says why.
func (t *tenancy) obtain(ctx context.Context, s *hosting.Site, names []string) (refused map[latchkey.Domain]string, err error) {
	certs := t.acting("install").Certificates()
	kind, err := certs.KeyType(ctx)
	if err != nil {
		return map[latchkey.Domain]string{}, err
	}
	if kind == "" {
		kind = pki.P256
	}
	key, err := pki.NewKey(kind)
	if err != nil {
		return map[latchkey.Domain]string{}, err
	}
	text, refused, err := t.e.certificateFor(ctx, string(s.Name), t.order(ctx, s, names, key), func(left []string) bool { return t.holds(ctx, s, left) })
	if err != nil || text == nil {
		return refused, err
	}
	return refused, t.install(ctx, certs, s, text, key)
}

// certificateFor gets a certificate and those above it. Names that the authority
// refuses are left out, but for main: refused says why. There is none, and no
// error, where what is left is held already.
func (e *Estate) certificateFor(ctx context.Context, main string, o acme.Order, held func(left []string) bool) (text []byte, refused map[latchkey.Domain]string, err error) {
	refused = make(map[latchkey.Domain]string)
	o.Names = slices.Clone(o.Names)
	for {
		text, err := e.AutoSSL.Authority.Obtain(ctx, o)
		no := refusal(err)
		if no == nil {
			return text, refused, err
		}
		refused[latchkey.Domain(no.Name)] = no.Text
		if no.Name == main || !slices.Contains(o.Names, no.Name) || len(refused) > autoSSLRefused {
			return nil, refused, err
		}
		o.Names = slices.DeleteFunc(o.Names, func(n string) bool { return n == no.Name })
		if held(o.Names) {
			return nil, refused, nil
		}
	}
}

// refusal is the authority's no to a name, nil if an error is none.
func refusal(err error) *acme.Refused {
	no, _ := errors.AsType[*acme.Refused](err)
	return no
}

// holds reports whether the certificate of a site is what one for names would be:
// authorities count those that are the same.
func (t *tenancy) holds(ctx context.Context, s *hosting.Site, names []string) bool {
	c, now := s.Certificate, t.e.Now()
	return c != nil && s.Provider == autoSSLProvider && now.Before(c.NotAfter) && now.Before(t.e.renewalOf(ctx, c, now)) &&
		!slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(c.DNSNames, n) })
}

// order is what is asked of the authority.
func (t *tenancy) order(ctx context.Context, s *hosting.Site, names []string, key pki.Key) acme.Order {
	o := acme.Order{Names: names, Key: key.Signer(), HTTP: t.e.AutoSSL.Prove}
	if s.Provider == autoSSLProvider && s.Certificate != nil {
		o.Replaces = s.Certificate.Certificate
	}
	wild := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "*.") })
	if (wild || t.e.AutoSSL.ByDNS) && t.zone(ctx, s.Name) != "" {
		o.HTTP, o.DNS = nil, t.proveInZone
	}
	return o
}

func (t *tenancy) install(ctx context.Context, certs hosting.Certificates, s *hosting.Site, text []byte, key pki.Key) error {
	c, chain, err := pki.ParseCertificate(string(text))
	if err != nil {
		return err
	}
	_, err = certs.Install(ctx, s.Name, hosting.Installation{Certificate: c, Chain: chain, Key: key, Provider: autoSSLProvider})
	if err != nil {
		return err
	}
	t.e.checks.gets(s.Name, t.e.Now())
	t.e.Log.Info("AutoSSL got a certificate", "site", s.Name, "until", c.NotAfter)
	t.run.say(t.e.Now(), "success", "The web site “%s” has a certificate until %s.", s.Name, c.NotAfter.UTC().Format(time.RFC1123))
	if s.Provider == autoSSLProvider && s.Certificate != nil { // nobody needs the one before
		_ = t.acting("forget").Certificates().Remove(ctx, hosting.Signed, s.Certificate.ID())
		_ = t.acting("forget").Certificates().Remove(ctx, hosting.Keys, s.KeyID)
	}
	return nil
}

// note keeps how it went with a site.
func (t *tenancy) note(ctx context.Context, s *hosting.Site, refused map[latchkey.Domain]string, failed error) error {
	if failed != nil && refused[s.Name] == "" {
		refused[s.Name] = problemText(failed)
		t.e.Log.Warn("AutoSSL got no certificate", "site", s.Name, "err", failed)
	}
	for name, why := range refused {
		t.run.say(t.e.Now(), "failure", "%s: %s", name, why)
	}
	now := t.e.Now()
	_, err := t.e.Store.Write(ctx, func(tx store.Tx) error {
		rows, err := tx.AutoSSL(t.caller.Account)
		if err != nil {
			return err
		}
		is := make(map[latchkey.Domain]store.AutoSSL)
		for _, row := range rows {
			is[row.Host] = row
		}
		for _, n := range s.Names {
			row, was := is[n]
			if refused[n] != "" {
				err = tx.PutAutoSSL(tried(row, t.caller.Account, n, refused[n], now))
			} else if was && failed == nil {
				err = putAutoSSL(tx, store.AutoSSL{Host: n, Account: t.caller.Account, Excluded: row.Excluded})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// problemText is what is told of a failure that is not about one name.
func problemText(err error) string {
	if e, ok := errors.AsType[*latchkey.Error](err); ok && e.Msg != "" {
		return e.Msg
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "The certificate authority did not answer in time."
	}
	return "The certificate authority could not be asked, or gave no certificate."
}

// tried is row after another try in vain.
func tried(row store.AutoSSL, id latchkey.AccountID, host latchkey.Domain, problem string, now time.Time) store.AutoSSL {
	wait := autoSSLLongest
	if row.Tries < 6 {
		wait = min(wait, autoSSLBackoff<<row.Tries)
	}
	return store.AutoSSL{Host: host, Account: id, Excluded: row.Excluded, Problem: problem, At: now, Tries: row.Tries + 1, Due: now.Add(wait)}
}

// putAutoSSL keeps a row if it says anything.
func putAutoSSL(tx store.Tx, row store.AutoSSL) error {
	if !row.Excluded && row.Problem == "" {
		return tx.DeleteAutoSSL(row.Host)
	}
	return tx.PutAutoSSL(row)
}

// authorityKeySetting holds the keys of the server's accounts at authorities, by
// directory; each is sealed as private keys are.
const authorityKeySetting = "acme_keys"

// AuthorityKey is the key of the server's account at an authority, made the first
// time.
func (e *Estate) AuthorityKey(ctx context.Context, directory string) (crypto.Signer, error) {
	var k pki.Key
	_, err := e.Store.Write(ctx, func(tx store.Tx) error {
		keys := make(map[string]string)
		if err := tx.Setting(authorityKeySetting, &keys); gone(err) != nil {
			return err
		}
		if text, ok := keys[directory]; ok {
			sealed, err := base64.StdEncoding.DecodeString(text)
			if err == nil {
				k, err = e.openKey(0, directory, sealed)
			}
			return err
		}
		var err error
		if k, err = pki.NewKey(pki.P256); err != nil {
			return err
		}
		keys[directory] = base64.StdEncoding.EncodeToString(e.Keys.SealPrivateKey(0, directory, k.PEM()))
		return tx.PutSetting(authorityKeySetting, keys)
	})
	return k.Signer(), err
}
