package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// client calls functions of a running server over HTTPS.
type client struct {
	http  *http.Client
	base  string
	auth  string
	whm   bool
	lmtp  string
	owner string // the account whose client it is
}

// account is a client with an account's token.
func (s *server) account(user, token string) *client {
	return &client{
		http: &http.Client{Transport: s.transport(), Timeout: 20 * time.Second}, lmtp: s.ports.Mail, owner: user,
		base: "https://" + s.ports.Account + "/execute/", auth: "cpanel " + user + ":" + token,
	}
}

// host is a client with the administrator's token.
func (s *server) host(token string) *client {
	return &client{
		http: &http.Client{Transport: s.transport(), Timeout: 20 * time.Second}, whm: true, owner: "root",
		base: "https://" + s.ports.Host + "/json-api/", auth: "whm root:" + token,
	}
}

// errNoAnswer is a call that nobody answered: what it asked for may have
// happened or not.
var errNoAnswer = errors.New("no answer")

// refusal is the server's own words for a call that changed nothing.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return fmt.Sprintf("refused with HTTP %d: %s", r.code, r.text) }

// request is a call of a function with key, value, key, value …
func (c *client) request(function string, args ...string) *http.Request {
	form := url.Values{}
	for i := 0; i < len(args); i += 2 {
		form.Add(args[i], args[i+1])
	}
	if c.whm {
		form.Set("api.version", "1")
	}
	r, err := http.NewRequest(http.MethodPost, c.base+function, strings.NewReader(form.Encode()))
	if err != nil {
		panic(err) // a mistake in a test
	}
	r.Header.Set("Authorization", c.auth)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// call calls a function and reads its data into data, which may be nil.
func (c *client) call(data any, function string, args ...string) error {
	return c.do(c.request(function, args...), data)
}

func (c *client) do(r *http.Request, data any) error {
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	var a struct {
		Status   int
		Errors   []string
		Data     json.RawMessage
		Metadata struct {
			Result int
			Reason string
		}
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return fmt.Errorf("%s answered what is no JSON: %.200q", r.URL.Path, text)
	}
	if a.Status != 1 && a.Metadata.Result != 1 {
		return &refusal{resp.StatusCode, strings.Join(append(a.Errors, a.Metadata.Reason), " ")}
	}
	if data == nil {
		return nil
	}
	return json.Unmarshal(a.Data, data)
}

// mailer sends messages over one LMTP connection.
type mailer struct {
	conn net.Conn
	*textproto.Conn
}

func dialMail(address string) (*mailer, error) {
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	m := &mailer{c, textproto.NewConn(c)}
	if _, _, err := m.ReadResponse(220); err != nil {
		c.Close()
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return m, m.say(250, "LHLO client.example")
}

// say sends a line and reads the answer, which must have the code.
func (m *mailer) say(code int, line string, args ...any) error {
	id, err := m.Cmd(line, args...)
	if err == nil {
		m.StartResponse(id)
		defer m.EndResponse(id)
		_, _, err = m.ReadResponse(code)
	}
	return explainMail(err)
}

// explainMail tells an answer that refuses from none.
func explainMail(err error) error {
	if said, ok := errors.AsType[*textproto.Error](err); ok {
		return &refusal{said.Code, said.Msg}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return nil
}

// address begins a message to one mailbox, up to its text.
func (m *mailer) address(to string) error {
	for _, line := range []struct {
		code int
		text string
	}{{250, "MAIL FROM:<sender@client.example>"}, {250, "RCPT TO:<" + to + ">"}, {354, "DATA"}} {
		if err := m.say(line.code, "%s", line.text); err != nil {
			return err
		}
	}
	return nil
}

// send delivers one message, or begins to.
func (m *mailer) send(to, text string) error {
	if err := m.address(to); err != nil {
		_ = m.say(250, "RSET")
		return err
	}
	return m.finish(text)
}

func (m *mailer) finish(text string) error {
	w := m.DotWriter()
	if _, err := io.WriteString(w, text); err != nil {
		return explainMail(err)
	}
	if err := w.Close(); err != nil {
		return explainMail(err)
	}
	_, _, err := m.ReadResponse(250)
	return explainMail(err)
}
