package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, text := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		holds(t, path, text)
	}
}

func TestCreateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := CreateFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CreateFile(path, []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CreateFile over a file = %v, want %v", err, fs.ErrExist)
	}
	holds(t, path, "one")
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, file := range []string{path, filepath.Join(dir, ".new-123"), filepath.Join(dir, ".new-456")} {
		if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "one")
}

// holds checks a file's content and mode, and that nothing else is left beside it.
func holds(t *testing.T, path, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	st, statErr := os.Stat(path)
	if err != nil || statErr != nil || string(text) != want || st.Mode().Perm() != 0o600 {
		t.Errorf("%s holds %q, mode %v, %v, %v; want %q, 0600", path, text, st.Mode(), err, statErr, want)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("the directory holds %v, %v; want one file", list, err)
	}
}
