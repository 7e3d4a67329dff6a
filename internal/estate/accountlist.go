package estate

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/policy"
	"github.com/latchkey/latchkey/internal/store"
)

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

func (h *host) SearchAccounts(ctx context.Context, by hosting.AccountField, match func(string) bool, skip, limit int) (list []latchkey.Account, total int, err error) {
	field := map[hosting.AccountField]store.AccountField{hosting.ByDomain: store.ByDomain, hosting.ByOwner: store.ByOwner, hosting.ByPackage: store.ByPackage}[by]
	err = h.e.Store.Read(ctx, func(r store.Reader) (err error) {
		list, total, err = r.SearchAccounts(store.AccountSearch{Owner: h.sees(), By: field, Match: match}, skip, limit)
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
