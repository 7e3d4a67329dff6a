package estate

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
)

// SignedHeaders are what a signature vouches for. A header that a message does
// not have is signed as not being there: nobody adds a second From on the way.
var SignedHeaders = []string{"From", "From", "To", "Subject", "Subject", "Date", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Reply-To", "Auto-Submitted"}

// sign puts a DKIM signature before a message of the server's, if the domain that
// it is from, or the one above it, publishes a key that is kept here. What
// cannot be signed goes as it is: it is better to be told without than not at all.
func (e *Estate) sign(ctx context.Context, m *notice.Message) {
	_, name, _ := strings.Cut(m.From, "@")
	domain, key, err := e.signer(ctx, latchkey.Domain(strings.ToLower(name)))
	if err != nil || key == nil {
		if err != nil {
			e.Log.Warn("a message cannot be signed", "domain", name, "err", err)
		}
		return
	}
	var signed bytes.Buffer
	err = dkim.Sign(&signed, bytes.NewReader(m.Raw), &dkim.SignOptions{
		Domain: string(domain), Selector: hosting.DKIMSelector, Signer: key, HeaderKeys: SignedHeaders,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		e.Log.Warn("a message cannot be signed", "domain", domain, "err", err)
		return
	}
	m.Raw = signed.Bytes()
}

// signer is the key that signs mail from a domain, and whose it is: the domain's,
// or that of the one above it. It is nil where neither publishes one.
func (e *Estate) signer(ctx context.Context, from latchkey.Domain) (latchkey.Domain, crypto.Signer, error) {
	_, above, _ := strings.Cut(string(from), ".")
	for _, domain := range []latchkey.Domain{from, latchkey.Domain(above)} {
		key, err := e.publishedKey(ctx, domain)
		if !errors.Is(err, store.ErrNotFound) {
			return domain, key, err
		}
	}
	return "", nil, nil
}

// MailSigner is the key that signs what the owner of a mailbox sends as somebody of
// a domain, and whose it is. It is nil where the domain is not one of the account's
// that the mailbox belongs to, or publishes no key.
func (e *Estate) MailSigner(ctx context.Context, sender hosting.Address, from latchkey.Domain) (latchkey.Domain, crypto.Signer, error) {
	var same bool
	err := e.Store.Read(ctx, func(r store.Reader) error {
		mine, err := r.DomainOwner(sender.Domain)
		if err != nil {
			return err
		}
		its, err := r.DomainOwner(from)
		same = mine == its
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return "", nil, nil
	}
	if err != nil || !same {
		return "", nil, err
	}
	key, err := e.publishedKey(ctx, from)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil, nil
	}
	return from, key, err
}

// publishedKey is the key of a domain, if its record stands in the zone that the
// domain lies in. Fails: [store.ErrNotFound].
func (e *Estate) publishedKey(ctx context.Context, domain latchkey.Domain) (crypto.Signer, error) {
	var k store.DKIMKey
	err := e.Store.Read(ctx, func(r store.Reader) (err error) {
		if k, err = r.DKIMKey(domain); err != nil {
			return err
		}
		for name := string(domain); strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
			row, err := r.Zone(latchkey.Domain(name))
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if row.Account != k.Account { // the domain was another's when it got the key
				return store.ErrNotFound
			}
			z, err := loadZone(r, &row)
			if err == nil && len(hosting.Texts(z, hosting.DKIMName(domain), hosting.DKIMVersion)) == 0 {
				err = store.ErrNotFound
			}
			return err
		}
		return store.ErrNotFound
	})
	if err != nil {
		return nil, err
	}
	text, err := e.Keys.OpenSecret(dkimPlace(k.Account, domain), k.Sealed)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(text.Reveal()))
	if block == nil {
		return nil, errors.New("the key is not in the PEM format")
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}
