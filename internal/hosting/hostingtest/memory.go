// Package hostingtest is the contract of package hosting, as tests that every
// implementation passes ([RunAccount], [RunHost]), and an account and a server
// that live in memory and keep it, for tests of functions. Start there at [New]
// and [NewHost]. They do not know how strong a password is.
package hostingtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	netmail "net/mail"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Account is a [hosting.Account] in memory. Its exported fields may be set
// before the first call; its methods may be called by many goroutines at once.
type Account struct {
	Now     latchkey.Clock
	Data    latchkey.Account
	Who     latchkey.Caller
	Machine hosting.Server
	Package latchkey.Package
	Owned   []latchkey.OwnedDomain // the main domain first
	Used    hosting.Quota
	Events  []latchkey.TrailEvent          // what [Account.Activity] searches, the newest first
	Saw     map[string][]latchkey.Observed // what tokens were used for, by their names
	Sent    []string                       // whom settings were sent

	mu       sync.Mutex
	dns      *zones            // nil until they are asked for
	tls      *certificates     // nil until they are asked for
	door     latchkey.Audience // of the tokens
	lastID   latchkey.TokenID
	tokens   map[string]*hosting.TokenInfo
	secrets  map[string]latchkey.TokenID
	boxes    map[hosting.Address]*box
	rules    rules // of mail
	dynamic  map[latchkey.Domain]*dynamicHost
	excluded []latchkey.Domain                   // from AutoSSL
	off      []string                            // kinds of notices
	keys     map[latchkey.Domain]latchkey.Secret // of DKIM
}

// box is a mailbox, the hash of its password and what it holds.
type box struct {
	hosting.Mailbox
	hash  string
	usage hosting.MailUsage
}

var _ hosting.Account = (*Account)(nil)

// New makes the account "demo" with the main domain example.com, every feature
// and no limits, at noon of 1 January 2026.
func New() *Account {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	limits := latchkey.NoLimits()
	return &Account{
		Now: func() time.Time { return noon },
		Data: latchkey.Account{
			ID: 7, Name: "demo", Domain: "example.com", Owner: "root", Package: "default", ContactEmail: "demo@example.org",
			Locale: "en", Theme: "jupiter", Shell: "/bin/false", Limits: limits, Created: noon.AddDate(0, 0, -1),
		},
		Who:     latchkey.Caller{Kind: latchkey.ByToken, Account: 7, Name: "demo", Features: latchkey.AllFeatures()},
		Machine: hosting.Server{Hostname: "host.example.net", IP: "192.0.2.1", Version: "1.2.3", MinStrength: 65},
		Package: latchkey.Package{Name: "default", FeatureList: latchkey.DefaultList, Limits: limits},
		Owned:   []latchkey.OwnedDomain{{Name: "example.com", Kind: latchkey.MainDomain, DocumentRoot: "public_html"}},
		Used:    hosting.Quota{ByteLimit: latchkey.Unlimited, InodeLimit: latchkey.Unlimited},
		tokens:  map[string]*hosting.TokenInfo{},
		secrets: map[string]latchkey.TokenID{},
		boxes:   map[hosting.Address]*box{},
	}
}

// Own gives the account one more domain.
func (a *Account) Own(kind latchkey.DomainKind, name latchkey.Domain, root string) {
	a.Owned = append(a.Owned, latchkey.OwnedDomain{Name: name, Kind: kind, DocumentRoot: root})
	slices.SortFunc(a.Owned[1:], func(x, y latchkey.OwnedDomain) int { return strings.Compare(string(x.Name), string(y.Name)) })
}

// Fill says what the mailbox at address holds from now on. It panics if there is
// no such mailbox.
func (a *Account) Fill(address hosting.Address, u hosting.MailUsage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.boxes[address].usage = u
}

// UseToken notes a use of the token called name. It panics if there is none.
func (a *Account) UseToken(name string, u latchkey.Use) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[name].Use = u
}

func (a *Account) Info(context.Context) (*latchkey.Account, error) { return &a.Data, nil }
func (a *Account) Caller() *latchkey.Caller                        { return &a.Who }
func (a *Account) At() time.Time                                   { return a.Now() }
func (a *Account) Server() *hosting.Server                         { return &a.Machine }
func (a *Account) Home() string                                    { return path.Join("/home", string(a.Data.Name)) }
func (a *Account) Tokens() hosting.Tokens                          { return (*tokens)(a) }
func (a *Account) Mail() hosting.Mail                              { return (*mail)(a) }

