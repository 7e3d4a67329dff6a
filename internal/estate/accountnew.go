package estate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

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
	servers, err := h.e.nameservers(tx, a.Owner)
	if err != nil {
		return err
	}
	return h.e.insertZone(tx, h.caller, a.ID, planned{name: a.Domain, ip: h.e.Server.IP, template: zone.Standard, servers: servers})
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
		err = &latchkey.Error{Kind: latchkey.Exists, Param: "username", Msg: nameTaken(r, name)}
	}
	return err
}

// nameTaken says that somebody has the name, or one that begins alike. Billing
// panels know both sentences by their beginnings, and try another name.
func nameTaken(r store.Reader, name latchkey.AccountName) string {
	if _, err := r.Account(name); err == nil {
		return "This system already has an account named “" + string(name) + "”."
	}
	return "The name of another account on this server has the same initial eight characters as “" + string(name) + "”, and they are already taken."
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
