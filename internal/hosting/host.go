package hosting

import (
	"context"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Host is the server, in the hands of its administrator. What is asked of an
// account that is not there, or of the administrator as an account, fails with
// NotFound.
type Host interface {
	// Caller is who acts.
	Caller() *latchkey.Caller
	Server() *Server
	// Tokens are the administrator's own tokens.
	Tokens() Tokens

	// CreateAccount makes an account with its home, ready to be used when it
	// returns. Fails: Exists, Invalid, NotFound for a package there is not. A
	// name is taken, too, if another's begins with the same eight characters.
	CreateAccount(ctx context.Context, a NewAccount) (latchkey.Account, error)
	// RemoveAccount takes an account away with everything it owns. Its tokens
	// are refused from the start.
	RemoveAccount(ctx context.Context, name latchkey.AccountName) error
	// RenameAccount keeps everything the account owns, its tokens too. Fails as
	// CreateAccount does for names.
	RenameAccount(ctx context.Context, name, newName latchkey.AccountName) error
	// UpdateAccount changes an account by change, which must not touch its
	// number, name, role or domain.
	UpdateAccount(ctx context.Context, name latchkey.AccountName, change func(*latchkey.Account) error) (latchkey.Account, error)
	// Suspend suspends an account, with the reason people are told, or ends its
	// suspension.
	Suspend(ctx context.Context, name latchkey.AccountName, on bool, reason string) error
	// SetPassword sets the password of an account, or of the administrator. An
	// empty one is Invalid.
	SetPassword(ctx context.Context, name latchkey.AccountName, password latchkey.Secret) error
	Account(ctx context.Context, name latchkey.AccountName) (latchkey.Account, error)
	// Accounts is every account, by name; the administrator is none.
	Accounts(ctx context.Context) ([]latchkey.Account, error)
	// Quota is what an account's home takes up.
	Quota(ctx context.Context, id latchkey.AccountID) (Quota, error)
	// Home is the path of an account's home, as clients are told it.
	Home(name latchkey.AccountName) string

	// PutPackage makes a package, or puts it in the place of the one with its
	// name. A limit that this changes changes, in the same moment, for every
	// account that has the package, over what the account had of its own.
	// Fails: Exists if it must be new, NotFound for a feature list there is not.
	PutPackage(ctx context.Context, p latchkey.Package, mustBeNew bool) error
	Package(ctx context.Context, name string) (latchkey.Package, error)
	Packages(ctx context.Context) ([]latchkey.Package, error)

	// ChangeFeatureList changes the list called name by change, atomically; a
	// list there is not yet is made if create is set, else it is NotFound.
	ChangeFeatureList(ctx context.Context, name string, create bool, change func(*latchkey.FeatureList) error) error
	FeatureList(ctx context.Context, name string) (latchkey.FeatureList, error)
	FeatureLists(ctx context.Context) ([]latchkey.FeatureList, error)
	// Override switches features for one account, over its list.
	Override(ctx context.Context, name latchkey.AccountName, features map[string]bool) error
	// ClearOverrides lets the list decide again about the features named.
	ClearOverrides(ctx context.Context, name latchkey.AccountName, features []string) error
	// Overrides are the features switched for one account, over its list.
	Overrides(ctx context.Context, name latchkey.AccountName) (map[string]bool, error)
	// Features is what an account may use now.
	Features(ctx context.Context, name latchkey.AccountName) (latchkey.FeatureSet, error)
}

// NewAccount is what an account is to be.
type NewAccount struct {
	Name     latchkey.AccountName
	Domain   latchkey.Domain
	Password latchkey.Secret // empty: nobody can sign in with one until it is set
	Package  string          // empty: "default"
	Contact  string
	Owner    latchkey.AccountName // empty: who makes it
	// Limits changes what the package allows, for this account alone; nil
	// changes nothing.
	Limits func(*latchkey.Limits)
}
