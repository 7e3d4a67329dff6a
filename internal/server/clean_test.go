package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// script is a connection on which b arrives in pieces, the first of size bytes.
type script struct {
	net.Conn
	b    []byte
	size int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.b[:min(max(s.size, 1), len(s.b))])
	s.b = s.b[n:]
	return n, nil
}

// scrub is what is read of text through a [clean] connection, and that
// connection.
func scrub(t testing.TB, text string, size int) (string, *clean) {
	t.Helper()
	c := &clean{Conn: &script{b: []byte(text), size: size}}
	out, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), c
}

const (
	head   = "GET /execute/Tokens/list HTTP/1.1\r\nHost: h\r\n"
	posts  = "POST /execute/Tokens/list HTTP/1.1\r\nHost: h\r\n"
	odd    = "Authorization: cpanel demo:TOKEN\n\r\r\n"
	mended = "Authorization: cpanel demo:TOKEN\n" + closing
	both   = "Transfer-Encoding: chunked\r\n" // and a length
)

// same stands for what was sent.
const same = "the same"

func TestClean(t *testing.T) {
	for _, test := range []struct{ what, sent, read string }{
		{"a usual request", head + "Authorization: cpanel demo:TOKEN\r\n\r\n", same},
		{"two", head + "\r\n" + head + "\r\n", same},
		{"a body", posts + "Content-Length: 7\r\n\r\na\n\r\r\nb" + head + "\r\n", same},
		{"a body with a header block in it", posts + "Content-Length: 70\r\n\r\n" + strings.Repeat("Content-Length: 1\r\nA:\n\r\r\n", 2) + head + "\r\n", same},
		{"\\n alone ends every line", "GET / HTTP/1.1\nHost: h\n\n", same},
		{"HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n", same},
		{"equal lengths", posts + "Content-Length: 2\r\nContent-Length: 2 \r\n\r\nab" + head + "\r\n", same},
		{"a body in chunks", posts + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", same},
		{"empty lines after a POST", posts + "Content-Length: 1\r\n\r\na\r\n" + head + "\r\n", same},
		{"what only begins like a length", head + "Content-Lengths: 7\r\nTransfer-Encodings: x\r\nC: 1\r\nT: 2\r\n\r\n" + head + "\r\n", same},

		{"a value ends in \\n\\r", head + odd + "\r\n", head + mended + "\r\n"},
		{"in the middle", head + odd + "A: b\r\n\r\n", head + mended + "A: b\r\n\r\n"},
		{"two of them", head + odd + "A: b\n\r\r\nC: d\r\n\r\n", head + mended + "A: b\nC: d\r\n\r\n"},
		{"before a body", posts + odd + "Content-Length: 3\r\n\r\na\n\r", posts + mended + "Content-Length: 3\r\n\r\na\n\r"},
		{"in the second request", head + "\r\n" + head + odd + "\r\n", head + "\r\n" + head + mended + "\r\n"},
		{"after a body", posts + "Content-Length: 2\r\n\r\n\n\r" + head + odd + "\r\n", posts + "Content-Length: 2\r\n\r\n\n\r" + head + mended + "\r\n"},
		{"a value ends in \\n", head + "A: b\n\r\nC: d\r\n\r\n", head + "A: b\n" + closing + "\r\n"},
		{"only in the first of two", head + odd + "\r\n" + head + odd + "\r\n", head + mended + "\r\n"},
		{"a length after a coding", posts + both + "Content-Length: 3\r\n\r\na=b\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n", posts + both + "Content-Length: 3\r\n\r\n3\r\na=b" + lastChunk},
		{"a long one", posts + both + "Content-Length: 40\r\n\r\n" + strings.Repeat("deadbeef=\n", 4) + head + "\r\n", posts + both + "Content-Length: 40\r\n\r\n28\r\n" + strings.Repeat("deadbeef=\n", 4) + lastChunk},
		{"in the second request, among other headers", head + "\r\n" + posts + both + "A: b\r\ncontent-length: 2 \r\nC: d\r\n\r\nx=" + head + "\r\n", head + "\r\n" + posts + both + "A: b\r\ncontent-length: 2 \r\nC: d\r\n\r\n2\r\nx=" + lastChunk},
		{"with a body, in the first of two", posts + odd + "Content-Length: 3\r\n\r\nabc" + head + "\r\n", posts + mended + "Content-Length: 3\r\n\r\nabc"},
	} {
		want := test.read
		if want == same {
			want = test.sent
		}
		for size := range len(test.sent) + 1 {
			if got, _ := scrub(t, test.sent, size); got != want {
				t.Errorf("%s, in pieces of %d: %q comes through as %q, want %q", test.what, size, test.sent, got, want)
				break
			}
		}
	}
}

func TestCleanRefuses(t *testing.T) {
	for _, test := range []struct{ what, sent string }{
		{"a length and a coding", posts + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"a coding and a length", posts + "transfer-ENCODING: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n"},
		{"a coding, a length and a chunk", posts + both + "Content-Length: 3\r\n\r\n3\r\na=b\r\n0\r\n\r\n"},
		{"a coding, a length and a chunk with more", posts + both + "Content-Length: 3\r\n\r\n00aF ;a=b\r\n"},
		{"a coding, a length and an empty line", posts + both + "Content-Length: 3\r\n\r\n\r\n3\r\na=b\r\n0\r\n\r\n"},
		{"a coding, a length and many digits", posts + both + "Content-Length: 20\r\n\r\n00000000000000003=bc"},
		{"a coding and no length", posts + both + "Content-Length: 0\r\n\r\na=b"},
		{"a coding and what is no length", posts + both + "Content-Length: 3, 3\r\n\r\na=b"},
		{"a coding and two lengths", posts + both + "Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b"},
		{"two codings and a length", posts + both + both + "Content-Length: 3\r\n\r\na=b"},
		{"a coding of its own kind and a length", posts + "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\na=b"},
		{"a length before a coding", posts + "Content-Length: 3\r\n" + both + "\r\na=b"},
		{"a coding and a length in HTTP/1.0", "POST / HTTP/1.0\r\n" + both + "Content-Length: 3\r\n\r\na=b"},
		{"a coding and a length, \\n alone", "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 3\n\na=b"},
		{"a coding and a length before \\n\\r", posts + both + "Content-Length: 3\r\n" + odd + "\r\na=b"},
		{"a coding and a length after \\n\\r", posts + odd + both + "Content-Length: 3\r\n\r\na=b"},
		{"lengths that differ", posts + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"},
		{"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"a folded line", head + "Authorization: cpanel\r\n demo:TOKEN\r\n\r\n"},
		{"a folded length", posts + "Content-Length:\r\n\t4\r\n\r\nabcd"},
		{"a folded coding", posts + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
		{"\\n among \\r\\n", head + "A: b\nContent-Length: 4\r\n\r\nabcd"},
		{"\\n before the end, and a length", posts + "Content-Length: 4\r\nA: b\n\r\nabcd"},
		{"\\n before the end, and a coding", posts + "Transfer-Encoding: chunked\r\nA: b\n\r\n0\r\n\r\n"},
		{"\\n before the end, after a length", posts + "Content-Length: 4\n\r\nabcd"},
		{"\\n is the end", head + "A: b\r\n\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"\\r\\n among \\n", "GET / HTTP/1.1\nHost: h\r\n\n"},
		{"a request line of its own kind", "GET / HTTP/1.1\nHost: h\r\n\r\n"},
		{"\\n\\r after a length", posts + "Content-Length: 4\n\r\r\n\r\nabcd"},
		{"\\n\\r after a coding", posts + "Transfer-Encoding: chunked\n\r\r\n\r\n0\r\n\r\n"},
		{"\\n\\r nine times", head + strings.Repeat("A: b\n\r\r\n", 9) + "\r\n"},
		{"\\n\\r\\r", head + "A: b\n\r\r\r\n\r\n"},
		{"\\n\\r and text", head + "A: b\n\rContent-Length: 4\r\n\r\nabcd"},
		{"\\n\\r after the request line", "GET / HTTP/1.1\n\r\r\nHost: h\r\n\r\n"},
		{"a length and a coding after \\n\\r", posts + odd + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"a length that goes on for long", posts + "Content-Length:" + strings.Repeat(" ", 4<<10) + "4\r\n\r\nabcd"},
	} {
		for _, before := range []string{"", head + "\r\n", posts + "Content-Length: 3\r\n\r\nabc"} {
			for _, size := range []int{1, 2, 7, 64, 1000, 1 << 20} {
				out, _ := scrub(t, before+test.sent, size)
				if n := served(out); n != strings.Count(before, "HTTP/1.1") {
					if test.what == "a length that goes on for long" && size > 4<<10 {
						continue // it is understood if it comes in one piece
					}
					t.Errorf("%s after %q, in pieces of %d: net/http reads %d requests in %q", test.what, before, size, n, out)
				}
			}
		}
	}
}

// served is how many requests net/http would serve of one connection.
func served(stream string) (n int) {
	b := bufio.NewReader(strings.NewReader(stream))
	for {
		r, err := http.ReadRequest(b)
		if err != nil || hasBadHeader(r) {
			return n
		}
		n++
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.Close || len(r.TransferEncoding) > 0 {
			return n
		}
		if r.Method == "POST" { // as the server does
			peek, _ := b.Peek(4)
			_, _ = b.Discard(len(peek) - len(bytes.TrimLeft(peek, "\r\n")))
		}
	}
}

// hasBadHeader is what the server looks at beyond [http.ReadRequest].
func hasBadHeader(r *http.Request) bool {
	for _, values := range r.Header {
		for _, v := range values {
			if strings.ContainsFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
				return true
			}
		}
	}
	return false
}

// The error of a connection is not lost behind what is still to be read.
func TestCleanPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	for _, text := range []string{head, head + odd, head + odd + "\r", head + odd + "\r\n", posts + "Content-Length: 9\r\n\r\na"} {
		c := &clean{Conn: &readConn{r: io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))}}
		if _, err := io.ReadAll(c); !errors.Is(err, broken) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

type readConn struct {
	net.Conn
	r io.Reader
}

func (c *readConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// Over real connections: programs made of old samples are understood, on one
// connection after another.
func TestOddLineEnds(t *testing.T) {
	seen := make(chan string, 1)
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- r.Method + " " + r.Header.Get("Authorization") + " " + string(body)
	}), nil)
	for _, c := range []net.Conn{tls.Client(s.dial(t, "account"), s.client), s.dial(t, "account-plain")} {
		got := say(t, c, posts+odd+"Content-Length: 3\r\n\r\na=b"+head+"\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.Contains(got, "\r\nConnection: close\r\n") || strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("answer %q", got)
		}
		if got := <-seen; got != "POST cpanel demo:TOKEN a=b" {
			t.Errorf("the handler sees %q", got)
		}
	}
}

// A body that curl was given as a part of a header is read by its length.
func TestLengthAfterCoding(t *testing.T) {
	seen := make(chan string, 1)
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		seen <- fmt.Sprint(string(body), err)
	}), nil)
	for _, c := range []net.Conn{tls.Client(s.dial(t, "account"), s.client), s.dial(t, "account-plain")} {
		got := say(t, c, posts+both+"Content-Length: 3\r\n\r\na=b\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n"+head+"\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.Contains(got, "\r\nConnection: close\r\n") || strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("answer %q", got)
		}
		if got := <-seen; got != "a=b<nil>" {
			t.Errorf("the handler sees %q", got)
		}
	}
}

