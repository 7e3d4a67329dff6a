package bind

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/latchkey/latchkey/internal/durable"
)

// KeyName is what the key that [EnsureKey] makes is called.
const KeyName = "latchkey"

// EnsureKey makes the key that rndc proves itself to BIND with, in a file of its
// own that nobody else may read, unless there is one. A file that others may read
// is refused.
func EnsureKey(path string) error {
	st, err := os.Stat(path)
	if err == nil && st.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s may be read by others (mode %04o): make it private with chmod 600", path, st.Mode().Perm())
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	text := fmt.Sprintf("key %q {\n\talgorithm hmac-sha256;\n\tsecret %q;\n};\n", KeyName, base64.StdEncoding.EncodeToString(secret))
	err = durable.CreateFile(path, []byte(text), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another start was faster
	}
	return err
}
