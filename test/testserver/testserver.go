// Package testserver is a whole server for tests: real store, real homes, the
// real way of a call, on a clock that the test sets. Start at [New].
package testserver

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/compat"
	"github.com/latchkey/latchkey/internal/driver/authdns"
	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module"
	"github.com/latchkey/latchkey/internal/observe"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store/sqlite"
	"github.com/latchkey/latchkey/internal/web"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// Start is the time on a new server's clock.
var Start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Server is a whole server without listeners. It has two accounts, demo with
// the domain example.com and other with example.net, and the administrator.
type Server struct {
	Dir      string
	Store    *sqlite.Store
	Calls    *call.Service
	Estate   *estate.Estate
	Verifier *auth.Verifier
	Trail    *audit.Recorder
	Heads    *audit.Heads
	Days     *observe.Days   // how often tokens are used
	DNS      *authdns.Server // it listens nowhere
	Web      *Web
	// The doors: an account's with TLS and without, the administrator's and
	// webmail's.
	Account, AccountPlain, Host, Webmail *wire.Door
	Log                                  *SafeBuffer
	Level                                slog.LevelVar // of the log

	t     testing.TB
	mu    sync.Mutex
	clock time.Time
}

// SafeBuffer is a buffer that many goroutines may write.
type SafeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *SafeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *SafeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// New starts a server for one test.
func New(t testing.TB) *Server {
	t.Helper()
	s := Open(t, t.TempDir())
	s.WHM("createacct", "username", "demo", "domain", "example.com", "password", Password, "contactemail", "owner@example.com")
	s.WHM("createacct", "username", "other", "domain", "example.net", "password", Password)
	return s
}

// Open starts a server with what there is in a directory: that of one that has ended, or
// an empty one, which gets no accounts but the administrator's.
func Open(t testing.TB, dir string) *Server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{t: t, Dir: dir, clock: Start, Log: new(SafeBuffer)}
	log := slog.New(slog.NewTextHandler(s.Log, &slog.HandlerOptions{Level: &s.Level}))
	keys, err := auth.LoadKeys(filepath.Join(s.Dir, "token.key"))
	s.must(err)
	s.Store, err = sqlite.Open(ctx, filepath.Join(s.Dir, "latchkey.db"), sqlite.Options{Now: s.Now})
	s.must(err)
	s.Heads = &audit.Heads{Path: filepath.Join(s.Dir, "audit.head"), Keys: keys}
	s.Trail = audit.NewRecorder(s.Store, s.Now, log, s.Heads)
	s.must(s.Heads.Begin(ctx, s.Store))
	hasher := password.New(0)
	s.Verifier, err = auth.NewVerifier(ctx, auth.Config{Store: s.Store, Keys: keys, Hasher: hasher, Now: s.Now, Log: log})
	s.must(err)
	s.must(os.MkdirAll(filepath.Join(s.Dir, "homes"), 0o711))
	homes, err := homedir.Open(filepath.Join(s.Dir, "homes"))
	s.must(err)
	s.DNS = authdns.New(authdns.Options{Rate: -1, Logger: log})
	observed := &observe.Book{Store: s.Store, Now: s.Now, Log: log}
	s.Days = &observe.Days{Store: s.Store, Now: s.Now, Log: log}
	s.Estate = estate.New(estate.Config{
		Observed: observed,
		Auth:     s.Verifier, Store: s.Store, Trail: s.Trail, Keys: keys, Hasher: hasher, Homes: homes, Mail: maildir.New(homes),
		Server: hosting.Server{Hostname: "host.example.org", IP: "192.0.2.1", Version: wire.APILevel, DNS: true, DNSSEC: true, Web: true,
			Sites: [3]string{"https://host.example.org:2083", "https://host.example.org:2087", "https://host.example.org:2096"}},
		DNS:      &signer{Part: authdns.Part{Server: s.DNS}, how: make(map[latchkey.Domain]hosting.Signing)},
		HomeRoot: "/home", Queue: filepath.Join(s.Dir, "queue"), Now: s.Now, Log: log,
	})
	s.Web = &Web{estate: s.Estate}
	s.Estate.Web = s.Web
	own := &doors{estate: s.Estate}
	s.Estate.Doors, s.Estate.Server.Doors = own, own.shown
	s.must(s.Estate.Bootstrap(ctx, latchkey.Secret{}))
	missed := compat.Open(filepath.Join(s.Dir, "missed.json"), s.Now, log)
	s.Calls = &call.Service{Auth: s.Verifier, Binder: s.Estate, Audit: s.Trail, Missed: missed, Observed: observed, Days: s.Days, Now: s.Now, Log: log}
	s.Calls.Registry = api.NewRegistry(module.Account(s.Calls.Nested, s.Calls.FeaturesOf), module.Host(s.Calls.Nested, s.Calls.NestedHost, s.Calls.Missed.List, s.Calls.HostNames))
	s.Estate.Reads = s.Calls.Registry.Reads
	pages := web.New(web.Config{Calls: s.Calls, Hostname: "host.example.org", Now: s.Now, Log: log})
	s.Account = &wire.Door{Calls: s.Calls, Pages: pages, Log: log}
	s.AccountPlain = &wire.Door{Calls: s.Calls, Pages: pages, Log: log, InClear: true}
	s.Host = &wire.Door{Calls: s.Calls, Audience: latchkey.ForHost, Pages: pages, Log: log}
	s.Webmail = &wire.Door{Calls: s.Calls, Audience: latchkey.ForWebmail, Log: log}

	var keepers sync.WaitGroup
	for _, keep := range []func(context.Context){s.Verifier.Run, s.Verifier.RunSessions, s.Trail.Run, observed.Run, s.Days.Run, s.Estate.RunUsage} {
		keepers.Go(func() { keep(ctx) })
	}
	t.Cleanup(func() {
		stop()
		keepers.Wait()
		homes.Close()
		if err := s.Store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}

// Password is the password of both accounts.
const Password = "correct-horse-9"

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// Now is the time on the server's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

// Wait puts the clock forward.
func (s *Server) Wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

// Call calls a function for user as the local socket would.
func (s *Server) Call(names call.Names, user, module, name string, args ...string) *call.Result {
	r := &call.Request{Names: names, Local: latchkey.AccountName(user), Module: module, Func: name}
	if names == call.WHM {
		r.Audience = latchkey.ForHost
	}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args = append(r.Args, api.Arg{Key: args[i], Value: args[i+1]})
	}
	return s.Calls.Do(context.Background(), r)
}

