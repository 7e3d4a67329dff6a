package estate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/policy"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// host is the server in the administrator's hands.
type host struct {
	e        *Estate
	act      *audit.Act
	caller   *latchkey.Caller
	patience time.Time // until when this call waits for measurements; zero before it began to
}

func (h *host) Caller() *latchkey.Caller { return h.caller }
func (h *host) Server() *hosting.Server  { return &h.e.Server }
func (h *host) At() time.Time            { return h.act.At() }
func (h *host) Zones() hosting.HostZones { return &hostZones{h} }
func (h *host) Tokens() hosting.Tokens {
	return &tokens{e: h.e, act: h.act, caller: h.caller, account: h.caller.Account, audience: latchkey.ForHost}
}

func (h *host) Home(name latchkey.AccountName) string { return path.Join(h.e.HomeRoot, string(name)) }

func (h *host) As(ctx context.Context, name latchkey.AccountName) (hosting.Account, error) {
	a, err := h.Account(ctx, name)
	if err == nil {
		err = h.commands(&a)
	}
	if err != nil {
		return nil, err
	}
	features, err := h.Features(ctx, name)
	if err != nil {
		return nil, err
	}
	caller := *h.caller
	caller.Role, caller.Account, caller.Name, caller.Features, caller.Through = a.Role, a.ID, a.Name, features, h.caller
	caller.Door, caller.Privileges = latchkey.ForAccount, 0
	return &account{e: h.e, act: h.act, caller: &caller}, nil
}

func (h *host) CreateAccount(ctx context.Context, n hosting.NewAccount) (latchkey.Account, error) {
	if err := hosting.CheckNewName(n.Name); err != nil {
		return latchkey.Account{}, err
	}
	a := latchkey.Account{
		Name: n.Name, Domain: n.Domain, Owner: cmp.Or(n.Owner, h.caller.Name), Package: cmp.Or(n.Package, DefaultPackage), ContactEmail: n.Contact,
		Locale: n.Locale, Theme: n.Theme, Shell: "/usr/local/cpanel/bin/noshell", Created: h.e.Now().UTC(),
	}
	if !n.Password.Empty() {
		hash, err := h.e.Hasher.Make(ctx, n.Password)
		if err != nil {
			return latchkey.Account{}, err
		}
		a.PasswordHash = string(hash)
	}
	defer h.e.reshape(ctx)
	h.e.naming.Lock()
	defer h.e.naming.Unlock()
	stood, err := h.e.Homes.Exists(ctx, string(a.Name))
	if err != nil {
		return latchkey.Account{}, err
	}
	in := &intent{Name: a.Name, Domain: a.Domain, Package: n.SaveAs, Stood: stood}
	err = h.e.carryOut(ctx, h.act, h.caller, "account-create", in, func(tx store.Tx) error {
		if err := h.newAccount(tx, &a, &n); err != nil {
			return err
		}
		in.Account = a.ID
		return nil
	})
	return a, err
}

func (h *host) NameFree(ctx context.Context, name latchkey.AccountName) error {
	if err := hosting.CheckNewName(name); err != nil {
		return err
	}
	return h.e.Store.Read(ctx, func(r store.Reader) error { return nameFree(r, name) })
}

