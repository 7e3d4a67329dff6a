package crash

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/zone"
)

// zoneFiles is a name server that outlives ours, as BIND does: what it answers for is
// a file each in a folder.
type zoneFiles string

func (f zoneFiles) path(name latchkey.Domain) string { return filepath.Join(string(f), string(name)) }

func (f zoneFiles) put(name latchkey.Domain) error {
	return os.WriteFile(f.path(name), nil, 0o600)
}

// Promise implements [estate.Nameserver].
func (f zoneFiles) Promise(name latchkey.Domain, _ func() (*zone.Zone, error)) error {
	return f.put(name)
}

// Check implements [estate.Nameserver].
func (f zoneFiles) Check(context.Context, *zone.Zone) error { return nil }

// Serve implements [estate.Nameserver].
func (f zoneFiles) Serve(ctx context.Context, _, is *zone.Zone) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.put(is.Name())
}

// Withdraw implements [estate.Nameserver].
func (f zoneFiles) Withdraw(ctx context.Context, name latchkey.Domain) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Remove(f.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// zones are the zones that accounts have besides their main domain's, in words, and
// what is wrong: every zone is answered for, and no other.
func (r *rig) zones() (words []string) {
	r.t.Helper()
	served := map[string]bool{}
	entries, err := os.ReadDir(string(r.dns))
	r.must(err)
	for _, e := range entries {
		served[e.Name()] = true
	}
	r.must(r.db.Read(r.t.Context(), func(s store.Reader) error {
		list, err := s.ZonesAfter("", 100)
		for _, z := range list {
			owner, err := s.AccountByID(z.Account)
			if err != nil {
				return err
			}
			if z.Name != owner.Domain {
				words = append(words, "zone "+string(z.Name)+" of "+string(owner.Name))
			}
			if !served[string(z.Name)] {
				words = append(words, "nobody answers for "+string(z.Name))
			}
			delete(served, string(z.Name))
		}
		return err
	}))
	for name := range served {
		words = append(words, "still answered for: "+name)
	}
	return words
}
