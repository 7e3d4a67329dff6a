package api

import (
	"context"
	"fmt"
	"sync"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Effect is what a function does to the account: the class that decides whether
// a read-only token may call it.
type Effect uint8

const (
	Read   Effect = iota // RO: it changes nothing
	Write                // RW: it may change something
	Passes               // RW, by what it calls: each of those is asked for itself
)

// String is the class as the public tables write it.
func (e Effect) String() string {
	if e == Read {
		return "RO"
	}
	return "RW"
}

// Server roles, by their public names. A function whose role has no part behind
// it answers that the role is disabled.
type Role string

const (
	NoRole      Role = ""
	MailReceive Role = "MailReceive"
	MailSend    Role = "MailSend"
	DNS         Role = "DNS"
	DNSSEC      Role = "DNSSEC" // not one of theirs: a name server that signs
	WebServer   Role = "WebServer"
	// Those that no part of this server has. Their functions stand in the tables so
	// that who calls one is told that, and not that there is no such function.
	SpamFilter   Role = "SpamFilter"
	MailingLists Role = "MailingLists" // ours: cPanel has lists wherever it receives mail
)

// Here reports whether this program has a part for the role at all.
func (r Role) Here() bool { return r != SpamFilter && r != MailingLists }

// Scope is what a call of an account function is about, to a caller who may act
// on some of the account's things only.
type Scope uint8

const (
	// Whole is the account as a whole: it takes a right without conditions.
	Whole Scope = iota
	// Things is what the function reaches through its account, thing by thing:
	// such a caller's account holds no other things than they may act on, and so
	// lists no others.
	Things
	// Calls is other calls, each of which is asked about by itself.
	Calls
	// Bearer is the token that the caller came in with, and nothing else: any
	// token may be told of itself, and ended, by whoever has it.
	Bearer
)

// Func is one function, declared once. A is what it acts on: an account or the
// host. Routing, documentation, OpenAPI, feature gating, the read-only class,
// completion and the guard tests all derive from this row.
type Func[A any] struct {
	Name    string // UAPI's name, or WHM API 1's
	API2    string // cPanel API 2's name for it, if it has one
	Doc     string // one sentence
	Feature latchkey.Feature
	Role    Role
	Effect  Effect
	Scope   Scope // of an account function
	Run     Runner[A]
	// Privilege is what who calls a host function must have. One for everybody
	// who is let in asks for [latchkey.PrivilegeBasic], one for the administrator
	// alone for [latchkey.PrivilegeAll]; one that names none is called by nobody.
	Privilege latchkey.Privilege

	// Lists says that the function shows what is there, to who may see less less,
	// and fails for nobody: a program that reads what it is about to change finds
	// there what it may change.
	Lists bool
	// Mailbox lets who signed in as a mailbox call it too, for that mailbox alone.
	Mailbox bool
	// API2Data turns the answer into API 2's shape where that is another one
	// than a list of the answer.
	API2Data func(data any) any
	// OnlyAPI2 says that UAPI does not have the function; Name is API 2's.
	OnlyAPI2 bool
	// Reason is the text of WHM API 1's metadata.reason; "OK" if it is empty.
	Reason string
	// API0 is the shape of a host function's answer in WHM API 0, for calls
	// without api.version=1: see [Shape0]. A function without one is unknown
	// there, as it is to clients that were written for it.
	API0 Shape0
	// API0Data turns the answer into what API 0 has in its place, where that is
	// another than in API 1.
	API0Data func(data any) any
	// Meta takes the dialect's own parameters too: Batch and its like.
	Meta bool
}

// Module is a module of functions.
type Module[A any] struct {
	Name  string
	Doc   string
	Funcs []Func[A]
}

// Runner is a function ready to be called with arguments as they arrived.
// [Run] makes one. What its parameters are is found out when it is first asked
// for: a server starts with hundreds of functions, and is asked for few.
type Runner[A any] struct {
	Params func() []Param
	Call   func(ctx context.Context, on A, args Args) (any, error)
}

// None are the parameters of a function that takes none.
type None struct{}

// Run adapts a Go function whose third argument is a struct of parameters. Each
// exported field is one parameter, described by its tags:
//
//	Email hosting.Address `param:"email" doc:"The mailbox to create."`
//	Quota Megabytes       `param:"quota,optional"`
//	Raw   Args            `param:"*"` // every argument no other field took
//
// An embedded struct stands for its fields. A field's type is string, bool (1 or 0), an integer, a type with a
// ParseParam method, a slice of one of them for a parameter that may be
// repeated, or a pointer to one of them, which is nil where the parameter was not
// given: a text may be given that is empty. It panics for a struct it cannot bind: a programmer's mistake,
// seen at start.
func Run[A, P, R any](fn func(context.Context, A, P) (R, error)) Runner[A] {
	binder := sync.OnceValue(newBinder[P])
	return Runner[A]{
		Params: func() []Param { return binder().params },
		Call: func(ctx context.Context, on A, args Args) (any, error) {
			var p P
			if err := binder().bind(&p, args); err != nil {
				return nil, err
			}
			r, err := fn(ctx, on, p)
			if err != nil {
				return nil, err
			}
			return r, nil
		},
	}
}

// Answer is what a function returns that has more to say than its data.
type Answer struct {
	Data     any
	Messages []string
	Warnings []string
	// Errors say what failed of a call that has data all the same. With one of
	// them the call has failed.
	Errors []string
	// No is the answer of a question to which status 0 is a no: nothing went
	// wrong.
	No bool
	// Reason is WHM API 1's metadata.reason, over that of the function's row.
	Reason string
}

// Void is the answer of a function that has no data: null on the wire.
type Void = *struct{}

// Named is implemented by parameter types that name a resource. What they name
// may be shown; the values of all other types never are.
type Named interface{ Resource() latchkey.Resource }

// Param describes one parameter of a function.
type Param struct {
	Name     string
	Doc      string
	Type     string // string, integer, boolean
	Required bool
	List     bool // may be repeated or numbered
	Rest     bool // stands for any further arguments
	Secret   bool // its value is never shown
	Enum     []string
	Resource string // the kind of resource it names, if it names one
	// names reads the resource out of a value; it is nil if none is named.
	names func(text string) (latchkey.Resource, bool)
}

// String is the parameter as a usage line shows it.
func (p Param) String() string {
	s := p.Name
	if p.Rest {
		s = "…"
	}
	if p.Required {
		return s + "="
	}
	return fmt.Sprintf("[%s=]", s)
}
