package hosting

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Host is the server, in the hands of its administrator or of a reseller. What
// is asked of an account that is not there or not theirs, or of the
// administrator as an account, fails with NotFound; what they may not do with
// one that is theirs, with Denied or, for more than a reseller may have, Limit.
// Lists hold what is theirs.
type Host interface {
	// Caller is who acts.
	Caller() *latchkey.Caller
	Server() *Server
	// At is when the call began.
	At() time.Time
	// Load is how many processes waited for a processor on average in the last 1,
	// 5 and 15 minutes. Fails: RoleOff where the system does not tell.
	Load(ctx context.Context) ([3]float64, error)
	// Tokens are the administrator's own tokens.
	Tokens() Tokens
	// Zones are the zones of all accounts that they may see; those that belong
	// to none are the administrator's.
	Zones() HostZones
	SignIns() HostSignIns
	TokenPolicies() TokenPolicies
	AutoSSL() HostAutoSSL
	OwnCertificate() OwnCertificate

	// As puts an account that they may change into the hands of who acts, as if
	// its owner did: suspended or not.
	As(ctx context.Context, name latchkey.AccountName) (Account, error)

	Resellers() Resellers

	// Activity is what the audit trail has of an account, or of all if name is "".
	// An account that is no more is found by its name. It is the administrator's
	// alone. Fails: Denied.
	Activity(ctx context.Context, name latchkey.AccountName, q latchkey.EventQuery) (latchkey.EventPage, error)

	// CreateAccount makes an account with its home, ready to be used when it
	// returns, and the package to be saved with it: both or neither. Fails:
	// Exists, Invalid, NotFound for a package, a feature list or an owner there
	// is not. A name is taken, too, if another's begins with the same eight
	// characters.
	CreateAccount(ctx context.Context, a NewAccount) (latchkey.Account, error)
	// NameFree says why a new account cannot be called name, or nil. Fails: Exists,
	// Invalid.
	NameFree(ctx context.Context, name latchkey.AccountName) error
	// RemoveAccount takes an account away with everything it owns. Its tokens
	// are refused from the start.
	RemoveAccount(ctx context.Context, name latchkey.AccountName) error
	// RenameAccount keeps everything the account owns, its tokens too. Fails as
	// CreateAccount does for names.
	RenameAccount(ctx context.Context, name, newName latchkey.AccountName) error
	// UpdateAccount changes an account by change, which must not touch its
	// number, name, role or domain.
	UpdateAccount(ctx context.Context, name latchkey.AccountName, change func(*latchkey.Account) error) (latchkey.Account, error)
	// ModifyAccount changes an account by change, and its name to newName unless
	// that is empty or the name it has: all of it or nothing. change must not
	// touch its number, name, role or domain, and may run more than once. Fails
	// as RenameAccount does, and with NotFound for an owner there is not.
	ModifyAccount(ctx context.Context, name, newName latchkey.AccountName, change func(Moment, *latchkey.Account) error) (latchkey.Account, error)
	// Suspend suspends an account, with the reason people are told, or ends its
	// suspension. The suspension of an account that is locked can be ended by the
	// administrator alone.
	Suspend(ctx context.Context, name latchkey.AccountName, on bool, reason string, locked bool) error
	// SetPassword sets the password of an account, or of the administrator. An
	// empty one is Invalid.
	SetPassword(ctx context.Context, name latchkey.AccountName, password latchkey.Secret) error
	Account(ctx context.Context, name latchkey.AccountName) (latchkey.Account, error)
	// Accounts is every account, by name; the administrator is none.
	Accounts(ctx context.Context) ([]latchkey.Account, error)
	// AccountsAfter is at most limit accounts by name, from after on.
	AccountsAfter(ctx context.Context, after latchkey.AccountName, limit int) ([]latchkey.Account, error)
	// AccountPage is at most limit accounts by name after the first skip of them,
	// and how many there are. It takes no longer for many.
	AccountPage(ctx context.Context, skip, limit int) ([]latchkey.Account, int, error)
	// SearchAccounts is AccountPage of the accounts of which match takes what stands
	// in a field.
	SearchAccounts(ctx context.Context, by AccountField, match func(text string) bool, skip, limit int) ([]latchkey.Account, int, error)
	// CountAccounts is how many accounts owner owns, and how many of them are
	// suspended.
	CountAccounts(ctx context.Context, owner latchkey.AccountName) (accounts, suspended int, err error)
	// Quota is what an account's home takes up.
	Quota(ctx context.Context, id latchkey.AccountID) (Quota, error)
	// Quotas is Quota for many accounts: it waits no longer than for one, and
	// has for the others what was known last.
	Quotas(ctx context.Context, accounts []latchkey.Account) ([]Quota, error)
	// FindDomain is a domain and the account it belongs to.
	FindDomain(ctx context.Context, name latchkey.Domain) (latchkey.Account, latchkey.OwnedDomain, error)
	// DomainsOf are an account's domains, the main one first, then by name.
	DomainsOf(ctx context.Context, name latchkey.AccountName) ([]latchkey.OwnedDomain, error)
	// DomainsAfter is at most limit domains of all accounts by name, from after
	// on.
	DomainsAfter(ctx context.Context, after latchkey.Domain, limit int) ([]HostedDomain, error)
	// Home is the path of an account's home, as clients are told it.
	Home(name latchkey.AccountName) string

	// ChangePackage changes the package called name by change, atomically. One
	// there is not yet comes to change with nothing but its name, and is made. A
	// limit that this changes changes, in the same moment, for every account that
	// has the package, over what the account had of its own. Fails: NotFound for
	// a feature list there is not.
	ChangePackage(ctx context.Context, name string, change func(p *latchkey.Package, exists bool) error) error
	// RemovePackage takes a package away. Fails: NotFound, Invalid while an
	// account has it, and for the default one.
	RemovePackage(ctx context.Context, name string) error
	Package(ctx context.Context, name string) (latchkey.Package, error)
	Packages(ctx context.Context) ([]latchkey.Package, error)

	// ChangeFeatureList changes the list called name by change, atomically; a
	// list there is not yet is made if create is set, else it is NotFound.
	ChangeFeatureList(ctx context.Context, name string, create bool, change func(*latchkey.FeatureList) error) error
	// RemoveFeatureList takes a list away. Fails: NotFound, Invalid while a
	// package has it, and for those that always exist.
	RemoveFeatureList(ctx context.Context, name string) error
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

// Resellers are the accounts that may have accounts of their own. What is asked
// of an account that is none fails with NotFound.
type Resellers interface {
	// Make makes a reseller of an account, with the privileges that every
	// reseller begins with; own makes it the owner of itself. Fails: Exists.
	Make(ctx context.Context, name latchkey.AccountName, own bool) error
	// Unmake ends that: its tokens for the host's door are revoked, the accounts
	// it owns stay its own, and so does what it was allowed to have.
	Unmake(ctx context.Context, name latchkey.AccountName) error
	// All is every reseller, by name.
	All(ctx context.Context) ([]latchkey.Account, error)
	// Reseller is one of them, and what it may do with accounts of its own.
	Reseller(ctx context.Context, name latchkey.AccountName) (latchkey.Account, latchkey.Reseller, error)
	// Change changes what a reseller may do, atomically. Fails: NotFound for a
	// package there is not.
	Change(ctx context.Context, name latchkey.AccountName, change func(*latchkey.PrivilegeSet, *latchkey.Reseller) error) error
	// Owned is every account that somebody owns, by name: the administrator, a
	// reseller or who has been one.
	Owned(ctx context.Context, owner latchkey.AccountName) ([]latchkey.Account, error)

	// Lists are the lists of privileges, by name.
	Lists(ctx context.Context) ([]latchkey.PrivilegeList, error)
	// List is the list called name.
	List(ctx context.Context, name string) (latchkey.PrivilegeList, error)
	// PutList makes a list, or puts it in the place of the one with its name.
	PutList(ctx context.Context, l latchkey.PrivilegeList) error
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
	// Reseller makes a reseller of it, with the privileges that every reseller
	// begins with. Denied to all but the administrator.
	Reseller bool
	Locale   string // empty: the package's
	Theme    string // empty: the package's
	// SaveAs is the name of a new package with these limits, which the account
	// gets instead; empty for none. FeatureList is that package's; empty for the
	// one of Package.
	SaveAs, FeatureList string
}

// AccountField is what accounts are searched by.
type AccountField uint8

const (
	ByName AccountField = iota
	ByDomain
	ByOwner
	ByPackage
)

// Of is what stands in the field.
func (f AccountField) Of(a *latchkey.Account) string {
	switch f {
	case ByDomain:
		return string(a.Domain)
	case ByOwner:
		return string(a.Owner)
	case ByPackage:
		return a.Package
	}
	return string(a.Name)
}

// Moment finds things as they are in the transaction of a change. What is not
// there is NotFound.
type Moment interface {
	Package(name string) (latchkey.Package, error)
}

// HostedDomain is a domain and whose it is.
type HostedDomain struct {
	latchkey.OwnedDomain
	Account latchkey.AccountName
	Owner   latchkey.AccountName // of the account
	Main    latchkey.Domain      // of the account
}
