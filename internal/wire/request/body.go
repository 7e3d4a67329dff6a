package request

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// parseBody adds what the body of r says to c. It has a collector of its own,
// so that a request without a body keeps its one off the heap.
func parseBody(r *http.Request, c collector) (Parsed, error) {
	if err := refuseCoded(r); err != nil {
		return Parsed{}, err
	}
	contentType := r.Header.Get("Content-Type")
	kind := mediaType(contentType)
	if kind == "multipart/form-data" {
		return c.multipart(r, contentType)
	}
	text, err := c.read(r)
	if err != nil {
		return Parsed{}, err
	}
	if err := c.text(kind, text); err != nil {
		return Parsed{}, err
	}
	return Parsed{Args: c.args}, nil
}

// text adds the arguments of a body that is not multipart.
func (c *collector) text(kind string, text []byte) error {
	switch kind {
	case "application/x-www-form-urlencoded":
		return c.form(string(text), true)
	case "application/json", "text/json":
		return c.json(text)
	case "", "text/plain", "application/octet-stream":
		if bytes.HasPrefix(bytes.TrimLeft(text, jsonSpace), []byte("{")) {
			return c.json(text)
		}
		return c.form(string(text), true)
	}
	if len(text) == 0 {
		return nil
	}
	return latchkey.Errorf(latchkey.Invalid, "The Content-Type of the request is not understood. Send a form, multipart/form-data or JSON.")
}

// mediaType is the type in a Content-Type header, in lower case and without
// its parameters, which may be in any disorder.
func mediaType(header string) string {
	kind, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// refuseCoded refuses a compressed body: no client sends one, and undoing it
// would hand the sender a lever.
func refuseCoded(r *http.Request) error {
	coding := r.Header.Get("Content-Encoding")
	if coding == "" || strings.EqualFold(coding, "identity") {
		return nil
	}
	return latchkey.Errorf(latchkey.Invalid, "The request body is compressed. Send it without a Content-Encoding.")
}

// read is the whole body of r, if it is within the limit.
func (c *collector) read(r *http.Request) ([]byte, error) {
	if r.ContentLength > c.limits.Body {
		return nil, bodyTooLarge(c.limits.Body)
	}
	var b bytes.Buffer
	// A length is only a promise: a sender must not make us reserve much by it.
	b.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(r.Body, c.limits.Body+1)); err != nil {
		return nil, unreadable(err)
	}
	if int64(b.Len()) > c.limits.Body {
		return nil, bodyTooLarge(c.limits.Body)
	}
	return b.Bytes(), nil
}

// ErrTooLarge is why a request is refused whose body is larger than it may be.
var ErrTooLarge = errors.New("the request body is too large")

func bodyTooLarge(limit int64) error {
	return &latchkey.Error{Kind: latchkey.Invalid, Msg: fmt.Sprintf("The request body is larger than %d bytes.", limit), Err: ErrTooLarge}
}

// unreadable classifies an error of the connection, which says nothing of
// what was read from it.
func unreadable(err error) error {
	return &latchkey.Error{Kind: latchkey.Invalid, Msg: "The request body could not be read to its end.", Err: err}
}
