// Package policy answers one question: may they? It is pure: it looks at the
// caller, at the function's row and at the account it is about, and at nothing
// else.
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
	if caller.Wait > 0 && (f.Scope != api.Bearer || f.Effect != api.Write) { // a token can be ended at any time
		return latchkey.TooOften(caller.Wait)
	}
	if (caller.Door == latchkey.ForHost) != (f.Audience == latchkey.ForHost) || f.Audience == latchkey.ForAccount && caller.Role == latchkey.RoleRoot {
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
	if f.Audience == latchkey.ForHost && !caller.Privileges.Has(f.Privilege) {
		return noPrivilege(f)
	}
	if caller.Kind == latchkey.ByToken && caller.Through == nil && !caller.Features.Has(latchkey.FeatureAPITokens) {
		return featureOff(latchkey.FeatureAPITokens)
	}
	if !caller.Features.Has(f.Feature) {
		return featureOff(f.Feature)
	}
	if err := granted(caller, f); err != nil {
		return err
	}
	if caller.ReadOnly && f.Effect == api.Write && f.Scope != api.Bearer {
		return &latchkey.Error{Kind: latchkey.ReadOnly, Param: f.FullName()}
	}
	if caller.Looking && f.Effect == api.Write {
		return &latchkey.Error{Kind: latchkey.Denied, Param: f.FullName(), Msg: "An address that was typed or followed from outside changes nothing: do this from a page of this server."}
	}
	return nil
}

// granted says why the caller's rights, if they are narrower than those of the
// account, do not reach as far as f. Where f is about things, [MayTouch] is asked
// about each of them later.
func granted(caller *latchkey.Caller, f *api.Entry) *latchkey.Error {
	switch {
	case caller.Rights == nil || f.Audience == latchkey.ForHost || f.Scope == api.Calls || f.Scope == api.Bearer:
		return nil
	case f.Scope == api.Things && caller.Rights.Touches(Called(f)):
		return nil
	}
	return MayTouch(caller, f)
}

// Reaches reports whether a token with rights, nil being all there are, may do
// something by f that not every token may.
func Reaches(rights latchkey.Rights, readOnly bool, f *api.Entry) bool {
	if f.Audience != latchkey.ForAccount || f.Scope == api.Bearer || f.Scope == api.Calls || readOnly && f.Effect == api.Write {
		return false
	}
	return granted(&latchkey.Caller{Rights: rights}, f) == nil
}

// MayTouch says why caller may not call f on things, or nil; without any, on the
// account as a whole.
func MayTouch(caller *latchkey.Caller, f *api.Entry, things ...latchkey.Resource) *latchkey.Error {
	if caller.Rights == nil || caller.Rights.Covers(Called(f), things...) {
		return nil
	}
	area := "read"
	if f.Effect == api.Write {
		area = "write"
	}
	on, thing := "", (*latchkey.Resource)(nil)
	for _, r := range things {
		on, thing = "("+r.String()+")", &r
	}
	return &latchkey.Error{Kind: latchkey.Denied, Param: f.FullName(), On: thing,
		Msg: "This API token may not do that: it has no grant such as “" + f.Module + ":" + area + on + "” or “" + f.FullName() + on + "”."}
}

// Called is f as rights see it.
func Called(f *api.Entry) latchkey.Called {
	return latchkey.Called{Module: f.Module, Name: f.Name, Write: f.Effect == api.Write}
}

// MayActFor says why caller, who came in at the host's door, may not act for the
// account a: sign in as it, or call its own functions. An account that is not
// the caller's looks like one that is not there; see
// [latchkey.Caller.Commands] for whose is whose.
func MayActFor(caller *latchkey.Caller, a *latchkey.Account) *latchkey.Error {
	switch {
	case !caller.Sees(a):
		return NotYours(a.Name)
	case !caller.Commands(a):
		return latchkey.Errorf(latchkey.Denied, "You may not act for the account “%s”: it may do things on this server that you may not.", a.Name)
	}
	return nil
}

// NotYours is the answer about an account that is not the caller's, and about one
// that is not there.
func NotYours(name latchkey.AccountName) *latchkey.Error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "user", Msg: "You do not have access to an account named “" + string(name) + "”."}
}

func noPrivilege(f *api.Entry) *latchkey.Error {
	if f.Privilege == latchkey.PrivilegeAll {
		return &latchkey.Error{Kind: latchkey.Denied, Param: f.Privilege.String(), Msg: "Access denied: “" + f.Name + "” is the administrator’s alone."}
	}
	return &latchkey.Error{Kind: latchkey.Denied, Param: f.Privilege.String(), Msg: "Access denied: “" + f.Name + "” needs the privilege “" + f.Privilege.String() + "”."}
}

func featureOff(f latchkey.Feature) *latchkey.Error {
	return &latchkey.Error{Kind: latchkey.FeatureOff, Param: f.String()}
}
