// Package applist tells which functions of WHM there are. Start at [New].
package applist

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// New makes the module. names are the host functions that somebody may call, by
// name.
func New(names func(*latchkey.Caller) []string) api.Module[hosting.Host] {
	return api.Module[hosting.Host]{
		Name: "whm",
		Funcs: []api.Func[hosting.Host]{
			{Name: "applist", Privilege: latchkey.PrivilegeBasic, API0: api.Bare0, Run: api.Run(list(names)), Doc: "List the functions that the caller may call."},
		},
	}
}

type apps struct {
	App []string `json:"app"`
}

// list makes the function of the same name.
//
// WHM API 1: applist.
func list(names func(*latchkey.Caller) []string) func(context.Context, hosting.Host, api.None) (apps, error) {
	return func(_ context.Context, h hosting.Host, _ api.None) (apps, error) { return apps{names(h.Caller())}, nil }
}