func (a *Account) Domains(context.Context) ([]latchkey.OwnedDomain, error) {
	return slices.Clone(a.Owned), nil
}
func (a *Account) Plan(context.Context) (latchkey.Package, error) { return a.Package, nil }
func (a *Account) Quota(context.Context) (hosting.Quota, error)   { return a.Used, nil }

// Activity implements [hosting.Account] over Events.
func (a *Account) Activity(_ context.Context, q latchkey.EventQuery) (page latchkey.EventPage, err error) {
	q.Account, q.Name, q.Own, q.Made = a.Data.ID, a.Data.Name, true, a.Data.Created
	return find(a.Events, &q), nil
}

// find is one page of events.
func find(events []latchkey.TrailEvent, q *latchkey.EventQuery) (page latchkey.EventPage) {
	passed := q.Before == (latchkey.TrailPosition{})
	for i := range events {
		e := &events[i]
		if passed && len(page.Events) == q.Limit {
			page.Next = page.Events[q.Limit-1].TrailPosition
			return page
		}
		if passed && q.Matches(&e.Event) {
			page.Events = append(page.Events, *e)
		}
		passed = passed || e.TrailPosition == q.Before
	}
	return page
}

type tokens Account

func (t *tokens) Create(_ context.Context, n hosting.NewToken) (latchkey.Token, latchkey.Secret, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := checkNew("name", &n); err != nil {
		return latchkey.Token{}, latchkey.Secret{}, err
	}
	now := t.Now()
	switch {
	case t.Data.Suspended:
		return latchkey.Token{}, latchkey.Secret{}, latchkey.Errorf(latchkey.Denied, "The account is suspended.")
	case !n.Expires.IsZero() && !n.Expires.After(now):
		return latchkey.Token{}, latchkey.Secret{}, latchkey.InvalidParam("expires_at", "The expiry time has already passed.")
	case t.tokens[n.Name] != nil:
		return latchkey.Token{}, latchkey.Secret{}, taken(n.Name)
	}
	secret := t.secret(n.Name)
	k := latchkey.Token{ID: t.lastID, Account: t.Who.Account, Audience: t.door, Handle: latchkey.Handle([]byte(secret[:6])), Created: now}
	n.Put(&k)
	t.tokens[n.Name] = &hosting.TokenInfo{Token: k}
	t.secrets[secret] = k.ID
	return k, latchkey.NewSecret(secret), nil
}

// secret is one for a token to be, whose number is the last then.
func (t *tokens) secret(name string) string {
	text := strings.ToUpper(digest(fmt.Sprint("token ", name, t.lastID)))[:32]
	t.lastID++
	return text
}

func checkNew(param string, n *hosting.NewToken) error {
	if err := hosting.CheckTokenName(param, n.Name); err != nil {
		return err
	}
	if err := hosting.CheckTerms(n.Terms, n.Expires); err != nil {
		return err
	}
	return hosting.CheckNote(n.Note)
}

// told is what is told of k now.
func (t *tokens) told(k *hosting.TokenInfo) hosting.TokenInfo {
	info := *k
	info.Expired = k.Token.Expired(t.Now())
	info.Standing = k.Token.Standing(t.Now(), k.Use.At, k.Uses)
	return info
}

func unknown(name string) error {
	return latchkey.Errorf(latchkey.NotFound, "There is no API token with the name “%s”.", name)
}

func (t *tokens) Change(_ context.Context, name string, change func(*hosting.NewToken) error) (hosting.TokenInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.tokens[name]
	if k == nil {
		return hosting.TokenInfo{}, unknown(name)
	}
	n := hosting.TokenOf(&k.Token)
	if err := change(&n); err != nil {
		return hosting.TokenInfo{}, err
	}
	if err := checkNew("new_name", &n); err != nil {
		return hosting.TokenInfo{}, err
	}
	switch {
	case !n.Expires.IsZero() && !n.Expires.Equal(k.Token.Expires) && !n.Expires.After(t.Now()):
		return hosting.TokenInfo{}, latchkey.InvalidParam("expires_at", "The expiry time has already passed.")
	case name != n.Name && t.tokens[n.Name] != nil:
		return hosting.TokenInfo{}, taken(n.Name)
	}
	delete(t.tokens, name)
	n.Put(&k.Token)
	t.tokens[n.Name] = k
	return t.told(k), nil
}

