package nginx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/durable"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// A site NAME is the files NAME.conf, keys/NAME.crt and keys/NAME.key. What nginx
// gives to who names no site stands in 00-nobody.conf.

// sweep takes away what a server that was killed has left.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, ".try-*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return errors.Join(err, durable.Sweep(dir), durable.Sweep(filepath.Join(dir, "keys")))
}

// file is a file as it is to be; nil for none.
type file struct {
	path string
	text []byte
	mode fs.FileMode
	site latchkey.Domain // "" for none
}

// wanted are the files of what is to change, by the source.
func (p *Part) wanted(ctx context.Context, b *batch) (files []file, err error) {
	if b.all {
		return p.everything(ctx, b)
	}
	slices.Sort(b.names)
	for _, name := range slices.Compact(b.names) {
		s, err := p.o.Source.Site(ctx, name)
		switch {
		case latchkey.KindOf(err) == latchkey.NotFound && err != nil:
			files = append(files, p.none(name)...)
		case err != nil:
			return nil, err
		default:
			files = append(files, p.files(b, s)...)
		}
	}
	return files, nil
}

// everything are the files of all sites, and those that are to go.
func (p *Part) everything(ctx context.Context, b *batch) (files []file, err error) {
	there := make(map[latchkey.Domain]bool)
	err = p.o.Source.Each(ctx, func(s *Site) error {
		there[s.Names[0]] = true
		files = append(files, p.files(b, s)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	old, err := filepath.Glob(filepath.Join(p.o.Dir, "*.conf"))
	for _, path := range old {
		name := latchkey.Domain(strings.TrimSuffix(filepath.Base(path), ".conf"))
		if !there[name] && name+".conf" != nobodyFile {
			files = append(files, p.none(name)...)
		}
	}
	return files, err
}

// files are those of a site. One that cannot be written as a file is left out.
func (p *Part) files(b *batch, s *Site) []file {
	text, err := p.vhost(s)
	if err != nil {
		b.refuse(p, s.Names[0], err)
		return p.none(s.Names[0])
	}
	conf, crt, key := p.paths(s.Names[0])
	list := []file{{conf, text, 0o600, s.Names[0]}, {crt, nil, 0o600, s.Names[0]}, {key, nil, 0o600, s.Names[0]}}
	if s.Chain != "" {
		list[1].text, list[2].text = []byte(s.Chain), []byte(s.Key)
	}
	return list
}

// none are the files of a site that is no more.
func (p *Part) none(name latchkey.Domain) []file {
	conf, crt, key := p.paths(name)
	return []file{{path: conf, site: name}, {path: crt, site: name}, {path: key, site: name}}
}

func (p *Part) paths(name latchkey.Domain) (conf, crt, key string) {
	base := filepath.Join(p.o.Dir, "keys", string(name))
	return filepath.Join(p.o.Dir, string(name)+".conf"), base + ".crt", base + ".key"
}

// refuse notes that a site is not served.
func (b *batch) refuse(p *Part, name latchkey.Domain, err error) {
	b.bad[name] = err
	p.o.Logger.Error("nginx does not take a site", "site", name, "err", err)
}

// good are the files that nginx takes: each changed site is tried alone, and one
// that it does not take stays as it was.
func (p *Part) good(ctx context.Context, b *batch, files []file) []file {
	files = slices.DeleteFunc(files, file.same)
	if err := p.try(ctx, files); err == nil {
		return files
	}
	var kept []file
	for _, group := range bySite(files) {
		if err := p.try(ctx, group); err != nil {
			b.refuse(p, group[0].site, err)
			continue
		}
		kept = append(kept, group...)
	}
	return kept
}

func bySite(files []file) (groups [][]file) {
	for _, f := range files {
		if n := len(groups); n > 0 && groups[n-1][0].site == f.site {
			groups[n-1] = append(groups[n-1], f)
		} else {
			groups = append(groups, []file{f})
		}
	}
	return groups
}

// same reports whether a file is as it is to be.
func (f file) same() bool {
	is, err := os.ReadFile(f.path)
	if f.text == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return err == nil && bytes.Equal(is, f.text)
}

// try has nginx look at sites in a place of their own, before anything is touched:
// the files that change, beside those of the same sites that stay.
func (p *Part) try(ctx context.Context, files []file) error {
	if !slices.ContainsFunc(files, func(f file) bool { return f.text != nil }) {
		return nil
	}
	dir, err := os.MkdirTemp(p.o.Dir, ".try-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o700); err != nil {
		return err
	}
	for _, group := range bySite(files) {
		if err := p.aside(dir, group); err != nil {
			return err
		}
	}
	main := filepath.Join(dir, "main")
	text := fmt.Sprintf("pid %s/pid;\nerror_log stderr;\nevents {}\nhttp {\n\taccess_log off;\n\tinclude %s/*.conf;\n}\n", dir, dir)
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		return err
	}
	out, err := p.run(ctx, "-t", "-q", "-c", main)
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.ReplaceAll(out, dir, ""))
	}
	return nil
}

// aside writes what one site is to be into another directory.
func (p *Part) aside(dir string, group []file) error {
	changes := make(map[string][]byte)
	for _, f := range group {
		changes[f.path] = f.text
	}
	conf, crt, key := p.paths(group[0].site)
	for _, path := range []string{conf, crt, key} {
		text, changed := changes[path]
		if !changed {
			var err error
			if text, err = os.ReadFile(path); errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return err
			}
		}
		if text == nil {
			continue
		}
		to := filepath.Join(dir, strings.TrimPrefix(path, p.o.Dir))
		text = bytes.ReplaceAll(text, []byte(escape(p.o.Dir+"/keys/")), []byte(escape(dir+"/keys/")))
		if err := os.WriteFile(to, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// exchange makes files what they are to be. undo puts back what was there.
func exchange(files []file) (undo func() error, err error) {
	var before []file
	undo = func() error {
		var all error
		for _, f := range before {
			all = errors.Join(all, f.put())
		}
		return all
	}
	for _, f := range files {
		was, err := os.ReadFile(f.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return undo, err
		}
		before = append(before, file{f.path, was, 0o600, f.site})
		if err := f.put(); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

func (f file) put() error {
	if f.text != nil {
		return durable.WriteFile(f.path, f.text, f.mode)
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
