package crash

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

var (
	histories  = flag.Int("histories", 1, "how many histories `TestHistories` checks")
	operations = flag.Int("operations", 1000, "how many operations each of them has")
)

// history is what many clients did at the same time with the tokens of some
// accounts, and what each was told.
type history struct {
	t     *testing.T
	dir   string
	root  string // a token of the administrator
	began time.Time
	// late is how long after the answer of a revocation it takes place: 0 but for
	// the control.
	late time.Duration

	accounts []*contested
	era      atomic.Pointer[era]
	count    atomic.Int64
	most     int64

	mu  sync.Mutex
	ops []porcupine.Operation
	end sync.WaitGroup // what is late
}

// era is the time of one server, from a start to the next end.
type era struct {
	run   *server
	over  chan struct{} // closed when its end is known
	ended int64
}

// contested is an account whose one token all clients use and change.
type contested struct {
	user, boss string // boss is the token its owner changes the other one with

	mu      sync.Mutex
	number  int            // of the newest secret
	secrets map[int]string // those that clients were told
	known   []int          // their numbers, the newest last
}

// make gives a secret its number before it is there.
func (c *contested) make() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number++
	return c.number
}

func (c *contested) learn(n int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[n] = text
	c.known = append(c.known, n)
}

// pick is one of the latest secrets, most often the newest; 0 if there is none.
func (c *contested) pick(r *rand.Rand) (n int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) == 0 {
		return 0, ""
	}
	back := 0
	if r.IntN(3) == 0 {
		back = r.IntN(min(len(c.known), 4))
	}
	n = c.known[len(c.known)-1-back]
	return n, c.secrets[n]
}

// contestants is how many clients there are, and contests how many tokens.
const (
	contestants = 8
	contests    = 4
)

// newHistory makes the accounts of a history on a server that runs.
func newHistory(t *testing.T, run *server, number int, root string) *history {
	h := &history{t: t, dir: run.dir, root: root, began: time.Now(), most: int64(*operations)}
	h.era.Store(&era{run: run, over: make(chan struct{})})
	for i := range contests {
		user := fmt.Sprintf("h%dc%d", number, i)
		if err := run.host(root).call(nil, "createacct", "username", user, "domain", user+".example"); err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, run: run}
		boss := w.tool("uapi", "--output=json", "--user="+user, "Tokens", "create_full_access", "name=boss")
		h.accounts = append(h.accounts, &contested{user: user, boss: boss, secrets: make(map[int]string)})
	}
	return h
}

// work lets the clients work to the end. Meanwhile the server is killed, or
// stopped, and started again at each of these shares of the operations.
func (h *history) work(seed uint64, restarts ...float64) {
	var clients sync.WaitGroup
	for i := range contestants {
		r := chance(7, seed, uint64(i))
		clients.Go(func() {
			for h.count.Add(1) <= h.most {
				h.step(i, r)
			}
		})
	}
	for i, share := range restarts {
		for h.count.Load() < int64(share*float64(h.most)) {
			time.Sleep(time.Millisecond)
		}
		h.restart(i%2 == 0)
	}
	clients.Wait()
	h.end.Wait()
}

func (h *history) now() int64 { return int64(time.Since(h.began)) }

// restart ends the server, at once or gently, and starts the next one.
func (h *history) restart(kill bool) {
	h.t.Helper()
	e := h.era.Load()
	if kill {
		e.run.kill()
	} else {
		e.run.stop()
	}
	e.ended = h.now()
	h.era.Store(&era{run: start(h.t, h.dir), over: make(chan struct{})})
	close(e.over)
}

// mix is how often each act is chosen.
var mix = []struct {
	act   act
	share int
}{{use, 595}, {create, 110}, {rotate, 85}, {disable, 20}, {enable, 80}, {revoke, 30}, {suspend, 5}, {unsuspend, 35}, {featureOff, 5}, {featureOn, 35}}