// newAccount checks that the names are free, fills in what the package allows
// and reserves them.
func (h *host) newAccount(tx store.Tx, a *latchkey.Account, n *hosting.NewAccount) error {
	if err := nameFree(tx, a.Name); err != nil {
		return err
	}
	if a.Owner != a.Name {
		if err := h.mayOwn(tx, a.Owner); err != nil {
			return err
		}
	}
	if _, err := tx.DomainOwner(a.Domain); !errors.Is(err, store.ErrNotFound) {
		if err != nil {
			return err
		}
		return &latchkey.Error{Kind: latchkey.Exists, Param: "domain", Msg: "The domain “" + string(a.Domain) + "” already exists on this server."}
	}
	if err := h.mayHave(a.Domain); err != nil {
		return err
	}
	p, err := findPackage(tx, a.Package)
	if err == nil {
		err = h.mayUse(p.Name)
	}
	if err != nil {
		return err
	}
	if n.Reseller {
		if !h.caller.OverAll() || !latchkey.InitialPrivileges().Within(h.caller.Privileges) {
			return denied("reseller", "Only the administrator can make an account a reseller.")
		}
		a.Reseller, a.Privileges = true, latchkey.InitialPrivileges()
	}
	plan := p.Limits
	if n.Limits != nil {
		n.Limits(&p.Limits)
	}
	a.Limits = p.Limits
	a.Theme = cmp.Or(a.Theme, p.Theme, "jupiter")
	a.Locale = cmp.Or(a.Locale, p.Locale, "en")
	if n.SaveAs != "" {
		p.Name, p.FeatureList = n.SaveAs, cmp.Or(n.FeatureList, p.FeatureList)
		if !h.caller.Privileges.Has(latchkey.PrivilegeAddPackage) {
			return lacks(latchkey.PrivilegeAddPackage)
		}
		if err := h.mayPut(tx, &latchkey.Package{}, &p); err != nil {
			return err
		}
		if err := savePackage(tx, p); err != nil {
			return err
		}
		a.Package, plan = p.Name, p.Limits
	}
	if err := h.mayCreate(tx, a, plan); err != nil {
		return err
	}
	if a.ID, err = tx.InsertAccount(*a, store.Creating); err != nil {
		return err
	}
	err = tx.InsertDomain(a.ID, latchkey.OwnedDomain{Name: a.Domain, Kind: latchkey.MainDomain, DocumentRoot: "public_html", Created: a.Created})
	if err != nil {
		return err
	}
	return h.e.insertZone(tx, h.caller, a.ID, a.Domain, h.e.Server.IP, zone.Standard)
}

// mayOwn reports whether there is somebody called name who can own an account.
func (h *host) mayOwn(r store.Reader, name latchkey.AccountName) error {
	if name == h.caller.Name || name == RootName {
		return nil
	}
	_, err := findAccount(r, name)
	return err
}

// savePackage makes a package there is not yet.
func savePackage(tx store.Tx, p latchkey.Package) error {
	if _, err := tx.Package(p.Name); !errors.Is(err, store.ErrNotFound) {
		if err == nil {
			err = latchkey.Errorf(latchkey.Exists, "A package named “%s” already exists.", p.Name)
		}
		return err
	}
	if _, err := tx.FeatureList(p.FeatureList); err != nil {
		return noList(err, p.FeatureList)
	}
	return tx.PutPackage(p)
}

func nameFree(r store.Reader, name latchkey.AccountName) error {
	taken, err := r.NameTaken(name)
	if err == nil && !taken {
		taken, err = promised(r, name)
	}
	if err == nil && taken {
		err = &latchkey.Error{Kind: latchkey.Exists, Param: "username",
			Msg: "The username “" + string(name) + "” is already taken, or its first eight characters are those of another account."}
	}
	return err
}

// promised reports whether name, or one that begins alike, is the new name of
// an account whose renaming is under way.
func promised(r store.Reader, name latchkey.AccountName) (bool, error) {
	open, err := r.Intents()
	for _, i := range open {
		var in intent
		if err := json.Unmarshal(i.Body, &in); err == nil && in.NewName != "" && head(in.NewName) == head(name) {
			return true, nil
		}
	}
	return false, err
}

// notRenaming says why an account whose renaming is under way cannot be renamed
// or removed: its home may stand under either name.
func notRenaming(r store.Reader, id latchkey.AccountID) error {
	open, err := r.Intents()
	for _, i := range open {
		if i.Account == id && i.Kind == "account-rename" {
			return &latchkey.Error{Kind: latchkey.Unavailable, Param: "user", Msg: "The account is being renamed at present: try again in a minute."}
		}
	}
	return err
}

// head is the part of an account's name that no other account's begins with.
func head(name latchkey.AccountName) latchkey.AccountName { return name[:min(len(name), 8)] }

func findPackage(r store.Reader, name string) (latchkey.Package, error) {
	p, err := r.Package(name)
	if errors.Is(err, store.ErrNotFound) {
		err = &latchkey.Error{Kind: latchkey.NotFound, Param: "plan", Msg: "There is no package “" + name + "”."}
	}
	return p, err
}

