package estate

import (
	"errors"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// mayMake says why the caller may not make of the account was what a is: a
// reseller gives no account away, does not undo what the administrator locked,
// and stays within what it was given itself.
func (h *host) mayMake(r store.Reader, was, a *latchkey.Account) error {
	if h.caller.OverAll() {
		return nil
	}
	switch {
	case a.Owner != was.Owner:
		return denied("owner", "Only the administrator can change who owns an account.")
	case was.SuspendLocked && (a.Suspended != was.Suspended || !a.SuspendLocked):
		return denied("user", "The account “"+string(a.Name)+"” is locked: only the administrator can end its suspension.")
	case a.Shell != was.Shell && !h.caller.Privileges.Has(latchkey.PrivilegeShell):
		return lacks(latchkey.PrivilegeShell)
	}
	limits := was.Limits
	if a.Package != was.Package {
		if err := h.mayUse(a.Package); err != nil {
			return err
		}
		p, err := findPackage(r, a.Package)
		if err != nil {
			return err
		}
		limits = p.Limits
	}
	if err := h.mayAllow(limits, a.Limits); err != nil {
		return err
	}
	return h.withinShare(r, was, a)
}

// mayCreate says why the caller may not create the account a, of whose limits
// the package has plan.
func (h *host) mayCreate(r store.Reader, a *latchkey.Account, plan latchkey.Limits) error {
	if !h.caller.OverAll() && a.Limits != plan && !h.caller.Privileges.Has(latchkey.PrivilegeEditAccount) {
		return denied(latchkey.PrivilegeEditAccount.String(), "You may create accounts with the limits of a package and no others: for that you need the privilege “edit-account”.")
	}
	return h.mayMake(r, &latchkey.Account{Owner: h.caller.Name, Shell: a.Shell}, a)
}

func denied(param, text string) error {
	return &latchkey.Error{Kind: latchkey.Denied, Param: param, Msg: text}
}

func lacks(p latchkey.Privilege) error {
	return denied(p.String(), "This needs the privilege “"+p.String()+"”, which you do not have.")
}

// ofOwn reports whether name is one for packages and feature lists of the
// caller's own: a reseller's begin with its name and a _.
func (h *host) ofOwn(name string) bool {
	return strings.HasPrefix(name, string(h.caller.Name)+"_")
}

// mayHave says why the caller can make no account for a domain: the server's own name
// would be served, and certified, for whoever has that. What it lies in is the
// administrator's to give.
func (h *host) mayHave(domain latchkey.Domain) error {
	own := h.e.ownName()
	switch {
	case domain == own:
		return latchkey.InvalidParam("domain", "The domain “%s” is the name of this server: no account can have it.", domain)
	case !h.caller.OverAll() && strings.HasSuffix(string(own), "."+string(domain)):
		return latchkey.InvalidParam("domain", "The name of this server lies in the domain “%s”: ask the administrator for it.", domain)
	}
	return nil
}

// mayName says why the caller may not make or change what is called name, a
// package or a feature list.
func (h *host) mayName(param, name string) error {
	if h.caller.OverAll() || h.ofOwn(name) {
		return nil
	}
	return denied(param, "“"+name+"” is not yours to change: the names of your own begin with “"+string(h.caller.Name)+"_”.")
}

// mayPut says why the caller may not put the package p in the place of was,
// which is empty if there was none.
func (h *host) mayPut(r store.Reader, was, p *latchkey.Package) error {
	has := h.caller.Privileges.Has
	switch err := h.mayName("name", p.Name); {
	case err != nil:
		return err
	case p.Tokens != was.Tokens && !strings.Contains(p.Name, "_") && !has(latchkey.PrivilegeAll): // it may lift the server's
		return denied("package", "Only who may do everything can set the policy of a package of the administrator’s.")
	case h.caller.OverAll():
		return nil
	}
	limits := was.Limits
	if was.Name == "" {
		limits.EmailPerHour = latchkey.Unlimited
	}
	switch {
	case p.Shell && !was.Shell && !has(latchkey.PrivilegeAddPackageShell):
		return lacks(latchkey.PrivilegeAddPackageShell)
	case p.DedicatedIP && !was.DedicatedIP && !has(latchkey.PrivilegeAddPackageIP):
		return lacks(latchkey.PrivilegeAddPackageIP)
	case p.FeatureList != was.FeatureList && strings.Contains(p.FeatureList, "_") && !h.ofOwn(p.FeatureList):
		return noList(store.ErrNotFound, p.FeatureList)
	}
	return h.mayAllow(limits, p.Limits)
}

// mayUse says why a reseller may not give its accounts the package called name.
// Those of resellers have the name of theirs before a _; the others are the
// administrator's.
func (h *host) mayUse(name string) error {
	switch {
	case h.caller.OverAll(), h.ofOwn(name):
		return nil
	case strings.Contains(name, "_"):
		return &latchkey.Error{Kind: latchkey.NotFound, Param: "plan", Msg: "There is no package “" + name + "”."}
	case !h.caller.Privileges.Has(latchkey.PrivilegeGlobalPackages):
		return denied("plan", "The package “"+name+"” is the administrator’s: to use it you need the privilege “viewglobalpackages”. Your own packages are called “"+string(h.caller.Name)+"_…”.")
	}
	return nil
}

// mayAllow says why a reseller may not allow what is rather than what was.
func (h *host) mayAllow(was, is latchkey.Limits) error {
	has := h.caller.Privileges.Has
	for _, l := range []struct {
		was, is int64
		free    int64 // a limit that needs no privilege, however large
		needs   latchkey.Privilege
	}{
		{was.DiskMB, is.DiskMB, latchkey.Unlimited, latchkey.PrivilegeUnlimitedDisk},
		{was.BandwidthMB, is.BandwidthMB, latchkey.Unlimited, latchkey.PrivilegeUnlimitedBandwidth},
		{was.Inodes, is.Inodes, latchkey.Unlimited, latchkey.PrivilegeUnlimited},
		{was.Mailboxes, is.Mailboxes, latchkey.Unlimited, latchkey.PrivilegeUnlimited},
		{was.FTPAccounts, is.FTPAccounts, latchkey.Unlimited, latchkey.PrivilegeUnlimited},
		{was.Databases, is.Databases, latchkey.Unlimited, latchkey.PrivilegeUnlimited},
		{was.Subdomains, is.Subdomains, latchkey.Unlimited, latchkey.PrivilegeUnlimited},
		{was.Lists, is.Lists, latchkey.Unlimited, latchkey.PrivilegeUnlimited},
		{was.Addons, is.Addons, 1, latchkey.PrivilegeAddonPackages},
		{was.Parked, is.Parked, 1, latchkey.PrivilegeParkedPackages},
		{was.EmailPerHour, is.EmailPerHour, 0, latchkey.PrivilegeEmailLimitPackages},
		{was.MailboxMB, is.MailboxMB, latchkey.Unlimited, latchkey.PrivilegeUnlimited},
	} {
		if l.is != l.was && l.is >= l.free && !has(l.needs) {
			return lacks(l.needs)
		}
	}
	return nil
}

// settings is what a reseller may do with accounts of its own.
func settings(r store.Reader, id latchkey.AccountID) (latchkey.Reseller, error) {
	s, err := r.Reseller(id)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return s, err
}

// withinShare says why the caller, a reseller, may not have the account a where
// it had was; was has no number if a is new.
func (h *host) withinShare(r store.Reader, was, a *latchkey.Account) error {
	s, err := settings(r, h.caller.Account)
	if err != nil || !s.LimitAccounts && !s.LimitPackages && !s.LimitResources {
		return err
	}
	owned, err := r.Owned(h.caller.Name)
	if err != nil {
		return err
	}
	t := tally{packages: map[string]int64{}}
	for i := range owned {
		if owned[i].ID != a.ID {
			if err := t.add(r, &owned[i]); err != nil {
				return err
			}
		}
	}
	return t.mayTake(&s, was, a)
}

// withinPromise says why the accounts of the caller, a reseller, may not have
// what a change of a package has just given them.
func (h *host) withinPromise(r store.Reader, p *latchkey.Package) error {
	if h.caller.OverAll() {
		return nil
	}
	s, err := settings(r, h.caller.Account)
	if err != nil || !s.LimitResources {
		return err
	}
	owned, err := r.Owned(h.caller.Name)
	if err != nil {
		return err
	}
	t := tally{packages: map[string]int64{}}
	for i := range owned {
		if err := t.add(r, &owned[i]); err != nil {
			return err
		}
	}
	if t.packages[p.Name] > 0 && (p.Limits.DiskMB == latchkey.Unlimited || p.Limits.BandwidthMB == latchkey.Unlimited) {
		return noneUnlimited()
	}
	return t.mayPromise(&s, &latchkey.Account{})
}

// tally is what the other accounts of a reseller have together.
type tally struct {
	accounts   int64
	packages   map[string]int64
	disk, used int64 // promised and taken up, in megabytes
	bandwidth  int64
}

func (t *tally) add(r store.Reader, a *latchkey.Account) error {
	u, err := r.Usage(a.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	t.accounts++
	t.packages[a.Package]++
	t.used += u.Bytes >> 20
	t.disk = sum(t.disk, a.Limits.DiskMB)
	t.bandwidth = sum(t.bandwidth, a.Limits.BandwidthMB)
	return nil
}

// sum is a+b, of which neither is negative, and at most [latchkey.Unlimited].
func sum(a, b int64) int64 {
	if a > latchkey.Unlimited-b {
		return latchkey.Unlimited
	}
	return a + b
}

// mayTake says why the account a is one too many, or has too much.
func (t *tally) mayTake(s *latchkey.Reseller, was, a *latchkey.Account) error {
	isNew := was.ID == 0
	if s.LimitAccounts && isNew && t.accounts >= s.Accounts {
		return full("You have reached the most accounts that you may own, which is %d.", s.Accounts)
	}
	if s.LimitPackages && a.Package != was.Package {
		share := s.Packages[a.Package]
		if !share.Allowed {
			return full("You may not give accounts the package “%s”.", a.Package)
		}
		if s.LimitNumbers && share.Number > 0 && t.packages[a.Package] >= share.Number {
			return full("You have reached the most accounts that may have the package “%s”, which is %d.", a.Package, share.Number)
		}
	}
	if s.LimitResources && (isNew || a.Limits.DiskMB > was.Limits.DiskMB || a.Limits.BandwidthMB > was.Limits.BandwidthMB) {
		return t.mayPromise(s, a)
	}
	return nil
}

func (t *tally) mayPromise(s *latchkey.Reseller, a *latchkey.Account) error {
	switch {
	case a.Limits.DiskMB == latchkey.Unlimited || a.Limits.BandwidthMB == latchkey.Unlimited:
		return noneUnlimited()
	case s.OversellDisk && t.used >= s.DiskMB:
		return full("Your accounts use up the disk space that you may have, which is %d MB.", s.DiskMB)
	case !s.OversellDisk && sum(t.disk, a.Limits.DiskMB) > s.DiskMB:
		return full("With this account you would promise more disk space than you may, which is %d MB.", s.DiskMB)
	case !s.OversellBandwidth && sum(t.bandwidth, a.Limits.BandwidthMB) > s.BandwidthMB:
		return full("With this account you would promise more bandwidth than you may, which is %d MB a month.", s.BandwidthMB)
	}
	return nil
}

func noneUnlimited() error {
	return full("Your own disk space and bandwidth are limited, so an account of yours cannot have as much as it likes: give it a quota and a bandwidth limit.")
}

func full(format string, args ...any) error { return latchkey.Errorf(latchkey.Limit, format, args...) }
