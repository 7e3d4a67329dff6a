package hostingtest

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Host is a [hosting.Host] in memory: names are unique, packages and feature
// lists in use exist, what accounts were promised holds. Its exported fields may
// be set before the first call; its methods may be called by many goroutines at
// once. Start at [NewHost].
type Host struct {
	Now     latchkey.Clock
	Who     latchkey.Caller
	Machine hosting.Server
	Events  []latchkey.TrailEvent // what [Host.Activity] searches, the newest first

	mu       sync.Mutex
	zones    *zones
	root     *Account // whose tokens are the administrator's
	lastID   latchkey.AccountID
	accounts map[latchkey.AccountName]*hosted
	packages map[string]latchkey.Package
	lists    map[string]latchkey.FeatureList
	tokens   latchkey.TokenPolicy

	privileges map[string]latchkey.PrivilegeSet // lists of them
}

// hosted is an account and what the host keeps beside it.
type hosted struct {
	latchkey.Account
	overrides map[string]bool
	settings  latchkey.Reseller
	bytes     int64
	inodes    int64
}

var _ hosting.Host = (*Host)(nil)

// NewHost makes a server without accounts, with the package "default" and the
// feature lists that always exist, at noon of 1 January 2026.
func NewHost() *Host {
	root := New()
	root.Data.ID, root.Data.Name, root.Data.Role, root.door = 1, "root", latchkey.RoleRoot, latchkey.ForHost
	root.Who.Account, root.Who.Name = 1, "root"
	h := &Host{
		Now: root.Now,
		Who: latchkey.Caller{Kind: latchkey.ByToken, Role: latchkey.RoleRoot, Account: 1, Name: "root", Features: latchkey.AllFeatures(),
			Door: latchkey.ForHost, Privileges: latchkey.AllPrivileges},
		Machine:  root.Machine,
		root:     root,
		lastID:   1000,
		accounts: map[latchkey.AccountName]*hosted{},
		packages: map[string]latchkey.Package{},
		lists:    map[string]latchkey.FeatureList{},

		privileges: map[string]latchkey.PrivilegeSet{},
	}
	root.Now = func() time.Time { return h.Now() }
	h.packages["default"] = latchkey.Package{Name: "default", FeatureList: latchkey.DefaultList, Limits: latchkey.NoLimits(), CGI: true}
	every, mailOnly := map[string]bool{}, map[string]bool{}
	for _, f := range latchkey.Features() {
		every[f.String()], mailOnly[f.String()] = true, f == latchkey.FeaturePopAccounts || f == latchkey.FeatureWebmail
	}
	h.lists[latchkey.DefaultList] = latchkey.FeatureList{Name: latchkey.DefaultList, Values: every}
	h.lists[latchkey.DisabledList] = latchkey.FeatureList{Name: latchkey.DisabledList, Values: map[string]bool{}}
	h.lists[latchkey.MailOnlyList] = latchkey.FeatureList{Name: latchkey.MailOnlyList, Values: mailOnly}
	return h
}

// Use says what the home of the account called name takes up from now on. It
// panics if there is no such account.
func (h *Host) Use(name latchkey.AccountName, bytes, inodes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts[name].bytes, h.accounts[name].inodes = bytes, inodes
}

// Opens reports whether password is the one of the account called name, or of
// the administrator.
func (h *Host) Opens(name latchkey.AccountName, password string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	hash := ""
	if name == h.root.Data.Name {
		hash = h.root.Data.PasswordHash
	} else if a := h.accounts[name]; a != nil {
		hash = a.PasswordHash
	}
	return hash != "" && hash == digest(password)
}

func (h *Host) Caller() *latchkey.Caller              { return &h.Who }
func (h *Host) Server() *hosting.Server               { return &h.Machine }
func (h *Host) Tokens() hosting.Tokens                { return h.root.Tokens() }
func (h *Host) Home(name latchkey.AccountName) string { return path.Join("/home", string(name)) }

func (h *Host) TokenPolicies() hosting.TokenPolicies { return (*tokenPolicies)(h) }

type tokenPolicies Host

func (p *tokenPolicies) Policy(ctx context.Context, pack string) (latchkey.TokenPolicy, error) {
	if pack == "" {
		return p.tokens, nil
	}
	is, err := (*Host)(p).Package(ctx, pack)
	return is.Tokens, err
}

