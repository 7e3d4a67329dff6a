package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// A stranger may learn nothing from how long a refusal takes. tellApart is the |t|
// from which on one can say that two series of times differ at all.
const tellApart = 4.5

// timing compares refusals with one another: so many calls of each kind, in turn
// with as many of the plainest refusal. All must have the same answer; that they
// take the same time is judged if there are enough of them. Server and client
// share a core: a call is then a third as long, and no core has to wake up for it.
func timing(ctx context.Context, bin, dir string, cpus cores, calls int, out io.Writer) error {
	s := &soaking{bin: bin, dir: filepath.Join(dir, "timing"), cpu: cpus.server, env: []string{"LATCHKEY_HOST=127.0.0.1:0"}}
	if err := s.furnish(); err != nil {
		return err
	}
	defer s.p.kill()
	doors, err := s.refusals(ctx)
	if err != nil {
		return err
	}
	if err := s.p.settle(); err != nil {
		return err
	}
	cpus.load = cpus.server
	unpin, err := cpus.pin()
	if err != nil {
		return err
	}
	defer unpin()
	var failed error
	for _, d := range doors {
		fmt.Fprintf(out, "timing: at the %s, %d calls of each in turn with as many of %s\n", d.name, calls, d.base.name)
		failed = errors.Join(failed, s.compare(ctx, d, calls, out))
	}
	return failed
}

// refusing is a door and what is refused there.
type refusing struct {
	name, addr, path string
	status           int // of a refusal
	// base is what the kinds are compared with. The control is refused by its form,
	// which is no secret, before anything is looked up: where the rig does not see
	// that, it sees nothing.
	base, control refusal
	kinds         []refusal
}

// refusal is one kind of bad credential.
type refusal struct{ name, auth string }

// judgedCalls is how many calls it takes to judge by.
const judgedCalls = 20_000

// compare times every kind of refusal beside the first one.
func (s *soaking) compare(ctx context.Context, d refusing, calls int, out io.Writer) (failed error) {
	conf, err := trust(filepath.Join(s.dir, "ca.pem"))
	if err != nil {
		return err
	}
	c, err := connect(d.addr, conf, false)
	if err != nil {
		return err
	}
	defer c.close()
	for _, k := range append(d.kinds, refusal{"the same again", d.base.auth}, d.control) {
		if err := d.sameAnswer(c, d.base, k); err != nil {
			return err
		}
		as, bs, err := d.sideBySide(ctx, c, [2]string{d.base.auth, k.auth}, calls)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		t := welch(as, bs)
		fmt.Fprintf(out, "timing: %-40s %8.2f µs, beside %8.2f µs, |t| = %.1f\n", k.name, micro(median(bs)), micro(median(as)), t)
		if calls >= judgedCalls && (t >= tellApart) != (k == d.control) {
			failed = errors.Join(failed, fmt.Errorf("%s beside %s: |t| = %.1f of %d calls each", k.name, d.base.name, t, calls))
		}
	}
	return failed
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// sameAnswer fails if two refusals differ in more than their time of day.
func (d *refusing) sameAnswer(c *connection, a, b refusal) error {
	first, err := d.refused(c, a)
	if err != nil {
		return err
	}
	second, err := d.refused(c, b)
	if err == nil && first != second {
		err = fmt.Errorf("%s is answered %q, and %s %q", b.name, second, a.name, first)
	}
	return err
}

// refused asks for what has to be refused, and returns the whole answer but for
// its date.
func (d *refusing) refused(c *connection, k refusal) (answer string, err error) {
	status, header, body, err := c.exchange(d.path, k.auth)
	if err == nil && status != d.status {
		err = fmt.Errorf("%s: answered %d %.200s, want a refusal", k.name, status, body)
	}
	header.Del("Date")
	return fmt.Sprint(status, header, body), err
}

// sideBySide times two requests in turn, a b b a and so on, so that whatever else
// the machine does hits both alike. The slowest tenth of each is cut off.
func (d *refusing) sideBySide(ctx context.Context, c *connection, auths [2]string, n int) (as, bs []time.Duration, err error) {
	series := [2][]time.Duration{make([]time.Duration, 0, n), make([]time.Duration, 0, n)}
	warm := n / 10
	for i := range warm + 2*n {
		which := (i + 1) / 2 % 2
		began := time.Now()
		status, _, err := c.ask(d.path, auths[which])
		took := time.Since(began)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, nil, err
		}
		if status != d.status {
			return nil, nil, fmt.Errorf("call %d was answered %d", i, status)
		}
		if i >= warm {
			series[which] = append(series[which], took)
		}
	}
	return cropped(series[0]), cropped(series[1]), nil
}

// cropped is a series without its slowest tenth.
func cropped(took []time.Duration) []time.Duration {
	slices.Sort(took)
	return took[:len(took)*9/10]
}

// welch is how sure one can be that two series differ.
func welch(a, b []time.Duration) float64 {
	ma, va := spread(a)
	mb, vb := spread(b)
	return math.Abs(ma-mb) / math.Sqrt(va+vb)
}

