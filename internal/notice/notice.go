// Package notice says what owners are told by mail about their API tokens, and
// in which words. Start at [Notice] and [Notice.Message]. When something is told
// and how it gets there stand elsewhere: in package estate, and in driver/mailout.
package notice

import (
	"slices"
	"time"
)

// Kind is what a notice is about. Owners may switch each off by its name.
type Kind string

const (
	Created Kind = "created" // a token was made
	Rotated Kind = "rotated" // it has another secret
	Ending  Kind = "ending"  // it ends in seven days, or in one
	Ended   Kind = "ended"   // its terms have ended it: it was not used, or is used up
	Revoked Kind = "revoked" // the administrator has taken it away
	Network Kind = "network" // it was used from a network that it was never used from
)

// Kinds are those there are.
func Kinds() []Kind { return []Kind{Created, Rotated, Ending, Ended, Revoked, Network} }

// Known reports whether there is such a kind.
func (k Kind) Known() bool { return slices.Contains(Kinds(), k) }

// Notice is what is to be told, as it stood when it happened. It holds no secret.
type Notice struct {
	Kind    Kind      `json:"kind"`
	At      time.Time `json:"at"`
	Server  string    `json:"server"` // its name
	Site    string    `json:"site"`   // where the account's owner comes in
	Account string    `json:"account"`
	Host    bool      `json:"host,omitempty"` // the token is for WHM

	Token   string    `json:"token"` // its name
	Handle  string    `json:"handle"`
	May     string    `json:"may"`             // what it may do
	Where   []string  `json:"where,omitempty"` // from where; everywhere if empty
	Expires time.Time `json:"expires,omitzero"`

	By      string    `json:"by,omitempty"`   // who did it
	From    string    `json:"from,omitempty"` // the address it came from
	Client  string    `json:"client,omitempty"`
	Network string    `json:"network,omitempty"` // the new one
	First   bool      `json:"first,omitempty"`   // it was never used before
	Overlap time.Time `json:"overlap,omitzero"`  // until when the old secret works
	Why     string    `json:"why,omitempty"`     // why it ended
	// Last is set where no more of them are sent for a day: there are too many.
	Last bool `json:"last,omitempty"`
}
