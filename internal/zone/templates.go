package zone

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Standard is the name of the template that zones are made of unless another is
// named.
const Standard = "standard"

// Templates are the templates of a server: the files of a directory, each called as
// its template is. Where there is no file for the standard one it is
// [StandardTemplate]. The zero value has that alone.
//
// A file may be changed at any time. It is read anew when a zone is made of it, and
// taken if it makes a zone; if not, what it was before goes on.
type Templates struct {
	dir  string
	mu   sync.Mutex
	read map[string]readTemplate
}

// readTemplate is a template that was taken, and the text of its file.
type readTemplate struct {
	text string
	Template
}

// OpenTemplates reads the templates in dir. It fails for one that makes no zone, and
// says which and why.
func OpenTemplates(dir string) (*Templates, error) {
	t := &Templates{dir: dir, read: make(map[string]readTemplate)}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if !templateName(f.Name()) || f.IsDir() {
			continue
		}
		if _, err := t.Named(f.Name()); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// templateName reports whether a template may be called name.
func templateName(name string) bool {
	return name != "" && len(name) <= 64 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// Named is the template with a name; "" is the standard one. Fails: NotFound. It may
// return one that was good earlier and an error that says what is wrong with the one
// that is there now.
func (t *Templates) Named(name string) (Template, error) {
	if name == "" {
		name = Standard
	}
	if t.dir == "" || !templateName(name) {
		return builtIn(name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.read[name]
	text, err := readTemplateFile(filepath.Join(t.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		delete(t.read, name)
		return builtIn(name)
	}
	if err == nil && text == was.text {
		return was.Template, nil
	}
	is := readTemplate{text: text}
	if err == nil {
		is.Template, err = ParseTemplate(text)
	}
	if err != nil {
		return was.Template, fmt.Errorf("%s: %w", filepath.Join(t.dir, name), err)
	}
	t.read[name] = is
	return is.Template, nil
}

func builtIn(name string) (Template, error) {
	if name == Standard {
		return StandardTemplate, nil
	}
	return Template{}, &latchkey.Error{Kind: latchkey.NotFound, Param: "template", Msg: "There is no zone template called “" + plain(name) + "”: ask the administrator which there are."}
}

// mostTemplate is how large a template may be.
const mostTemplate = 1 << 20

func readTemplateFile(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostTemplate+1))
	if err == nil && (len(text) == 0 || len(text) > mostTemplate) {
		err = errors.New("it is empty, or larger than 1 MB")
	}
	return string(text), err
}
