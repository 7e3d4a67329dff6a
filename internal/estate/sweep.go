package estate

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// halfAge is how old a file under construction must be to be taken for left
// behind.
const halfAge = 36 * time.Hour

// Sweep clears away what crashes left in the homes: halves of deliveries, of
// uploads and of removals. Home after home, while everybody works.
func (e *Estate) Sweep(ctx context.Context) error {
	const page = 100
	var after latchkey.AccountName
	var failed error
	for {
		var accounts []latchkey.Account
		err := e.Store.Read(ctx, func(r store.Reader) (err error) {
			accounts, err = r.Accounts(after, page)
			return err
		})
		if err != nil {
			return errors.Join(failed, err)
		}
		for _, a := range accounts {
			after = a.Name
			failed = errors.Join(failed, gone(e.sweepHome(ctx, string(a.Name))))
		}
		if len(accounts) < page || ctx.Err() != nil {
			return failed
		}
	}
}

func (e *Estate) sweepHome(ctx context.Context, name string) error {
	if err := e.Mail.Sweep(ctx, name); err != nil {
		return err
	}
	return e.Homes.As(ctx, name, func(f homedir.FS) error {
		_, err := f.Sweep(halfAge)
		return err
	})
}
