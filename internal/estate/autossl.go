package estate

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/driver/acme"
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
