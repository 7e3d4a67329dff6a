package estate

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// Names are proved by texts in zones. Each is noted before it is put there, and
// until it is taken away: what a server that was killed has left is swept by the
// next one.

const proofSetting = "acme_proofs"

// proof is a text at a name in a zone.
type proof struct {
	Zone  latchkey.Domain `json:"zone"`
	Owner string          `json:"owner"`
	Text  string          `json:"text"`
}

// editor changes zones: an account's, or the server's.
type editor interface {
	Edit(ctx context.Context, name latchkey.Domain, change func(*zone.Zone) (zone.Edit, error)) (*zone.Zone, error)
}

// put puts the text there. There may be others.
func (p *proof) put(ctx context.Context, z editor) error {
	_, err := z.Edit(ctx, p.Zone, func(*zone.Zone) (zone.Edit, error) {
		return zone.Edit{Add: []zone.New{{Name: p.Owner + ".", TTL: 60, Type: "TXT", Data: []string{p.Text}}}}, nil
	})
	return err
}

// take takes the text away, if it is there.
func (p *proof) take(ctx context.Context, z editor) error {
	errGone := latchkey.Errorf(latchkey.NotFound, "It is gone.")
	_, err := z.Edit(ctx, p.Zone, func(z *zone.Zone) (zone.Edit, error) {
		for line, e := range z.All() {
			if e.Kind() == zone.Record && e.Type() == "TXT" && strings.TrimSuffix(e.Name(), ".") == p.Owner && slices.Equal(e.Data(), []string{p.Text}) {
				return zone.Edit{Remove: []int{line}}, nil
			}
		}
		return zone.Edit{}, errGone
	})
	return gone(err)
}

// noteProofs changes which proofs there are.
func (e *Estate) noteProofs(ctx context.Context, change func([]proof) []proof) error {
	_, err := e.Store.Write(ctx, func(tx store.Tx) error {
		var list []proof
		if err := tx.Setting(proofSetting, &list); gone(err) != nil {
			return err
		}
		return tx.PutSetting(proofSetting, change(list))
	})
	return err
}

func (e *Estate) forgetProof(ctx context.Context, p proof) error {
	return e.noteProofs(ctx, func(list []proof) []proof { return without(list, []proof{p}) })
}

// prove puts a text at _acme-challenge under a name into a zone by put, until done
// takes it away by take.
func (e *Estate) prove(ctx context.Context, in, name latchkey.Domain, text string, put, take func() editor) (done func(context.Context) error, err error) {
	if in == "" {
		return nil, latchkey.Errorf(latchkey.NotFound, "The zone of “%s” is not here.", name)
	}
	p := proof{Zone: in, Owner: "_acme-challenge." + string(name), Text: text}
	if err := e.noteProofs(ctx, func(list []proof) []proof { return append(list, p) }); err != nil {
		return nil, err
	}
	if err := p.put(ctx, put()); err != nil {
		return nil, errors.Join(err, e.forgetProof(context.WithoutCancel(ctx), p))
	}
	return func(ctx context.Context) error {
		if err := p.take(ctx, take()); err != nil {
			return err
		}
		return e.forgetProof(ctx, p)
	}, nil
}

// proveInZone proves a name in a zone of the account.
func (t *tenancy) proveInZone(ctx context.Context, name latchkey.Domain, text string) (func(context.Context) error, error) {
	by := func(what string) func() editor { return func() editor { return t.acting(what).Zones() } }
	return t.e.prove(ctx, t.zone(ctx, name), name, text, by("prove"), by("unprove"))
}

// proveOwn proves one of the server's own names, in whoever's zone it is.
func (e *Estate) proveOwn(ctx context.Context, name latchkey.Domain, text string) (func(context.Context) error, error) {
	keeper, err := e.keeper(ctx, "prove")
	if err != nil {
		return nil, err
	}
	zones, err := keeper.Zones().List(ctx)
	if err != nil {
		return nil, err
	}
	return e.prove(ctx, zoneFor(zones, name), name, text, func() editor { return keeper.Zones() }, func() editor { return keeper.Zones() })
}

// keeper is the server in the hands of AutoSSL, for one change: what it does is in
// the trail under that name.
func (e *Estate) keeper(ctx context.Context, what string) (*host, error) {
	caller, err := e.Auth.Local(ctx, "root", latchkey.ForHost)
	if err != nil {
		return nil, err
	}
	act := audit.Begin(e.Now, latchkey.Origin{})
	act.As(&caller)
	act.Calls("autossl::"+what, true, nil, nil)
	return &host{e: e, act: act, caller: &caller}, nil
}

// sweepProofs takes away what is left in zones. A zone that is gone has none.
func (e *Estate) sweepProofs(ctx context.Context) error {
	if e.DNS == (silent{}) {
		return nil
	}
	var list []proof
	err := e.Store.Read(ctx, func(r store.Reader) error { return gone(r.Setting(proofSetting, &list)) })
	for i := 0; i < len(list) && err == nil; i++ {
		var keeper *host
		if keeper, err = e.keeper(ctx, "unprove"); err == nil {
			err = list[i].take(ctx, hosting.HostZones(keeper.Zones()))
		}
		if err == nil {
			err = e.forgetProof(ctx, list[i])
		}
	}
	return err
}