func choose(r *rand.Rand) act {
	n := r.IntN(1000)
	for _, m := range mix {
		if n -= m.share; n < 0 {
			return m.act
		}
	}
	return use
}

// step is one operation of one client.
func (h *history) step(client int, r *rand.Rand) {
	c := h.accounts[r.IntN(len(h.accounts))]
	s := said{account: c.user, act: choose(r)}
	e := h.era.Load()
	n, text := c.pick(r)
	if s.act == use && n == 0 {
		s.act = create
	}
	var do func() error
	switch s.act {
	case use:
		s.secret = n
		do = func() error { return e.run.account(c.user, text).call(nil, "Quota/get_quota_info") }
	case create, rotate:
		s.secret = c.make()
		do = func() error { return h.draw(e, c, s) }
	case disable, enable, revoke:
		do = func() error { return e.run.account(c.user, c.boss).call(nil, "Tokens/"+s.act.String(), "name", "t") }
	default:
		do = func() error { return h.administer(e, s) }
	}
	h.note(client, e, s, do)
}

// draw makes a secret that clients may then use.
func (h *history) draw(e *era, c *contested, s said) error {
	function, args := "Tokens/create_full_access", []string{"name", "t"}
	if s.act == rotate {
		function, args = "Tokens/rotate", append(args, "overlap", "0")
	}
	var data struct{ Token string }
	err := e.run.account(c.user, c.boss).call(&data, function, args...)
	if err == nil {
		c.learn(s.secret, data.Token)
	}
	return err
}

// administer does what only the administrator may.
func (h *history) administer(e *era, s said) error {
	root := e.run.host(h.root)
	switch s.act {
	case suspend:
		return root.call(nil, "suspendacct", "user", s.account)
	case unsuspend:
		return root.call(nil, "unsuspendacct", "user", s.account)
	}
	features, _ := json.Marshal(map[string]bool{"apitokens": s.act == featureOn})
	return root.call(nil, "add_override_features_for_user", "user", s.account, "features", string(features))
}

// note does an operation and takes down when it was asked for and answered. What
// a server that was killed did not answer can have happened until it ended.
func (h *history) note(client int, e *era, s said, do func() error) {
	op := porcupine.Operation{ClientId: client, Input: s, Call: h.now()}
	if h.late > 0 && (s.act == revoke || s.act == disable) {
		op.Output, op.Return = done, h.now()
		h.take(op)
		h.end.Go(func() {
			time.Sleep(h.late)
			_ = do() // the history has its answer already
		})
		return
	}
	err := do()
	op.Return, op.Metadata = h.now(), err
	told, ok := toldBy(err)
	if !ok {
		h.t.Errorf("%v of %s: %v", s.act, s.account, err)
	}
	if op.Output = told; told == unanswered {
		select {
		case <-e.over:
			op.Return = e.ended
		case <-time.After(30 * time.Second):
			h.t.Errorf("%v of %s: %v, from a server that runs", s.act, s.account, err)
		}
	}
	if told != unanswered || s.act != use {
		h.take(op)
	}
}

func (h *history) take(op porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, op)
}

// toldBy is the outcome that an error of a call stands for; a call that never
// reached a server has none either.
func toldBy(err error) (told outcome, ok bool) {
	said, isRefusal := errors.AsType[*refusal](err)
	switch {
	case err == nil:
		return done, true
	case errors.Is(err, errNoAnswer):
		return unanswered, true
	case !isRefusal:
		return unanswered, false
	case said.code == 401 || said.code == 403 || strings.Contains(said.text, "feature") || strings.Contains(said.text, "suspended"):
		return denied, true
	}
	return refused, true
}

// check says whether the history can have been.
func (h *history) check() (porcupine.CheckResult, porcupine.LinearizationInfo) {
	for i := range h.ops {
		if op := &h.ops[i]; op.Input.(said).act == use && op.Output == denied {
			op.Output = refused // for the bearer it is one and the same
		}
	}
	return porcupine.CheckOperationsVerbose(tokenModel, h.ops, 2*time.Minute)
}