func (t *tokens) Observed(_ context.Context, name string) (hosting.TokenInfo, []latchkey.Observed, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.tokens[name]
	if k == nil {
		return hosting.TokenInfo{}, nil, unknown(name)
	}
	return t.told(k), slices.Clone(t.Saw[name]), nil
}

func (t *tokens) Named(_ context.Context, name string) (hosting.TokenInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.tokens[name]
	if k == nil {
		return hosting.TokenInfo{}, unknown(name)
	}
	return t.told(k), nil
}

func (t *tokens) Rotate(_ context.Context, name string, overlap time.Duration) (hosting.TokenInfo, latchkey.Secret, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.tokens[name]
	switch {
	case overlap < 0 || overlap > hosting.MaxOverlap:
		return hosting.TokenInfo{}, latchkey.Secret{}, latchkey.InvalidParam("overlap", "The overlap is invalid.")
	case k == nil:
		return hosting.TokenInfo{}, latchkey.Secret{}, unknown(name)
	case k.Token.Expired(t.Now()):
		return hosting.TokenInfo{}, latchkey.Secret{}, latchkey.Errorf(latchkey.Denied, "The API token “%s” has expired.", name)
	}
	now := t.Now()
	k.Renewed, k.WasUntil = now, now.Add(overlap)
	if !k.Expires.IsZero() && k.Expires.Before(k.WasUntil) {
		k.WasUntil = k.Expires
	}
	k.Was[0]++
	secret := t.secret(name)
	t.secrets[secret] = k.ID
	return t.told(k), latchkey.NewSecret(secret), nil
}

func (t *tokens) Switch(_ context.Context, name string, on bool) (hosting.TokenInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.tokens[name]
	if k == nil {
		return hosting.TokenInfo{}, unknown(name)
	}
	k.State = latchkey.TokenDisabled
	if on {
		k.State, k.Renewed = latchkey.TokenActive, t.Now()
	}
	return t.told(k), nil
}

func (t *tokens) RevokeAll(_ context.Context, keepOwn bool) (n int, _ error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, k := range t.tokens {
		if !keepOwn || k.ID != t.Who.Token {
			delete(t.tokens, name)
			n++
		}
	}
	return n, nil
}

func (t *tokens) Policy(context.Context) (hosting.TokenPolicyInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := latchkey.TokenPolicy{}.For("", latchkey.TokenPolicy{})
	return hosting.TokenPolicyInfo{Policy: p, MayMake: true, Tokens: len(t.tokens)}, nil
}

func (t *tokens) Notices(context.Context) (hosting.Notices, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return hosting.Notices{Contact: t.Data.ContactEmail, Off: t.off}, nil
}

func (t *tokens) SetNotices(ctx context.Context, change func([]string) []string) (hosting.Notices, error) {
	if t.Who.Kind == latchkey.ByToken {
		return hosting.Notices{}, latchkey.Errorf(latchkey.Denied, "An API token switches no notices off.")
	}
	t.mu.Lock()
	t.off = change(t.off)
	t.mu.Unlock()
	return t.Notices(ctx)
}

func (t *tokens) Find(_ context.Context, secret latchkey.Secret) (hosting.TokenInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id, ok := t.secrets[secret.Reveal()]
	for _, k := range t.tokens {
		if ok && k.ID == id {
			return t.told(k), nil
		}
	}
	return hosting.TokenInfo{}, latchkey.Errorf(latchkey.NotFound, "This is none of your API tokens.")
}

func (t *tokens) Own(context.Context) (hosting.TokenInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.tokens {
		if k.ID == t.Who.Token {
			return t.told(k), nil
		}
	}
	return hosting.TokenInfo{}, latchkey.Errorf(latchkey.NotFound, "You did not come in with an API token.")
}

func taken(name string) error {
	return latchkey.Errorf(latchkey.Exists, "An API token with the name “%s” already exists.", name)
}

func (t *tokens) List(context.Context) ([]hosting.TokenInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []hosting.TokenInfo
	for _, name := range slices.Sorted(maps.Keys(t.tokens)) {
		list = append(list, t.told(t.tokens[name]))
	}
	return list, nil
}

func (t *tokens) Search(ctx context.Context, q hosting.TokenQuery, skip, limit int) (hosting.TokenPage, error) {
	list, err := t.List(ctx)
	return q.Of(list, t.Now(), skip, limit), err
}

