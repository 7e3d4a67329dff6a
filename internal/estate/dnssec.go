package estate

import (
	"context"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// Signer is a [Nameserver] that signs zones. Which zones, how and with what keys it
// keeps by itself, and goes on with after a start.
type Signer interface {
	// Sign signs z from now on, and returns when it is answered so; if it fails, z
	// is answered as it was.
	Sign(ctx context.Context, z *zone.Zone, how hosting.Signing) error
	// Unsign has the Serve of is end that. If is does not come to be served, the zone
	// stays signed.
	Unsign(is *zone.Zone) error
	// Signed is how a zone is signed.
	Signed(ctx context.Context, name latchkey.Domain) (hosting.SignedZone, error)
	// SigningKey is the private part of a key.
	SigningKey(name latchkey.Domain, tag int) (latchkey.Secret, error)
	// Served is the serial number that is answered, which runs ahead of the text's
	// while a zone is signed.
	Served(ctx context.Context, name latchkey.Domain) (uint32, error)
}

func (e *Estate) zoneSigner() (Signer, error) {
	s, ok := e.DNS.(Signer)
	if !ok || !e.Server.DNSSEC {
		return nil, &latchkey.Error{Kind: latchkey.RoleOff, Param: "DNSSEC"}
	}
	return s, nil
}

func (e *Estate) signZone(ctx context.Context, act *audit.Act, caller *latchkey.Caller, name latchkey.Domain, mine owns, how hosting.Signing) error {
	s, err := e.zoneSigner()
	if err != nil {
		return err
	}
	if err := how.Check(); err != nil {
		return err
	}
	act.On(hosting.ZoneParam{Domain: name}.Resource())
	return e.zones.with(name, func(slot *zoneSlot) error {
		_, z, err := e.readZone(ctx, slot, name, mine)
		if err != nil {
			return err
		}
		err = e.begin(ctx, act, caller, func(tx store.Tx) error {
			_, err := findZone(tx, name, mine)
			return err
		})
		if err != nil {
			return err
		}
		return s.Sign(context.WithoutCancel(ctx), z, how)
	})
}

// unsignZone raises the serial number above what was answered: secondaries would
// else keep what was signed.
func (e *Estate) unsignZone(ctx context.Context, act *audit.Act, caller *latchkey.Caller, name latchkey.Domain, mine owns) error {
	s, err := e.zoneSigner()
	if err != nil {
		return err
	}
	if now, err := e.signedZone(ctx, act, name, mine); err != nil || len(now.Keys) == 0 {
		return err
	}
	var is *zone.Zone
	_, err = e.changeZone(ctx, act, caller, name, mine, func(was *zone.Zone) (*zone.Zone, error) {
		served, err := s.Served(ctx, name)
		if err != nil {
			return nil, &latchkey.Error{Kind: latchkey.Unavailable, Err: err, Msg: "The name server does not answer for the DNS zone: try again later."}
		}
		is, err = was.Raised(served, e.Now())
		return is, err
	}, func(tx store.Tx) error { return s.Unsign(is) })
	return err
}

func (e *Estate) signedZone(ctx context.Context, act *audit.Act, name latchkey.Domain, mine owns) (is hosting.SignedZone, err error) {
	s, err := e.zoneSigner()
	if err != nil {
		return is, err
	}
	act.On(hosting.ZoneParam{Domain: name}.Resource())
	err = e.zones.with(name, func(slot *zoneSlot) error {
		if _, _, err := e.readZone(ctx, slot, name, mine); err != nil {
			return err
		}
		is, err = s.Signed(ctx, name)
		return err
	})
	return is, err
}

func (e *Estate) signingKey(ctx context.Context, act *audit.Act, name latchkey.Domain, tag int, mine owns) (key latchkey.Secret, err error) {
	is, err := e.signedZone(ctx, act, name, mine)
	if err != nil {
		return key, err
	}
	if len(is.Keys) == 0 {
		return key, hosting.Unsigned(name)
	}
	s, err := e.zoneSigner()
	if err == nil {
		key, err = s.SigningKey(name, tag)
	}
	return key, err
}

func (z *ownZones) Sign(ctx context.Context, name latchkey.Domain, how hosting.Signing) error {
	return z.e.signZone(ctx, z.act, z.caller, name, z.mine, how)
}

func (z *ownZones) Unsign(ctx context.Context, name latchkey.Domain) error {
	return z.e.unsignZone(ctx, z.act, z.caller, name, z.mine)
}

func (z *ownZones) Signed(ctx context.Context, name latchkey.Domain) (hosting.SignedZone, error) {
	return z.e.signedZone(ctx, z.act, name, z.mine)
}

func (z *ownZones) SigningKey(ctx context.Context, name latchkey.Domain, tag int) (latchkey.Secret, error) {
	return z.e.signingKey(ctx, z.act, name, tag, z.mine)
}

func (z *hostZones) Sign(ctx context.Context, name latchkey.Domain, how hosting.Signing) error {
	return z.e.signZone(ctx, z.act, z.caller, name, z.mine, how)
}

func (z *hostZones) Unsign(ctx context.Context, name latchkey.Domain) error {
	return z.e.unsignZone(ctx, z.act, z.caller, name, z.mine)
}

func (z *hostZones) Signed(ctx context.Context, name latchkey.Domain) (hosting.SignedZone, error) {
	return z.e.signedZone(ctx, z.act, name, z.mine)
}

func (z *hostZones) SigningKey(ctx context.Context, name latchkey.Domain, tag int) (latchkey.Secret, error) {
	return z.e.signingKey(ctx, z.act, name, tag, z.mine)
}