// WHM calls a function of the administrator that must succeed.
func (s *Server) WHM(name string, args ...string) any {
	s.t.Helper()
	return s.ok(s.Call(call.WHM, "root", "", name, args...), name, args)
}

// UAPI calls a function of user's that must succeed.
func (s *Server) UAPI(user, module, name string, args ...string) any {
	s.t.Helper()
	return s.ok(s.Call(call.UAPI, user, module, name, args...), module+"::"+name, args)
}

func (s *Server) ok(res *call.Result, name string, args []string) any {
	s.t.Helper()
	if res.Err != nil {
		s.t.Fatalf("%s%v: %v", name, args, res.Err)
	}
	return res.Data
}

// Token makes a token for user and returns its secret.
func (s *Server) Token(user, name string, args ...string) string {
	s.t.Helper()
	return secret(s.UAPI(user, "Tokens", "create_full_access", append([]string{"name", name}, args...)...))
}

// HostToken makes a token for the administrator and returns its secret.
func (s *Server) HostToken(name string) string {
	s.t.Helper()
	return secret(s.WHM("api_token_create", "token_name", name))
}

func secret(data any) string {
	text := string(encode.Append(nil, data))
	_, text, _ = strings.Cut(text, `"token":"`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}

// Answer is what came back of a request.
type Answer struct {
	Status     int
	Body       string
	RetryAfter string
}

// Get asks door for target under an Authorization header.
func (s *Server) Get(door http.Handler, target, authorization string) Answer {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr = "198.51.100.7:4000"
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return s.Serve(door, r)
}

// Serve lets door answer r.
func (s *Server) Serve(door http.Handler, r *http.Request) Answer {
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Result().Body)
	return Answer{w.Code, string(body), w.Header().Get("Retry-After")}
}