// counts are the operations by what came of them.
func (h *history) counts() string {
	counts := make(map[outcome]int)
	accepted := 0
	for _, op := range h.ops {
		counts[op.Output.(outcome)]++
		if op.Input.(said).act == use && op.Output == done {
			accepted++
		}
	}
	return fmt.Sprintf("%d operations, %d of them accepted uses, %d refused, %d denied, %d unanswered",
		len(h.ops), accepted, counts[refused], counts[denied], counts[unanswered])
}

// arena is a server for histories, and a token of its administrator's.
func arena(t *testing.T) (*server, string) {
	t.Helper()
	run := start(t, t.TempDir())
	w := &world{t: t, run: run}
	return run, w.tool("whmapi1", "--output=json", "api_token_create", "token_name=arena")
}

// TestHistories lets eight clients make, use, rotate, disable, enable and revoke
// the same few tokens, while accounts are suspended, their feature is switched off
// and the server is killed and restarted, and checks that all they were told can
// have happened one after another: that no secret is accepted after the answer
// that ended it, and none refused that was good.
func TestHistories(t *testing.T) {
	run, root := arena(t)
	for n := range *histories {
		h := newHistory(t, run, n, root)
		h.work(uint64(n), 0.3, 0.6)
		run = h.era.Load().run
		checked := time.Now()
		result, info := h.check()
		if t.Logf("history %d: %s, checked in %s: %s", n, h.counts(), time.Since(checked).Round(time.Millisecond), result); result != porcupine.Ok {
			t.Errorf("history %d cannot have been; run again with -seed=%d\n%s", n, *seed, h.picture(info))
		}
	}
	run.stop()
}

// picture is the operation that fits nowhere, with what went on then, and the
// file with a picture of it all.
func (h *history) picture(info porcupine.LinearizationInfo) string {
	file := filepath.Join(h.t.ArtifactDir(), "history.html")
	if err := porcupine.VisualizePath(tokenModel, info, file); err != nil {
		return err.Error()
	}
	var text strings.Builder
	for i, part := range byAccount(h.ops) {
		if !porcupine.CheckOperations(tokenModel, part) {
			describe(&text, part, info.PartialLinearizationsOperations()[i])
		}
	}
	return text.String() + "see " + file
}

// describe tells of the first operation of a part that is in none of the longest
// orders there can be, and of what changed around it.
func describe(text *strings.Builder, part []porcupine.Operation, orders [][]porcupine.Operation) {
	longest := slices.MaxFunc(orders, func(a, b []porcupine.Operation) int { return cmp.Compare(len(a), len(b)) })
	fits := make(map[[2]int64]bool)
	for _, op := range longest {
		fits[[2]int64{op.Call, op.Return}] = true
	}
	var first *porcupine.Operation
	for i := range part {
		if op := &part[i]; !fits[[2]int64{op.Call, op.Return}] && (first == nil || op.Return < first.Return) {
			first = op
		}
	}
	const around = int64(100 * time.Millisecond)
	for _, op := range part {
		if s := op.Input.(said); op == *first || op.Return > first.Call-around && op.Call < first.Return+around && (s.act != use || op.Output == done) {
			fmt.Fprintf(text, "%s client %d, %d to %d µs: %v %d: %v %v (fits: %t)\n", s.account, op.ClientId, op.Call/1000, op.Return/1000, s.act, s.secret, op.Output, op.Metadata, fits[[2]int64{op.Call, op.Return}])
		}
	}
}

// A revocation that is answered before it takes place must be found.
func TestHistoryOfLateRevocations(t *testing.T) {
	run, root := arena(t)
	h := newHistory(t, run, 0, root)
	h.late, h.most = 30*time.Millisecond, 1000
	h.work(1)
	if result, _ := h.check(); result != porcupine.Illegal {
		t.Errorf("a history of revocations that take place %s after their answer: %s (%s), want it refused", h.late, result, h.counts())
	}
	h.era.Load().run.stop()
}