var accountCreate = plan{
	apply: func(e *Estate, ctx context.Context, in *intent) error {
		if err := e.Homes.Create(ctx, string(in.Name)); err != nil {
			return err
		}
		return e.serveAll(ctx, in.Account)
	},
	finish: func(tx store.Tx, in *intent) error {
		tx.Log(store.Change{Kind: store.AccountPut, Account: in.Account})
		return gone(tx.StageAccount(in.Account, store.Ready))
	},
	revert: func(e *Estate, ctx context.Context, in *intent) error {
		if err := e.withdrawAll(ctx, in.Account); err != nil {
			return err
		}
		if in.Stood {
			return nil // whose it was before, we do not know: not ours to remove
		}
		return gone(e.Homes.Remove(ctx, string(in.Name)))
	},
	undo: func(tx store.Tx, in *intent) error {
		if err := gone(tx.DeleteAccount(in.Account)); err != nil || in.Package == "" {
			return err
		}
		if used, err := tx.PackageUsed(in.Package); err != nil || used { // somebody else's, by now
			return err
		}
		return gone(tx.DeletePackage(in.Package))
	},
}

// account is the row of an account that is no administrator.
func findAccount(r store.Reader, name latchkey.AccountName) (latchkey.Account, error) {
	a, err := r.Account(name)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.Role != latchkey.RoleUser {
		return a, noUser(name)
	}
	return a, err
}

// see is the row of an account that the caller may know of: what is not theirs
// is not there for them.
func (h *host) see(r store.Reader, name latchkey.AccountName) (latchkey.Account, error) {
	a, err := findAccount(r, name)
	switch {
	case latchkey.KindOf(err) == latchkey.NotFound && h.caller.Role != latchkey.RoleRoot, err == nil && !h.caller.Sees(&a):
		return latchkey.Account{}, policy.NotYours(name)
	}
	return a, err
}

// command is the row of an account that the caller may change.
func (h *host) command(r store.Reader, name latchkey.AccountName) (latchkey.Account, error) {
	a, err := h.see(r, name)
	if err == nil {
		err = h.commands(&a)
	}
	return a, err
}

// commands says why the caller may not change a.
func (h *host) commands(a *latchkey.Account) error {
	if err := policy.MayActFor(h.caller, a); err != nil {
		return err
	}
	return nil
}

func noUser(name latchkey.AccountName) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "user", Msg: "System user " + string(name) + " does not exist!"}
}

// stillThere is the row of an account that was called name a moment ago, for a
// caller who wants to change it.
func (h *host) stillThere(r store.Reader, id latchkey.AccountID, name latchkey.AccountName) (latchkey.Account, error) {
	a, err := r.AccountByID(id)
	if errors.Is(err, store.ErrNotFound) {
		return a, noUser(name)
	}
	if err == nil {
		err = h.commands(&a)
	}
	return a, err
}

// notOneself is the answer to who wants to remove or suspend the account that
// they call with.
func notOneself() error {
	return &latchkey.Error{Kind: latchkey.Denied, Param: "user", Msg: "You cannot do this to your own account: ask the administrator."}
}

func (h *host) Account(ctx context.Context, name latchkey.AccountName) (a latchkey.Account, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		a, err = h.see(r, name)
		return err
	})
	return a, err
}

func (h *host) RemoveAccount(ctx context.Context, name latchkey.AccountName) error {
	a, err := h.Account(ctx, name)
	if err != nil {
		return err
	}
	if a.ID == h.caller.Account {
		return notOneself()
	}
	defer h.e.reshape(ctx)
	in := &intent{Account: a.ID, Name: a.Name}
	return h.e.locks.alone(ctx, a.ID, func() error {
		return h.e.carryOut(ctx, h.act, h.caller, "account-remove", in, func(tx store.Tx) error {
			now, err := h.stillThere(tx, a.ID, name)
			if err != nil {
				return err
			}
			if err := notRenaming(tx, a.ID); err != nil {
				return err
			}
			in.Name = now.Name
			// From here on its tokens are refused: the account is no longer there.
			tx.Log(store.Change{Kind: store.AccountGone, Account: a.ID})
			return tx.StageAccount(a.ID, store.Removing)
		})
	})
}

