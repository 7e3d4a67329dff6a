// Package policy answers one question: may they? It is pure: it looks at the
// caller and at the function's row, and at nothing else.
package policy

import (
	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// May says why caller may not call f, or nil. Nobody, the zero caller, may call
// nothing.
func May(caller *latchkey.Caller, f *api.Entry) *latchkey.Error {
	if caller.Kind == 0 {
		return &latchkey.Error{Kind: latchkey.BadCredentials}
	}
	if (caller.Role == latchkey.RoleRoot) != (f.Audience == latchkey.ForHost) {
		return &latchkey.Error{Kind: latchkey.NotHere, Param: f.Name}
	}
	if caller.Mailbox != "" {
		if !f.Mailbox {
			return &latchkey.Error{Kind: latchkey.Denied, Param: f.FullName(), Msg: "An email account may not call “" + f.FullName() + "”: sign in as the account it belongs to."}
		}
		if !caller.Features.Has(latchkey.FeatureWebmail) {
			return featureOff(latchkey.FeatureWebmail)
		}
	}
	if caller.Kind == latchkey.ByToken && caller.Through == nil && !caller.Features.Has(latchkey.FeatureAPITokens) {
		return featureOff(latchkey.FeatureAPITokens)
	}
	if !caller.Features.Has(f.Feature) {
		return featureOff(f.Feature)
	}
	if caller.ReadOnly && f.Effect == api.Write {
		return &latchkey.Error{Kind: latchkey.ReadOnly, Param: f.FullName()}
	}
	if caller.Looking && f.Effect == api.Write {
		return &latchkey.Error{Kind: latchkey.Denied, Param: f.FullName(), Msg: "An address that was typed or followed from outside changes nothing: do this from a page of this server."}
	}
	return nil
}

func featureOff(f latchkey.Feature) *latchkey.Error {
	return &latchkey.Error{Kind: latchkey.FeatureOff, Param: f.String()}
}
