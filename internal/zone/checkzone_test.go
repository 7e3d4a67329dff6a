package zone

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/needs"
)

var checked = flag.Int("checkzone", 60, "how many zones named-checkzone is asked about")

// What this package takes and writes, BIND serves.
func TestNamedCheckzone(t *testing.T) {
	program := needs.Program(t, "named-checkzone")
	file := filepath.Join(t.TempDir(), "zone")
	asked, edited := 0, 0
	draw := rapid.Custom(func(r *rapid.T) *Zone {
		z, err := Parse("example.com", drawZone(r))
		if err != nil {
			r.Fatal(err)
		}
		for range rapid.IntRange(0, 3).Draw(r, "edits") {
			if next, err := z.Edit(drawEdit(r, z), today); err == nil {
				z = next
				edited++
			}
		}
		return z
	})
	for asked < *checked {
		z := draw.Example(asked)
		asked++
		if err := os.WriteFile(file, []byte(z.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(program, "-i", "local", "-k", "fail", "example.com", file).CombinedOutput(); err != nil {
			t.Fatalf("named-checkzone: %v\n%s\n%s", err, out, z)
		}
	}
	t.Logf("%d zones after %d edits", asked, edited)
}
