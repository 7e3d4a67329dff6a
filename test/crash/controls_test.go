package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const storeVariable = "LATCHKEY_CRASH_STORE"

// TestStoreWork is the process of [TestRecorder]: it keeps a number in a file, one
// after another, each by a file beside it that takes its place, and with "synced"
// durably.
func TestStoreWork(t *testing.T) {
	how, dir, ok := strings.Cut(os.Getenv(storeVariable), ":")
	if !ok {
		t.Skip("this is a part of TestRecorder")
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	answered, err := os.OpenFile(filepath.Join(dir, "answered"), os.O_WRONLY, 0)
	must(err)
	folder, err := os.Open(dir)
	must(err)
	for i := range 50 {
		file, err := os.Create(filepath.Join(dir, "new"))
		must(err)
		_, err = fmt.Fprintf(file, "%d %0800d", i+1, 0)
		must(err)
		if how == "synced" {
			must(file.Sync())
		}
		must(file.Close())
		must(os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "number")))
		if how == "synced" {
			must(folder.Sync())
		}
		_, err = answered.WriteString(".")
		must(err)
	}
}

// TestRecorder holds the recorder to what it is for: a store that syncs loses
// nothing, and of one that does not the outages show that it loses.
func TestRecorder(t *testing.T) {
	for how, loses := range map[string]map[string]bool{
		"synced":   {},
		"unsynced": {"strict": true, "strict-posix": true, "random": true, "random-posix": true},
	} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"answered", "number"} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			rec := record(t, dir)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStoreWork$")
			cmd.Env = append(os.Environ(), storeVariable+"="+how+":"+dir)
			cmd.Stdout = os.Stderr
			wait, err := rec.run(cmd)
			if err != nil {
				t.Fatal(err)
			}
			if err := wait(); err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(*seed, 3))
			for _, o := range outages {
				lost := 0
				for range 100 {
					k := random.IntN(rec.steps() + 1)
					left := rec.after(k, o, random.IntN)
					if !keeps(left.find("number"), len(rec.after(k, outages[0], random.IntN).find("answered").data)) {
						lost++
					}
				}
				if (lost > 0) != loses[o.name] {
					t.Errorf("%s: %d of 100 states have lost something, seed %d", o.name, lost, *seed)
				}
			}
		})
	}
}

// keeps reports whether a file has a whole number that is not below the one that
// was answered.
func keeps(file *node, answered int) bool {
	if file == nil || len(file.data) == 0 {
		return file != nil && answered == 0
	}
	var n, zeros int
	if _, err := fmt.Sscanf(string(file.data), "%d %d", &n, &zeros); err != nil || len(file.data) != len(strconv.Itoa(n))+801 {
		return false
	}
	return n >= answered
}
