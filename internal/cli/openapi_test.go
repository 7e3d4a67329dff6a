package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the goldens anew")

// run runs the program with a command line, and returns what it wrote and its
// status.
func run(t *testing.T, args ...string) (out, errs string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	status = Main(append([]string{"latchkey"}, args...), strings.NewReader(""), &o, &e)
	return o.String(), e.String(), status
}

const docs = "../../docs"

func TestOpenAPIIsCurrent(t *testing.T) {
	file := filepath.Join(docs, "openapi.json")
	got, errs, status := run(t, "openapi")
	if status != 0 {
		t.Fatalf("latchkey openapi = %d, %s", status, errs)
	}
	if *update {
		if _, errs, status := run(t, "openapi", "--output", file); status != 0 {
			t.Fatalf("latchkey openapi --output = %d, %s", status, errs)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != got {
		t.Errorf("docs/openapi.json is not current (%v): run make docs", err)
	}
}

func TestPagesAreCurrent(t *testing.T) {
	dir := filepath.Join(docs, "functions")
	if *update {
		if _, errs, status := run(t, "openapi", "--docs", dir); status != 0 {
			t.Fatalf("latchkey openapi --docs = %d, %s", status, errs)
		}
	}
	pages := book().Pages()
	for name, want := range pages {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("docs/functions/%s is not current (%v): run make docs", name, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := pages[f.Name()]; !ok {
			t.Errorf("docs/functions/%s describes what is not there: run make docs", f.Name())
		}
	}
}

func TestPagesReplaceOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pages")
	for _, pages := range []map[string]string{{"a.md": "1", "b.md": "1"}, {"b.md": "2"}} {
		if err := writePages(dir, pages); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "b.md" {
		t.Errorf("the directory holds %v (%v), want b.md alone", files, err)
	}
}
