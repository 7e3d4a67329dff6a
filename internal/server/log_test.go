package server

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Strangers' noise stays out of the log; a mistake of ours does not.
func TestQuietLog(t *testing.T) {
	var log bytes.Buffer
	s := &Server{Log: slog.New(slog.NewTextHandler(&log, nil)), patience: usual()}
	ours := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a mistake of ours") }))
	ours.Config.ErrorLog = s.http(nil).ErrorLog
	ours.Start()
	if r, err := http.Get(ours.URL); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	ours.Close()
	if text := log.String(); !strings.Contains(text, "a mistake of ours") || !strings.Contains(text, "level=ERROR") {
		t.Errorf("the log says %q", text)
	}
	log.Reset()
	_, _ = (&quietLog{s.Log}).Write([]byte("http: TLS handshake error from 192.0.2.1:4000: EOF\n"))
	if log.Len() > 0 {
		t.Errorf("the log says %q", log.String())
	}
}
