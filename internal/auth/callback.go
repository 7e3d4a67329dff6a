package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// UnknownCallBack is the reason for refusing a call-back address that there is
// not, or no more.
const UnknownCallBack Reason = "unknown call-back address"

// callBackSize is how many letters the secret part of a call-back address has:
// 150 bits.
const callBackSize = 32

// NewCallBack is the secret part of a new call-back address: letters of the
// lower case, as clients know them.
func NewCallBack() latchkey.Secret {
	id, b := make([]byte, 0, callBackSize), make([]byte, 2*callBackSize)
	for len(id) < callBackSize {
		_, _ = rand.Read(b)
		for _, x := range b {
			if x < 26*9 && len(id) < callBackSize { // each letter as often as any other
				id = append(id, 'a'+x%26)
			}
		}
	}
	return latchkey.NewSecret(string(id))
}

func callBackForm(id string) bool {
	for i := range len(id) {
		if id[i] < 'a' || id[i] > 'z' {
			return false
		}
	}
	return len(id) == callBackSize
}

// CallBackMAC is what a call-back address is found by.
func (k *Keys) CallBackMAC(id latchkey.Secret) latchkey.TokenMAC {
	return latchkey.TokenMAC(sum(k.callBack, id.Reveal()))
}

// SealCallBack is id as it is kept in the row of a host.
func (k *Keys) SealCallBack(account latchkey.AccountID, name latchkey.Domain, id latchkey.Secret) string {
	return k.SealSecret(callBackPlace(account, name), id)
}

// OpenCallBack is what the row of a host is called by. It fails for a row that
// was tampered with.
func (k *Keys) OpenCallBack(d *store.DynamicHost) (latchkey.Secret, error) {
	id, err := k.OpenSecret(callBackPlace(d.Account, d.Name), d.Sealed)
	if mac := k.CallBackMAC(id); err == nil && subtle.ConstantTimeCompare(mac[:], d.MAC[:]) != 1 {
		err = fmt.Errorf("the row of the dynamic host %s is damaged", d.Name)
	}
	return id, err
}

func callBackPlace(account latchkey.AccountID, name latchkey.Domain) string {
	return fmt.Sprintf("dynamic host %d %s", account, name)
}

// CallBack finds out which host somebody calls back for who shows id and nothing
// else. Who comes out may act for the host's account, and is to set the addresses
// of that host alone. A source that has failed too often is refused before it is
// looked whether it is right now.
func (v *Verifier) CallBack(ctx context.Context, id latchkey.Secret, from latchkey.Origin) (latchkey.Caller, store.DynamicHost, *Refusal) {
	var d store.DynamicHost
	c, reason := v.callBack(ctx, id, from, &d)
	if reason == "" {
		return c, d, nil
	}
	r := &Refusal{Reason: reason, Account: d.Account, Name: c.Name}
	if reason == UnknownCallBack {
		v.throttle.fail(from.Addr, v.at(from), claimOf(v.keys.CallBackMAC(id)))
		v.throttle.failures.add(latchkey.Failure{At: v.at(from).UTC(), From: from.Addr, Audience: latchkey.ForAccount, Reason: string(reason)})
	}
	return latchkey.Caller{}, store.DynamicHost{}, r
}

func (v *Verifier) callBack(ctx context.Context, id latchkey.Secret, from latchkey.Origin, d *store.DynamicHost) (c latchkey.Caller, _ Reason) {
	switch {
	case v.throttle.barred(from.Addr):
		return c, Barred
	case v.throttle.shut(from.Addr, v.at(from)):
		return c, Throttled
	case !callBackForm(id.Reveal()):
		return c, UnknownCallBack
	}
	mac := v.keys.CallBackMAC(id)
	err := v.store.Read(ctx, func(r store.Reader) (err error) {
		*d, err = r.DynamicHostByMAC(mac)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return c, UnknownCallBack
	}
	if err != nil {
		v.log.Error("call-back look-up", "err", err)
		return c, CannotCheck
	}
	if is, err := v.keys.OpenCallBack(d); err != nil || subtle.ConstantTimeCompare([]byte(is.Reveal()), []byte(id.Reveal())) != 1 {
		v.log.Error("the row of a dynamic host is damaged and refused", "host", d.Name, "err", err)
		return c, RowDamaged
	}
	e, err := v.Entry(ctx, d.Account)
	switch {
	case err != nil:
		return c, UnknownAccount
	case e.Account.Suspended:
		c.Name = e.Account.Name
		return c, AccountOff
	}
	return latchkey.Caller{Kind: latchkey.ByCallBack, Role: e.Account.Role, Account: d.Account, Name: e.Account.Name, Handle: v.keys.Handle(mac),
		Features: e.Features, Proof: mac, Door: latchkey.ForAccount}, ""
}
