// Package custinfo is the module CustInfo of API 2: whom the account's owner
// wants to be told. Certificate clients call it to see whether they are let in.
package custinfo

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
)

// Module is the module CustInfo.
var Module = api.Module[hosting.Account]{
	Name: "CustInfo",
	Doc:  "Whom the account's owner wants to be told, for older programs.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "displaycontactinfo", OnlyAPI2: true, Run: api.Run(displayContactInfo), Doc: "Show the addresses at which the account's owner can be reached."},
	},
}

// contact is one thing that can be set.
type contact struct {
	Doc     string `json:"descp"`
	Enabled int    `json:"enabled"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Value   string `json:"value"`
}

// API 2: CustInfo::displaycontactinfo. This server notifies nobody yet: there
// are addresses to show and no choice of what is sent to them.
func displayContactInfo(ctx context.Context, acct hosting.Account, _ api.None) ([]contact, error) {
	a, err := acct.Info(ctx)
	if err != nil {
		return nil, err
	}
	return []contact{
		{Doc: "Contact address", Enabled: 1, Name: "email", Type: "string", Value: a.ContactEmail},
		{Doc: "Second contact address", Enabled: 1, Name: "second_email", Type: "string"},
	}, nil
}
