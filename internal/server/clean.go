package server

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
)

// clean is a connection that speaks HTTP/1, before [net/http] reads it. What
// net/http takes goes through as it came, byte for byte, but for two things.
//
// A header value that ends in \n\r, as programs made of old samples send it
// ("Authorization: cpanel user:token\n\r"), is given the line end it was meant to
// have. One that ends in \n, before a real line end, ends the header block, as
// net/http has it: the official dynamic DNS client sends its token so. In both
// cases the connection carries no request after this one: Connection: close is
// added to it, and what follows is thrown away.
//
// A header block that can be read in two ways is refused, by making it one that
// net/http refuses: a length beside a transfer coding, a transfer coding in
// HTTP/1.0, a folded line, line ends of both kinds.
//
// A length after "Transfer-Encoding: chunked" is taken for what it says if what
// follows the header block cannot be a chunk: then there is one reading left.
// PHP programs that give curl the body as a part of a header send that. net/http
// gets such a body as one chunk, and nothing after it.
//
// It follows the requests of a connection by their Content-Length and goes no
// further than it is sure: after a request with a transfer coding everything
// passes, and [lastIfChunked] sees to it that nothing does.
type clean struct {
	net.Conn
	stage stage
	left  int64  // of the body
	part  []byte // how the line under way began, if it came in pieces; what is weighed
	blank int    // of it, before the body
	cut   bool   // part lacks the middle of its line
	held  []byte // what is read next

	block
}

// stage is what the next byte of a connection belongs to.
type stage uint8

const (
	inHead  stage = iota // a header block, or what stands before one
	inBody               // a body of known length
	weighed              // a body of known length, or chunks
	free                 // what is not looked at
	nothing              // what is not read: nothing follows a request that was mended
	refused              // a header block that was refused
)

// block is what is known of a header block.
type block struct {
	begun   bool  // the request line is over
	version bool  // it is of HTTP/1.1
	crlf    bool  // its lines end in \r\n
	framing bool  // the last line told of the body
	bare    bool  // the last line ended in \n, among others that end in \r\n
	dirty   int   // how many values ended in \n\r
	coded   bool  // there is a transfer coding
	chunked bool  // it is “chunked”, and there is no other
	sized   bool  // there is a length
	length  int64 // of the body
}

// verdict is what becomes of a line.
type verdict uint8

const (
	pass verdict = iota
	drop
	refuse
	end  // pass, and the header block is over
	last // the same, and so is the connection
)

// maxDirty is how many values of one request are given another line end. closing
// makes a request the last one of its connection; malformed no request survives.
// lastChunk ends a body in chunks, after the text of one.
const (
	maxDirty  = 8
	closing   = "Connection: close\r\n"
	malformed = "\x00\r\n\r\n"
	lastChunk = "\r\n0\r\n\r\n"
)

