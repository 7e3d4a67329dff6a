package sites

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// A directory's owner may have restricted it with a file .htaccess, as Apache
// reads it. This server does not do what such files say, but it does not give
// away what they keep from everybody either.

// restrictions is the name of such a file, and restrictionsSize the most that is
// read of one.
const (
	restrictions     = ".htaccess"
	restrictionsSize = 64 << 10
)

// unrestricted says why the file called name, in dir or below it, is not for
// everybody by what stands in dir.
func unrestricted(home homedir.FS, dir, name string) error {
	f, err := home.Open(path.Join(dir, restrictions))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return latchkey.Errorf(latchkey.Denied, "What restricts the directory cannot be read.")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, restrictionsSize+1))
	if err != nil {
		return err
	}
	if len(text) > restrictionsSize || restricts(string(text), name) {
		return latchkey.Errorf(latchkey.Denied, "The directory is restricted.")
	}
	return nil
}

// restricts reports whether a file of restrictions keeps a file called name from
// anybody. Sections about files count if name is one of them; all others do, as if
// what they ask for held.
func restricts(text, name string) bool {
	elsewhere := 0                    // how many sections deep in one about other files
	nobody, everybody := false, false // may come unless allowed; are allowed
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		word, rest = strings.ToLower(word), strings.TrimSpace(rest)
		switch {
		case strings.HasPrefix(word, "</files"):
			elsewhere = max(elsewhere-1, 0)
		case strings.HasPrefix(word, "<files"):
			if elsewhere > 0 || !about(word, strings.TrimSuffix(rest, ">"), name) {
				elsewhere++
			}
		case elsewhere > 0:
		case keepsOut(word, strings.ToLower(rest)):
			return true
		case word == "order":
			nobody = !strings.HasPrefix(strings.ToLower(rest), "deny")
		case word == "allow":
			everybody = everybody || strings.EqualFold(strings.Join(strings.Fields(rest), " "), "from all")
		}
	}
	return nobody && !everybody
}

// keepsOut reports whether a line keeps somebody out.
func keepsOut(word, rest string) bool {
	switch word {
	case "require":
		return rest != "all granted"
	case "deny":
		return strings.HasPrefix(rest, "from")
	case "authtype", "authuserfile", "authgroupfile", "sslrequire", "sslrequiressl":
		return true
	}
	return false
}

// mostPattern is how long a pattern may be that is looked at.
const mostPattern = 500

// about reports whether a section <Files> or <FilesMatch> is about name. What
// cannot be understood is.
func about(word, what, name string) bool {
	match := strings.HasPrefix(word, "<filesmatch")
	if rest, ok := strings.CutPrefix(what, "~"); ok {
		match, what = true, strings.TrimSpace(rest)
	}
	what = strings.Trim(what, `"'`)
	if match {
		if len(what) > mostPattern || strings.Contains(what, "{") { // it may take long
			return true
		}
		re, err := regexp.Compile(what)
		return err != nil || re.MatchString(name)
	}
	is, err := path.Match(what, name)
	return err != nil || is
}