// HTTP/1.0 that asks for the connection to be kept has it kept, whatever else is
// in the request; nothing is read from it any more.
func TestOddLineEndsKept(t *testing.T) {
	s := serve(t, says, func(s *Server) {
		s.patience = usual()
		s.patience.idle = 200 * time.Millisecond
	})
	const kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n"
	for _, text := range []string{kept + odd + "\r\n" + kept + "\r\n", kept + "A: b\n\r\n" + kept + "\r\n"} {
		if got := say(t, s.dial(t, "account-plain"), text); strings.Count(got, " 200 OK") != 1 {
			t.Errorf("%q: answer %q", text, got)
		}
	}
}

// After a body in chunks the connection ends.
func TestLastIfChunked(t *testing.T) {
	s := serve(t, says, nil)
	for _, first := range []string{posts, "OPTIONS * HTTP/1.1\r\nHost: h\r\n"} {
		for _, c := range []net.Conn{tls.Client(s.dial(t, "account"), s.client), s.dial(t, "account-plain")} {
			got := say(t, c, first+"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"+head+"\r\n")
			if strings.Count(got, "HTTP/1.1 200 OK") != 1 || !strings.Contains(got, "\r\nConnection: close\r\n") {
				t.Errorf("%q: answer %q", first, got)
			}
		}
	}
}

