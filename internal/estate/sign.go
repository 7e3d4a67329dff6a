package estate

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	netmail "net/mail"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/sieve"
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
	e.signWith(m, domain, key, err)
}

// signAnswer signs what an autoresponder says, as what the owner of its mailbox
// sends is signed.
func (e *Estate) signAnswer(ctx context.Context, m *notice.Message, a *answer) {
	from, err := netmail.ParseAddress(a.by.From)
	if err != nil {
		return
	}
	domain, key, err := e.MailSigner(ctx, hosting.Address{Local: a.at.Local, Domain: a.at.Domain}, latchkey.Domain(strings.ToLower(string(domainOf(from.Address)))))
	e.signWith(m, domain, key, err)
}

// signOnward signs a message that somebody at a place sends on, as their domain: it
// is answerable for what it passes on. It is not where the message says that it is
// from that domain, or one of the same organization: nobody here knows whether it
// is, and the signature would make a forged one genuine.
func (e *Estate) signOnward(ctx context.Context, m *notice.Message, by store.MailPlace) {
	from, ok := authorDomain(m.Raw)
	if !ok || aligned(from, by.Domain) {
		return
	}
	key, err := e.publishedKey(ctx, by.Domain)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	e.signWith(m, by.Domain, key, err)
}

// authorDomain is the domain of the one address that a message is from. It is none
// where another reader of the message might find another.
func authorDomain(raw []byte) (latchkey.Domain, bool) {
	header, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	fields := sieve.Read(bytes.NewReader(raw)).Fields("From")
	lines := 0
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		if bytes.ContainsAny(line, "\r\n\x00") {
			return "", false
		}
		if name, _, _ := bytes.Cut(line, []byte(":")); strings.EqualFold(string(bytes.TrimSpace(name)), "From") {
			lines++
		}
	}
	if len(fields) != 1 || lines != 1 {
		return "", false
	}
	list, err := netmail.ParseAddressList(fields[0])
	if err != nil || len(list) != 1 {
		return "", false
	}
	domain, err := hosting.ParseDomain(string(domainOf(list[0].Address)))
	return domain, err == nil
}

// signWith signs with a key, if there is one.
func (e *Estate) signWith(m *notice.Message, domain latchkey.Domain, key crypto.Signer, err error) {
	var signed bytes.Buffer
	if err == nil && key == nil {
		return
	}
	if err == nil {
		err = dkim.Sign(&signed, bytes.NewReader(m.Raw), &dkim.SignOptions{
			Domain: string(domain), Selector: hosting.DKIMSelector, Signer: key, HeaderKeys: SignedHeaders,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
	}
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
