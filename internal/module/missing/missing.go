// Package missing holds the one function of WHM that is this server's own: what
// clients asked for that is not here. Start at [New].
package missing

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/api/known"
	"github.com/latchkey/latchkey/internal/compat"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// New makes the module over what list tells.
func New(list func() []compat.Miss) api.Module[hosting.Host] {
	return api.Module[hosting.Host]{
		Name: "whm",
		Funcs: []api.Func[hosting.Host]{
			{Name: "latchkey_missing", Privilege: latchkey.PrivilegeAll, Run: api.Run(missed(list)), Doc: "List the functions that clients asked for and that are not here, the one most asked for first. No function of cPanel's."},
		},
	}
}

type missing struct {
	Missing []row `json:"missing"`
}

type row struct {
	API     string    `json:"api"`
	Name    string    `json:"name"`
	Count   int64     `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Clients []client  `json:"clients"`
	// Documented tells what is not built yet from what there is nowhere; it is
	// null for API 2, whose names are not published as a whole.
	Documented *bool `json:"documented"`
}

type client struct {
	Client string `json:"client"`
	Count  int64  `json:"count"`
}

func missed(list func() []compat.Miss) func(context.Context, hosting.Host, api.None) (missing, error) {
	return func(context.Context, hosting.Host, api.None) (missing, error) {
		var m missing
		for _, miss := range list() {
			r := row{API: miss.API, Name: miss.Name, Count: miss.Count, First: miss.First, Last: miss.Last}
			r.Documented = documented(&miss)
			for _, name := range slices.Sorted(maps.Keys(miss.Clients)) {
				r.Clients = append(r.Clients, client{name, miss.Clients[name]})
			}
			m.Missing = append(m.Missing, r)
		}
		return m, nil
	}
}

// documented reports whether the public documentation has the name.
func documented(m *compat.Miss) *bool {
	module, name, ofAccount := strings.Cut(m.Name, "::")
	var is bool
	switch {
	case m.API == "API 2":
		return nil
	case ofAccount:
		is = known.Account(module, name)
	default:
		is = known.Host(m.Name)
	}
	return &is
}
