package homedir

import (
	"path"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

const (
	maxPath = 4096
	maxName = 255

	// tempPrefix and the random text after it mark files under construction.
	tempPrefix = ".latchkey-tmp-"
	randomLen  = 26 // of crypto/rand.Text
)

// isTemp reports whether an entry is one of ours under construction, or what a
// crash left of it. Such names are neither shown nor accepted.
func isTemp(name string) bool {
	return len(name) == len(tempPrefix)+randomLen && strings.HasPrefix(name, tempPrefix)
}

// checkAccount holds the account name to [a-z][a-z0-9_-]{0,31}, whoever
// checked it before.
func checkAccount(name string) error {
	ok := len(name) >= 1 && len(name) <= 32 && name[0] >= 'a' && name[0] <= 'z'
	for i := 1; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	}
	if !ok {
		return latchkey.Errorf(latchkey.Invalid,
			"The account name %.40q is not valid: use 1 to 32 of a-z, 0-9, _ and -, beginning with a letter.", name)
	}
	return nil
}

// cleanPath is the name as a clean path below the home: "." for the home
// itself. A slash at the end, doubled slashes and "." steps are dropped.
func cleanPath(name string) (string, error) {
	switch {
	case name == "":
		return "", latchkey.Errorf(latchkey.Invalid, "The file name is empty.")
	case len(name) > maxPath:
		return "", latchkey.Errorf(latchkey.Invalid, "The file name is longer than %d bytes.", maxPath)
	case strings.IndexByte(name, 0) >= 0:
		return "", latchkey.Errorf(latchkey.Invalid, "The file name %.80q contains a NUL character.", name)
	case name[0] == '/':
		return "", latchkey.Errorf(latchkey.Invalid, "The file name %.80q is absolute: give it relative to the home directory.", name)
	}
	for step := range strings.SplitSeq(name, "/") {
		if err := checkStep(step); err != nil {
			return "", err
		}
	}
	return path.Clean(name), nil
}

func checkStep(step string) error {
	switch {
	case step == "..":
		return latchkey.Errorf(latchkey.Invalid, `The file name contains "..": name the file by its path below the home directory.`)
	case len(step) > maxName:
		return latchkey.Errorf(latchkey.Invalid, "A part of the file name is longer than %d bytes.", maxName)
	case isTemp(step):
		return latchkey.Errorf(latchkey.Invalid, "Names that begin with %s are reserved: choose another.", tempPrefix)
	}
	return nil
}

// cleanFile is cleanPath for what must be a file: the home itself and a name
// that ends in a slash are refused.
func cleanFile(name string) (string, error) {
	p, err := cleanPath(name)
	if err != nil {
		return "", err
	}
	if p == "." || strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.") {
		return "", latchkey.Errorf(latchkey.Invalid, "%.80q names a directory: name a file.", name)
	}
	return p, nil
}

// cleanEntry is cleanPath for what can be moved or removed: the home itself is
// refused.
func cleanEntry(name string) (string, error) {
	p, err := cleanPath(name)
	if err == nil && p == "." {
		err = latchkey.Errorf(latchkey.Invalid, "The home directory itself cannot be moved or removed.")
	}
	return p, err
}

// checkEntryName holds the name of an entry in an open directory to a single
// step.
func checkEntryName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > maxName || strings.ContainsAny(name, "/\x00") {
		return latchkey.Errorf(latchkey.Invalid, "%.80q is not the name of a file in a directory.", name)
	}
	return nil
}
