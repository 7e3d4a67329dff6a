package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// trust is a client's TLS settings: the authority in the file is all it trusts.
func trust(authority string) (*tls.Config, error) {
	text, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", authority)
	}
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}, nil
}

// connection is a TLS connection that asks one thing after another. It does no
// more than it must: the load generator's own time is not to limit a server.
type connection struct {
	c    *tls.Conn
	r    *bufio.Reader
	host string
}

// patience is how long an answer may take before something is wrong.
const patience = 20 * time.Second

func connect(addr string, conf *tls.Config, nagle bool) (*connection, error) {
	raw, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	if nagle {
		_ = raw.(*net.TCPConn).SetNoDelay(false)
	}
	c := tls.Client(raw, conf)
	_ = c.SetDeadline(time.Now().Add(patience))
	if err := c.Handshake(); err != nil {
		raw.Close()
		return nil, err
	}
	return &connection{c: c, r: bufio.NewReader(c), host: addr}, nil
}

func (c *connection) close() { c.c.Close() }

// ask sends one request and reads the whole answer.
func (c *connection) ask(path, authorization string) (status int, body string, err error) {
	status, _, body, err = c.exchange(path, authorization)
	return status, body, err
}

// exchange is ask with the answer's header.
func (c *connection) exchange(path, authorization string) (status int, header http.Header, body string, err error) {
	_ = c.c.SetDeadline(time.Now().Add(patience))
	text := "GET " + path + " HTTP/1.1\r\nHost: " + c.host + "\r\nAuthorization: " + authorization + "\r\nUser-Agent: " + agent + "\r\n\r\n"
	if _, err := io.WriteString(c.c, text); err != nil {
		return 0, nil, "", err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return 0, nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, string(b), err
}

// must is ask for a call that has to succeed.
func (c *connection) must(path, authorization string) (body string, err error) {
	status, body, err := c.ask(path, authorization)
	if err == nil && (status != http.StatusOK || !strings.Contains(body, `"status":1`)) {
		err = fmt.Errorf("%s answered %d %.300s", path, status, body)
	}
	return body, err
}

// agent is what every load generator calls itself.
const agent = "latchkey-bench"

// quotaInfo is the call that is measured.
const quotaInfo = "/execute/Quota/get_quota_info"
