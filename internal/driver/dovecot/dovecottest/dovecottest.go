// Package dovecottest opens parts for tests, with neither Dovecot nor Postfix.
package dovecottest

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/driver/dovecot"
)

// Part is a part under test.
type Part struct {
	*dovecot.Part
	said bytes.Buffer
}

// Open opens a part that renders what source has, in a directory of its own.
func Open(t testing.TB, source dovecot.Source) *Part {
	t.Helper()
	dir := t.TempDir()
	err := os.Chmod(dir, 0o750)
	if err == nil && os.Geteuid() == 0 {
		err = os.Chown(dir, 200345, -1) // root's is refused
	}
	if err != nil {
		t.Fatal(err)
	}
	p := new(Part)
	p.Part, err = dovecot.Open(t.Context(), dovecot.Options{Dir: dir, Source: source, Log: slog.New(slog.NewTextHandler(&p.said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// True reports whether everything is rendered as the source has it.
func (p *Part) True(t testing.TB) bool {
	t.Helper()
	p.said.Reset()
	if err := p.Reconcile(context.Background()); err != nil {
		t.Fatal(err)
	}
	return strings.Contains(p.said.String(), "changed=0")
}
