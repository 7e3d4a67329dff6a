package call

import (
	"crypto/rand"
	"log/slog"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Words is what the caller is told of an error, in cPanel's words where those
// are known. The text of an internal error never leaves the server: it is
// logged under the number that the caller gets.
func Words(e *latchkey.Error, r *Request, log *slog.Logger) string {
	switch e.Kind {
	case latchkey.Missing:
		switch r.Names {
		case API2, WHM0:
			return `"` + e.Param + `" is a required argument.`
		case WHM:
			return "API failure: Provide the “" + e.Param + "” argument."
		}
		return "Provide the ‘" + e.Param + "’ argument."
	case latchkey.UnknownModule:
		file := "Cpanel::API::" + e.Param
		if r.Names == API2 {
			file = "Cpanel::" + e.Param
		}
		return "Failed to load module “" + e.Param + "”: The module “" + file + "” does not exist."
	case latchkey.UnknownFunction:
		switch r.Names {
		case API2:
			return "Could not find function “" + e.Param + "” in module “" + r.Module + "”"
		case WHM:
			return `Unknown app ("` + e.Param + `") requested for this version (1) of the API.`
		case WHM0:
			return "Unknown App Requested: " + e.Param
		}
		return "The system could not find the function “" + e.Param + "” in the module “" + r.Module + "”."
	case latchkey.FeatureOff:
		if e.Msg == "" {
			return "You do not have the feature “" + e.Param + "”."
		}
	case latchkey.ReadOnly:
		return "This API token is read-only: it may not call “" + e.Param + "”, which changes the account."
	case latchkey.NotHere:
		if e.Msg == "" {
			return "Permission denied"
		}
	case latchkey.RoleOff:
		if e.Msg == "" {
			return "The “" + e.Param + "” role is disabled on this server."
		}
	case latchkey.Internal:
		id := errorID()
		log.Error("a call failed", "error_id", id, "func", r.Module+"::"+r.Func, "err", e)
		return "The request failed. (Error ID: " + id + ")"
	}
	switch {
	case e.Msg == "":
		return "The request failed: " + e.Kind.String() + "."
	case e.Traced:
		id := errorID()
		log.Info("a call was refused", "error_id", id, "func", r.Module+"::"+r.Func, "kind", e.Kind.String())
		return "The request failed. (Error ID: " + id + ") " + e.Msg
	}
	return e.Msg
}

// errorID names an internal failure to the caller, and in the log, and says
// nothing.
func errorID() string {
	const letters = "abcdefghijklmnopqrstuvwxyz23456789"
	var b [6]byte
	_, _ = rand.Read(b[:])
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b[:])
}
