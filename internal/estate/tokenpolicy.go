package estate

import (
	"context"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// tokenPolicySetting is the name under which the store keeps the server's policy
// about tokens. That of a package stands in the package.
const tokenPolicySetting = "token-policy"

func serverTokenPolicy(r store.Reader) (p latchkey.TokenPolicy, err error) {
	return p, gone(r.Setting(tokenPolicySetting, &p))
}

// tokenPolicy is what counts for the tokens of a.
func tokenPolicy(r store.Reader, a *latchkey.Account) (*latchkey.AppliedPolicy, error) {
	server, err := serverTokenPolicy(r)
	if err != nil {
		return nil, err
	}
	p, err := r.Package(a.Package)
	return server.For(a.Package, p.Tokens), gone(err)
}

// policy is what counts for these tokens: those for the host's door are bound by
// what their owner may do there, and by no policy.
func (t *tokens) policy(r store.Reader) (*latchkey.AppliedPolicy, error) {
	if t.audience == latchkey.ForHost {
		return latchkey.TokenPolicy{}.For("", latchkey.TokenPolicy{}), nil
	}
	a, err := t.e.Auth.Account(r, t.account)
	if err != nil {
		return nil, err
	}
	return tokenPolicy(r, &a)
}

// keepPolicy says why the caller may not make k, or make k what it is now; one
// that is new is given what the policy says and it was not given.
func (t *tokens) keepPolicy(r store.Reader, k *latchkey.Token, isNew bool) error {
	p, err := t.policy(r)
	if err != nil {
		return err
	}
	if b, ok := p.MayMake(t.caller); !ok {
		return b.Error()
	}
	now := t.e.Now().UTC()
	if isNew {
		p.Complete(k, now)
	}
	if list := p.Breaches(k, now); len(list) > 0 {
		return list[0].Error()
	}
	return nil
}

// judge fills in which rules each token of a list does not keep.
func (t *tokens) judge(r store.Reader, list []hosting.TokenInfo) error {
	if len(list) == 0 {
		return nil
	}
	p, err := t.policy(r)
	for i := 0; err == nil && i < len(list); i++ {
		list[i].Breaches = p.Breaches(&list[i].Token, t.e.Now())
	}
	return err
}

// makeRoom says why the account may have no more tokens.
func (t *tokens) makeRoom(r store.Reader) error {
	most := t.e.MostTokens
	if most == 0 {
		return nil
	}
	n, err := r.TokenCount(t.account, t.audience)
	if err == nil && n >= most {
		err = latchkey.Errorf(latchkey.Limit, "The account has %d API tokens, as many as it may have: revoke those that are not needed any more.", n)
	}
	return err
}

// Policy implements [hosting.Tokens].
func (t *tokens) Policy(ctx context.Context) (info hosting.TokenPolicyInfo, err error) {
	err = t.e.Store.Read(ctx, func(r store.Reader) (err error) {
		if info.Policy, err = t.policy(r); err == nil {
			info.Tokens, err = r.TokenCount(t.account, t.audience)
		}
		return err
	})
	if err == nil {
		info.Most, info.Latest = t.e.MostTokens, info.Policy.Latest(t.e.Now())
		info.Refusal, info.MayMake = info.Policy.MayMake(t.caller)
	}
	return info, err
}

// hostTokenPolicies is what a host's caller may do about the policies.
type hostTokenPolicies struct{ *host }

func (h *host) TokenPolicies() hosting.TokenPolicies { return &hostTokenPolicies{h} }

// Policy implements [hosting.TokenPolicies].
func (h *hostTokenPolicies) Policy(ctx context.Context, pack string) (p latchkey.TokenPolicy, err error) {
	if pack != "" {
		plan, err := h.Package(ctx, pack)
		return plan.Tokens, err
	}
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		p, err = serverTokenPolicy(r)
		return err
	})
	return p, err
}

// Change implements [hosting.TokenPolicies].
func (h *hostTokenPolicies) Change(ctx context.Context, pack string, change func(*latchkey.TokenPolicy) error) error {
	if pack != "" {
		return h.ChangePackage(ctx, pack, func(p *latchkey.Package, exists bool) error {
			if !exists {
				return latchkey.Errorf(latchkey.NotFound, "There is no package “%s”.", pack)
			}
			return change(&p.Tokens)
		})
	}
	if !h.caller.Privileges.Has(latchkey.PrivilegeAll) {
		return denied("package", "Only the administrator can set the policy of the server: name one of your packages.")
	}
	return h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		p, err := serverTokenPolicy(tx)
		if err == nil {
			err = change(&p)
		}
		if err != nil {
			return err
		}
		return tx.PutSetting(tokenPolicySetting, p)
	})
}
