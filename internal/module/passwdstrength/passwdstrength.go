// Package passwdstrength is the module PasswdStrength: how strong a new password
// must be.
package passwdstrength

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
)

// Module is the module PasswdStrength.
var Module = api.Module[hosting.Account]{
	Name: "PasswdStrength",
	Doc:  "How strong a new password must be.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "get_required_strength", API2: "get_required_strength", Mailbox: true, Run: api.Run(required),
			Doc: "Tell how strong a new password for a purpose must be, from 0 to 100."},
	},
}

// purpose is a parameter that says what a password is for.
type purpose string

// Words are the purposes there are.
func (p *purpose) Words() []string {
	return []string{"createacct", "ftp", "htaccess", "list", "mysql", "passwd", "pop", "postgres", "sshkey", "virtual", "webdisk"}
}

// ParseParam takes one of the words.
func (p *purpose) ParseParam(text string) error {
	if !slices.Contains(p.Words(), text) {
		return fmt.Errorf("must be one of %s", strings.Join(p.Words(), ", "))
	}
	*p = purpose(text)
	return nil
}

type requiredParams struct {
	App purpose `param:"app" doc:"What the password is for. The server asks the same of all."`
}

type strength struct {
	Strength int `json:"strength"`
}

// UAPI: PasswdStrength::get_required_strength.
func required(_ context.Context, acct hosting.Account, _ requiredParams) (strength, error) {
	return strength{acct.Server().MinStrength}, nil
}
