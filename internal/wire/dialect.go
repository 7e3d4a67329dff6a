package wire

import (
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/list"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// dialect is one language of the wire. The way from a request to its answer is
// the same in all of them: [Door.answer].
type dialect struct {
	names call.Names
	// say finds out what the request wants, once the caller is known. It may
	// find that it is in another dialect.
	say func(u *utterance) error
	// cutting reads the arguments that cut the answer.
	cutting func(api.Args) (list.Query, error)
	// write appends the answer, in JSON.
	write func(b []byte, u *utterance, res *call.Result) []byte
	// root is the root element in XML; nil for the one member an answer has.
	root func(u *utterance) string

	refused int    // the status of the one answer to every bad credential
	denied  string // its body
}

// UAPI in its flat envelope, for /execute.
var uapiFlat = dialect{
	names: call.UAPI, say: sayExecute, cutting: list.FromUAPI, write: writeUAPI,
	refused: http.StatusUnauthorized, denied: `{"data":null,"errors":["Access denied"],"messages":null,"metadata":{},"status":0,"warnings":null}`,
}

// The dialects of /json-api/cpanel and /xml-api/cpanel: a request is in API 2
// until it says otherwise.
var (
	api2 = dialect{
		names: call.API2, say: sayCpanel, cutting: list.FromAPI2, write: writeAPI2,
		refused: http.StatusForbidden, denied: accessDenied,
	}
	uapiWrapped = dialect{names: call.UAPI, cutting: list.FromUAPI, write: writeWrapped, root: resultRoot}
	api1        = dialect{names: call.API2, cutting: list.FromAPI2, write: writeAPI1, root: resultRoot}
)

// The dialects of /json-api/FUNCTION and /xml-api/FUNCTION: a request is in WHM
// API 1 where it says so with api.version.
var (
	whm1 = dialect{
		names: call.WHM, say: sayWHM, cutting: list.FromWHM, write: writeWHM, root: resultRoot,
		refused: http.StatusForbidden, denied: accessDenied,
	}
	whm0 = dialect{names: call.WHM0, cutting: uncut, write: writeWHM0, root: func(u *utterance) string { return u.Func }}
)

// accessDenied is the one body of every refused credential on /json-api/.
const accessDenied = `{"cpanelresult":{"apiversion":"2","error":"Access denied","data":{"reason":"Access denied","result":"0"},"type":"text"}}`

func resultRoot(*utterance) string { return "result" }

// uncut is for dialects that have no arguments which cut the answer.
func uncut(api.Args) (list.Query, error) { return list.Query{}, nil }

// answer answers a request that came in a dialect: who is it, what do they say,
// do it, say what came of it.
func (d *Door) answer(w http.ResponseWriter, r *http.Request, target request.Target, known bool, in *dialect) {
	u := d.begin(r, target, known, in)
	defer u.end()
	res := d.Calls.Do(r.Context(), &u.Request)
	if res.Err != nil && res.Err.Kind == latchkey.BadCredentials {
		u.send(w, in.refused, func(b []byte) []byte { return append(b, in.denied...) })
		return
	}
	if res.Err != nil && res.Err.Wait > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((res.Err.Wait+time.Second-1)/time.Second), 10))
	}
	u.send(w, http.StatusOK, func(b []byte) []byte { return u.dialect.write(b, u, res) })
}

// Say finds out what the request wants.
func (u *utterance) Say(*call.Request) error { return u.dialect.say(u) }

// turn finds that the request is in another dialect.
func (u *utterance) turn(to *dialect) { u.dialect, u.Names = to, to.names }

// chunkedFrom is from how many bytes on net/http would send an answer in chunks,
// which programs that read the connection by themselves do not understand.
const chunkedFrom = 2048

// send writes one answer made by fill.
func (u *utterance) send(w http.ResponseWriter, status int, fill func(b []byte) []byte) {
	buf := buffers.Get().(*[]byte)
	*buf = fill((*buf)[:0])
	kind := jsonType
	if u.xml {
		kind, *buf = xmlType, encode.XML(nil, u.root(status), *buf)
	}
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = kind, noStore, noSniff
	if len(*buf) >= chunkedFrom {
		h["Content-Length"] = []string{strconv.Itoa(len(*buf))}
	}
	if status != http.StatusOK {
		w.WriteHeader(status)
	}
	_, _ = w.Write(*buf) // a client that has gone away is no error of ours
	if cap(*buf) <= 1<<20 {
		buffers.Put(buf)
	}
}

// root is the root element of the answer in XML.
func (u *utterance) root(status int) string {
	if status != http.StatusOK || u.dialect.root == nil {
		return ""
	}
	return u.dialect.root(u)
}