func (p *tokenPolicies) Change(ctx context.Context, pack string, change func(*latchkey.TokenPolicy) error) error {
	if pack == "" {
		return change(&p.tokens)
	}
	return (*Host)(p).ChangePackage(ctx, pack, func(to *latchkey.Package, there bool) error {
		if !there {
			return latchkey.Errorf(latchkey.NotFound, "There is no package “%s”.", pack)
		}
		return change(&to.Tokens)
	})
}

// Find is nothing: the accounts here have no tokens.
func (p *tokenPolicies) Find(context.Context, hosting.TokenSearch, hosting.TokenMark, int) ([]hosting.AccountToken, *hosting.TokenMark, error) {
	return nil, nil, nil
}

// As makes an account that has what the host knows of it, and nothing of its
// own yet.
func (h *Host) As(ctx context.Context, name latchkey.AccountName) (hosting.Account, error) {
	data, err := h.Account(ctx, name)
	if err != nil {
		return nil, err
	}
	features, err := h.Features(ctx, name)
	a := New()
	a.Data, a.Machine, a.Now = data, h.Machine, h.Now
	a.Who = h.Who
	a.Who.Role, a.Who.Account, a.Who.Name, a.Who.Features, a.Who.Through = data.Role, data.ID, data.Name, features, &h.Who
	a.Who.Door, a.Who.Privileges = latchkey.ForAccount, 0
	a.Owned = []latchkey.OwnedDomain{{Name: data.Domain, Kind: latchkey.MainDomain, DocumentRoot: "public_html"}}
	return a, err
}

func (h *Host) CreateAccount(_ context.Context, n hosting.NewAccount) (latchkey.Account, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.free(n.Name, ""); err != nil {
		return latchkey.Account{}, err
	}
	if err := h.mayOwn(cmp.Or(n.Owner, n.Name), n.Name); err != nil {
		return latchkey.Account{}, err
	}
	for _, a := range h.accounts {
		if a.Domain == n.Domain {
			return latchkey.Account{}, latchkey.Errorf(latchkey.Exists, "The domain “%s” already exists.", n.Domain)
		}
	}
	p, err := h.plan(cmp.Or(n.Package, "default"))
	if err != nil {
		return latchkey.Account{}, err
	}
	if n.Limits != nil {
		n.Limits(&p.Limits)
	}
	if n.SaveAs != "" {
		p.Name, p.FeatureList = n.SaveAs, cmp.Or(n.FeatureList, p.FeatureList)
		if err := h.save(p); err != nil {
			return latchkey.Account{}, err
		}
	}
	h.lastID++
	a := &hosted{Account: latchkey.Account{
		ID: h.lastID, Name: n.Name, Domain: n.Domain, Owner: cmp.Or(n.Owner, h.Who.Name), Package: p.Name, ContactEmail: n.Contact,
		Locale: cmp.Or(n.Locale, p.Locale, "en"), Theme: cmp.Or(n.Theme, p.Theme, "jupiter"), Shell: "/usr/local/cpanel/bin/noshell", Limits: p.Limits, Created: h.Now(),
	}, overrides: map[string]bool{}}
	if !n.Password.Empty() {
		a.PasswordHash = digest(n.Password.Reveal())
	}
	if n.Reseller {
		a.Reseller, a.Privileges = true, latchkey.InitialPrivileges()
	}
	h.accounts[n.Name] = a
	return a.Account, nil
}

// mayOwn says why owner cannot own the account called name.
func (h *Host) mayOwn(owner, name latchkey.AccountName) error {
	if owner == name || owner == h.Who.Name || owner == h.root.Data.Name || h.accounts[owner] != nil {
		return nil
	}
	return latchkey.Errorf(latchkey.NotFound, "There is no account “%s”.", owner)
}

func (h *Host) NameFree(_ context.Context, name latchkey.AccountName) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.free(name, "")
}

func (h *Host) At() time.Time { return h.Now() }

// Load is a quarter, a half and one.
func (h *Host) Load(context.Context) ([3]float64, error) { return [3]float64{0.25, 0.5, 1}, nil }

