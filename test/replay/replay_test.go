// Package replay says to the server what programs say that were made for
// cPanel, byte for byte over TLS, and reads its answers as they do. What is said
// stands in rows_test.go.
package replay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/pki/pkitest"
	"github.com/latchkey/latchkey/internal/server"
	"github.com/latchkey/latchkey/test/testserver"
)

// row is one request of one program.
type row struct {
	client string
	to     string   // the port: account, host or webmail
	said   string   // the request; \n is \r\n in its head
	reads  []string // what the program looks for in the answer, as regular expressions
	waits  string   // the part that is not there yet; the answer says so honestly
	status int      // 200 if it is 0
}

// Answers that a function is not there, in every dialect.
var unknown = regexp.MustCompile(`"errors":\["(Failed to load module “\w+”|The system could not find the function “\w+” in the module “\w+”)` +
	`|"error":"(Could not find function “\w+” in module “\w+”|Failed to load module “\w+”)|"reason":"Unknown app \(\\"\w+\\"\) requested|"error":"Unknown App Requested: \w+"` +
	`|<(error|reason)>(Could not find function|Failed to load module|Unknown app)`)

// TestReplay: whoever speaks to cPanel today is understood, and reads what it
// needs. Where a part is not there yet, it is told so in the words by which
// programs know a missing function.
func TestReplay(t *testing.T) {
	s := start(t)
	waiting := 0
	for _, r := range rows {
		t.Run(r.client, func(t *testing.T) {
			answer, res := s.ask(t, r)
			want := r.status
			if want == 0 {
				want = http.StatusOK
			}
			if res.StatusCode != want {
				t.Errorf("status %d, want %d: %s", res.StatusCode, want, answer)
			}
			if said := strings.HasPrefix(res.Header.Get("Content-Type"), "application/json"); said != isJSON(answer) {
				t.Errorf("JSON is announced: %v, and the answer is %s", said, answer)
			}
			if r.waits != "" {
				waiting++
				if !unknown.MatchString(answer) {
					t.Errorf("%s is no longer missing: put in what the program reads. Answer: %s", r.waits, answer)
				}
				return
			}
			if len(r.reads) == 0 {
				t.Error("the row reads nothing")
			}
			for _, expr := range r.reads {
				if !regexp.MustCompile(expr).MatchString(answer) {
					t.Errorf("the program looks for %s in %s", expr, answer)
				}
			}
		})
	}
	t.Logf("%d requests, %d of them wait for parts that are not there", len(rows), waiting)
}

// isJSON reports whether text is compact JSON.
func isJSON(text string) bool {
	var b bytes.Buffer
	return json.Compact(&b, []byte(text)) == nil && b.String() == text
}

// TestReplayCanFail makes sure that rows are compared.
func TestReplayCanFail(t *testing.T) {
	if unknown.MatchString(`{"data":null,"errors":["Access denied"],"status":0}`) || unknown.MatchString(`{"data":[],"errors":null,"status":1}`) {
		t.Error("a refusal or an answer passes for an unknown function")
	}
}

// listening is a server with its ports.
type listening struct {
	*server.Server
	client *tls.Config
	with   *strings.Replacer
}

// start starts a server with the account alice, who has the domain example.test,
// a token and a mailbox.
func start(t *testing.T) *listening {
	t.Helper()
	s := testserver.New(t)
	s.WHM("createacct", "username", "alice", "domain", "example.test", "password", testserver.Password)
	s.UAPI("alice", "Email", "add_pop", "email", "bob", "password", testserver.Password)
	l := &listening{Server: &server.Server{
		Routes:    server.Routes{Account: s.Account, Host: s.Host, Webmail: s.Webmail},
		Addresses: server.Addresses{Account: "127.0.0.1:0", Host: "127.0.0.1:0", Webmail: "127.0.0.1:0"},
		Hostname:  "localhost", Log: slog.New(slog.DiscardHandler),
	}}
	cert, authority, err := server.LocalCertificate(t.TempDir(), []string{"localhost", "127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l.Certificate.Store(&cert)
	pem, err := os.ReadFile(authority)
	if err != nil {
		t.Fatal(err)
	}
	l.client = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	l.client.RootCAs.AppendCertsFromPEM(pem)
	if err := l.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	basic := func(user string) string {
		return base64.StdEncoding.EncodeToString([]byte(user + ":" + testserver.Password))
	}
	key, signed, chain := certified(t, s)
	l.with = strings.NewReplacer("{key}", url.QueryEscape(key), "{cert}", url.QueryEscape(signed), "{chain}", url.QueryEscape(chain), "{key as it is}", key, "{cert as it is}", signed,
		"{token}", s.Token("alice", "replay"), "{root}", s.HostToken("replay"), "{basic}", basic("alice"), "{mailbox}", basic("bob@example.test"))
	return l
}

// certified is a key, a certificate for example.test and those above it.
func certified(t *testing.T, s *testserver.Server) (key, cert, chain string) {
	ca := pkitest.New(t, s.Now())
	k := ca.Key()
	return k.PEM().Reveal(), ca.Issue(k, "example.test", "www.example.test").PEM(), ca.Chain().PEM()
}

// ask says what a row says, and returns the body of the answer.
func (l *listening) ask(t *testing.T, r row) (string, *http.Response) {
	t.Helper()
	c, err := tls.Dial("tcp", l.Address(r.to), l.client)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	said := l.bytes(r, c.RemoteAddr().String())
	if _, err := io.WriteString(c, said); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, &http.Request{Method: said[:strings.Index(said, " ")]})
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("the answer breaks off: %v", err)
	}
	if res.TransferEncoding != nil || res.ContentLength != int64(len(body)) && res.StatusCode != http.StatusBadRequest {
		t.Errorf("an answer of %d bytes has a length of %d and the coding %q: want its length, and no coding", len(body), res.ContentLength, res.TransferEncoding)
	}
	if strings.Contains(said[:strings.Index(said, "\n")], "HTTP/1.0") {
		if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
			t.Errorf("after the answer to HTTP/1.0 comes %q, %v: want an end", rest, err)
		}
	}
	return string(body), res
}

// bytes is what goes over the wire for a row.
func (l *listening) bytes(r row, host string) string {
	head, body, _ := strings.Cut(l.with.Replace(r.said), "\n\n")
	head = strings.NewReplacer("\n", "\r\n", "␊", "\n", "␍", "\r").Replace(head) // ␊ and ␍ are \n and \r themselves
	if strings.Contains(head, "multipart/") {
		body = strings.ReplaceAll(body, "\n", "\r\n")
	}
	head = strings.NewReplacer("{host}", host, "{length}", fmt.Sprint(len(body))).Replace(head)
	return head + "\r\n\r\n" + body
}
