package sites

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// give answers with a file of the site.
func (s *Server) give(w http.ResponseWriter, r *http.Request, t Tenant, site *Site) {
	below, ok := belowRoot(r.URL.Path)
	if !ok {
		say(w, http.StatusNotFound, "There is no such page.")
		return
	}
	var found found
	err := s.Homes.As(r.Context(), string(t.Name), func(home homedir.FS) (err error) {
		found, err = find(home, path.Clean(site.Root), below, strings.HasSuffix(r.URL.Path, "/"))
		return err
	})
	switch {
	case err != nil:
		s.refuse(w, r.Context(), err)
	case found.directory:
		to := url.URL{Path: "/" + below + "/", RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", to.String())
		w.WriteHeader(http.StatusMovedPermanently)
	default:
		defer found.file.Close()
		w.Header().Set("ETag", found.tag)
		http.ServeContent(w, r, found.info.Name(), found.info.ModTime(), found.file)
	}
}

// refuse answers for a file that is not given out.
func (s *Server) refuse(w http.ResponseWriter, ctx context.Context, err error) {
	switch latchkey.KindOf(err) {
	case latchkey.Denied:
		say(w, http.StatusForbidden, "This page is not for everybody.")
	case latchkey.NotFound, latchkey.Invalid:
		say(w, http.StatusNotFound, "There is no such page.")
	default:
		if ctx.Err() == nil {
			s.Log.Error("a page could not be read", "err", err)
		}
		say(w, http.StatusInternalServerError, "The page cannot be read now.")
	}
}

// belowRoot is the path of a request below the document root, "." for that
// itself. What is hidden is not below it: names that begin with a dot, but for
// the folder /.well-known.
func belowRoot(p string) (string, bool) {
	if len(p) > 4096 || strings.IndexByte(p, 0) >= 0 {
		return "", false
	}
	below := strings.TrimPrefix(path.Clean(p), "/")
	for i, step := range strings.Split(below, "/") {
		if strings.HasPrefix(step, ".") && (i > 0 || step != ".well-known") {
			return "", false
		}
	}
	if below == "" {
		below = "."
	}
	return below, true
}

// found is what a path leads to: an open file, or a directory that was asked for
// as a file.
type found struct {
	file      *os.File
	info      homedir.Info
	tag       string
	directory bool
}

// indexes are the files that stand for their directory, the first that there is.
var indexes = []string{"index.html", "index.htm"}

// find finds what is given out for a path below root. slash says that a directory
// is asked for.
func find(home homedir.FS, root, below string, slash bool) (f found, err error) {
	info, err := home.Stat(path.Join(root, below))
	switch {
	case err != nil:
		return f, err
	case info.IsDir() && !slash:
		return found{directory: true}, nil
	case !info.IsDir() && slash:
		return f, latchkey.Errorf(latchkey.NotFound, "That is no directory.")
	case !info.IsDir():
		return open(home, root, below)
	}
	for _, index := range indexes {
		f, err = open(home, root, path.Join(below, index))
		if latchkey.KindOf(err) != latchkey.NotFound {
			return f, err
		}
	}
	return f, err
}

// open opens a file below root that everybody may read.
func open(home homedir.FS, root, below string) (f found, err error) {
	if isProgram(below) {
		return f, latchkey.Errorf(latchkey.Denied, "Programs are not run here, and their text is nobody's business.")
	}
	name := path.Join(root, below)
	if err := forAll(home, name); err != nil {
		return f, err
	}
	file, err := home.Open(name)
	if err != nil {
		return f, err
	}
	if f.info, err = homedir.Describe(file); err == nil && f.info.Mode()&0o004 == 0 {
		err = latchkey.Errorf(latchkey.Denied, "The file is not for everybody.")
	}
	if err != nil {
		file.Close()
		return f, err
	}
	f.file = file
	f.tag = fmt.Sprintf(`"%x-%x-%x"`, f.info.Inode(), f.info.Size(), f.info.ModTime().UnixNano())
	return f, nil
}

// forAll says why a file, and the way to it, are not for everybody: a directory
// that others may not enter, or one whose owner has restricted it. What stands in
// the home itself counts, as with other servers.
func forAll(home homedir.FS, file string) error {
	at := "."
	for _, step := range strings.Split(file, "/") {
		info, err := home.Stat(at)
		if err != nil {
			return err
		}
		if info.Mode()&0o001 == 0 {
			return latchkey.Errorf(latchkey.Denied, "The directory is not for everybody.")
		}
		if err := unrestricted(home, at, path.Base(file)); err != nil {
			return err
		}
		at = path.Join(at, step)
	}
	return nil
}

// isProgram reports whether a file is one that other servers run instead of
// showing it.
func isProgram(below string) bool {
	if strings.HasPrefix(below, "cgi-bin/") {
		return true
	}
	for _, part := range strings.Split(strings.ToLower(path.Base(below)), ".")[1:] {
		switch {
		case strings.HasPrefix(part, "php"), part == "phtml", part == "phar", part == "cgi", part == "pl", part == "plx", part == "ppl", part == "shtml":
			return true
		}
	}
	return false
}
