package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"
)

// profiler returns a keeper that tells, on a port of this machine alone, what
// the program spends its time and memory on. It is for measurements and not for
// production: whoever on this machine reaches the port may slow the server down
// and read of its memory. No setting turns it on, only LATCHKEY_PPROF=HOST:PORT
// in the environment.
func profiler(addr string) (func(context.Context), error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("LATCHKEY_PPROF is %q: give a port of this machine, such as 127.0.0.1:6060, or unset it", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("LATCHKEY_PPROF: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return func(ctx context.Context) {
		defer context.AfterFunc(ctx, func() { s.Close() })()
		_ = s.Serve(l)
	}, nil
}
