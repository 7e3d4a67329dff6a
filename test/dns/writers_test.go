// Package dns holds what must be true of zones over a whole server with its name
// server: what many writers have written is there, and how long it takes until an
// edit is in the answers.
package dns

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/latchkey/latchkey/test/testserver"
)

// listening lets the server's name server listen, until the test ends, and tells
// where.
func listening(t testing.TB, s *testserver.Server) string {
	t.Helper()
	if err := s.DNS.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.DNS.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return s.DNS.Address()
}

// client is somebody with a token, who reads answers as programs do.
type client struct {
	s             *testserver.Server
	authorization string
}

type answer struct {
	Data   json.RawMessage `json:"data"`
	Errors []string        `json:"errors"`
	Status int             `json:"status"`
}

func (c client) call(function string, args url.Values) (answer, error) {
	var a answer
	body := c.s.Get(c.s.Account, "/execute/"+function+"?"+args.Encode(), c.authorization).Body
	err := json.Unmarshal([]byte(body), &a)
	return a, err
}

// serial is the serial number of a zone, where programs find it: in the third
// field of the fourth entry.
func (c client) serial(zone string) (string, error) {
	a, err := c.call("DNS/parse_zone", url.Values{"zone": {zone}})
	if err != nil || a.Status != 1 {
		return "", fmt.Errorf("parse_zone: %v %v", err, a.Errors)
	}
	var lines []struct {
		Data [][]byte `json:"data_b64"`
	}
	if err := json.Unmarshal(a.Data, &lines); err != nil || len(lines) < 4 || len(lines[3].Data) != 7 {
		return "", fmt.Errorf("parse_zone: %v: no SOA record", err)
	}
	return string(lines[3].Data[2]), nil
}

// add adds a text to a zone as lego does: it reads the serial number and adds
// against it, again if somebody was faster. It tells how often somebody was.
func (c client) add(zone, text string) (stale int, err error) {
	record := fmt.Sprintf(`{"dname":"_w","ttl":60,"record_type":"TXT","data":[%q]}`, text)
	for range 1000 {
		serial, err := c.serial(zone)
		if err != nil {
			return stale, err
		}
		a, err := c.call("DNS/mass_edit_zone", url.Values{"zone": {zone}, "serial": {serial}, "add": {record}})
		if err != nil {
			return stale, err
		}
		if a.Status == 1 {
			return stale, nil
		}
		want := "The given serial number (" + serial + ") does not match the DNS zone's serial number ("
		if len(a.Errors) != 1 || !strings.HasPrefix(a.Errors[0], want) || !strings.HasSuffix(a.Errors[0], "). Refresh your view of the DNS zone, then resubmit.") {
			return stale, fmt.Errorf("mass_edit_zone: %v", a.Errors)
		}
		stale++
	}
	return stale, fmt.Errorf("others were faster 1000 times")
}

// TestWriters: eight writers at once, each reading the serial number and editing
// against it, lose no record, and the name server has them all.
func TestWriters(t *testing.T) {
	s := testserver.New(t)
	address := listening(t, s)
	const writers, each = 8, 12
	var stale atomic.Int64
	var all sync.WaitGroup
	for w := range writers {
		c := client{s, "cpanel demo:" + s.Token("demo", fmt.Sprint("writer", w))}
		all.Go(func() {
			for i := range each {
				n, err := c.add("example.com", fmt.Sprint(w, "-", i))
				if err != nil {
					t.Error(err)
					return
				}
				stale.Add(int64(n))
			}
		})
	}
	all.Wait()
	m := new(dns.Msg)
	m.SetQuestion("_w.example.com.", dns.TypeTXT)
	reply, _, err := (&dns.Client{Net: "tcp", Timeout: 5 * time.Second}).Exchange(m, address)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, rr := range reply.Answer {
		found[strings.Join(rr.(*dns.TXT).Txt, "")] = true
	}
	for w := range writers {
		for i := range each {
			if text := fmt.Sprint(w, "-", i); !found[text] {
				t.Errorf("%s was answered and is not there", text)
			}
		}
	}
	if len(found) != writers*each {
		t.Errorf("there are %d texts, want %d", len(found), writers*each)
	}
	t.Logf("%d edits, %d refused for a serial number that was no more", writers*each, stale.Load())
	if stale.Load() == 0 {
		t.Error("nobody was ever too late: the writers were not at work at the same time")
	}
}
