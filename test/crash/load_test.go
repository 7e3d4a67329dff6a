package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
)

// fate is what must be found of one thing after a crash: what was last
// acknowledged or, where a change of it was not answered, perhaps that.
type fate[T comparable] struct {
	sure  T
	maybe *T
}

func (f *fate[T]) allows(v T) bool { return v == f.sure || f.maybe != nil && v == *f.maybe }

// settle notes what was found.
func (f *fate[T]) settle(w *world, v T) {
	if f.maybe != nil {
		w.unanswered++
		if v == *f.maybe {
			w.happened++
		}
	}
	f.sure, f.maybe = v, nil
}

// box is a mailbox; the zero box is none.
type box struct {
	there    bool
	password string
	quota    int64 // bytes
}

// token is an API token, known by its name, and by its text where the answer
// with it arrived. Revoked it has no name.
type token struct {
	owner, text string
	name        fate[string]
	touched     bool
	// old is the secret before, as far as clients know it, and whether it was to
	// work on.
	old      string
	oldWorks bool
	// A rotation was not answered: text may be the secret before, and where it was
	// not to work on it may be refused.
	unsure, ended bool
}

// hosted is an account as the administrator sees it; the zero one is none.
type hosted struct {
	name      string
	suspended bool
}

// mailbox is a box with its owner, and with the messages it was sent.
type mailbox struct {
	fate[box]
	owner    string
	touched  bool
	messages map[string]bool // text of each -> whether it was acknowledged
	seen     map[string]bool // files that were checked before
}

// world is everything that the clients changed, as they know it, and the
// server that they changed it on.
type world struct {
	t    *testing.T
	dir  string
	run  *server
	hash string // of startPassword

	demo, other, root string // tokens

	mu       sync.Mutex
	count    int // of names given out
	boxes    map[string]*mailbox
	tokens   []*token
	accounts map[string]*fate[hosted] // by their domain
	events   map[string]int           // acknowledged changes

	acknowledged, delivered, lost, unanswered, happened int
	halves                                              int // files in tmp that unanswered deliveries may have left
}

const startPassword = "first-password-1"

// The mailboxes that are there from the start, in an account that stays and in
// one that is renamed again and again.
const (
	steadyBox  = "in@example.com"
	rollingBox = "in@roll.example"
)

func newWorld(t *testing.T, dir string) *world {
	t.Helper()
	hash, err := password.New(0).Make(context.Background(), latchkey.NewSecret(startPassword))
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, dir: dir, hash: string(hash),
		boxes: make(map[string]*mailbox), accounts: make(map[string]*fate[hosted]), events: make(map[string]int),
	}
}

// running is the server, started if it is not.
func (w *world) running() *server {
	select {
	case <-w.run.ended:
		w.run = start(w.t, w.dir)
	default:
	}
	return w.run
}

// furnish makes the accounts and their tokens over the local socket.
func (w *world) furnish(s *server) {
	w.t.Helper()
	w.run = s
	for _, a := range [][2]string{{"demo", "example.com"}, {"other", "example.net"}, {"roll0", "roll.example"}} {
		w.tool("whmapi1", "--output=json", "createacct", "username="+a[0], "domain="+a[1])
		w.accounts[a[1]] = &fate[hosted]{sure: hosted{name: a[0]}}
	}
	w.demo = w.tool("uapi", "--output=json", "--user=demo", "Tokens", "create_full_access", "name=crash")
	w.other = w.tool("uapi", "--output=json", "--user=other", "Tokens", "create_full_access", "name=crash")
	w.root = w.tool("whmapi1", "--output=json", "api_token_create", "token_name=crash")
	w.tokens = append(w.tokens, &token{owner: "demo", text: w.demo, name: fate[string]{sure: "crash"}},
		&token{owner: "other", text: w.other, name: fate[string]{sure: "crash"}})
	for _, b := range [][2]string{{steadyBox, "demo"}, {rollingBox, "roll0"}} {
		w.tool("uapi", "--output=json", "--user="+b[1], "Email", "add_pop", "email="+b[0], "password_hash="+url.QueryEscape(w.hash), "quota=0")
		w.boxes[b[0]] = newMailbox(b[1])
		w.boxes[b[0]].sure = box{true, startPassword, 0}
	}
}

