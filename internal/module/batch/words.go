package batch

import (
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// texts is a list that is null when it is empty.
type texts []string

// AppendJSON appends the list.
func (t texts) AppendJSON(dst []byte) []byte {
	if len(t) == 0 {
		return append(dst, "null"...)
	}
	return encode.Append(dst, []string(t))
}

// words is what the caller is told of an error from a module, as UAPI says it. The text of an
// internal error is never told; who ran the call has logged it.
func words(e *latchkey.Error, module string) string {
	switch {
	case e.Kind == latchkey.Internal:
		return "The request failed. The server’s log has the reason."
	case e.Msg != "":
		return e.Msg
	}
	switch e.Kind {
	case latchkey.Missing:
		return "Provide the ‘" + e.Param + "’ argument."
	case latchkey.UnknownModule:
		return "Failed to load module “" + e.Param + "”: The module “Cpanel::API::" + e.Param + "” does not exist."
	case latchkey.UnknownFunction:
		return "The system could not find the function “" + e.Param + "” in the module “" + module + "”."
	case latchkey.FeatureOff:
		return "You do not have the feature “" + e.Param + "”."
	case latchkey.RoleOff:
		return "The “" + e.Param + "” role is disabled on this server."
	case latchkey.ReadOnly:
		return "This API token is read-only: it may not call “" + e.Param + "”, which changes the account."
	case latchkey.NotHere:
		return "Permission denied"
	}
	return "The request failed: " + e.Kind.String() + "."
}
