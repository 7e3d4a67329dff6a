package estate

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey/latchkey/internal/driver/acme"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/store"
)

// The certificate of the server's own doors is kept as a setting: one that the
// administrator has installed, or that AutoSSL got. Its key is sealed as those of
// accounts are, for account 0, which is nobody's.

// Doors are the server's own.
type Doors interface {
	// Certify has the doors show what [Estate.OwnCertificate] says now, and returns
	// when who comes gets it.
	Certify(ctx context.Context) error
}

const ownSetting = "own_certificate"

// ownKept is what is kept of the doors' certificate, and how AutoSSL fared with
// it. Without a chain there is none.
type ownKept struct {
	Chain     string    `json:"chain,omitempty"`
	KeyID     string    `json:"key_id,omitempty"`
	Sealed    string    `json:"sealed,omitempty"`
	Provider  string    `json:"provider,omitempty"`
	Installed time.Time `json:"installed,omitzero"`

	Problem string    `json:"problem,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Due     time.Time `json:"due,omitzero"`
	Tries   int       `json:"tries,omitempty"`
}

func (e *Estate) ownKept(ctx context.Context) (k ownKept, err error) {
	err = e.Store.Read(ctx, func(r store.Reader) error { return gone(r.Setting(ownSetting, &k)) })
	return k, err
}

// certificate reads what is kept; nil if there is none.
func (k *ownKept) certificate() (*pki.Certificate, pki.Chain, error) {
	if k.Chain == "" {
		return nil, nil, nil
	}
	return pki.ParseCertificate(k.Chain)
}

// OwnCertificate is what the doors are to show, nil for one of the server's own
// authority: there is none, or it has ended.
func (e *Estate) OwnCertificate(ctx context.Context) (*tls.Certificate, error) {
	k, err := e.ownKept(ctx)
	if err != nil {
		return nil, err
	}
	c, _, err := k.certificate()
	if err != nil || c == nil || c.CheckTime(e.Now()) != nil {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(k.Sealed)
	if err != nil {
		return nil, fmt.Errorf("the key of the server's certificate: %w", err)
	}
	return e.forTLS(&store.Site{Chain: k.Chain, KeyID: k.KeyID, Sealed: sealed})
}

// ownCertificate is the doors' certificate in the hands of the administrator.
type ownCertificate struct{ *host }

func (h *host) OwnCertificate() hosting.OwnCertificate { return &ownCertificate{h} }

func (o *ownCertificate) Install(ctx context.Context, n hosting.Installation) error {
	if err := n.Check(o.e.ownName(), o.e.Now()); err != nil {
		return err
	}
	return o.change(ctx, func() ownKept { return o.e.sealedOwn(&n) })
}

func (o *ownCertificate) Reset(ctx context.Context) error {
	return o.change(ctx, func() ownKept { return ownKept{} })
}

// change keeps something else, and has the doors show it.
func (o *ownCertificate) change(ctx context.Context, is func() ownKept) error {
	if o.caller.Role != latchkey.RoleRoot {
		return latchkey.Errorf(latchkey.Denied, "Permission denied")
	}
	if o.e.Doors == nil {
		return hosting.OwnCertificateSet()
	}
	o.e.owning.Lock()
	defer o.e.owning.Unlock()
	k := is()
	err := o.e.commit(ctx, o.act, o.caller, func(tx store.Tx) error { return tx.PutSetting(ownSetting, k) })
	if err != nil {
		return err
	}
	return o.e.certifyDoors(context.WithoutCancel(ctx))
}

// certifyDoors has the doors show what is kept already.
func (e *Estate) certifyDoors(ctx context.Context) error {
	if err := e.Doors.Certify(ctx); err != nil {
		e.Log.Error("the server's certificate has changed but is not shown yet", "err", err)
		return &latchkey.Error{Kind: latchkey.Unavailable, Err: err,
			Msg: "The server’s certificate has changed, but its doors do not show it yet: look again later, or start the server anew."}
	}
	return nil
}

// sealedOwn is an installation as it is kept.
func (e *Estate) sealedOwn(n *hosting.Installation) ownKept {
	id := n.Key.ID()
	return ownKept{
		Chain: n.Certificate.PEM() + n.Certificate.Above(n.Chain).PEM(), KeyID: id, Provider: n.Provider, Installed: e.Now(),
		Sealed: base64.StdEncoding.EncodeToString(e.Keys.SealPrivateKey(0, id, n.Key.PEM())),
	}
}

// checkOwn gets a certificate for the server's own name, if AutoSSL is to and it
// is time.
func (e *Estate) checkOwn(ctx context.Context, asked bool) error {
	if len(e.AutoSSL.Own) == 0 || e.Doors == nil {
		return nil
	}
	k, err := e.ownKept(ctx)
	if err != nil {
		return err
	}
	now := e.Now()
	switch {
	case !e.ownNeeds(ctx, &k, now):
		return nil
	case asked && k.Tries > 0 && now.Before(k.At.Add(autoSSLAgain)), !asked && now.Before(k.Due):
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, autoSSLPatience)
	defer cancel()
	run := e.checks.run("", now)
	run.say(now, "out", "The server’s own certificate is missing, or its time has come.")
	err = e.obtainOwn(ctx, &k)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return err // the server stops
	}
	if err != nil {
		return e.ownProblem(context.WithoutCancel(ctx), run, k, err)
	}
	run.say(e.Now(), "success", "The server’s doors show a new certificate.")
	run.end()
	e.Log.Info("AutoSSL got the server's own certificate", "names", e.AutoSSL.Own)
	return nil
}

// ownNeeds reports whether the doors need a certificate. One that a person has
// installed is left alone while it holds.
func (e *Estate) ownNeeds(ctx context.Context, k *ownKept, now time.Time) bool {
	c, _, err := k.certificate()
	switch {
	case err != nil, c == nil, c.CheckTime(now) != nil, !c.Covers(e.ownName()):
		return true
	case k.Provider != autoSSLProvider:
		return false
	}
	return !now.Before(e.renewalOf(ctx, c, now))
}

// obtainOwn gets a certificate for the doors, and has them show it.
func (e *Estate) obtainOwn(ctx context.Context, k *ownKept) error {
	key, err := pki.NewKey(pki.P256)
	if err != nil {
		return err
	}
	o := acme.Order{Names: e.AutoSSL.Own, Key: key.Signer(), HTTP: e.AutoSSL.Prove}
	if c, _, err := k.certificate(); err == nil && c != nil && k.Provider == autoSSLProvider {
		o.Replaces = c.Certificate
	}
	keeper, err := e.keeper(ctx, "prove")
	if err != nil {
		return err
	}
	if zones, err := keeper.Zones().List(ctx); err == nil && e.AutoSSL.ByDNS && zoneFor(zones, e.ownName()) != "" {
		o.HTTP, o.DNS = nil, e.proveOwn
	}
	text, refused, err := e.certificateFor(ctx, e.AutoSSL.Own[0], o, func([]string) bool { return false })
	if err != nil {
		return err
	}
	for name, why := range refused {
		e.Log.Warn("the server's certificate is not for one of its names", "name", name, "why", why)
	}
	c, chain, err := pki.ParseCertificate(string(text))
	if err != nil {
		return err
	}
	n := hosting.Installation{Certificate: c, Chain: chain, Key: key, Provider: autoSSLProvider}
	if err := n.Check(e.ownName(), e.Now()); err != nil {
		return err
	}
	return e.keepOwn(ctx, k, e.sealedOwn(&n))
}

// keepOwn puts is in the place of was, unless somebody has installed another in
// the meantime.
func (e *Estate) keepOwn(ctx context.Context, was *ownKept, is ownKept) error {
	keeper, err := e.keeper(ctx, "install")
	if err != nil {
		return err
	}
	e.owning.Lock()
	defer e.owning.Unlock()
	err = e.commit(ctx, keeper.act, keeper.caller, func(tx store.Tx) error {
		var now ownKept
		if err := tx.Setting(ownSetting, &now); gone(err) != nil {
			return err
		}
		if now.Chain != was.Chain {
			return latchkey.Errorf(latchkey.Exists, "Somebody has installed another certificate in the meantime.")
		}
		return tx.PutSetting(ownSetting, is)
	})
	if err != nil {
		return err
	}
	return e.certifyDoors(context.WithoutCancel(ctx))
}

// ownProblem keeps why there is no certificate, and when to try again.
func (e *Estate) ownProblem(ctx context.Context, run *run, k ownKept, why error) error {
	now := e.Now()
	row := tried(store.AutoSSL{Tries: k.Tries}, 0, "", problemText(why), now)
	if no := refusal(why); no != nil {
		row.Problem = no.Error()
	}
	k.Problem, k.At, k.Due, k.Tries = row.Problem, row.At, row.Due, row.Tries
	run.say(now, "failure", "%s", k.Problem)
	run.end()
	e.Log.Warn("AutoSSL got no certificate for the server's own name", "err", why)
	_, err := e.Store.Write(ctx, func(tx store.Tx) error {
		var is ownKept
		if err := tx.Setting(ownSetting, &is); gone(err) != nil || is.Chain != k.Chain {
			return gone(err)
		}
		return tx.PutSetting(ownSetting, k)
	})
	return err
}
