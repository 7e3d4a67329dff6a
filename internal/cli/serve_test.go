package cli

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/config"
)

// A server that cannot start says why, and lets go of what it took.
func TestBuildFails(t *testing.T) {
	c := config.Config{Data: filepath.Join(t.TempDir(), "data"), Account: "127.0.0.1:0", Hostname: "localhost"}
	log := slog.New(slog.DiscardHandler)
	start := func(c config.Config) error {
		h, err := build(context.Background(), c, log)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return h.run(ctx)
	}
	if err := start(c); err != nil {
		t.Fatalf("the first start: %v", err)
	}
	key := filepath.Join(c.Data, "token.key")
	must(t, os.Chmod(key, 0o644))
	if err := start(c); err == nil || !strings.Contains(err.Error(), "may be read by others") {
		t.Errorf("a start with an open key: %v", err)
	}
	must(t, os.Chmod(key, 0o600))
	busy := c
	busy.Host = "192.0.2.1:2087"
	if err := start(busy); err == nil || !strings.Contains(err.Error(), "listening for host") {
		t.Errorf("a start on an address of another machine: %v", err)
	}
	must(t, os.Rename(key, key+".away"))
	if err := start(c); err == nil || !strings.Contains(err.Error(), "token.key is missing") {
		t.Errorf("a start without the key of the database: %v", err)
	}
	if _, err := os.Stat(key); err == nil {
		t.Error("a start without the key made another one")
	}
	must(t, os.Rename(key+".away", key))
	if err := start(c); err != nil {
		t.Errorf("a start after those that failed: %v", err)
	}
}
