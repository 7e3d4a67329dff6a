package wire

import (
	"context"
	"encoding/json"
	"net/http"
	"os"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// Local answers on the local socket: what the command line asks. The system
// vouches for who is at the other end: root and the server's own user may act
// for everybody, others for nobody.
type Local struct {
	*Door
	Store store.Store
	Heads *audit.Heads
	Flush func() // writes down what the audit trail still gathers
}

type peerKey struct{}

// WithPeer notes the system user at the other end of the local socket.
func WithPeer(ctx context.Context, uid int) context.Context {
	return context.WithValue(ctx, peerKey{}, uid)
}

// Say is one call as the command line sends it.
type Say struct {
	API    string      `json:"api"` // uapi, api2, whm or whm0
	User   string      `json:"user"`
	Module string      `json:"module,omitempty"`
	Func   string      `json:"func"`
	Args   [][2]string `json:"args,omitempty"`
}

func (l *Local) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	uid, ok := r.Context().Value(peerKey{}).(int)
	if !ok || uid != 0 && uid != os.Geteuid() {
		plain(w, http.StatusForbidden, "Only root and the server’s own user may do this.")
		return
	}
	switch r.URL.Path {
	case "/call":
		l.call(w, r)
	case "/audit":
		l.list(w, r)
	case "/audit/verify":
		l.verify(w, r)
	default:
		plain(w, http.StatusNotFound, "There is nothing here.")
	}
}

func (l *Local) call(w http.ResponseWriter, r *http.Request) {
	var s Say
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20)).Decode(&s); err != nil {
		plain(w, http.StatusBadRequest, "The request cannot be read.")
		return
	}
	args := make(api.Args, len(s.Args))
	for i, kv := range s.Args {
		args[i] = api.Arg{Key: kv[0], Value: kv[1]}
	}
	u := &utterance{door: l.Door, Request: call.Request{
		Local: latchkey.AccountName(s.User), Origin: latchkey.Origin{Client: "command line"}, Module: s.Module, Func: s.Func, Args: args,
	}}
	switch s.API {
	case "uapi":
		u.turn(&uapiWrapped)
	case "api2":
		u.turn(&api2)
	case "whm":
		u.turn(&whm1)
	case "whm0":
		u.turn(&whm0)
	default:
		plain(w, http.StatusBadRequest, "The request names no API.")
		return
	}
	if u.Names == call.WHM || u.Names == call.WHM0 {
		u.Audience = latchkey.ForHost
	}
	if err := u.spoken(); err != nil {
		u.Speaker = refusal{err}
	}
	res := l.Calls.Do(r.Context(), &u.Request)
	u.send(w, http.StatusOK, func(b []byte) []byte { return u.dialect.write(b, u, res) })
}

// spoken finds out what the command line wants: cpanel of WHM is a call of
// another function here too.
func (u *utterance) spoken() error {
	if u.Audience == latchkey.ForHost && u.Func == "cpanel" {
		u.turn(&api2)
		return u.pass()
	}
	return u.settle()
}

// refusal is a request that was read and could not be understood.
type refusal struct{ err error }

func (r refusal) Say(*call.Request) error { return r.err }

// AuditLine is one event as the command line shows it.
type AuditLine struct {
	Link    uint64   `json:"link"`
	At      string   `json:"at"`
	Account string   `json:"account"`
	By      string   `json:"by"`
	Token   string   `json:"token,omitempty"`
	From    string   `json:"from,omitempty"`
	Client  string   `json:"client,omitempty"`
	Func    string   `json:"func"`
	Outcome string   `json:"outcome"`
	Reason  string   `json:"reason,omitempty"`
	Names   []string `json:"params,omitempty"`
	Values  []string `json:"values,omitempty"`
	Message string   `json:"message,omitempty"`
	Micros  int64    `json:"took_us"`
}

// LineOf is an event as the command line shows it.
func LineOf(link uint64, e *latchkey.Event) AuditLine {
	line := AuditLine{
		Link: link, At: e.At.Format("2006-01-02T15:04:05.000000Z07:00"), Account: string(e.Name), By: e.By.String(), Token: e.Handle.String(),
		Client: e.Client, Func: e.Func, Outcome: "ok", Reason: e.Reason, Names: e.Names, Values: e.Values, Message: e.Messages, Micros: e.Took.Microseconds(),
	}
	if e.From.IsValid() {
		line.From = e.From.String()
	}
	if !e.OK {
		line.Outcome = e.Outcome.String()
	}
	return line
}

func (l *Local) list(w http.ResponseWriter, r *http.Request) {
	l.Flush()
	user := r.URL.Query().Get("user")
	w.Header()["Content-Type"] = jsonType
	var b []byte
	err := audit.List(r.Context(), l.Store, 0, func(link uint64, e *latchkey.Event) bool {
		if user != "" && string(e.Name) != user {
			return true
		}
		b = append(encode.Append(b[:0], LineOf(link, e)), '\n')
		_, err := w.Write(b)
		return err == nil
	})
	if err != nil {
		l.Log.Error("listing the audit trail", "err", err)
	}
}

// Verified is what a check of the audit trail found.
type Verified struct {
	OK     bool   `json:"ok"`
	Links  int    `json:"links"`
	Events int    `json:"events"`
	Copied uint64 `json:"copied"` // the link whose head was copied last; 0: there is no copy
	Error  string `json:"error,omitempty"`
}

func (l *Local) verify(w http.ResponseWriter, r *http.Request) {
	l.Flush()
	rep, err := audit.Verify(r.Context(), l.Store, l.Heads)
	v := Verified{OK: err == nil, Links: rep.Links, Events: rep.Events, Copied: rep.Copied}
	if err != nil {
		v.Error = err.Error()
	}
	w.Header()["Content-Type"] = jsonType
	_ = json.NewEncoder(w).Encode(v)
}
