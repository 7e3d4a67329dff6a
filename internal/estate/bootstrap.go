package estate

import (
	"context"
	"errors"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

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