func (t *tokens) Rename(_ context.Context, name, newName string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := hosting.CheckTokenName("new_name", newName); err != nil {
		return err
	}
	k := t.tokens[name]
	switch {
	case k == nil:
		return unknown(name)
	case name != newName && t.tokens[newName] != nil:
		return taken(newName)
	}
	delete(t.tokens, name)
	k.Name = newName
	t.tokens[newName] = k
	return nil
}

func (t *tokens) Revoke(_ context.Context, name string) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, found := t.tokens[name]
	delete(t.tokens, name)
	return found, nil
}

type mail Account

func (m *mail) Create(_ context.Context, n hosting.NewMailbox) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	hash := n.Hash
	if hash == "" {
		hash = digest(n.Password.Reveal())
	}
	switch {
	case n.Hash == "" && n.Password.Empty():
		return noPassword()
	case n.Hash != "" && n.Hash[0] != '$' && n.Hash[0] != '{':
		return latchkey.InvalidParam("password_hash", "This is not a usable password hash.")
	case !m.owns(n.Address.Domain):
		return notOwned(n.Address.Domain)
	case m.boxes[n.Address] != nil:
		return latchkey.Errorf(latchkey.Exists, "There is an email account “%s” already.", n.Address)
	case int64(len(m.boxes)) >= m.Data.Limits.Mailboxes:
		return latchkey.Errorf(latchkey.Limit, "The account has all the email accounts its package allows (%d).", m.Data.Limits.Mailboxes)
	}
	if err := m.fits(n.Quota); err != nil {
		return err
	}
	m.boxes[n.Address] = &box{Mailbox: hosting.Mailbox{Address: n.Address, Quota: n.Quota, Created: m.Now()}, hash: hash}
	return nil
}

func (m *mail) owns(d latchkey.Domain) bool {
	return slices.ContainsFunc(m.Owned, func(o latchkey.OwnedDomain) bool { return o.Name == d })
}

func notOwned(d latchkey.Domain) error {
	return latchkey.Errorf(latchkey.NotFound, "You do not own the domain “%s”.", d)
}

func noPassword() error { return latchkey.InvalidParam("password", "The password is empty.") }

func (m *mail) fits(quota int64) error {
	if quota < 0 {
		return latchkey.InvalidParam("quota", "The quota is negative.")
	}
	if most := m.Data.Limits.MailboxMB; most != latchkey.Unlimited && (quota == 0 || quota > most<<20) {
		return latchkey.InvalidParam("quota", "The quota is too large: the package allows an email account at most %d MB.", most)
	}
	return nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// with runs fn on the mailbox at a.
func (m *mail) with(a hosting.Address, fn func(*box) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch b := m.boxes[a]; {
	case !m.owns(a.Domain):
		return notOwned(a.Domain)
	case b == nil:
		return latchkey.Errorf(latchkey.NotFound, "You do not have an email account named “%s”.", a)
	default:
		return fn(b)
	}
}

func (m *mail) Remove(_ context.Context, a hosting.Address) error {
	return m.with(a, func(*box) error {
		delete(m.boxes, a)
		delete(m.rules.filters, a)
		return nil
	})
}

func (m *mail) SetPassword(_ context.Context, a hosting.Address, password latchkey.Secret) error {
	if password.Empty() {
		return noPassword()
	}
	return m.with(a, func(b *box) error { b.hash = digest(password.Reveal()); return nil })
}

func (m *mail) SetQuota(_ context.Context, a hosting.Address, bytes int64) error {
	return m.with(a, func(b *box) error {
		if err := m.fits(bytes); err != nil {
			return err
		}
		b.Quota = bytes
		return nil
	})
}

func (m *mail) Suspend(_ context.Context, a hosting.Address, what hosting.Suspension, on bool) error {
	return m.with(a, func(b *box) error {
		switches := map[hosting.Suspension]*bool{
			hosting.Login: &b.SuspendedLogin, hosting.Incoming: &b.SuspendedIncoming,
			hosting.Outgoing: &b.SuspendedOutgoing, hosting.HoldOutgoing: &b.HoldOutgoing,
		}
		*switches[what] = on
		return nil
	})
}

func (m *mail) Verify(_ context.Context, a hosting.Address, password latchkey.Secret) (same bool, err error) {
	err = m.with(a, func(b *box) error { same = b.hash == digest(password.Reveal()); return nil })
	return same, err
}

func (m *mail) Mailbox(_ context.Context, a hosting.Address) (found hosting.Mailbox, err error) {
	err = m.with(a, func(b *box) error { found = b.Mailbox; return nil })
	return found, err
}

func (m *mail) Mailboxes(context.Context) ([]hosting.Mailbox, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []hosting.Mailbox
	for _, b := range m.boxes {
		list = append(list, b.Mailbox)
	}
	slices.SortFunc(list, func(x, y hosting.Mailbox) int {
		return strings.Compare(string(x.Address.Domain)+"\x00"+x.Address.Local, string(y.Address.Domain)+"\x00"+y.Address.Local)
	})
	return list, nil
}

func (m *mail) Page(ctx context.Context, skip, size int) ([]hosting.Mailbox, int, error) {
	all, err := m.Mailboxes(ctx)
	page := all[min(skip, len(all)):]
	return page[:min(size, len(page))], len(all), err
}

func (m *mail) EachMailbox(ctx context.Context, take func([]hosting.Mailbox) error) error {
	all, err := m.Mailboxes(ctx)
	for some := range slices.Chunk(all, 2) {
		if err == nil {
			err = take(some)
		}
	}
	return err
}

func (m *mail) Count(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.boxes)), nil
}

