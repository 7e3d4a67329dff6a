package estate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// dkimKeys are the keys of one account's domains. They are kept sealed.
type dkimKeys struct{ *account }

// in fails with NotFound for a zone that is not the account's, or that the domain
// does not lie in, and for a domain that is another's or lies below one.
func (d *dkimKeys) in(r store.Reader, zone, domain latchkey.Domain) error {
	if _, err := findZone(r, zone, (&ownZones{d.account}).mine); err != nil {
		return err
	}
	if domain != zone && !strings.HasSuffix(string(domain), "."+string(zone)) {
		return hosting.NoZone(domain)
	}
	for name := domain; name != zone; {
		if owner, err := ownerAt(r, name); err != nil {
			return err
		} else if owner != 0 && owner != d.caller.Account {
			return hosting.NoZone(domain)
		}
		_, above, _ := strings.Cut(string(name), ".")
		name = latchkey.Domain(above)
	}
	return nil
}

// ownerAt is who has a domain, or the zone of that name; 0 for nobody.
func ownerAt(r store.Reader, name latchkey.Domain) (latchkey.AccountID, error) {
	owner, err := r.DomainOwner(name)
	if errors.Is(err, store.ErrNotFound) {
		var z store.Zone
		z, err = r.Zone(name)
		owner = z.Account
	}
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return owner, err
}

func (d *dkimKeys) place(domain latchkey.Domain) string { return dkimPlace(d.caller.Account, domain) }

// dkimPlace is what the key of a domain is sealed for.
func dkimPlace(account latchkey.AccountID, domain latchkey.Domain) string {
	return fmt.Sprintf("DKIM key %d %s", account, domain)
}

func (d *dkimKeys) Key(ctx context.Context, zone, domain latchkey.Domain) (pem latchkey.Secret, err error) {
	var k store.DKIMKey
	err = d.e.Store.Read(ctx, func(r store.Reader) error {
		if err := d.in(r, zone, domain); err != nil {
			return err
		}
		k, err = r.DKIMKey(domain)
		if errors.Is(err, store.ErrNotFound) || err == nil && k.Account != d.caller.Account {
			err = hosting.NoDKIM(domain)
		}
		return err
	})
	if err != nil {
		return pem, err
	}
	return d.e.Keys.OpenSecret(d.place(domain), k.Sealed)
}

func (d *dkimKeys) Put(ctx context.Context, in, domain latchkey.Domain, pem latchkey.Secret, record string) error {
	k := store.DKIMKey{Domain: domain, Account: d.caller.Account, Sealed: d.e.Keys.SealSecret(d.place(domain), pem), Created: d.e.Now().UTC().Truncate(time.Microsecond)}
	put := func(tx store.Tx) error {
		if err := d.in(tx, in, domain); err != nil {
			return err
		}
		return tx.PutDKIMKey(k)
	}
	if record == "" {
		return d.e.commit(ctx, d.act, d.caller, put)
	}
	_, err := d.e.changeZone(ctx, d.act, d.caller, in, (&ownZones{d.account}).mine, func(was *zone.Zone) (*zone.Zone, error) {
		edit, _, needed := hosting.TextEdit(was, hosting.DKIMName(domain), hosting.DKIMVersion, record)
		if !needed {
			return nil, errNothing
		}
		return was.Edit(edit, d.e.Now())
	}, put)
	if errors.Is(err, errNothing) {
		return d.e.commit(ctx, d.act, d.caller, put)
	}
	return err
}
