package call

import (
	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Visit is who came to a page, and how: what all calls that the page makes have
// in common. Nothing of it has been checked.
type Visit struct {
	Audience latchkey.Audience
	Cred     latchkey.Credentials // of a session, or none
	Origin   latchkey.Origin
	InClear  bool
	Prefix   string // of the session, as it stands in front of the address; "" for none
	Path     string // what stands behind it
}

// Request is a call that the page makes for its visitor.
func (v *Visit) Request(names Names, module, name string, args api.Args) *Request {
	return &Request{Audience: v.Audience, Cred: v.Cred, Origin: v.Origin, InClear: v.InClear, Names: names, Module: module, Func: name, Args: args}
}

// SignInWhy is why somebody is asked to sign in.
type SignInWhy uint8

const (
	SignInFirst   SignInWhy = iota // they came to do so
	SignInFailed                   // what they gave was wrong
	SignInFactor                   // their password was right, and the second factor is missing
	SignInNotNow                   // nobody can at this moment
	SignInEnded                    // their session has ended
	SignInLeft                     // they have signed out
	SignInNobody                   // the page is for those who have signed in
	SignInForeign                  // another site's page sent them
)

// SignIn is a sign-in that somebody is asked for.
type SignIn struct {
	Why    SignInWhy
	Status int    // of the answer
	User   string // who they said they were
	Page   string // where they want to go then; "" for wherever people go
}
