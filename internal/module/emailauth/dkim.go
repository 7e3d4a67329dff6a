package emailauth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// keyBits is how long new keys are, and those that are taken may be.
const (
	keyBits             = 2048
	minKeyBits, maxBits = 1024, 4096
	maxKeyText          = 8 << 10
)

// newKey is a new private key.
func newKey() (latchkey.Secret, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return latchkey.Secret{}, err
	}
	return pemOf(key), nil
}

func pemOf(key *rsa.PrivateKey) latchkey.Secret {
	return latchkey.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
}

// readKey reads a private key, in either of the forms that programs write.
func readKey(text latchkey.Secret) (*rsa.PrivateKey, error) {
	refused := latchkey.InvalidParam("key", "The key must be an RSA private key of %d to %d bits, as PEM.", minKeyBits, maxBits)
	if len(text.Reveal()) > maxKeyText {
		return nil, refused
	}
	block, _ := pem.Decode([]byte(strings.TrimSpace(text.Reveal()) + "\n"))
	if block == nil {
		return nil, refused
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		other, _ := x509.ParsePKCS8PrivateKey(block.Bytes)
		key, _ = other.(*rsa.PrivateKey)
	}
	if key == nil || key.Validate() != nil || key.N.BitLen() < minKeyBits || key.N.BitLen() > maxBits {
		return nil, refused
	}
	return key, nil
}