// free says why the account called now, or a new one, cannot be called name.
func (h *Host) free(name, now latchkey.AccountName) error {
	if err := hosting.CheckNewName(name); err != nil {
		return err
	}
	head := func(n latchkey.AccountName) latchkey.AccountName { return n[:min(len(n), 8)] }
	for other := range h.accounts {
		if head(other) == head(name) && (other != now || other == name) {
			return latchkey.Errorf(latchkey.Exists, "The username “%s” is taken.", name)
		}
	}
	return nil
}

// with runs fn on the account called name.
func (h *Host) with(name latchkey.AccountName, fn func(*hosted) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[name]
	if a == nil {
		return latchkey.Errorf(latchkey.NotFound, "There is no account “%s”.", name)
	}
	return fn(a)
}

func (h *Host) RemoveAccount(_ context.Context, name latchkey.AccountName) error {
	return h.with(name, func(*hosted) error { delete(h.accounts, name); return nil })
}

func (h *Host) RenameAccount(ctx context.Context, name, newName latchkey.AccountName) error {
	if name == newName {
		return h.with(name, func(*hosted) error { return h.free(newName, name) })
	}
	if newName == "" {
		return hosting.CheckNewName(newName)
	}
	_, err := h.ModifyAccount(ctx, name, newName, func(hosting.Moment, *latchkey.Account) error { return nil })
	return err
}

func (h *Host) UpdateAccount(ctx context.Context, name latchkey.AccountName, change func(*latchkey.Account) error) (latchkey.Account, error) {
	return h.ModifyAccount(ctx, name, "", func(_ hosting.Moment, a *latchkey.Account) error { return change(a) })
}

func (h *Host) ModifyAccount(_ context.Context, name, newName latchkey.AccountName, change func(hosting.Moment, *latchkey.Account) error) (now latchkey.Account, err error) {
	newName = cmp.Or(newName, name)
	err = h.with(name, func(a *hosted) error {
		if newName != name {
			if err := h.free(newName, name); err != nil {
				return err
			}
		}
		now = a.Account
		if err := change(moment{h}, &now); err != nil {
			return err
		}
		if now.ID != a.ID || now.Name != a.Name || now.Role != a.Role || now.Domain != a.Domain {
			return errors.New("ModifyAccount: the change touched what it must not")
		}
		if _, err := h.plan(now.Package); err != nil {
			return err
		}
		if now.Owner == name {
			now.Owner = newName
		}
		if now.Owner != a.Owner {
			if err := h.mayOwn(now.Owner, newName); err != nil {
				return err
			}
		}
		delete(h.accounts, name)
		if newName != name {
			now.Name, now.Named = newName, h.Now()
		}
		a.Account = now
		h.accounts[newName] = a
		return nil
	})
	return now, err
}

// moment is a host in the middle of a change.
type moment struct{ h *Host }

func (m moment) Package(name string) (latchkey.Package, error) { return m.h.plan(name) }

func (h *Host) Suspend(_ context.Context, name latchkey.AccountName, on bool, reason string, locked bool) error {
	return h.with(name, func(a *hosted) error {
		a.Suspended, a.SuspendReason, a.SuspendedAt, a.SuspendLocked = on, reason, h.Now(), on && locked
		if !on {
			a.SuspendReason, a.SuspendedAt = "", time.Time{}
		}
		return nil
	})
}

func (h *Host) SetPassword(_ context.Context, name latchkey.AccountName, password latchkey.Secret) error {
	if password.Empty() {
		return noPassword()
	}
	if name == h.root.Data.Name {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.root.Data.PasswordHash = digest(password.Reveal())
		return nil
	}
	return h.with(name, func(a *hosted) error { a.PasswordHash = digest(password.Reveal()); return nil })
}

func (h *Host) Account(_ context.Context, name latchkey.AccountName) (found latchkey.Account, err error) {
	err = h.with(name, func(a *hosted) error { found = a.Account; return nil })
	return found, err
}

func (h *Host) Accounts(context.Context) ([]latchkey.Account, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []latchkey.Account
	for _, name := range slices.Sorted(maps.Keys(h.accounts)) {
		list = append(list, h.accounts[name].Account)
	}
	return list, nil
}

