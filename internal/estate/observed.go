package estate

import (
	"context"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Observed implements [hosting.Tokens]. What was gathered until now is part of it.
func (t *tokens) Observed(ctx context.Context, name string) (info hosting.TokenInfo, uses []latchkey.Observed, err error) {
	if t.e.Observed != nil {
		if err := t.e.Observed.Flush(context.WithoutCancel(ctx)); err != nil {
			return info, nil, err
		}
	}
	err = t.e.Store.Read(ctx, func(r store.Reader) error {
		k, err := t.find(r, name)
		if err != nil {
			return err
		}
		if info, err = t.info(r, &k); err != nil {
			return err
		}
		uses, err = r.Observed(k.ID)
		return err
	})
	return info, uses, err
}
