// Package locale is the module Locale: the language the server speaks, which is
// English.
package locale

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
)

// Module is the module Locale.
var Module = api.Module[hosting.Account]{
	Name: "Locale",
	Doc:  "The language the server speaks.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "get_attributes", Mailbox: true, Run: api.Run(attributes),
			Doc: "Tell the language of the server's messages."},
		{Name: "list_locales", Mailbox: true, Run: api.Run(list),
			Doc: "List the languages the server can speak."},
	},
}

type language struct {
	Direction string `json:"direction"`
	Encoding  string `json:"encoding"`
	Locale    string `json:"locale"`
	Name      string `json:"name"`
}

// UAPI: Locale::get_attributes.
func attributes(context.Context, hosting.Account, api.None) (language, error) {
	return language{Direction: "ltr", Encoding: "utf-8", Locale: "en", Name: "English"}, nil
}

type offer struct {
	Direction string `json:"direction"`
	LocalName string `json:"local_name"`
	Locale    string `json:"locale"`
	Name      string `json:"name"`
}

// UAPI: Locale::list_locales.
func list(context.Context, hosting.Account, api.None) ([]offer, error) {
	return []offer{{Direction: "ltr", LocalName: "English", Locale: "en", Name: "English"}}, nil
}
