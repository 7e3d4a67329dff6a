package compat

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// open is a tally whose clock is put forward by a second with every look.
func open(t *testing.T, path string) *Tally {
	t.Helper()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return Open(path, func() time.Time { now = now.Add(time.Second); return now }, slog.New(slog.DiscardHandler))
}

func TestTally(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missed.json")
	tally := open(t, path)
	for range 3 {
		tally.Missed("UAPI", "Cron::list", "acme.sh/3")
	}
	tally.Missed("UAPI", "Cron::list", "")
	tally.Missed("API 2", "Cron::list", "x\x1b[0m\xff")
	list := tally.List()
	if len(list) != 2 || list[0].Count != 4 || list[0].Name != "Cron::list" || list[0].API != "UAPI" || !list[0].Last.After(list[0].First) {
		t.Fatalf("List = %+v", list)
	}
	if diff := cmp.Diff(map[string]int64{"acme.sh/3": 3, Others: 1}, list[0].Clients); diff != "" {
		t.Error(diff)
	}
	if _, ok := list[1].Clients["x?[0m?"]; !ok {
		t.Errorf("Clients = %v", list[1].Clients)
	}

	ended, end := context.WithCancel(t.Context())
	end()
	tally.Run(ended)
	if diff := cmp.Diff(list, open(t, path).List()); diff != "" {
		t.Errorf("after it was opened again (-before +after):\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := open(t, path).List(); len(got) != 0 {
		t.Errorf("of a damaged file: %v", got)
	}
}

// What is kept is bounded, and what is really used outlasts what was invented.
func TestBounds(t *testing.T) {
	tally := open(t, filepath.Join(t.TempDir(), "missed.json"))
	for i := range 50 {
		tally.Missed("UAPI", "Cron::list", fmt.Sprint("client", i))
	}
	for i := range 3 * maxNames {
		tally.Missed("UAPI", fmt.Sprint("Invented::f", i), "hostile")
	}
	list := tally.List()
	if len(list) != maxNames || list[0].Name != "Cron::list" || list[0].Count != 50 {
		t.Errorf("%d names, the first is %+v", len(list), list[0])
	}
	if n := len(list[0].Clients); n > maxClients+1 || list[0].Clients[Others] != int64(50-maxClients) {
		t.Errorf("%d clients: %v", n, list[0].Clients)
	}
}

func TestName(t *testing.T) {
	for _, test := range [][2]string{
		{"Cron::list_cron", "Cron::list_cron"},
		{"systemloadavg", "systemloadavg"},
		{"", "(not a name)"},
		{"::", "(not a name)"},
		{"Email::pass word", "(not a name)"},
		{"Email::é", "(not a name)"},
		{"Email::a\nb", "(not a name)"},
		{strings.Repeat("a", 65), "(not a name)"},
		{"hunter2!", "(not a name)"},
	} {
		if got := Name(test[0]); got != test[1] {
			t.Errorf("Name(%q) = %q, want %q", test[0], got, test[1])
		}
	}
	var none *Tally
	none.Missed("UAPI", "x", "")
	if none.List() != nil {
		t.Error("no tally has a list")
	}
}
