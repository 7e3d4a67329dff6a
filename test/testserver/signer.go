package testserver

import (
	"context"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/driver/authdns"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// signer is the embedded name server, which keeps how zones are to be signed, and
// signs none: functions are asked here who may call them, not what BIND does then.
type signer struct {
	authdns.Part
	mu  sync.Mutex
	how map[latchkey.Domain]hosting.Signing
}

func (s *signer) Sign(_ context.Context, z *zone.Zone, how hosting.Signing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.how[z.Name()] = how
	return nil
}

func (s *signer) Unsign(is *zone.Zone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.how, is.Name())
	return nil
}

func (s *signer) Signed(_ context.Context, name latchkey.Domain) (is hosting.SignedZone, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if how, ok := s.how[name]; ok {
		is = hosting.SignedZone{Signing: how, Keys: []hosting.ZoneKey{{Tag: 10, Flags: 257, Bits: 256, Active: true, Created: time.Unix(1, 0), Public: "a2V5LW9mLQ==" + string(name)}}}
	}
	return is, nil
}

func (s *signer) SigningKey(name latchkey.Domain, tag int) (latchkey.Secret, error) {
	if tag != 10 {
		return latchkey.Secret{}, hosting.NoZoneKey()
	}
	return latchkey.NewSecret("Private-key-format: v1.3\nof " + string(name)), nil
}

func (s *signer) Served(_ context.Context, name latchkey.Domain) (uint32, error) {
	z, err := s.Server.Zone(string(name))
	if err != nil {
		return 0, err
	}
	return z.Serial(), nil
}
