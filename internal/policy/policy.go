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
	if caller.Kind == latchkey.ByToken && !caller.Features.Has(latchkey.FeatureAPITokens) {
		return featureOff(latchkey.FeatureAPITokens)
	}
	if !caller.Features.Has(f.Feature) {
		return featureOff(f.Feature)
	}
	if caller.ReadOnly && f.Effect == api.Write {
		return &latchkey.Error{Kind: latchkey.ReadOnly, Param: f.FullName()}
	}
	return nil
}

func featureOff(f latchkey.Feature) *latchkey.Error {
	return &latchkey.Error{Kind: latchkey.FeatureOff, Param: f.String()}
}
