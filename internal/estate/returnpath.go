package estate

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/srs"
	"github.com/latchkey/latchkey/internal/store"
)

func (e *Estate) srs() srs.Rewriter { return srs.Rewriter{MAC: e.Keys.ReturnMAC} }

// returnPath is the sender of a message that somebody at ours sends on: the one it
// came with if that is somebody here, else one at ours that leads back there. Servers
// elsewhere would take mail in another's name for forged.
func (e *Estate) returnPath(r store.Reader, from string, ours latchkey.Domain) (string, error) {
	if from == "" {
		return "", nil
	}
	_, err := r.DomainOwner(domainOf(strings.ToLower(from)))
	if !errors.Is(err, store.ErrNotFound) {
		return from, err
	}
	return e.srs().Forward(from, string(ours), e.Now()), nil
}

// firstSender is who has sent a message that came at a time and waits with a sender.
func (e *Estate) firstSender(from string, at time.Time) (string, error) {
	if !srs.Is(from) {
		return from, nil
	}
	sender, err := e.srs().Reverse(from, at)
	if errors.Is(err, srs.ErrForged) { // somebody else's server made it
		return from, nil
	}
	return sender, err
}

// ResolveReturn implements [lmtp.Returner].
func (d *deliveries) ResolveReturn(ctx context.Context, address string) (lmtp.Box, error) {
	if !d.e.isLocal(ctx, address) {
		return nil, errNoBox
	}
	sender, err := d.e.srs().Reverse(address, d.e.Now())
	if a, bad := hosting.ParseAddress(address); err != nil && bad == nil { // somebody has a mailbox of such a name
		return d.Resolve(ctx, a)
	}
	if err != nil {
		return nil, errNoBox
	}
	return &returned{d.e, address, sender}, nil
}

// returned is where a bounce goes of what was sent on: back to who sent it first.
type returned struct {
	e          *Estate
	by, sender string
}

var errBouncesOnly = &latchkey.Error{Kind: latchkey.Invalid, Msg: "this address takes nothing but notices of mail that could not be delivered"}

// Deliver implements [lmtp.Box].
func (b *returned) Deliver(ctx context.Context, l lmtp.Letter) error {
	if l.From != "" {
		return errBouncesOnly
	}
	m, err := b.e.open(&l)
	if err != nil {
		return err
	}
	if m.passed(b.by) {
		return errCircle
	}
	if b.e.isLocal(ctx, b.sender) {
		return b.e.deliver(ctx, b.sender, l, false)
	}
	if b.e.MailOut == nil {
		return errNoBox
	}
	return b.e.postAll(ctx, l.From, l.Body, false, []leaving{{b.sender, b.by}})
}

// aligned reports whether a signature of one domain vouches for mail from another,
// as DMARC has it: they are of the same organization.
func aligned(a, b latchkey.Domain) bool {
	return organization(a) == organization(b)
}

func organization(d latchkey.Domain) string {
	name, err := publicsuffix.EffectiveTLDPlusOne(string(d))
	if err != nil {
		return string(d)
	}
	return name
}