// spread is the mean of a series, and the variance of that mean.
func spread(series []time.Duration) (mean, variance float64) {
	n := float64(len(series))
	for _, d := range series {
		mean += float64(d) / n
	}
	for _, d := range series {
		variance += (float64(d) - mean) * (float64(d) - mean) / (n - 1)
	}
	return mean, variance / n
}

// refusals makes two accounts and tokens of every kind that is refused, and tells
// what to try at which door.
func (s *soaking) refusals(ctx context.Context) ([]refusing, error) {
	for _, user := range []string{"known", "other", "resting"} {
		if _, err := s.tool(ctx, "whmapi1", "createacct", "username="+user, "domain="+user+".example"); err != nil {
			return nil, err
		}
	}
	m := &maker{s: s, ctx: ctx}
	never, neverHost := auth.NewToken(latchkey.ForAccount).Reveal(), auth.NewToken(latchkey.ForHost).Reveal()
	doors := []refusing{
		{name: "account's door", addr: s.at["account"], path: quotaInfo, status: http.StatusUnauthorized, kinds: m.accountKinds(never),
			base: refusal{"an unknown token of a known account", "cpanel known:" + never}, control: refusal{"malformed, the control", "cpanel known:" + never[:31] + "?"}},
		{name: "host's door", addr: s.at["host"], path: "/json-api/version?api.version=1", status: http.StatusForbidden, kinds: m.hostKinds(neverHost),
			base: refusal{"an unknown token of root's", "whm root:" + neverHost}, control: refusal{"malformed, the control", "whm root:" + neverHost[:31] + "?"}},
	}
	return doors, m.err
}

// maker makes tokens; after a failure it makes no more.
type maker struct {
	s   *soaking
	ctx context.Context
	err error
}

// do runs one of the server's commands and returns the token it answers.
func (m *maker) do(args ...string) string {
	if m.err != nil {
		return ""
	}
	token, err := m.s.tool(m.ctx, args...)
	m.err = err
	return token
}

// token makes a token of user's with a function of Tokens.
func (m *maker) token(user, function, name string, args ...string) string {
	return m.do(append([]string{"uapi", "--user=" + user, "Tokens", function, "name=" + name}, args...)...)
}

// limited makes a token of known's with conditions of ours.
func (m *maker) limited(name string, args ...string) string {
	return m.token("known", "create_limited", name, append([]string{"grants=*:write"}, args...)...)
}

// usedUp makes a token of known's for one call, and makes that call.
func (m *maker) usedUp() string {
	token := m.limited("used", "max_uses=1")
	if m.err == nil {
		m.err = m.s.with(func(c *connection) error {
			_, err := c.must(quotaInfo, "cpanel known:"+token)
			return err
		})
	}
	return token
}

// soon lets a token expire before [process.settle] is done.
func soon() string { return fmt.Sprint("expires_at=", time.Now().Add(2*time.Second).Unix()) }

// elsewhere is where none of these calls comes from.
const elsewhere = "whitelist_ip=192.0.2.1"

// accountKinds are the credentials that are refused at an account's door; never is
// a token that there never was.
func (m *maker) accountKinds(never string) []refusal {
	good := m.token("known", "create_full_access", "good")
	others := m.token("other", "create_full_access", "theirs")
	resting := m.token("resting", "create_full_access", "resting")
	m.do("whmapi1", "suspendacct", "user=resting")
	revoked := m.token("known", "create_full_access", "revoked")
	m.token("known", "revoke", "revoked")
	disabled := m.token("known", "create_full_access", "disabled")
	m.token("known", "disable", "disabled")
	replaced := m.token("known", "create_full_access", "replaced")
	m.token("known", "rotate", "replaced")
	return []refusal{
		{"an unknown token of an unknown account", "cpanel nobody:" + never},
		{"another's token", "cpanel known:" + others},
		{"a token under an unknown name", "cpanel nobody:" + good},
		{"a revoked token", "cpanel known:" + revoked},
		{"a disabled token", "cpanel known:" + disabled},
		{"a secret that was replaced", "cpanel known:" + replaced},
		{"an expired token", "cpanel known:" + m.token("known", "create_full_access", "expired", soon())},
		{"a token for another address", "cpanel known:" + m.limited("elsewhere", elsewhere)},
		{"a token for another day", "cpanel known:" + m.limited("tomorrow", fmt.Sprint("not_before=", time.Now().Add(24*time.Hour).Unix()))},
		{"a token that is used up", "cpanel known:" + m.usedUp()},
		{"a suspended account's token", "cpanel resting:" + resting},
		{"an unknown token of a suspended account", "cpanel resting:" + never},
	}
}

// hostKinds are the credentials that are refused at the host's door.
func (m *maker) hostKinds(never string) []refusal {
	return []refusal{
		{"an unknown token of an unknown account", "whm nobody:" + never},
		{"an unknown token of no reseller", "whm known:" + never},
		{"an expired token", "whm root:" + m.do("whmapi1", "api_token_create", "token_name=expired", soon())},
		{"a token for another address", "whm root:" + m.do("whmapi1", "api_token_create", "token_name=elsewhere", elsewhere)},
	}
}
