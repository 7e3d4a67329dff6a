package hostingtest

import (
	"context"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// dkim are keys in memory.
type dkim struct{ a *Account }

// DKIM are the keys of the account's domains.
func (a *Account) DKIM() hosting.DKIM { return dkim{a} }

func (d dkim) Key(ctx context.Context, zone, domain latchkey.Domain) (latchkey.Secret, error) {
	if _, err := d.a.Zones().Zone(ctx, zone); err != nil {
		return latchkey.Secret{}, err
	}
	d.a.mu.Lock()
	defer d.a.mu.Unlock()
	pem, ok := d.a.keys[domain]
	if !ok {
		return pem, hosting.NoDKIM(domain)
	}
	return pem, nil
}

func (d dkim) Put(ctx context.Context, in, domain latchkey.Domain, pem latchkey.Secret, record string) error {
	z, err := d.a.Zones().Zone(ctx, in)
	if err != nil {
		return err
	}
	change := func(z *zone.Zone) (zone.Edit, error) {
		e, _, _ := hosting.TextEdit(z, hosting.DKIMName(domain), hosting.DKIMVersion, record)
		return e, nil
	}
	if _, _, needed := hosting.TextEdit(z, hosting.DKIMName(domain), hosting.DKIMVersion, record); needed && record != "" {
		if _, err := d.a.Zones().Edit(ctx, in, change); err != nil {
			return err
		}
	}
	d.a.mu.Lock()
	defer d.a.mu.Unlock()
	if d.a.keys == nil {
		d.a.keys = map[latchkey.Domain]latchkey.Secret{}
	}
	d.a.keys[domain] = pem
	return nil
}

func testDKIM(t *testing.T, a *Tenant) {
	ctx, keys := t.Context(), a.Open().DKIM()
	_, err := keys.Key(ctx, "example.com", "example.com")
	failed(t, "Key of a domain without one", err, latchkey.NotFound)
	for _, text := range []string{"first", "second"} {
		worked(t, "Put", keys.Put(ctx, "example.com", "shop.example.com", latchkey.NewSecret(text), ""))
		pem, err := a.Open().DKIM().Key(ctx, "example.com", "shop.example.com")
		same(t, "Key", pem.Reveal(), err, text)
	}
	worked(t, "Put with a record", keys.Put(ctx, "example.com", "shop.example.com", latchkey.NewSecret("third"), "v=DKIM1; p=third;"))
	worked(t, "Put with the same record", keys.Put(ctx, "example.com", "shop.example.com", latchkey.NewSecret("fourth"), "v=DKIM1; p=third;"))
	pem, err := keys.Key(ctx, "example.com", "shop.example.com")
	same(t, "Key after Put with a record", pem.Reveal(), err, "fourth")
	z, err := a.Open().Zones().Zone(ctx, "example.com")
	same(t, "the record", textsOf(z, hosting.DKIMName("shop.example.com")), err, []string{"v=DKIM1; p=third;"})
	_, err = keys.Key(ctx, "example.com", "example.com")
	failed(t, "Key of another domain", err, latchkey.NotFound)
	failed(t, "Put in a foreign zone", keys.Put(ctx, "example.net", "example.net", latchkey.NewSecret("x"), ""), latchkey.NotFound)
	_, err = keys.Key(ctx, "example.net", "example.net")
	failed(t, "Key in a foreign zone", err, latchkey.NotFound)
}