var accountRemove = plan{
	apply: func(e *Estate, ctx context.Context, in *intent) error {
		if err := e.applyMail(ctx, in.place()); err != nil { // first, so that no message comes into what is being removed
			return err
		}
		if err := e.withdrawAll(ctx, in.Account); err != nil {
			return err
		}
		return gone(e.Homes.Remove(ctx, string(in.Name)))
	},
	finish: func(tx store.Tx, in *intent) error {
		// Once more, for tokens that came into memory since the first time.
		tx.Log(store.Change{Kind: store.AccountGone, Account: in.Account})
		if err := reown(tx, in.Name, RootName); err != nil {
			return err
		}
		return tx.DeleteAccount(in.Account)
	},
}

// reown gives what one owned to another: nobody who comes to be called so later
// owns what was somebody else's.
func reown(tx store.Tx, owner, to latchkey.AccountName) error {
	n, err := tx.Reown(owner, to)
	if n > 0 {
		tx.Log(store.Change{Kind: store.PolicyPut})
	}
	return err
}

func (h *host) RenameAccount(ctx context.Context, name, newName latchkey.AccountName) error {
	_, err := h.rename(ctx, name, newName, func(hosting.Moment, *latchkey.Account) error { return nil })
	return err
}

func (h *host) ModifyAccount(ctx context.Context, name, newName latchkey.AccountName, change func(hosting.Moment, *latchkey.Account) error) (a latchkey.Account, err error) {
	if newName != "" && newName != name {
		return h.rename(ctx, name, newName, change)
	}
	var was latchkey.Account
	err = h.e.commit(ctx, h.act, h.caller, func(tx store.Tx) error {
		if was, err = h.command(tx, name); err != nil {
			return err
		}
		if a, err = h.changed(tx, was, was.Name, change); err != nil {
			return err
		}
		tx.Log(store.Change{Kind: store.AccountPut, Account: a.ID})
		return tx.UpdateAccount(a)
	})
	if err == nil && a.Suspended != was.Suspended {
		err = h.e.applyMail(ctx, store.MailPlace{Account: a.ID})
	}
	return a, err
}

// rename changes an account and its name. What else changes becomes true with
// the name, and not before.
func (h *host) rename(ctx context.Context, name, newName latchkey.AccountName, change func(hosting.Moment, *latchkey.Account) error) (a latchkey.Account, err error) {
	if err := hosting.CheckNewName(newName); err != nil {
		return a, err
	}
	if a, err = h.Account(ctx, name); err != nil {
		return a, err
	}
	defer h.e.reshape(ctx)
	h.e.naming.Lock()
	defer h.e.naming.Unlock()
	in := &intent{Account: a.ID, Name: name, NewName: newName}
	err = h.e.locks.alone(ctx, a.ID, func() error {
		return h.e.carryOut(ctx, h.act, h.caller, "account-rename", in, func(tx store.Tx) error {
			was, err := h.stillThere(tx, a.ID, name)
			if err != nil {
				return err
			}
			if was.Name != name {
				return noUser(name)
			}
			if err := notRenaming(tx, a.ID); err != nil {
				return err
			}
			if err := namesNothing(tx, name); err != nil {
				return err
			}
			if err := namesNothing(tx, newName); err != nil && newName != name {
				return err // they would become its own
			}
			if a, err = h.changed(tx, was, newName, change); err != nil {
				return err
			}
			a.Named = h.e.Now()
			in.Was, in.Is = bare(was), bare(a)
			a.Name = newName
			if newName != name && head(newName) == head(name) {
				return nil // nobody else's name begins so
			}
			return nameFree(tx, newName)
		})
	})
	return a, err
}

// bare is an account without what must not stand in an intent.
func bare(a latchkey.Account) *latchkey.Account {
	a.PasswordHash, a.SecondFactor = "", ""
	return &a
}

// changed is what change makes of an account that is to be called name.
func (h *host) changed(r store.Reader, was latchkey.Account, name latchkey.AccountName, change func(hosting.Moment, *latchkey.Account) error) (latchkey.Account, error) {
	a := was
	if err := change(moment{r}, &a); err != nil {
		return a, err
	}
	a.ID, a.Name, a.Role, a.Domain, a.Reseller, a.Privileges = was.ID, was.Name, was.Role, was.Domain, was.Reseller, was.Privileges
	if err := h.mayMake(r, &was, &a); err != nil {
		return a, err
	}
	if a.Package != was.Package {
		if _, err := findPackage(r, a.Package); err != nil {
			return a, err
		}
	}
	switch a.Owner {
	case was.Owner:
		if a.Owner == was.Name {
			a.Owner = name // who owns itself does so by its new name
		}
	case was.Name, name:
		a.Owner = name
	default:
		return a, h.mayOwn(r, a.Owner)
	}
	return a, nil
}

