package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestHMAC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "key")
		msg := rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "msg")
		k := newHMACKey(key)
		std := hmac.New(sha256.New, key)
		std.Write(msg)
		if got, want := k.sum(msg), [32]byte(std.Sum(nil)); got != want {
			t.Fatalf("sum of %x under %x = %x, want %x", msg, key, got, want)
		}
	})
}

func TestLoadKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode() != 0o600 {
		t.Errorf("the key file: %v, %v, want mode 0600", st.Mode(), err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("beside the key file: %v, %v, want nothing", files, err)
	}
	again, err := LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if !same(first, again) {
		t.Error("the same file gave two different keys")
	}
	other, err := LoadKeys(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	if first.MAC("x") == other.MAC("x") {
		t.Error("two files gave the same key")
	}
	if first.mac == first.handle || first.mac == first.seal || first.mac == first.trail || first.handle == first.seal {
		t.Error("two purposes share a key")
	}
}

func TestLoadKeysRefuses(t *testing.T) {
	good := strings.Repeat("0a", 32) + "\n"
	for _, test := range []struct {
		name, text string
		mode       fs.FileMode
		want       string // in the error; "" for none
	}{
		{"as it should be", good, 0o600, ""},
		{"read-only", good, 0o400, ""},
		{"no line end", good[:64], 0o600, ""},
		{"group may read", good, 0o640, "chmod 600"},
		{"others may read", good, 0o604, "chmod 600"},
		{"group may write", good, 0o620, "chmod 600"},
		{"empty", "", 0o600, "64 hexadecimal digits"},
		{"short", good[:62], 0o600, "64 hexadecimal digits"},
		{"long", good[:64] + "00", 0o600, "64 hexadecimal digits"},
		{"no digits", strings.Repeat("zz", 32), 0o600, "64 hexadecimal digits"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := errors.Join(os.WriteFile(path, []byte(test.text), test.mode), os.Chmod(path, test.mode)); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKeys(path)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		case err != nil && strings.Contains(err.Error(), "0a0a"):
			t.Errorf("%s: the error shows the key: %v", test.name, err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != test.text {
			t.Errorf("%s: the file was changed", test.name)
		}
	}
	if _, err := LoadKeys(filepath.Join(t.TempDir(), "no", "such", "folder", "key")); err == nil {
		t.Error("LoadKeys in a folder that is not there succeeded")
	}
}

// Whoever comes first makes the file; all have the same key.
func TestLoadKeysTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var keys [16]*Keys
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = LoadKeys(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k == nil || !same(k, keys[0]) {
			t.Fatal("two that began together have different keys")
		}
	}
}

// Every field of a token's row is under its seal.
func TestSealCoversEveryField(t *testing.T) {
	keys := NewKeys(make([]byte, 32))
	whole := latchkey.Token{
		ID: 7, Account: 8, Audience: latchkey.ForAccount, Name: "backup", MAC: latchkey.TokenMAC{1}, Handle: latchkey.Handle{2},
		Created: time.Unix(1000, 0), Expires: time.Unix(2000, 0), ReadOnly: true, State: latchkey.TokenActive,
	}
	bound, free, terms := whole, whole, whole
	terms.NotBefore, terms.Note, terms.Was = time.Unix(1500, 0), "for CI", latchkey.TokenMAC{3}
	bound.Privileges, bound.Addresses = latchkey.PrivilegesOf(latchkey.PrivilegePassword), "192.0.2.8/29"
	free.Name += "\x00passwd\x00192.0.2.8/29" // as the bytes of the bound row have it
	if keys.Seal(&free) == keys.Seal(&bound) {
		t.Error("a row without its conditions has the seal of the row with them")
	}
	for what, whole := range map[string]latchkey.Token{"free": whole, "bound": bound, "terms": terms} {
		seal := keys.Seal(&whole)
		for name, damaged := range damagedTokens(whole) {
			if name != "Seal" && keys.Seal(&damaged) == seal {
				t.Errorf("%s: a change of %s leaves the seal whole", what, name)
			}
		}
	}
	seal := keys.Seal(&whole)
	if NewKeys([]byte(strings.Repeat("x", 32))).Seal(&whole) == seal {
		t.Error("another key makes the same seal")
	}
}

// damagedTokens are copies of whole, each with one field changed, by the
// field's name. A field it does not know how to change is missed by the test.
func damagedTokens(whole latchkey.Token) map[string]latchkey.Token {
	damaged := map[string]latchkey.Token{}
	v := reflect.ValueOf(whole)
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Anonymous {
			continue
		}
		k := whole
		f := reflect.ValueOf(&k).Elem().FieldByIndex(field.Index)
		switch old := f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(old.Add(time.Second)))
		case string:
			f.SetString(old + "x")
		case bool:
			f.SetBool(!old)
		case latchkey.PrivilegeSet:
			f.Set(reflect.ValueOf(old ^ 1<<latchkey.PrivilegeQuota))
		case latchkey.Addresses:
			f.Set(reflect.ValueOf(old + "192.0.2.1/32"))
		default:
			if f.Kind() == reflect.Array {
				last := f.Index(f.Len() - 1)
				last.SetUint(last.Uint() ^ 1)
			} else if f.CanInt() {
				f.SetInt(f.Int() + 1)
			} else {
				f.SetUint(f.Uint() + 1)
			}
		}
		damaged[field.Name] = k
	}
	return damaged
}

// same reports whether two sets of keys give the same MACs.
func same(a, b *Keys) bool {
	t := latchkey.Token{ID: 1}
	return a.MAC("x") == b.MAC("x") && a.Handle(latchkey.TokenMAC{}) == b.Handle(latchkey.TokenMAC{}) &&
		a.Seal(&t) == b.Seal(&t) && a.SealHead(1, [32]byte{}) == b.SealHead(1, [32]byte{})
}