func (c *clean) Read(p []byte) (int, error) {
	for {
		if len(c.held) > 0 {
			n := copy(p, c.held)
			c.held = c.held[n:]
			return n, nil
		}
		if c.stage == refused {
			return 0, io.EOF
		}
		n, err := c.Conn.Read(p)
		if c.stage == free || n == 0 {
			return n, err
		}
		if c.stage == nothing && err == nil {
			continue
		}
		n = c.look(p[:n])
		if len(c.held) > 0 {
			err = nil // it comes again
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// look follows b through the connection's requests. It returns how much of b is
// to be read; what is held comes after that.
func (c *clean) look(b []byte) int {
	for i := 0; i < len(b); {
		switch c.stage {
		case inBody:
			n := min(c.left, int64(len(b)-i))
			i += int(n)
			if c.left -= n; c.left > 0 {
				continue
			}
			if c.coded {
				c.stage, c.held = nothing, []byte(lastChunk)
				return i
			}
			c.next()
			continue
		case weighed:
			return c.weigh(b, i, i)
		case free:
			return len(b)
		case nothing:
			return i
		}
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return c.interrupted(b, i)
		}
		switch c.line(c.whole(b[i : i+n])) {
		case pass:
			i += n + 1
		case drop:
			return c.dropped(b, i, i+n+1)
		case last:
			c.stage, c.held = nothing, []byte(closing+"\r\n")
			return i
		case refuse:
			c.stage, c.held = refused, []byte(malformed)
			return i
		case end:
			if c.coded && c.sized {
				c.blank = n + 1
				return c.weigh(b, i, i+c.blank)
			}
			i += n + 1
			c.over()
		}
	}
	return len(b)
}

// weigh holds the end of a header block, from i to body, until it is clear that no
// chunk follows. Then the body goes on as one chunk. What may be one is refused.
func (c *clean) weigh(b []byte, i, body int) int {
	if body > i {
		c.part = append(c.part[:0], b[i:body]...)
	}
	c.part = append(c.part, b[body:]...)
	text := c.part[c.blank:]
	maybe, sure := chunkSize(text)
	switch {
	case !sure:
		c.stage = weighed
		return i
	case maybe:
		c.stage, c.held = refused, []byte(malformed)
		return i
	}
	n := min(c.length, int64(len(text)))
	size := strconv.AppendInt(nil, c.length, 16)
	c.held = slices.Concat(c.part[:c.blank], size, []byte("\r\n"), text[:n])
	c.stage, c.left, c.part = inBody, c.length-n, c.part[:0]
	if c.left == 0 {
		c.stage, c.held = nothing, append(c.held, lastChunk...)
	}
	return i
}

// chunkSize reports whether text may begin with the size of a chunk, and whether
// it is long enough to tell.
func chunkSize(text []byte) (maybe, sure bool) {
	for i, b := range text {
		switch {
		case i == 16, bytes.IndexByte([]byte("\r\n; \t"), b) >= 0:
			return true, true
		case bytes.IndexByte([]byte("0123456789abcdefABCDEF"), b) < 0:
			return false, true
		}
	}
	return true, false
}

// dropped leaves out the line between i and next. In the place of the first one
// it puts what makes the request the last one.
func (c *clean) dropped(b []byte, i, next int) int {
	instead := ""
	if c.dirty == 1 {
		instead = closing
	}
	rest := b[next:]
	n := c.look(rest)
	c.held = slices.Concat([]byte(instead), rest[:n], c.held)
	return i
}

// interrupted keeps what is known of the line that begins at i and whose end
// has not come yet. It is read at once, unless it may have to be dropped.
func (c *clean) interrupted(b []byte, i int) int {
	c.part = append(c.part, b[i:]...)
	const begins, ends = 64, 16
	if n := len(c.part); n > begins+ends {
		c.cut = true
		c.part = append(c.part[:begins], c.part[n-ends:]...)
	}
	if c.bare {
		return i
	}
	return len(b)
}

// whole is the line that ends in text, as far as it is known.
func (c *clean) whole(text []byte) []byte {
	if len(c.part) == 0 {
		return text
	}
	return append(c.part, text...)
}

// line takes notice of one line, without its \n.
func (c *clean) line(line []byte) verdict {
	cut := c.cut
	c.part, c.cut = c.part[:0], false
	if c.bare {
		return c.afterBare(line)
	}
	text, crlf := bytes.CutSuffix(line, []byte("\r"))
	if !c.begun {
		return c.requestLine(text, crlf)
	}
	if crlf != c.crlf {
		if c.bare = !crlf && len(text) > 0; !c.bare {
			return refuse
		}
	}
	if len(text) == 0 {
		if c.coded && c.sized && (c.dirty > 0 || !c.crlf) {
			return refuse
		}
		return end
	}
	return c.field(text, cut)
}

// afterBare judges the line after one that ended in \n alone. If that was meant to
// be part of the value, this is what is left of it, and the real line end.
func (c *clean) afterBare(line []byte) verdict {
	c.bare = false
	switch text := string(line); {
	case text == "\r" && !c.sized && !c.coded:
		return last
	case text == "\r\r" && !c.framing && c.dirty < maxDirty:
		c.dirty++
		return drop
	}
	return refuse
}

// requestLine takes notice of the first line. Empty ones before it are
// net/http's affair. The first line of HTTP/2 has no business here: who speaks
// that has said so in the handshake.
func (c *clean) requestLine(text []byte, crlf bool) verdict {
	text = bytes.TrimLeft(text, "\r")
	if len(text) == 0 {
		return pass
	}
	if bytes.HasPrefix(text, []byte("PRI ")) {
		return refuse
	}
	c.begun, c.crlf, c.version = true, crlf, bytes.HasSuffix(text, []byte(" HTTP/1.1"))
	return pass
}

// field takes notice of a header line. cut is set if its middle is not known.
func (c *clean) field(text []byte, cut bool) verdict {
	c.framing = false
	switch text[0] {
	case ' ', '\t':
		return refuse
	case 'c', 'C':
		if value, ok := cutName(text, "content-length:"); ok {
			return c.size(value, cut)
		}
	case 't', 'T':
		if value, ok := cutName(text, "transfer-encoding:"); ok {
			c.chunked = !c.coded && !cut && string(bytes.Trim(value, " \t")) == "chunked"
			c.framing, c.coded = true, true
			if c.sized || !c.version {
				return refuse
			}
		}
	}
	return pass
}

// size takes notice of a length. One that net/http will not have is none. Beside a
// coding it must be one that can be weighed.
func (c *clean) size(value []byte, cut bool) verdict {
	n, err := strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 63)
	if cut || err == nil && c.sized && int64(n) != c.length {
		return refuse
	}
	if c.coded && (!c.chunked || c.sized || err != nil || n == 0) {
		return refuse
	}
	if err == nil {
		c.length = int64(n)
	}
	c.framing, c.sized = true, true
	return pass
}

// cutName cuts a header's name, given in lower case with its colon, from a line.
func cutName(text []byte, name string) (value []byte, ok bool) {
	if len(text) < len(name) {
		return nil, false
	}
	for i := range len(name) {
		if c := text[i]; c != name[i] && (c|0x20 != name[i] || c < 'A' || c > 'Z') {
			return nil, false
		}
	}
	return text[len(name):], true
}

// over ends a header block.
func (c *clean) over() {
	switch {
	case c.coded:
		c.stage = free
	case c.length > 0:
		c.stage, c.left = inBody, c.length
	default:
		c.next()
	}
}

// next begins another request, if there may be one.
func (c *clean) next() {
	if c.dirty > 0 {
		c.stage = nothing
		return
	}
	c.stage, c.block = inHead, block{}
}

// CloseWrite lets [http.Server] say that it is done before it hangs up.
func (c *clean) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// cleaned is a listener whose connections are [clean].
type cleaned struct{ net.Listener }

func (l cleaned) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &clean{Conn: c}, nil
}

// lastIfChunked hangs up after a request whose body came in chunks: [clean] does
// not know where it ends.
type lastIfChunked struct{ http.Handler }

func (h lastIfChunked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close")
	}
	h.Handler.ServeHTTP(w, r)
}
