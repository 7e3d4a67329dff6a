// Package request understands what HTTP requests say in every dialect of the
// wire: which function a path names ([Path]), which arguments were given
// ([Parse]) and who claims to be calling ([Credentials]).
//
// It takes requests as real programs send them: arguments in the query, in a
// form, in multipart or in a flat JSON object, bodies without a Content-Type,
// stray semicolons and bad escapes. Nothing is dropped: what cannot be
// understood is taken literally or refused in words. It decides nothing about
// permission, and no error it makes holds the value of an argument.
package request

import (
	"cmp"
	"net/http"
	"os"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Limits are how much one request may hold. A field that is zero has its value
// of [DefaultLimits], so that the zero value works.
type Limits struct {
	Body   int64  // bytes of the body, without the contents of files
	Upload int64  // bytes of all files together; zero refuses files
	Params int    // arguments, query and body together
	Key    int    // bytes of an argument's name
	Value  int    // bytes of an argument's value
	Parts  int    // parts of a multipart body, files included
	Spool  string // the folder for files too large to be held in memory; empty for [os.TempDir]
}

// DefaultLimits are the limits of an API call that takes no files.
func DefaultLimits() Limits {
	return Limits{Body: 1 << 20, Params: 1000, Key: 1024, Value: 64 << 10, Parts: 100}
}

// plenty is the most that a size may be, so that sums do not overflow.
const plenty = 1 << 60

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	l.Body = min(cmp.Or(l.Body, d.Body), plenty)
	l.Upload = min(l.Upload, plenty)
	l.Params = cmp.Or(l.Params, d.Params)
	l.Key = cmp.Or(l.Key, d.Key)
	l.Value = int(min(int64(cmp.Or(l.Value, d.Value)), plenty))
	l.Parts = cmp.Or(l.Parts, d.Parts)
	return l
}

// Parsed is what a request gave: its arguments in the order in which they
// arrived, those of the query before those of the body, and its files. Close
// it when the call is over.
type Parsed struct {
	Args  api.Args
	Files []File
	spool *os.File
}

// Close lets go of the files. They cannot be read afterwards; the arguments
// stay good. Closing twice does no harm.
func (p *Parsed) Close() error {
	if p.spool == nil {
		return nil
	}
	f := p.spool
	p.spool = nil
	return f.Close()
}

// Parse reads the arguments and files of r, query first, then the body of
// any method that has one. It fails with an [latchkey.Invalid] error if the
// request is over a limit or cannot be understood, and with
// [latchkey.Unavailable] if a file cannot be stored; nothing is left to close
// then.
//
// The body is read as its Content-Type says: a form, multipart/form-data or
// JSON. Where the type is missing or says nothing (text/plain,
// application/octet-stream), a body that starts with { is JSON and any other a
// form. Of JSON it takes one flat object: strings, numbers as they are
// written, true and false as 1 and 0, null as not given, and lists of these as
// repeated arguments.
func Parse(r *http.Request, limits Limits) (Parsed, error) {
	if r.URL.RawQuery == "" && !hasBody(r) {
		return Parsed{}, nil
	}
	c := collector{limits: limits.orDefault()}
	if err := c.form(r.URL.RawQuery, false); err != nil {
		return Parsed{}, err
	}
	if !hasBody(r) {
		return Parsed{Args: c.args}, nil
	}
	return parseBody(r, c)
}

// collector gathers arguments and holds them to the limits.
type collector struct {
	limits Limits
	args   api.Args
	seen   int // arguments so far, empty lists and null included
}

func (c *collector) add(key, value string, body bool) error {
	if err := c.checkKey(key); err != nil {
		return err
	}
	if err := c.count(); err != nil {
		return err
	}
	if len(value) > c.limits.Value {
		return latchkey.InvalidParam(key, "The ‘%s’ argument is longer than %d bytes.", key, c.limits.Value)
	}
	c.args = append(c.args, api.Arg{Key: key, Value: value, Body: body})
	return nil
}

func (c *collector) count() error {
	if c.seen++; c.seen > c.limits.Params {
		return latchkey.Errorf(latchkey.Invalid, "The request has more than %d arguments.", c.limits.Params)
	}
	return nil
}

// checkKey refuses names that could not be shown in a message or a log. The
// errors do not show them either: what stands in place of a name may well be
// a value that went astray.
func (c *collector) checkKey(key string) error {
	if len(key) > c.limits.Key {
		return latchkey.Errorf(latchkey.Invalid, "The name of an argument is longer than %d bytes.", c.limits.Key)
	}
	if hasControl(key) {
		return latchkey.Errorf(latchkey.Invalid, "The name of an argument contains control characters. Is the body a form, multipart/form-data or JSON?")
	}
	return nil
}

// hasControl reports whether s holds an ASCII control character.
func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
