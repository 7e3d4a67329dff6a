// Package internal_test holds the house to its floors.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const root = "github.com/latchkey/latchkey/"

// floors says on which floor a folder stands. A package may import what stands
// lower, and its own parent and sub-folders; never a neighbour, never upward.
// Tests may import what they like. client imports nothing of ours.
var floors = map[string]int{
	"test": 11, "cmd": 10,
	"internal/cli":    9,
	"internal/server": 8,
	"internal/wire":   7, "internal/web": 7,
	"internal/call":   6,
	"internal/estate": 5,
	"internal/policy": 4, "internal/module": 4, "internal/audit": 4,
	"internal/driver": 3, "internal/api": 3, "internal/auth": 3, "internal/compat": 3, "internal/observe": 3,
	"internal/driver/homedir": 2, // what other drivers stand on
	"internal/hosting":        2, "internal/store": 2, "internal/config": 2, "internal/password": 2, "internal/grant": 2, "internal/notice": 2,
	"internal/wire/request": 4, // what pages are asked is read as what the API is
	"internal/durable":      1, "internal/loopback": 1, "internal/pki": 1, "internal/wire/encode": 1, "internal/zone": 1, "internal/mailrule": 1, "internal/hosting/mailsearch": 1,
	"internal/latchkey": 0,
	"internal/sieve":    0, "internal/srs": 0,
	"internal/needs": 0, // for tests
	"client":         0,
}

func TestFloors(t *testing.T) {
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && (file == filepath.Join("..", "tools") || d.Name() == "testdata" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		from := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(file), ".."+string(filepath.Separator)))
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		if _, ok := floor(from); !ok {
			t.Errorf("%s stands on no floor: give it one in this test and in the plan of the house", from)
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if to, ours := strings.CutPrefix(name, root); err == nil && ours && !may(from, to) {
				t.Errorf("%s imports %s, which does not stand below it", file, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// may reports whether a package in folder from may import the one in folder to.
func may(from, to string) bool {
	if strings.HasPrefix(from+"/", to+"/") || strings.HasPrefix(to+"/", from+"/") {
		return true
	}
	above, _ := floor(from)
	below, ok := floor(to)
	return ok && below < above
}

// floor finds the floor of a folder, or of the nearest one above it that has one.
func floor(dir string) (int, bool) {
	for ; dir != "."; dir = path.Dir(dir) {
		if n, ok := floors[dir]; ok {
			return n, true
		}
	}
	return 0, false
}

func TestMay(t *testing.T) {
	for _, test := range []struct {
		from, to string
		want     bool
	}{
		{"cmd/latchkey", "internal/cli", true},
		{"internal/cli", "internal/call", true},
		{"internal/call", "internal/cli", false},
		{"internal/module/email", "internal/hosting", true},
		{"internal/module/email", "internal/module/dns", false},
		{"internal/module", "internal/module/dns", true},
		{"internal/store/sqlite", "internal/store", true},
		{"internal/store", "internal/hosting", false},
		{"internal/estate", "internal/driver/maildir", true},
		{"internal/module", "internal/estate", false},
		{"internal/latchkey", "internal/nowhere", false},
		{"client", "internal/latchkey", false},
		{"internal/cli", "test/load", false},
	} {
		if got := may(test.from, test.to); got != test.want {
			t.Errorf("may(%q, %q) = %v, want %v", test.from, test.to, got, test.want)
		}
	}
}