// namesNothing says why the account called name, if it is a reseller, must keep
// its name: its packages and feature lists are its own by that.
func namesNothing(r store.Reader, name latchkey.AccountName) error {
	packages, err := r.Packages()
	if err != nil {
		return err
	}
	lists, err := r.FeatureLists()
	if err != nil {
		return err
	}
	own := func(of string) bool { return strings.HasPrefix(of, string(name)+"_") }
	if slices.ContainsFunc(packages, func(p latchkey.Package) bool { return own(p.Name) }) ||
		slices.ContainsFunc(lists, func(l latchkey.FeatureList) bool { return own(l.Name) }) {
		return latchkey.InvalidParam("newuser", "There are packages or feature lists of “%s”, whose names begin with its own: remove them before you rename it.", name)
	}
	return nil
}

// moment is a transaction as those see it who say what to change.
type moment struct{ r store.Reader }

func (m moment) Package(name string) (latchkey.Package, error) { return findPackage(m.r, name) }

var accountRename = plan{
	apply: func(e *Estate, ctx context.Context, in *intent) error {
		if there, err := e.Homes.Exists(ctx, string(in.Name)); err != nil || !there {
			return err // it has moved already
		}
		if err := e.holdMail(ctx, in.Account); err != nil {
			return err
		}
		return e.Homes.Rename(ctx, string(in.Name), string(in.NewName))
	},
	finish: func(tx store.Tx, in *intent) error {
		a, err := tx.AccountByID(in.Account)
		if err != nil {
			return gone(err)
		}
		if in.Is != nil {
			a = a.Changed(*in.Was, *in.Is)
		}
		a.Name = in.NewName
		tx.Log(store.Change{Kind: store.AccountPut, Account: in.Account})
		if err := tx.UpdateAccount(a); err != nil {
			return err
		}
		return reown(tx, in.Name, in.NewName)
	},
	revert: func(e *Estate, ctx context.Context, in *intent) error {
		is, err := e.accountNow(ctx, in.Account)
		if err != nil || is.Name == in.NewName {
			return err // after all it is done
		}
		there, err := e.Homes.Exists(ctx, string(in.Name))
		if err == nil && !there { // it has moved
			err = e.Homes.Rename(ctx, string(in.NewName), string(in.Name))
		}
		if err != nil {
			return err
		}
		return e.applyMail(ctx, in.place())
	},
	together: true,
	undo:     func(store.Tx, *intent) error { return nil }, // nothing was reserved but the name, by the intent
}

func (h *host) UpdateAccount(ctx context.Context, name latchkey.AccountName, change func(*latchkey.Account) error) (latchkey.Account, error) {
	return h.ModifyAccount(ctx, name, "", func(_ hosting.Moment, a *latchkey.Account) error { return change(a) })
}

func (h *host) Suspend(ctx context.Context, name latchkey.AccountName, on bool, reason string, locked bool) error {
	defer h.e.reshape(ctx)
	_, err := h.UpdateAccount(ctx, name, func(a *latchkey.Account) error {
		if a.ID == h.caller.Account {
			return notOneself()
		}
		a.Suspended, a.SuspendReason, a.SuspendedAt, a.SuspendLocked = on, reason, h.e.Now().UTC(), on && locked
		if !on {
			a.SuspendReason, a.SuspendedAt = "", time.Time{}
		}
		return nil
	})
	return err
}

func (h *host) SetPassword(ctx context.Context, name latchkey.AccountName, secret latchkey.Secret) error {
	if name == RootName && h.caller.Role == latchkey.RoleRoot && h.caller.Privileges.Has(latchkey.PrivilegeAll) {
		return h.e.setRootPassword(ctx, h.act, h.caller, secret)
	}
	hash, err := h.e.Hasher.Make(ctx, secret)
	if err != nil {
		return err
	}
	_, err = h.UpdateAccount(ctx, name, func(a *latchkey.Account) error {
		a.PasswordHash = string(hash)
		return nil
	})
	return err
}

