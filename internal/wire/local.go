package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/hosting"
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
	Trail *audit.Recorder
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
	case "/audit/export":
		l.export(w, r)
	case "/audit/prune":
		l.prune(w, r)
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

// list writes events, one a line: the newest first, as many as are asked for, or
// all of them, the oldest first. It holds no more than one page at a time.
func (l *Local) list(w http.ResponseWriter, r *http.Request) {
	l.Trail.Flush()
	q, err := l.asked(r)
	if err != nil {
		plain(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header()["Content-Type"] = jsonType
	var b []byte
	write := func(link uint64, e *latchkey.Event) bool {
		b = append(encode.Append(b[:0], audit.LineOf(link, e)), '\n')
		_, err := w.Write(b)
		return err == nil
	}
	if q.Limit > 0 {
		err = l.newest(r.Context(), q, write)
	} else {
		err = audit.List(r.Context(), l.Store, 0, func(link uint64, e *latchkey.Event) bool {
			return !q.Matches(e) || write(link, e)
		})
	}
	if err != nil {
		l.Log.Error("listing the audit trail", "err", err)
		panic(http.ErrAbortHandler) // half a list must not look like a whole one
	}
}

// asked is what a request asks of the trail.
func (l *Local) asked(r *http.Request) (q latchkey.EventQuery, err error) {
	given := r.URL.Query()
	p, err := hosting.ReadEventParams(given.Get)
	if err == nil {
		q, err = p.Query()
	}
	if q.Limit = 0; err == nil && given.Get("limit") != "" {
		if q.Limit, err = strconv.Atoi(given.Get("limit")); err != nil || q.Limit < 0 {
			err = errors.New("limit must be a whole number")
		}
	}
	if err != nil {
		return q, err
	}
	err = l.Store.Read(r.Context(), func(rd store.Reader) error {
		return audit.Concerning(rd, latchkey.AccountName(given.Get("user")), &q.EventFilter)
	})
	return q, err
}

// newest calls fn with as many events as q asks for, page by page.
func (l *Local) newest(ctx context.Context, q latchkey.EventQuery, fn func(uint64, *latchkey.Event) bool) error {
	for left := q.Limit; left > 0; {
		q.Limit = min(left, 1000)
		page, err := audit.Search(ctx, l.Store, q)
		if err != nil {
			return err
		}
		for i := range page.Events {
			if !fn(page.Events[i].Link, &page.Events[i].Event) {
				return nil
			}
		}
		left -= len(page.Events)
		if q.Before = page.Next; q.Before == (latchkey.TrailPosition{}) {
			return nil
		}
	}
	return nil
}

// Verified is what a check of the audit trail found.
type Verified struct {
	OK     bool   `json:"ok"`
	Links  int    `json:"links"`
	Events int    `json:"events"`
	Copied uint64 `json:"copied"` // the link whose head was copied last
	Cut    uint64 `json:"cut"`    // the link up to which the front was cut off, by order
	Error  string `json:"error,omitempty"`
	// The first bad link, if it is one that is bad, and its first event.
	Link  uint64    `json:"link,omitempty"`
	Event int       `json:"event,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

func (l *Local) verify(w http.ResponseWriter, r *http.Request) {
	l.Trail.Flush()
	var known []audit.Known
	for _, text := range r.URL.Query()["head"] {
		seq, hash, err := audit.ParseHead(text)
		if err != nil {
			plain(w, http.StatusBadRequest, err.Error())
			return
		}
		known = append(known, audit.Known{Seq: seq, Hash: hash})
	}
	rep, err := audit.Verify(r.Context(), l.Store, l.Heads, known...)
	v := Verified{OK: err == nil, Links: rep.Links, Events: rep.Events, Copied: rep.Copied, Cut: rep.Cut}
	if err != nil {
		v.Error = err.Error()
	}
	if b, ok := errors.AsType[*audit.Broken](err); ok {
		v.Link, v.Event, v.At = b.Link, b.Event, b.At
	}
	w.Header()["Content-Type"] = jsonType
	_ = json.NewEncoder(w).Encode(v)
}

// moment reads a time out of a query; the zero one if it is not there.
func moment(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := latchkey.ParseMoment(text)
	if err != nil {
		err = fmt.Errorf("%s %w", name, err)
	}
	return t, err
}

// export writes a part of the trail as [audit.Export] does.
func (l *Local) export(w http.ResponseWriter, r *http.Request) {
	l.Trail.Flush()
	since, err := moment(r, "since")
	until, err2 := moment(r, "until")
	if err = errors.Join(err, err2); err != nil {
		plain(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header()["Content-Type"] = jsonType
	if err := audit.Export(r.Context(), l.Store, l.Heads, w, audit.Span{Since: since, Until: until}); err != nil {
		l.Log.Error("exporting the audit trail", "err", err)
		panic(http.ErrAbortHandler) // as in list
	}
}

// Pruned is what was cut off the front of the audit trail.
type Pruned struct {
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"` // 0: there was nothing to cut off
	Events int    `json:"events"`
	File   string `json:"file,omitempty"`
	Error  string `json:"error,omitempty"`
}

// prune cuts off the front of the trail, up to a time.
func (l *Local) prune(w http.ResponseWriter, r *http.Request) {
	before, err := moment(r, "before")
	switch {
	case r.Method != http.MethodPost:
		plain(w, http.StatusMethodNotAllowed, "This is asked for with POST.")
		return
	case err != nil || before.IsZero():
		plain(w, http.StatusBadRequest, "before must be a time, such as 2026-11-23")
		return
	}
	done, err := l.Trail.Prune(r.Context(), before, "command line")
	p := Pruned{First: done.First, Last: done.Last, Events: done.Events, File: done.File}
	if err != nil {
		p.Error = err.Error()
	}
	w.Header()["Content-Type"] = jsonType
	_ = json.NewEncoder(w).Encode(p)
}
