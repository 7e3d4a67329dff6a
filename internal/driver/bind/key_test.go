package bind

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzZoneKey: whatever stands where BIND keeps a key, it is one or it is an error.
func FuzzZoneKey(f *testing.F) {
	f.Add("; This is a key-signing key\nexample.com. IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n",
		"Algorithm: 13\nLength: 256\nGenerated: 20261123120000 (Mon Nov 23 12:00:00 2026)\nGoalState: omnipresent\n")
	f.Add("example.com. IN A 192.0.2.1\n", "Length: x\nGenerated:\n")
	f.Add("", "")
	f.Add(" DNSKEY", "0")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text, state string) {
		file := filepath.Join(dir, "K.key")
		for path, text := range map[string]string{file: text, filepath.Join(dir, "K.state"): state} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if key, err := readKey(file); err == nil && (key.Public == "" || key.Tag < 0 || key.Tag > 0xffff) {
			t.Errorf("%q is the key %+v", text, key)
		}
	})
}
