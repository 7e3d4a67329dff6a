// Package variables is the module Variables: settings of the account, of the
// server and of the call.
package variables

import (
	"context"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// Module is the module Variables.
var Module = api.Module[hosting.Account]{
	Name: "Variables",
	Doc:  "Settings of the account and of the server.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "get_user_information", Run: api.Run(userInformation),
			Doc: "Tell the settings of the account."},
		{Name: "get_server_information", Run: api.Run(serverInformation),
			Doc: "Tell the settings of the server. What does not exist here is null."},
		{Name: "get_session_information", Run: api.Run(sessionInformation),
			Doc: "Tell the name of the server."},
	},
}

type names struct {
	Name []string `param:"name,optional" doc:"The settings to tell; all if nothing is said."`
}

// of picks the settings named out of all of them.
func (n names) of(all any) (any, error) {
	if len(n.Name) == 0 {
		return all, nil
	}
	picked := make(map[string]any, len(n.Name))
	for _, name := range n.Name {
		v, ok := encode.Column(all, name)
		if !ok {
			return nil, latchkey.InvalidParam("name", "There is no setting “%s”: call this function without a name to see them all.", name)
		}
		picked[name] = v.Interface()
	}
	return picked, nil
}

type session struct {
	Host string `json:"host"`
}

// UAPI: Variables::get_session_information.
func sessionInformation(_ context.Context, acct hosting.Account, n names) (any, error) {
	return n.of(session{acct.Server().Hostname})
}

// UAPI: Variables::get_user_information.
func userInformation(ctx context.Context, acct hosting.Account, n names) (any, error) {
	u, err := userOf(ctx, acct)
	if err != nil {
		return nil, err
	}
	return n.of(u)
}

// UAPI: Variables::get_server_information.
func serverInformation(ctx context.Context, acct hosting.Account, n names) (any, error) {
	a, err := acct.Info(ctx)
	if err != nil {
		return nil, err
	}
	s := acct.Server()
	return n.of(server{
		DefaultTheme: a.Theme, FTPServer: "disabled", MailboxStorageFormat: "maildir",
		MinimumPasswordStrength: s.MinStrength, RequireSSL: true, Version: s.Version,
	})
}