func newMailbox(owner string) *mailbox {
	return &mailbox{owner: owner, messages: make(map[string]bool), seen: make(map[string]bool)}
}

// tool runs a command that must succeed and returns the token of its answer, if
// it has one.
func (w *world) tool(args ...string) string {
	w.t.Helper()
	text, err := w.run.tool(args...)
	if err != nil {
		w.t.Fatal(err)
	}
	var a struct {
		Metadata struct{ Result int }
		Data     struct{ Token string }
		Result   struct {
			Status int
			Data   json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil || a.Metadata.Result != 1 && a.Result.Status != 1 {
		w.t.Fatalf("latchkey %s answered %s", strings.Join(args, " "), text)
	}
	_ = json.Unmarshal(a.Result.Data, &a.Data) // only some answers have a token
	return a.Data.Token
}

// name gives out a name that nobody had before.
func (w *world) name(prefix string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	return fmt.Sprintf("%s%06d", prefix, w.count)
}

// change asks for one change of one thing and takes down what came of it.
func change[T comparable](w *world, f *fate[T], to T, event string, do func() error) error {
	w.mu.Lock()
	f.maybe = &to
	w.mu.Unlock()
	err := do()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		f.sure, f.maybe = to, nil
		w.acknowledged++
		w.events[event]++
	case !errors.Is(err, errNoAnswer) && !strings.Contains(err.Error(), hasBegun):
		f.maybe = nil // an answer: nothing has changed
	}
	return err
}

// hasBegun is said of a change that the server will finish by itself.
const hasBegun = "The change has begun"

// pack is the clients at work.
type pack struct {
	w       *world
	wg      sync.WaitGroup
	stop    context.CancelFunc
	ctx     context.Context
	refused func(client string, err error) // what to do about a refusal
}

// load sets eight clients to work on s.
func (w *world) load(s *server, round uint64) *pack {
	ctx, stop := context.WithCancel(context.Background())
	p := &pack{w: w, ctx: ctx, stop: stop, refused: func(client string, err error) { w.t.Errorf("%s: %v", client, err) }}
	p.begin(s, round)
	w.t.Cleanup(p.wait)
	return p
}

func (p *pack) begin(s *server, round uint64) {
	clients := []struct {
		name string
		step func(*rand.Rand) error
	}{
		{"mailboxes of demo", p.w.mailboxes(s.account("demo", p.w.demo), "example.com")},
		{"more mailboxes of demo", p.w.mailboxes(s.account("demo", p.w.demo), "example.com")},
		{"mailboxes of other", p.w.mailboxes(s.account("other", p.w.other), "example.net")},
		{"tokens of demo", p.w.tokensOf(s.account("demo", p.w.demo))},
		{"tokens of other", p.w.tokensOf(s.account("other", p.w.other))},
		{"mail to demo", p.w.mail(s, steadyBox)},
		{"mail to an account that is renamed", p.w.mail(s, rollingBox)},
		{"accounts", p.w.hosting(s.host(p.w.root))},
	}
	for i, c := range clients {
		r := chance(2, round, uint64(i))
		p.wg.Go(func() { p.work(c.name, r, c.step) })
	}
}

// work takes one step after the other, until nobody answers any more.
func (p *pack) work(name string, r *rand.Rand, step func(*rand.Rand) error) {
	for p.ctx.Err() == nil {
		err := step(r)
		if errors.Is(err, errNoAnswer) {
			return
		}
		if err != nil {
			p.refused(name, err)
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// wait ends the clients and waits for them.
func (p *pack) wait() {
	p.stop()
	p.wg.Wait()
}

// mailboxes is a client that creates, changes and deletes mailboxes of its own.
func (w *world) mailboxes(c *client, domain string) func(*rand.Rand) error {
	var mine []string
	return func(r *rand.Rand) error {
		if len(mine) < 2 || r.IntN(3) == 0 {
			address, err := w.addPop(c, domain, r)
			mine = append(mine, address)
			return err
		}
		i := r.IntN(len(mine))
		address := mine[i]
		b := w.touch(address)
		if !b.sure.there || b.maybe != nil {
			mine = slices.Delete(mine, i, i+1)
			return nil
		}
		switch r.IntN(5) {
		case 0:
			secret := w.name("changed-password-")
			to := box{true, secret, b.sure.quota}
			return change(w, &b.fate, to, "Email::passwd_pop|email="+address, func() error {
				return c.call(nil, "Email/passwd_pop", "email", address, "password", secret)
			})
		case 1:
			mb := 1 + r.Int64N(100)
			to := box{true, b.sure.password, mb << 20}
			return change(w, &b.fate, to, "Email::edit_pop_quota|email="+address, func() error {
				return c.call(nil, "Email/edit_pop_quota", "email", address, "domain", domain, "quota", fmt.Sprint(mb))
			})
		case 2:
			m, err := dialMail(c.lmtp)
			if err != nil {
				return err
			}
			defer m.conn.Close()
			return w.deliver(m, address, r)
		default:
			mine = slices.Delete(mine, i, i+1)
			return change(w, &b.fate, box{}, "Email::delete_pop|email="+address, func() error {
				return c.call(nil, "Email/delete_pop", "email", address)
			})
		}
	}
}

// touch is the mailbox of an address, which the next check looks at.
func (w *world) touch(address string) *mailbox {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.boxes[address]
	b.touched = true
	return b
}

func (w *world) addPop(c *client, domain string, r *rand.Rand) (string, error) {
	address := w.name("box") + "@" + domain
	b := newMailbox(c.owner)
	b.touched = true
	w.mu.Lock()
	w.boxes[address] = b
	w.mu.Unlock()
	mb := r.Int64N(50)
	return address, change(w, &b.fate, box{true, startPassword, mb << 20}, "Email::add_pop|email="+address, func() error {
		return c.call(nil, "Email/add_pop", "email", address, "password_hash", w.hash, "quota", fmt.Sprint(mb))
	})
}

// rotate gives a token another secret; the one of before stays valid for so many
// seconds.
func (w *world) rotate(c *client, k *token, overlap int) error {
	var data struct{ Token string }
	err := c.call(&data, "Tokens/rotate", "name", k.name.sure, "overlap", fmt.Sprint(overlap))
	w.mu.Lock()
	defer w.mu.Unlock()
	k.touched = true
	switch {
	case err == nil:
		k.old, k.oldWorks = k.text, overlap > 0
		if k.unsure {
			k.old = "" // it may have been the last but one
		}
		k.text, k.unsure, k.ended = data.Token, false, false
		w.acknowledged++
		w.events["Tokens::rotate|name="+k.name.sure]++
	case errors.Is(err, errNoAnswer):
		k.old, k.unsure, k.ended = "", true, k.ended || k.unsure || overlap == 0
	}
	return err
}

// tokensOf is a client that creates, rotates, renames and revokes tokens.
func (w *world) tokensOf(c *client) func(*rand.Rand) error {
	var mine []*token
	return func(r *rand.Rand) error {
		if len(mine) < 2 || r.IntN(3) == 0 {
			k := &token{owner: c.owner, touched: true}
			w.mu.Lock()
			w.tokens = append(w.tokens, k)
			w.mu.Unlock()
			mine = append(mine, k)
			name := w.name("t")
			return change(w, &k.name, name, "Tokens::create_full_access|name="+name, func() error {
				var data struct{ Token string }
				err := c.call(&data, "Tokens/create_full_access", "name", name)
				k.text = data.Token
				return err
			})
		}
		i := r.IntN(len(mine))
		k := mine[i]
		was := k.name.sure
		if was == "" { // its creation was refused
			mine = slices.Delete(mine, i, i+1)
			return nil
		}
		if r.IntN(3) == 0 {
			return w.rotate(c, k, r.IntN(2)*3600)
		}
		if r.IntN(2) == 0 {
			name := w.name("t")
			return change(w, &k.name, name, "Tokens::rename|name="+was, func() error {
				return c.call(nil, "Tokens/rename", "name", was, "new_name", name)
			})
		}
		err := change(w, &k.name, "", "Tokens::revoke|name="+was, func() error { return c.call(nil, "Tokens/revoke", "name", was) })
		if err == nil {
			mine = slices.Delete(mine, i, i+1)
		}
		return err
	}
}

// mail is a client that delivers one message after another.
func (w *world) mail(s *server, to string) func(*rand.Rand) error {
	var m *mailer
	return func(r *rand.Rand) (err error) {
		if m == nil {
			if m, err = dialMail(s.ports.Mail); err != nil {
				return err
			}
			w.t.Cleanup(func() { m.conn.Close() })
		}
		return w.deliver(m, to, r)
	}
}

func (w *world) deliver(m *mailer, to string, r *rand.Rand) error {
	text := fmt.Sprintf("Message-ID: <%s@client.example>\n\n%s", w.name("m"), strings.Repeat("All that was acknowledged is kept.\n", r.IntN(100)))
	b := w.touch(to)
	w.mu.Lock()
	b.messages[text] = false
	w.mu.Unlock()
	err := m.send(to, text)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		b.messages[text] = true
		w.delivered++
		w.acknowledged++
	case errors.Is(err, errNoAnswer):
		w.halves++
	default:
		delete(b.messages, text)
	}
	return err
}

// hosting is the administrator, who makes, renames, suspends and removes
// accounts.
func (w *world) hosting(c *client) func(*rand.Rand) error {
	var mine []string
	return func(r *rand.Rand) error {
		if r.IntN(4) == 0 {
			return w.roll(c)
		}
		if len(mine) < 2 || r.IntN(4) == 0 {
			name := w.name("s")
			domain := name + ".example"
			a := new(fate[hosted])
			w.mu.Lock()
			w.accounts[domain] = a
			w.mu.Unlock()
			mine = append(mine, domain)
			return change(w, a, hosted{name: name}, "whm::createacct|username="+name, func() error {
				return c.call(nil, "createacct", "username", name, "domain", domain)
			})
		}
		i := r.IntN(len(mine))
		a := w.accounts[mine[i]]
		is := a.sure
		if is.name == "" || a.maybe != nil {
			mine = slices.Delete(mine, i, i+1)
			return nil
		}
		switch r.IntN(3) {
		case 0:
			name := w.name("s")
			return w.rename(c, a, name)
		case 1:
			function := "suspendacct"
			if is.suspended {
				function = "unsuspendacct"
			}
			return change(w, a, hosted{is.name, !is.suspended}, "whm::"+function+"|user="+is.name, func() error {
				return c.call(nil, function, "user", is.name)
			})
		default:
			err := change(w, a, hosted{}, "whm::removeacct|username="+is.name, func() error {
				return c.call(nil, "removeacct", "username", is.name)
			})
			if err == nil {
				mine = slices.Delete(mine, i, i+1)
			}
			return err
		}
	}
}

func (w *world) rename(c *client, a *fate[hosted], name string) error {
	is := a.sure
	to := hosted{name, is.suspended}
	err := change(w, a, to, "whm::modifyacct|user="+is.name, func() error {
		return c.call(nil, "modifyacct", "user", is.name, "newuser", name)
	})
	if err != nil && a.maybe == nil {
		a.maybe = &to // the name may have changed before something else could not
	}
	return err
}

// roll gives the account that mail keeps coming to its other name.
func (w *world) roll(c *client) error {
	a := w.accounts["roll.example"]
	if a.maybe != nil {
		return nil
	}
	name := "roll1"
	if a.sure.name == name {
		name = "roll0"
	}
	return w.rename(c, a, name)
}