func (h *Host) AccountsAfter(ctx context.Context, after latchkey.AccountName, limit int) ([]latchkey.Account, error) {
	list, err := h.Accounts(ctx)
	i := slices.IndexFunc(list, func(a latchkey.Account) bool { return a.Name > after })
	if i < 0 {
		return nil, err
	}
	return list[i:min(i+limit, len(list))], err
}

func (h *Host) AccountPage(ctx context.Context, skip, limit int) ([]latchkey.Account, int, error) {
	list, err := h.Accounts(ctx)
	skip = min(skip, len(list))
	return list[skip:min(skip+limit, len(list))], len(list), err
}

func (h *Host) SearchAccounts(ctx context.Context, by hosting.AccountField, match func(string) bool, skip, limit int) ([]latchkey.Account, int, error) {
	list, err := h.Accounts(ctx)
	list = slices.DeleteFunc(list, func(a latchkey.Account) bool { return !match(by.Of(&a)) })
	skip = min(skip, len(list))
	return list[skip:min(skip+limit, len(list))], len(list), err
}

func (h *Host) CountAccounts(_ context.Context, owner latchkey.AccountName) (accounts, suspended int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.accounts {
		if a.Owner == owner {
			accounts++
			if a.Suspended {
				suspended++
			}
		}
	}
	return accounts, suspended, nil
}

func (h *Host) Quotas(ctx context.Context, accounts []latchkey.Account) ([]hosting.Quota, error) {
	quotas := make([]hosting.Quota, len(accounts))
	for i, a := range accounts {
		quotas[i], _ = h.Quota(ctx, a.ID) // of an account that has gone: nothing
	}
	return quotas, nil
}

func (h *Host) FindDomain(_ context.Context, name latchkey.Domain) (latchkey.Account, latchkey.OwnedDomain, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.accounts {
		if a.Domain == name {
			return a.Account, a.main(), nil
		}
	}
	return latchkey.Account{}, latchkey.OwnedDomain{}, latchkey.Errorf(latchkey.NotFound, "There is no domain “%s”.", name)
}

// main is the account's main domain, which is the only one it has here.
func (a *hosted) main() latchkey.OwnedDomain {
	return latchkey.OwnedDomain{Name: a.Domain, Kind: latchkey.MainDomain, DocumentRoot: "public_html", Created: a.Created}
}

func (h *Host) DomainsOf(_ context.Context, name latchkey.AccountName) (list []latchkey.OwnedDomain, err error) {
	err = h.with(name, func(a *hosted) error { list = []latchkey.OwnedDomain{a.main()}; return nil })
	return list, err
}

func (h *Host) DomainsAfter(_ context.Context, after latchkey.Domain, limit int) ([]hosting.HostedDomain, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []hosting.HostedDomain
	for _, a := range h.accounts {
		if a.Domain > after {
			list = append(list, hosting.HostedDomain{OwnedDomain: a.main(), Account: a.Name, Owner: a.Owner, Main: a.Domain})
		}
	}
	slices.SortFunc(list, func(x, y hosting.HostedDomain) int { return strings.Compare(string(x.Name), string(y.Name)) })
	return list[:min(limit, len(list))], nil
}

func (h *Host) Quota(_ context.Context, id latchkey.AccountID) (hosting.Quota, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.accounts {
		if a.ID != id {
			continue
		}
		q := hosting.Quota{Bytes: a.bytes, ByteLimit: latchkey.Unlimited, Inodes: a.inodes, InodeLimit: a.Limits.Inodes}
		if a.Limits.DiskMB != latchkey.Unlimited {
			q.ByteLimit = a.Limits.DiskMB << 20
		}
		return q, nil
	}
	return hosting.Quota{}, latchkey.Errorf(latchkey.NotFound, "There is no account %d.", id)
}

// Activity implements [hosting.Host] over Events.
func (h *Host) Activity(_ context.Context, name latchkey.AccountName, q latchkey.EventQuery) (latchkey.EventPage, error) {
	if !h.Who.OverAll() {
		return latchkey.EventPage{}, latchkey.Errorf(latchkey.Denied, "The audit trail is the administrator’s alone.")
	}
	q.Name = name
	if a := h.accounts[name]; a != nil {
		q.Account = a.ID
	}
	return find(h.Events, &q), nil
}
