package latchkey

// Reseller is what an account may do with accounts of its own, besides its
// privileges: those stand in its [Account]. The zero Reseller has no limits.
type Reseller struct {
	// Accounts is how many accounts it may own, where LimitAccounts is set.
	LimitAccounts bool
	Accounts      int64

	// DiskMB and BandwidthMB are what its accounts may have together, where
	// LimitResources is set: may be promised, or, where overselling is allowed,
	// may be using.
	LimitResources    bool
	DiskMB            int64
	BandwidthMB       int64
	OversellDisk      bool
	OversellBandwidth bool

	// Packages are those it may give its accounts, where LimitPackages is set,
	// and where LimitNumbers is set too, to how many.
	LimitPackages bool
	LimitNumbers  bool
	Packages      map[string]PackageShare

	Nameservers []Domain // for the domains of its accounts; empty: the server's
}

// PackageShare is how a reseller may use one package.
type PackageShare struct {
	Allowed bool
	Number  int64 // of accounts that may have it; 0: as many as it likes
}

// PrivilegeList is a named set of privileges.
type PrivilegeList struct {
	Name       string
	Privileges PrivilegeSet
}
