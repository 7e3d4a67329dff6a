package hosting

import (
	"context"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// DKIM are the private keys that the mail of an account's domains is signed with.
// A domain lies in a zone of the account; another zone fails with NotFound.
type DKIM interface {
	// Key is the key of a domain, as PEM. Fails: NotFound.
	Key(ctx context.Context, zone, domain latchkey.Domain) (latchkey.Secret, error)
	// Put keeps a key in the place of the one that the domain has. With a record it
	// becomes, in the same moment, the one that the domain publishes.
	Put(ctx context.Context, zone, domain latchkey.Domain, pem latchkey.Secret, record string) error
}

// DKIMVersion is how records with public keys begin.
const DKIMVersion = "v=DKIM1"

// DKIMSelector tells the keys of one domain apart: there is one.
const DKIMSelector = "default"

// DKIMName is the name of the record that the public key of a domain stands in.
func DKIMName(domain latchkey.Domain) string {
	return DKIMSelector + "._domainkey." + string(domain) + "."
}

// NoDKIM is the answer where a domain has no key.
func NoDKIM(domain latchkey.Domain) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "domain", Msg: "The domain “" + string(domain) + "” has no DKIM key."}
}

// narrowDKIM are keys in the hands of somebody who may act on some records only:
// a key is theirs if the record with its public half is.
type narrowDKIM struct {
	all DKIM
	may func(...latchkey.Resource) error
}

func (n *narrowDKIM) Key(ctx context.Context, zone, domain latchkey.Domain) (latchkey.Secret, error) {
	if err := n.may(RecordOf(zone, DKIMName(domain), "TXT")); err != nil {
		return latchkey.Secret{}, err
	}
	return n.all.Key(ctx, zone, domain)
}

func (n *narrowDKIM) Put(ctx context.Context, zone, domain latchkey.Domain, pem latchkey.Secret, record string) error {
	if err := n.may(RecordOf(zone, DKIMName(domain), "TXT")); err != nil {
		return err
	}
	return n.all.Put(ctx, zone, domain, pem, record)
}
