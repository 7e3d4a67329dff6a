// Package ssl is the module SSL: the certificates of the account's sites.
package ssl

import (
	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
)

// Module is the module SSL.
var Module = api.Module[hosting.Account]{
	Name: "SSL",
	Doc:  "The certificates of the account's sites.",

	Funcs: autoSSLFuncs,
}
