package replay

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestSmuggling: a request that another reader may take for the body, or for the
// headers, of the one before it is not carried out. What is hidden makes a
// mailbox, and none is made.
func TestSmuggling(t *testing.T) {
	s := start(t)
	hidden := func(name string) string {
		return s.with.Replace("GET /execute/Email/add_pop?email=" + name + "&password=correct-horse-9 HTTP/1.1\r\nHost: h\r\nAuthorization: cpanel alice:{token}\r\n\r\n")
	}
	const post, get = "POST /execute/Email/list_pops HTTP/1.1\r\nHost: h\r\n", "GET /execute/Email/list_pops HTTP/1.1\r\nHost: h\r\n"
	for i, before := range []string{
		post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nskip=",
		post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nskip=\r\n0\r\n\r\n",
		post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n",
		post + "Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n",
		post + "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		post + "X: y\n\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		post + "X: y\n\r\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		post + "X: y\n\r\r\nContent-Length: 0\r\n\r\n",
		post + "X: y\n\r\n",
		post + "Content-Length: 0\r\nContent-Length: 300\r\n\r\n",
		post + "Content-Length: 0, 0\r\n\r\n",
		post + "Content-Length: +0\r\n\r\n",
		post + "Content-Length: 0x0\r\n\r\n",
		post + "Content-Length: 0\n\r\r\n\r\n",
		post + "Content-Length: 1\r\n\r\n",
		post + "Content-Length: 0\r\n\n",
		get + "X: y\n\r\n",
		get + "X: y\r\n\n",
		get + "X: y\n\n",
		get + "X: y\r\r\n\r\n",
		get + "X: y\n\r\r\n\r\n",
		get + "X: y\x00\r\n\r\n",
		get + "\r\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /execute/Email/list_pops HTTP/1.0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /execute/Email/list_pops\r\n\r\n",
	} {
		s.send(t, before+hidden(fmt.Sprintf("hidden%d", i)), 300*time.Millisecond)
		if boxes := s.boxes(t); strings.Contains(boxes, "hidden") {
			t.Errorf("what is hidden behind %q was carried out: %s", before, boxes)
			return
		}
	}
	// The same request, not hidden.
	s.send(t, get+"\r\n"+strings.Replace(hidden("seen"), "Host", "Connection: close\r\nHost", 1), 20*time.Second)
	boxes := s.boxes(t)
	if !strings.Contains(boxes, "seen@example.test") {
		t.Errorf("the request that hides is not carried out when it does not hide: %s", boxes)
	}
	if strings.Contains(boxes, "hidden") {
		t.Errorf("what is hidden was carried out late: %s", boxes)
	}
}

// send says text, and waits for the server to hang up, or for so long.
func (l *listening) send(t *testing.T, text string, wait time.Duration) {
	t.Helper()
	c, err := tls.Dial("tcp", l.Address("account"), l.client)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(wait))
	_, _ = io.WriteString(c, text)
	_, _ = io.Copy(io.Discard, c)
}

// boxes is what alice's list of mailboxes says.
func (l *listening) boxes(t *testing.T) string {
	t.Helper()
	answer, _ := l.ask(t, row{to: "account", said: "GET /execute/Email/list_pops" + curl})
	return answer
}