func (m *mail) Usage(_ context.Context, a hosting.Address) (u hosting.MailUsage, err error) {
	err = m.with(a, func(b *box) error { u = b.usage; return nil })
	return u, err
}

// Folders implements [hosting.Mail]: there is one.
func (m *mail) Folders(_ context.Context, a hosting.Address) (list []hosting.MailFolder, err error) {
	err = m.with(a, func(b *box) error { list = []hosting.MailFolder{b.inbox()}; return nil })
	return list, err
}

func (b *box) inbox() hosting.MailFolder {
	return hosting.MailFolder{Name: "INBOX", GUID: digest(b.Address.String())[:32], Messages: b.usage.Messages, Bytes: b.usage.Bytes, Virtual: b.usage.Bytes}
}

// Expunge implements [hosting.Mail]: the messages are all alike.
func (m *mail) Expunge(_ context.Context, a hosting.Address, f hosting.FolderRef, q mailsearch.Query) (n int64, err error) {
	err = m.with(a, func(b *box) error {
		if !f.Is(b.inbox()) {
			return hosting.NoFolder(a)
		}
		if b.usage.Messages == 0 {
			return nil
		}
		ok, err := q.Matches(&mailsearch.Message{Size: b.usage.Bytes / b.usage.Messages, Received: b.usage.Modified, Saved: b.usage.Modified, Recent: true, Header: func() (netmail.Header, error) { return nil, nil }})
		if ok {
			n, b.usage = b.usage.Messages, hosting.MailUsage{Modified: m.Now()}
		}
		return err
	})
	return n, err
}

// Held implements [hosting.MailQueue]: nothing is sent, so nothing waits.
func (m *mail) Held(_ context.Context, of hosting.Address) (int64, error) {
	if of == (hosting.Address{}) {
		return 0, nil
	}
	return 0, m.with(of, func(*box) error { return nil })
}

func (m *mail) DropHeld(ctx context.Context, of hosting.Address) (int64, error) {
	return m.Held(ctx, of)
}

// Browse implements [hosting.MailFiles]: a mailbox has three directories.
func (m *mail) Browse(_ context.Context, of hosting.Address, dir string) (list []hosting.MailFile, err error) {
	err = m.with(of, func(b *box) error {
		if dir != "" {
			return latchkey.Errorf(latchkey.NotFound, "There is no such directory in the mailbox.")
		}
		for _, name := range []string{"cur", "new", "tmp"} {
			list = append(list, hosting.MailFile{Name: name, Dir: true, Leaf: true, Modified: b.Created})
		}
		return nil
	})
	return list, err
}

// EndMailSessions implements [hosting.Mail]: nobody is signed in.
func (m *mail) EndMailSessions(context.Context) error { return nil }

// SendSettings implements [hosting.Mail]: [Account.Sent] tells to whom.
func (m *mail) SendSettings(_ context.Context, s hosting.MailSettings, to string) error {
	return m.with(s.Mailbox, func(*box) error {
		m.Sent = append(m.Sent, to)
		return nil
	})
}

func (m *mail) Domains(context.Context) ([]latchkey.Domain, error) {
	var list []latchkey.Domain
	for _, d := range m.Owned {
		list = append(list, d.Name)
	}
	return list, nil
}