// published is the record of a key.
func published(text latchkey.Secret) (string, error) {
	key, err := readKey(text)
	if err != nil {
		return "", err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	return hosting.DKIMVersion + "; k=rsa; p=" + base64.StdEncoding.EncodeToString(public) + ";", err
}

// UAPI: EmailAuth::ensure_dkim_keys_exist.
func ensureKeys(ctx context.Context, acct hosting.Account, p domainsParams) ([]done, error) {
	return each(ctx, acct, p.Domains, func(z *zone.Zone, i int) (string, error) {
		_, err := acct.DKIM().Key(ctx, z.Name(), p.Domains[i].Domain)
		if latchkey.KindOf(err) != latchkey.NotFound {
			return "There is a key.", err
		}
		key, err := newKey()
		if err == nil {
			err = acct.DKIM().Put(ctx, z.Name(), p.Domains[i].Domain, key, "")
		}
		return "A key was made.", err
	})
}

// UAPI: EmailAuth::enable_dkim.
func enableDKIM(ctx context.Context, acct hosting.Account, p domainsParams) ([]done, error) {
	return each(ctx, acct, p.Domains, func(z *zone.Zone, i int) (string, error) {
		domain := p.Domains[i].Domain
		key, err := acct.DKIM().Key(ctx, z.Name(), domain)
		if latchkey.KindOf(err) == latchkey.NotFound {
			if key, err = newKey(); err == nil {
				return keep(ctx, acct, z, domain, key)
			}
		}
		if err != nil {
			return "", err
		}
		record, err := published(key)
		if err != nil {
			return "", err
		}
		return set(ctx, acct, z.Name(), hosting.DKIMName(domain), hosting.DKIMVersion, record)
	})
}

// keep keeps a key and publishes it, both or neither. It tells what it did to the
// record that z has.
func keep(ctx context.Context, acct hosting.Account, z *zone.Zone, domain latchkey.Domain, key latchkey.Secret) (string, error) {
	record, err := published(key)
	if err != nil {
		return "", err
	}
	_, told, _ := hosting.TextEdit(z, hosting.DKIMName(domain), hosting.DKIMVersion, record)
	return told, acct.DKIM().Put(ctx, z.Name(), domain, key, record)
}

// UAPI: EmailAuth::disable_dkim.
func disableDKIM(ctx context.Context, acct hosting.Account, p domainsParams) ([]done, error) {
	return each(ctx, acct, p.Domains, func(z *zone.Zone, i int) (string, error) {
		return set(ctx, acct, z.Name(), hosting.DKIMName(p.Domains[i].Domain), hosting.DKIMVersion, "")
	})
}

type installKeysParams struct {
	domainsParams
	Keys []latchkey.Secret `param:"key" doc:"The key of the domain that has the same place in the list."`
}

// UAPI: EmailAuth::install_dkim_private_keys. A record that is published becomes
// that of the new key.
func installKeys(ctx context.Context, acct hosting.Account, p installKeysParams) ([]done, error) {
	return each(ctx, acct, p.Domains, func(z *zone.Zone, i int) (string, error) {
		if len(p.Keys) != len(p.Domains) {
			return "", latchkey.InvalidParam("key", "Give as many keys as domains, in the same order.")
		}
		key, err := readKey(p.Keys[i])
		if err != nil {
			return "", err
		}
		domain := p.Domains[i].Domain
		if len(hosting.Texts(z, hosting.DKIMName(domain), hosting.DKIMVersion)) == 0 {
			return "The key is kept.", acct.DKIM().Put(ctx, z.Name(), domain, pemOf(key), "")
		}
		return keep(ctx, acct, z, domain, pemOf(key))
	})
}

type privateKey struct {
	Domain latchkey.Domain `json:"domain"`
	PEM    string          `json:"pem"`
}

// UAPI: EmailAuth::fetch_dkim_private_keys.
func fetchKeys(ctx context.Context, acct hosting.Account, p domainsParams) ([]privateKey, error) {
	list := make([]privateKey, len(p.Domains))
	for i, d := range p.Domains {
		z, err := hosting.ZoneOf(ctx, acct.Zones(), d.Domain)
		if err != nil {
			return nil, err
		}
		key, err := acct.DKIM().Key(ctx, z.Name(), d.Domain)
		if err != nil {
			return nil, err
		}
		list[i] = privateKey{d.Domain, key.Reveal()}
	}
	return list, nil
}

type record struct {
	Current string `json:"current"`
	Reason  string `json:"reason"`
	State   string `json:"state"`
}

type dkimState struct {
	Domain   latchkey.Domain `json:"domain"`
	Error    string          `json:"error,omitempty"`
	Expected string          `json:"expected"`
	Records  []record        `json:"records"`
	State    string          `json:"state"`
	Cache    string          `json:"validity_cache_update"`
}

// UAPI: EmailAuth::validate_current_dkims. It looks into the account's own zones.
func validateDKIM(ctx context.Context, acct hosting.Account, p domainsParams) ([]dkimState, error) {
	list := make([]dkimState, len(p.Domains))
	for i, d := range p.Domains {
		z, err := hosting.ZoneOf(ctx, acct.Zones(), d.Domain)
		if err != nil {
			return nil, err
		}
		s := &list[i]
		s.Domain, s.Records, s.State, s.Cache = d.Domain, []record{}, "MISSING", "none"
		key, err := acct.DKIM().Key(ctx, z.Name(), d.Domain)
		switch latchkey.KindOf(err) {
		case latchkey.NotFound:
			s.Error = latchkey.AsError(err).Msg
		default:
			if err == nil {
				s.Expected, err = published(key)
			}
			if err != nil {
				return nil, err
			}
		}
		s.judge(hosting.Texts(z, hosting.DKIMName(d.Domain), hosting.DKIMVersion))
	}
	return list, nil
}

// judge says of every record whether it is the one that is expected.
func (s *dkimState) judge(found []hosting.Text) {
	for _, t := range found {
		r := record{Current: t.Text, State: "MISMATCH", Reason: "The record is not that of the key that is kept here."}
		if s.Expected != "" && value(t.Text, "p") == value(s.Expected, "p") {
			r.State, r.Reason = "VALID", ""
		} else if value(t.Text, "p") == "" {
			r.State, r.Reason = "PERMFAIL", "The record has no key."
		}
		s.Records = append(s.Records, r)
	}
	switch {
	case len(s.Records) == 1:
		s.State = s.Records[0].State
	case len(s.Records) > 1:
		s.State = "MULTIPLE"
	}
}

// value is what a record of the form a=b; c=d has under a name, without spaces.
func value(text, name string) string {
	for part := range strings.SplitSeq(text, ";") {
		if key, v, ok := strings.Cut(part, "="); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.Join(strings.Fields(v), "")
		}
	}
	return ""
}
