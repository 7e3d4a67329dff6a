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
	// Find are at most limit tokens of accounts that a search finds, from after on,
	// by their accounts' numbers. There may be more if next is not nil, even if none
	// were found: one call looks at so many tokens.
	Find(ctx context.Context, q TokenSearch, after TokenMark, limit int) (list []AccountToken, next *TokenMark, err error)
}

// TokenSearch is which tokens are looked for: those that are all it says.
type TokenSearch struct {
	Text   string        // part of the account's or the token's name, without regard to case
	Unused time.Duration // made, and last used if ever, longer ago than that; 0 for any
	NoEnd  bool          // they last for ever
	Full   bool          // they may do everything that their account may
	// Outside asks for those that do not keep the policy that counts for them.
	Outside bool
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

// TokenPolicyInfo is what an account's owner may make.
type TokenPolicyInfo struct {
	Policy  *latchkey.AppliedPolicy
	MayMake bool            // the caller may make tokens, as far as the policy says
	Refusal latchkey.Breach // or why not
	Latest  time.Time       // when they must end at the latest; zero for any time
	Tokens  int             // how many there are
	Most    int             // how many there may be; 0 for any number
}
