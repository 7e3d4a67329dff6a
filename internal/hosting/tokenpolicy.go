package hosting

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// TokenPolicies are what the administrator has set about the tokens of accounts,
// for the server and for packages.
type TokenPolicies interface {
	// Policy is that of the package called pack, or of the server if that is "".
	// Fails: NotFound.
	Policy(ctx context.Context, pack string) (latchkey.TokenPolicy, error)
	// Change changes one by change, atomically. It counts for what is made and
	// changed from then on; what there is stays as it is. Fails: NotFound, Denied
	// for a package that is not theirs and, but for the administrator, for the
	// server's.
	Change(ctx context.Context, pack string, change func(*latchkey.TokenPolicy) error) error
	// Outside are at most limit tokens that do not keep the policy that counts for
	// them, from after on. There may be more if next is not nil, even if none were
	// found: one call looks at so many tokens.
	Outside(ctx context.Context, after TokenPlace, limit int) (list []OutsideToken, next *TokenPlace, err error)
	// Find are at most limit tokens of accounts that a search finds, from after on,
	// by their accounts' numbers. As with Outside there may be more if next is not
	// nil.
	Find(ctx context.Context, q TokenSearch, after TokenMark, limit int) (list []AccountToken, next *TokenMark, err error)
}

// TokenSearch is which tokens are looked for: those that are all it says.
type TokenSearch struct {
	Text   string        // part of the account's or the token's name, without regard to case
	Unused time.Duration // made, and last used if ever, longer ago than that; 0 for any
	NoEnd  bool          // they last for ever
	Full   bool          // they may do everything that their account may
}

// TokenMark is where a walk by accounts' numbers has come to; zero is its
// beginning.
type TokenMark struct {
	Account latchkey.AccountID
	Name    string
}

// AccountToken is a token and whose it is.
type AccountToken struct {
	Account latchkey.AccountName
	Package string
	TokenInfo
}

// TokenPlace is where a walk over all tokens has come to.
type TokenPlace struct {
	Account latchkey.AccountName
	Name    string // of the token; "": all of the account were looked at
}

// OutsideToken is a token that does not keep a policy, and why.
type OutsideToken struct {
	Account  latchkey.AccountName
	Package  string
	Token    latchkey.Token
	Breaches []latchkey.Breach
}

// TokenPolicyInfo is what an account's owner may make.
type TokenPolicyInfo struct {
	Policy  *latchkey.AppliedPolicy
	MayMake bool            // the caller may make tokens, as far as the policy says
	Refusal latchkey.Breach // or why not
	Latest  time.Time       // when they must end at the latest; zero for any time
	Tokens  int             // how many there are
	Most    int             // how many there may be; 0 for any number
}