func (h *host) Accounts(ctx context.Context) (list []latchkey.Account, err error) {
	const page = 1000
	for {
		var after latchkey.AccountName
		if len(list) > 0 {
			after = list[len(list)-1].Name
		}
		next, err := h.AccountsAfter(ctx, after, page)
		if err != nil {
			return nil, err
		}
		if list = append(list, next...); len(next) < page {
			return list, nil
		}
	}
}

// sees is the owner whose accounts alone the caller may see; "" for all.
func (h *host) sees() latchkey.AccountName {
	if h.caller.OverAll() {
		return ""
	}
	return h.caller.Name
}

func (h *host) AccountsAfter(ctx context.Context, after latchkey.AccountName, limit int) (list []latchkey.Account, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, err = r.AccountPage(h.sees(), after, 0, limit)
		return err
	})
	return list, err
}

func (h *host) AccountPage(ctx context.Context, skip, limit int) (list []latchkey.Account, total int, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		if total, _, err = r.AccountCount(h.sees()); err != nil || skip >= total {
			return err
		}
		list, err = r.AccountPage(h.sees(), "", skip, limit)
		return err
	})
	return list, total, err
}

func (h *host) CountAccounts(ctx context.Context, owner latchkey.AccountName) (accounts, suspended int, err error) {
	if !h.caller.OverAll() && owner != h.caller.Name {
		return 0, 0, policy.NotYours(owner)
	}
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		accounts, suspended, err = r.AccountCount(owner)
		return err
	})
	return accounts, suspended, err
}

func (h *host) FindDomain(ctx context.Context, name latchkey.Domain) (a latchkey.Account, d latchkey.OwnedDomain, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		var id latchkey.AccountID
		if id, d, err = r.Domain(name); err != nil {
			return noDomain(err, name)
		}
		if a, err = r.AccountByID(id); err == nil && !h.caller.Sees(&a) {
			a, d, err = latchkey.Account{}, latchkey.OwnedDomain{}, store.ErrNotFound
		}
		return noDomain(err, name)
	})
	return a, d, err
}

func noDomain(err error, name latchkey.Domain) error {
	if errors.Is(err, store.ErrNotFound) {
		return &latchkey.Error{Kind: latchkey.NotFound, Param: "domain", Msg: "There is no domain “" + string(name) + "” on this server."}
	}
	return err
}

func (h *host) DomainsOf(ctx context.Context, name latchkey.AccountName) (list []latchkey.OwnedDomain, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) error {
		a, err := h.see(r, name)
		if err == nil {
			list, err = r.Domains(a.ID)
		}
		return err
	})
	return mainFirst(list), err
}

func (h *host) DomainsAfter(ctx context.Context, after latchkey.Domain, limit int) (list []hosting.HostedDomain, err error) {
	err = h.e.Store.Read(ctx, func(r store.Reader) error {
		for {
			domains, err := r.DomainsAfter(after, limit)
			for _, d := range domains {
				if after = d.Name; len(list) < limit && h.caller.Sees(&latchkey.Account{Owner: d.Owner, Name: d.Account}) {
					list = append(list, hosting.HostedDomain(d))
				}
			}
			if err != nil || len(domains) < limit || len(list) == limit {
				return err
			}
		}
	})
	return list, err
}

func (h *host) Quota(ctx context.Context, id latchkey.AccountID) (hosting.Quota, error) {
	entry, err := h.e.Auth.Entry(ctx, id)
	if err != nil {
		return hosting.Quota{}, err
	}
	if !h.caller.Sees(&entry.Account) {
		return hosting.Quota{}, policy.NotYours(entry.Account.Name)
	}
	return h.e.quota(ctx, id, h.act.At(), h.waiting())
}

func (h *host) Quotas(ctx context.Context, accounts []latchkey.Account) ([]hosting.Quota, error) {
	figures, err := h.e.Auth.FiguresOf(ctx, accounts)
	if err != nil {
		return nil, err
	}
	quotas := make([]hosting.Quota, len(accounts))
	for i, f := range figures {
		if quotas[i], err = h.e.fresh(ctx, accounts[i].ID, f, h.act.At(), h.waiting()); err != nil && latchkey.KindOf(err) != latchkey.NotFound {
			return nil, err
		}
		quotas[i].InodeLimit = accounts[i].Limits.Inodes
		quotas[i].ByteLimit = accounts[i].Limits.DiskBytes()
	}
	return quotas, nil
}