// FuzzClean compares what net/http reads of a stream with what it reads of it
// when it is cleaned.
func FuzzClean(f *testing.F) {
	for _, text := range []string{
		"", "\r\n", head + "\r\n", head + odd + "\r\n" + head + "\r\n", posts + "Content-Length: 3\r\n\r\na\n\r" + head + odd + "\r\n",
		posts + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", posts + "Transfer-Encoding: chunked\r\n\r\n3\r\na\n\r\r\n0\r\n\r\n" + head + odd + "\r\n",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", head + "A: b\r\n c\r\n\r\n", head + "A: b\n\r\nX: y\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n",
		posts + both + "Content-Length: 3\r\n\r\na=b\r\n\r\n0\r\n\r\n", posts + both + "Content-Length: 3\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", posts + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na\r\n\r\n" + head + "\r\n", head + odd + odd + "\r\n",
	} {
		f.Add(text, 0)
		f.Add(text, 5)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size <= 0 {
			size = len(text)
		}
		out, c := scrub(t, text, size)
		whole, _ := scrub(t, text, len(text))
		if whole != out && !strings.Contains(whole, malformed) && !strings.Contains(out, malformed) {
			t.Errorf("%q comes through as %q, in pieces of %d as %q", text, whole, size, out)
		}
		before, after := served(text), served(out)
		switch {
		case out == text:
		case c.coded && c.sized && c.stage != refused: // net/http has been told which reading is left
			if after > before || !strings.HasPrefix(lastChunk, out[len(out)-min(len(out), len(lastChunk)):]) && c.stage == nothing {
				t.Errorf("%q: %d requests, %d when its length counts: %q", text, before, after, out)
			}
		case c.stage == refused || c.bare: // in the midst of a header block
			if after > before {
				t.Errorf("%q: %d requests, %d when the last one is refused: %q", text, before, after, out)
			}
		default: // a value ended in \n\r: net/http does not take that, so one more it is, the last
			if after > before+1 || strings.Count(out, closing) == 0 {
				t.Errorf("%q: %d requests, %d when cleaned: %q", text, before, after, out)
			}
			head, rest, _ := strings.Cut(out[strings.LastIndex(out, closing):], "\r\n\r\n")
			if !strings.Contains(text, rest) {
				t.Errorf("%q: after %q comes %q", text, head, rest)
			}
		}
	})
}

// repeat is a connection on which one request arrives over and over.
type repeat struct {
	net.Conn
	text string
}

func (r *repeat) Read(p []byte) (int, error) { return copy(p, r.text), nil }

// BenchmarkClean is what one request costs, beyond reading it.
func BenchmarkClean(b *testing.B) {
	const request = "GET /execute/Email/add_pop?email=newuser&password=12345luggage HTTP/1.1\r\nHost: example.com:2083\r\n" +
		"User-Agent: Go-http-client/1.1\r\nAccept: application/json\r\nAuthorization: cpanel demo:LK0123456789ABCDEFGHIJKLMNOPQRST\r\nAccept-Encoding: gzip\r\n\r\n"
	for name, conn := range map[string]net.Conn{"with": &clean{Conn: &repeat{text: request}}, "without": &repeat{text: request}} {
		b.Run(name, func(b *testing.B) {
			p := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if n, _ := conn.Read(p); n != len(request) {
					b.Fatal(n)
				}
			}
		})
	}
}
