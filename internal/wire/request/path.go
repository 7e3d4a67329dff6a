package request

import "strings"

// Kind is which form of the API a path belongs to, and so in which dialect it
// is answered, refusals included.
type Kind uint8

const (
	NoAPI    Kind = iota // a page, or nothing
	Execute              // /execute/Module/function: UAPI
	JSONAPI              // /json-api/cpanel: API 2 or UAPI, named by the arguments
	XMLAPI               // /xml-api/cpanel: the same in XML
	JSONFunc             // /json-api/FUNCTION: WHM
	XMLFunc              // /xml-api/FUNCTION: WHM in XML
)

// Target is what a path names.
type Target struct {
	Kind    Kind
	Module  string // of [Execute]
	Func    string // of [Execute], [JSONFunc] and [XMLFunc]
	Session string // cpsess and its digits, if the path begins with one
}

const (
	maxName    = 64
	maxSession = 64
)

// Path understands the path of a request, as it stands in the Path field of
// its URL. Beyond slashes in a row, which are one, slashes at the end and a
// session in front, only the forms that [Kind] lists are understood, and names
// are 1 to 64 ASCII letters, digits and underscores, whose case counts. Where it
// reports false the Kind still says which dialect to refuse in, and Module and
// Func hold only what is well formed.
func Path(raw string) (Target, bool) {
	var t Target
	t.Session, raw = CutSession(raw)
	if !strings.HasPrefix(raw, "/") {
		return t, false
	}
	form, rest := element(raw)
	rest = strings.Trim(rest, "/")
	switch form {
	case "execute":
		return t.execute(rest)
	case "json-api":
		return t.named(rest, JSONAPI, JSONFunc)
	case "xml-api":
		return t.named(rest, XMLAPI, XMLFunc)
	}
	return t, false
}

func (t Target) execute(rest string) (Target, bool) {
	module, function := element(rest)
	function = strings.TrimLeft(function, "/")
	t.Kind = Execute
	if !isName(module) {
		return t, false
	}
	t.Module = module
	if !isName(function) {
		return t, false
	}
	t.Func = function
	return t, true
}

func (t Target) named(rest string, cpanel, function Kind) (Target, bool) {
	if rest == "cpanel" {
		t.Kind = cpanel
		return t, true
	}
	t.Kind = function
	if !isName(rest) {
		return t, false
	}
	t.Func = rest
	return t, true
}

// element cuts the first element off a path.
func element(path string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimLeft(path, "/"), "/")
	return first, rest
}

// CutSession takes the session from the front of a path: /cpsess123/x and
// //cpsess123/x give cpsess123 and /x. Without one the session is empty and
// rest is path.
func CutSession(path string) (session, rest string) {
	if !strings.HasPrefix(path, "/") {
		return "", path
	}
	at := strings.TrimLeft(path, "/")
	session, _ = element(at)
	digits, ok := strings.CutPrefix(session, "cpsess")
	if !ok || len(digits) > maxSession || !isDigits(digits) {
		return "", path
	}
	if rest = at[len(session):]; rest == "" {
		rest = "/"
	}
	return session, rest
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