// waiting is until when this call waits for homes to be measured.
func (h *host) waiting() time.Time {
	if h.patience.IsZero() {
		h.patience = patience()
	}
	return h.patience
}

// Bootstrap makes what every server has, where it is missing: the
// administrator, the default package and the lists that always exist.
func (e *Estate) Bootstrap(ctx context.Context, rootPassword latchkey.Secret) error {
	err := e.Store.Read(ctx, func(r store.Reader) error {
		_, err := r.Account(RootName)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	root := latchkey.Account{Name: RootName, Role: latchkey.RoleRoot, Owner: RootName, Limits: latchkey.NoLimits(), Created: e.Now().UTC(), Locale: "en"}
	if !rootPassword.Empty() {
		hash, err := e.Hasher.Make(ctx, rootPassword)
		if err != nil {
			return err
		}
		root.PasswordHash = string(hash)
	}
	act := audit.Begin(e.Now, latchkey.Origin{})
	act.Calls("server::bootstrap", true, nil, nil)
	return e.commit(ctx, act, nil, func(tx store.Tx) error {
		if _, err := tx.InsertAccount(root, store.Ready); err != nil {
			return err
		}
		if err := tx.PutPackage(latchkey.Package{Name: DefaultPackage, FeatureList: latchkey.DefaultList, Limits: latchkey.NoLimits(), CGI: true}); err != nil {
			return err
		}
		tx.Log(store.Change{Kind: store.PolicyPut})
		return firstLists(tx)
	})
}

// SetRootPassword sets the administrator's password. It is no function: only
// who runs the server can call it.
func (e *Estate) SetRootPassword(ctx context.Context, secret latchkey.Secret) error {
	act := audit.Begin(e.Now, latchkey.Origin{})
	act.Calls("server::root_password", true, nil, nil)
	return e.setRootPassword(ctx, act, nil, secret)
}

func (e *Estate) setRootPassword(ctx context.Context, act *audit.Act, caller *latchkey.Caller, secret latchkey.Secret) error {
	hash, err := e.Hasher.Make(ctx, secret)
	if err != nil {
		return err
	}
	return e.commit(ctx, act, caller, func(tx store.Tx) error {
		root, err := tx.Account(RootName)
		if err != nil {
			return err
		}
		root.PasswordHash = string(hash)
		tx.Log(store.Change{Kind: store.AccountPut, Account: root.ID})
		return tx.UpdateAccount(root)
	})
}

// The names that always exist.
const (
	RootName       = latchkey.AccountName("root")
	DefaultPackage = "default"
)

// firstLists makes the feature lists that every server has.
func firstLists(tx store.Tx) error {
	all, mailOnly := map[string]bool{}, map[string]bool{}
	for _, f := range latchkey.Features() {
		all[f.String()], mailOnly[f.String()] = true, false
	}
	for _, f := range []latchkey.Feature{
		latchkey.FeatureAPITokens, latchkey.FeatureAutoresponders, latchkey.FeatureBoxTrapper, latchkey.FeatureDefaultAddress,
		latchkey.FeatureEmailArchive, latchkey.FeatureEmailAuth, latchkey.FeatureEmailDiskUsage, latchkey.FeatureEmailTrace,
		latchkey.FeatureForwarders, latchkey.FeatureLists, latchkey.FeaturePassword, latchkey.FeaturePopAccounts,
		latchkey.FeatureSpamAssassin, latchkey.FeatureSpamBox, latchkey.FeatureTraceAddress, latchkey.FeatureUpdateContact, latchkey.FeatureWebmail,
	} {
		mailOnly[f.String()] = true
	}
	for _, l := range []latchkey.FeatureList{
		{Name: latchkey.DefaultList, Values: all}, {Name: latchkey.DisabledList, Values: map[string]bool{}}, {Name: latchkey.MailOnlyList, Values: mailOnly},
	} {
		if err := tx.PutFeatureList(l); err != nil {
			return err
		}
	}
	return nil
}
