// Package latchkey holds the words the whole server shares: accounts, domains,
// packages, features, tokens, callers, errors and secrets. It knows nothing of
// how any of them is kept or spoken of on the wire.
package latchkey

import (
	"math"
	"time"
)

// AccountID numbers an account for as long as it exists; a rename keeps it and
// a removed account's number is never given again.
type AccountID uint32

// AccountName is the name an account signs in with: lower-case, at most 16
// characters.
type AccountName string

// Domain is a DNS name in lower case without a trailing dot.
type Domain string

// Role says what an account is for.
type Role uint8

const (
	RoleUser Role = iota // owns a home, domains and mailboxes
	RoleRoot             // administers the server; owns nothing
)

// Unlimited is the value of a limit that does not limit.
const Unlimited = int64(math.MaxInt64)

// Limits are what a package allows and an account holds. Every field may be
// [Unlimited].
type Limits struct {
	DiskMB       int64 // the whole home, in megabytes of 1,048,576 bytes
	Inodes       int64
	BandwidthMB  int64 // a month
	Mailboxes    int64
	MailboxMB    int64 // the most one mailbox may hold
	FTPAccounts  int64
	Databases    int64
	Subdomains   int64
	Addons       int64
	Parked       int64
	Lists        int64
	EmailPerHour int64
}

// NoLimits limits nothing.
func NoLimits() Limits {
	const u = Unlimited
	return Limits{u, u, u, u, u, u, u, u, u, u, u, u}
}

// DiskBytes is how many bytes the home may hold.
func (l Limits) DiskBytes() int64 {
	if l.DiskMB == Unlimited {
		return Unlimited
	}
	return l.DiskMB << 20
}

// Changed is l with every limit that differs between was and is set to is.
func (l Limits) Changed(was, is Limits) Limits {
	take := func(mine *int64, was, is int64) {
		if was != is {
			*mine = is
		}
	}
	take(&l.DiskMB, was.DiskMB, is.DiskMB)
	take(&l.Inodes, was.Inodes, is.Inodes)
	take(&l.BandwidthMB, was.BandwidthMB, is.BandwidthMB)
	take(&l.Mailboxes, was.Mailboxes, is.Mailboxes)
	take(&l.MailboxMB, was.MailboxMB, is.MailboxMB)
	take(&l.FTPAccounts, was.FTPAccounts, is.FTPAccounts)
	take(&l.Databases, was.Databases, is.Databases)
	take(&l.Subdomains, was.Subdomains, is.Subdomains)
	take(&l.Addons, was.Addons, is.Addons)
	take(&l.Parked, was.Parked, is.Parked)
	take(&l.Lists, was.Lists, is.Lists)
	take(&l.EmailPerHour, was.EmailPerHour, is.EmailPerHour)
	return l
}

// Account is one hosting account, or the administrator.
type Account struct {
	ID            AccountID
	Name          AccountName
	Role          Role
	Domain        Domain // the main domain
	Owner         AccountName
	Package       string
	ContactEmail  string
	Locale        string
	Theme         string
	Shell         string
	Limits        Limits
	Suspended     bool
	SuspendReason string
	SuspendedAt   time.Time
	SuspendLocked bool // only the administrator may end the suspension
	Created       time.Time
	Named         time.Time // since when it has its name; zero: since it was made
	PasswordHash  string    // a crypt string; never shown
	SecondFactor  string    // what a second factor is checked with, sealed; "" where none is asked for

	Reseller   bool         // may come in at the host's door
	Privileges PrivilegeSet // what a reseller may do there
}

// Changed is a with every field that differs between was and is set to is, limit
// by limit; but for the number, the name, the role, the password and what a
// reseller may do, which stay.
func (a Account) Changed(was, is Account) Account {
	take := func(mine *string, was, is string) {
		if was != is {
			*mine = is
		}
	}
	take((*string)(&a.Domain), string(was.Domain), string(is.Domain))
	take((*string)(&a.Owner), string(was.Owner), string(is.Owner))
	take(&a.Package, was.Package, is.Package)
	take(&a.ContactEmail, was.ContactEmail, is.ContactEmail)
	take(&a.Locale, was.Locale, is.Locale)
	take(&a.Theme, was.Theme, is.Theme)
	take(&a.Shell, was.Shell, is.Shell)
	a.Limits = a.Limits.Changed(was.Limits, is.Limits)
	if was.Suspended != is.Suspended || was.SuspendLocked != is.SuspendLocked || was.SuspendReason != is.SuspendReason || !was.SuspendedAt.Equal(is.SuspendedAt) {
		a.Suspended, a.SuspendReason, a.SuspendedAt, a.SuspendLocked = is.Suspended, is.SuspendReason, is.SuspendedAt, is.SuspendLocked
	}
	for _, t := range []struct{ mine, was, is *time.Time }{{&a.Created, &was.Created, &is.Created}, {&a.Named, &was.Named, &is.Named}} {
		if !t.was.Equal(*t.is) {
			*t.mine = *t.is
		}
	}
	return a
}

// Package is a hosting plan: limits, and the feature list of its accounts.
type Package struct {
	Name        string
	FeatureList string
	Limits      Limits
	Theme       string
	Locale      string
	CGI         bool
	Shell       bool
	Digest      bool
	DedicatedIP bool
	Tokens      TokenPolicy `json:",omitzero"` // over that of the server
}

// DomainKind says how a domain belongs to its account.
type DomainKind string

const (
	MainDomain   DomainKind = "main_domain"
	AddonDomain  DomainKind = "addon_domain"
	ParkedDomain DomainKind = "parked_domain"
	SubDomain    DomainKind = "sub_domain"
)

// OwnedDomain is one domain of an account.
type OwnedDomain struct {
	Name         Domain
	Kind         DomainKind
	DocumentRoot string // relative to the home
	Created      time.Time
}

// Clock tells the time. It is injected everywhere, so that tests can set it.
type Clock func() time.Time
