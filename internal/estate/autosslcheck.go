package estate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/driver/acme"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/store"
)

// tenancy is an account as AutoSSL acts for it.
type tenancy struct {
	e      *Estate
	caller latchkey.Caller
	rows   map[latchkey.Domain]store.AutoSSL
	set    autoSSLSet
	run    *run
	asked  bool
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
		return !t.e.checks.lately(t.caller.Account, s.Name, now)
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
	t.e.checks.gets(t.caller.Account, s.Name, t.e.Now())
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
		has, err := t.e.hostsOf(tx, t.caller.Account) // an account may be gone by now, and its names another's
		if err != nil {
			return err
		}
		is := make(map[latchkey.Domain]store.AutoSSL)
		for _, row := range rows {
			is[row.Host] = row
		}
		for _, n := range s.Names {
			row, was := is[n]
			if !has[n] {
				continue
			}
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
