// Package store says what the server itself remembers: accounts, packages,
// features, domains, mailboxes, tokens, intents, the change log and the audit
// trail. Start at [Store]; sqlite is the embedded implementation and storetest
// the suite that every implementation passes.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Seq is a position in the change log. Positions rise by the order of commits.
type Seq uint64

// Store keeps the desired state. All methods are safe for concurrent use.
type Store interface {
	// Write runs fn in one transaction and returns when it is on the disk, and its
	// events with it: where those cannot be written it fails with [ErrNoTrail]. It
	// returns the position of the last change that fn logged, 0 if it logged
	// none. If fn returns an error nothing is kept and that error is returned.
	// fn may share a commit with others and must not wait for anything else.
	Write(ctx context.Context, fn func(Tx) error) (Seq, error)
	// Read runs fn over one consistent view of the store: whatever is committed
	// meanwhile, fn sees the state of one moment. fn must not call Read again,
	// nor wait for anything that does.
	Read(ctx context.Context, fn func(Reader) error) error

	Feed
	Close() error
}

// Feed is the change log: who reads it all, in order, knows what every node
// may accept.
type Feed interface {
	// Head is the position of the newest change.
	Head(ctx context.Context) (Seq, error)
	// Since is every change after a position, in order, and the position after
	// the last of them. [ErrGap] means that the log no longer reaches back so
	// far and that the reader must start anew from the state itself.
	Since(ctx context.Context, after Seq) ([]Change, Seq, error)
	// Wake receives after changes may have been added. It is a hint only.
	Wake() <-chan struct{}
}

// ErrGap is what [Feed.Since] returns for a position that was pruned.
var ErrGap = &latchkey.Error{Kind: latchkey.Internal, Msg: "the change log no longer holds that position"}

// ErrNotFound is what finding methods return when there is no such row.
var ErrNotFound = &latchkey.Error{Kind: latchkey.NotFound, Msg: "there is no such entry"}

// ChangeKind says what a change is about.
type ChangeKind string

const (
	TokenPut    ChangeKind = "token"         // Token holds the row as it is now, Gone a secret that opens it no more
	TokenGone   ChangeKind = "token-gone"    // Token holds the row as it was
	AccountPut  ChangeKind = "account"       // Account changed: state, name, limits, features
	AccountGone ChangeKind = "account-gone"  // Account is no more, and its tokens with it
	PolicyPut   ChangeKind = "feature-lists" // a package or a feature list changed: every account may have
	SettingPut  ChangeKind = "setting"       // what the administrator has set changed
)

// Change is one entry of the change log: a change of who may do what.
type Change struct {
	Kind    ChangeKind         `json:"kind"`
	Account latchkey.AccountID `json:"account,omitempty"`
	Token   *latchkey.Token    `json:"token,omitempty"`
	Gone    latchkey.TokenMAC  `json:"gone,omitzero"`
}

// Mailbox is one mailbox as it is wanted.
type Mailbox struct {
	Account           latchkey.AccountID
	Domain            latchkey.Domain
	Local             string
	PasswordHash      string
	Quota             int64 // bytes; 0 for no limit
	SuspendedLogin    bool
	SuspendedIncoming bool
	SuspendedOutgoing bool
	HoldOutgoing      bool
	Created           time.Time
}

// Address is local@domain.
func (m *Mailbox) Address() string { return m.Local + "@" + string(m.Domain) }

// Zone is one version of a DNS zone: its text is that of its parts, in their
// order.
type Zone struct {
	Name    latchkey.Domain
	Account latchkey.AccountID
	Version int64 // another for every change
	Serial  uint32
	Parts   []int64 // keys of parts
}

// ZonePart is a part of the text of a zone. What has a key never changes.
type ZonePart struct {
	Key  int64
	Text string
}

// Kept is a private key, a certificate signing request or a certificate that an
// account keeps.
type Kept struct {
	Account latchkey.AccountID
	Kind    uint8
	ID      string
	Name    string // no other of its kind and account has it
	Created time.Time
	Body    []byte // what anybody may see of it
	Sealed  []byte // what nobody may see: nothing reads it without the server's keys
}

// Site is what the site of a domain is served under. A site that is served
// without TLS and as it stands has no row.
type Site struct {
	Host      latchkey.Domain
	Account   latchkey.AccountID
	Redirects bool
	Chain     string // certificates in PEM, that of the site first; "" for none
	KeyID     string
	Sealed    []byte // the private key
	Installed time.Time
	Provider  string // who got the certificate
}

// DynamicHost is a host whose addresses follow whoever calls its address back.
type DynamicHost struct {
	Name        latchkey.Domain
	Account     latchkey.AccountID
	Zone        latchkey.Domain
	MAC         latchkey.TokenMAC // what it is found by
	Sealed      string            // what is called, for those who may see it
	Description string
	Created     time.Time
	Updated     time.Time   // when an address changed last; zero for never
	Runs        []time.Time // the latest calls, the newest first
	V4, V6      string      // the addresses that a call has set last
}

// DKIMKey is the private key that signs the mail of a domain.
type DKIMKey struct {
	Domain  latchkey.Domain
	Account latchkey.AccountID
	Sealed  string
	Created time.Time
}

// AutoSSL is how it stands with the certificate that the server gets by itself for
// a host.
type AutoSSL struct {
	Host     latchkey.Domain
	Account  latchkey.AccountID
	Excluded bool   // its owner wants none
	Problem  string // what stands in the way; "" for nothing
	At       time.Time
	Tries    int       // how often in a row it was tried in vain
	Due      time.Time // it is not tried again before
}

// AccountField is what accounts are searched by.
type AccountField uint8

const (
	ByName AccountField = iota
	ByDomain
	ByOwner
	ByPackage
)

// AccountSearch is which accounts are looked for: those of which Match takes what
// stands in the field By.
type AccountSearch struct {
	Owner latchkey.AccountName // whose they are; "" for anybody's
	By    AccountField
	Match func(text string) bool
}

// TokenSearch is which tokens are looked for: those that are all it says.
type TokenSearch struct {
	Owner    latchkey.AccountName // their account is this one, or one that it owns; "" for any
	Text     string               // part of the account's or the token's name, in lower case
	Packages []string             // one of these is their account's; nil for any
	NoEnd    bool                 // they last for ever
	Full     bool                 // they may do everything that their account may
	Idle     time.Time            // made then or before, and not used since as far as uses are kept; zero for any
}

// TokenKey is where a token stands among those for accounts' doors.
type TokenKey struct {
	Account latchkey.AccountID
	Name    string
}

// HostedDomain is a domain and whose it is.
type HostedDomain struct {
	latchkey.OwnedDomain
	Account latchkey.AccountName
	Owner   latchkey.AccountName // of the account
	Main    latchkey.Domain      // of the account
}

// Usage is what an account's home takes up, as last measured and since
// adjusted by our own writes.
type Usage struct {
	Bytes, Inodes int64
	TakenAt       time.Time
}

// Intent is something begun that must be finished, whatever happens: it is
// written before the first effect and taken away with the last.
type Intent struct {
	ID      int64
	At      time.Time
	Account latchkey.AccountID
	Kind    string
	Body    []byte // JSON
}

// Source is what is counted against a source of failed sign-ins: an address, or
// a network, by the throttle's number of it.
type Source struct {
	Key       uint64
	Level     float32 // failures, as they had faded at At
	At, Until time.Time
	Count     int
	Known     bool
	Excess    bool
}

// Notice is something that is to be told by mail to the owner of an account.
type Notice struct {
	ID      int64
	Account latchkey.AccountID
	At      time.Time
	Due     time.Time // when it is to be sent; zero: it is done with
	Tries   int       // how often that failed
	Address string    // to whom
	Body    []byte    // what is to be told, JSON
}

// Link is one entry of the audit trail: some events, encoded, and the hash
// that chains them to all before.
type Link struct {
	Seq    uint64
	At     time.Time
	Events int
	Hash   [32]byte // see [Link.Sum]
	Body   []byte
}

// Sum is the hash that a link must have after the one whose hash is prev:
// SHA-256 over prev, Seq, At in microseconds, Events and Body.
func (l *Link) Sum(prev [32]byte) [32]byte {
	h := sha256.New()
	var head [24]byte
	binary.BigEndian.PutUint64(head[0:], l.Seq)
	binary.BigEndian.PutUint64(head[8:], uint64(l.At.UnixMicro()))
	binary.BigEndian.PutUint64(head[16:], uint64(l.Events))
	h.Write(prev[:])
	h.Write(head[:])
	h.Write(l.Body)
	return [32]byte(h.Sum(nil))
}

// TrailBlock is what stands in some links of the audit trail that follow each
// other, so that who looks for something can pass over them.
type TrailBlock struct {
	First, Last uint64
	Events      int
	From, To    time.Time // of the oldest event in it, and the newest
	Filter      []byte    // what it may hold; see package audit
}

// ErrNoTrail is why a transaction whose events could not be written has changed
// nothing.
var ErrNoTrail = &latchkey.Error{Kind: latchkey.Unavailable, Msg: "The audit trail cannot be written, and without it nothing was changed. Try again later."}

// Stage is where a row with effects outside the store stands.
type Stage uint8

const (
	Creating Stage = iota // reserved: its effects are under way
	Ready
	Removing
)

// Reader finds. Finding methods return [ErrNotFound] when there is no such row
// and never show rows that are not [Ready], unless their comment says so.
type Reader interface {
	Account(name latchkey.AccountName) (latchkey.Account, error)
	AccountByID(id latchkey.AccountID) (latchkey.Account, error)
	// Accounts lists by name, at most limit of them, from after on. The
	// administrator is not among them.
	Accounts(after latchkey.AccountName, limit int) ([]latchkey.Account, error)
	// AccountPage lists by name, at most limit of them, after the first skip of
	// those from after on; only those that owner owns, unless it is "".
	AccountPage(owner, after latchkey.AccountName, skip, limit int) ([]latchkey.Account, error)
	// SearchAccounts lists by name those that a search finds, at most limit of them
	// after the first skip, and tells how many it finds.
	SearchAccounts(q AccountSearch, skip, limit int) (list []latchkey.Account, total int, err error)
	// AccountCount is how many accounts there are that owner owns, or at all if it
	// is "", and how many of them are suspended. It takes no longer for many.
	AccountCount(owner latchkey.AccountName) (accounts, suspended int, err error)
	// Owned is every account that owner owns, by name.
	Owned(owner latchkey.AccountName) ([]latchkey.Account, error)
	// Resellers is every account that is one, by name.
	Resellers() ([]latchkey.Account, error)
	// Reseller is what a reseller may do with accounts of its own.
	Reseller(account latchkey.AccountID) (latchkey.Reseller, error)
	PrivilegeList(name string) (latchkey.PrivilegeList, error)
	PrivilegeLists() ([]latchkey.PrivilegeList, error)
	// NameTaken reports whether a new account cannot be called name: the first
	// eight characters of account names are unique. It also sees accounts that
	// are being made or removed.
	NameTaken(name latchkey.AccountName) (bool, error)

	Domains(account latchkey.AccountID) ([]latchkey.OwnedDomain, error)
	// DomainOwner also sees domains of accounts that are being made or removed.
	DomainOwner(name latchkey.Domain) (latchkey.AccountID, error)

	// Domain is a domain and the account it belongs to.
	Domain(name latchkey.Domain) (latchkey.AccountID, latchkey.OwnedDomain, error)
	// DomainsAfter lists the domains of all accounts by name, at most limit of
	// them, from after on.
	DomainsAfter(after latchkey.Domain, limit int) ([]HostedDomain, error)

	Package(name string) (latchkey.Package, error)
	// PackageUsed reports whether an account has the package. It also sees
	// accounts that are being made or removed.
	PackageUsed(name string) (bool, error)
	Packages() ([]latchkey.Package, error)
	FeatureList(name string) (latchkey.FeatureList, error)
	FeatureLists() ([]latchkey.FeatureList, error)
	Overrides(account latchkey.AccountID) (map[string]bool, error)

	// TokenByMAC is the token with a secret, or with one it had before.
	TokenByMAC(mac latchkey.TokenMAC) (latchkey.Token, error)
	Token(account latchkey.AccountID, audience latchkey.Audience, name string) (latchkey.Token, error)
	Tokens(account latchkey.AccountID, audience latchkey.Audience) ([]latchkey.Token, error)
	// TokensAfter walks over all tokens by (account, audience, name).
	TokensAfter(account latchkey.AccountID, audience latchkey.Audience, name string, limit int) ([]latchkey.Token, error)
	// FindTokens lists those for accounts' doors that a search finds, by account and
	// name, at most limit of them. It looks at so many tokens from after on, and
	// next is where it came to, nil after the last.
	FindTokens(q TokenSearch, after TokenKey, look, limit int) (list []latchkey.Token, next *TokenKey, err error)
	Use(mac latchkey.TokenMAC) (latchkey.Use, error)
	// UsesOf are the uses of many secrets, of those that have any.
	UsesOf(macs []latchkey.TokenMAC) (map[latchkey.TokenMAC]latchkey.Use, error)
	// TokensEnding are those that end after a time (or then, with a greater
	// number) and not after until, at most limit of them, by when they end.
	TokensEnding(after time.Time, afterID latchkey.TokenID, until time.Time, limit int) ([]latchkey.Token, error)
	// TokensOnTerms are those that end when they are used up or not used, after a
	// number, at most limit of them, by number.
	TokensOnTerms(after latchkey.TokenID, limit int) ([]latchkey.Token, error)
	TokenCount(account latchkey.AccountID, audience latchkey.Audience) (int, error)
	// Told is what was last told of a token's end.
	Told(id latchkey.TokenID) (string, error)
	// NetworksSince is how many networks a token was first used from at a time or
	// later.
	NetworksSince(id latchkey.TokenID, at time.Time) (int, error)
	// Tally is what is counted of a token.
	Tally(id latchkey.TokenID) (latchkey.Tally, error)
	// Observed is what a token was used for while it was watched, in an order.
	Observed(id latchkey.TokenID) ([]latchkey.Observed, error)
	// TokenDays is how often the tokens of an account were used, by token and day,
	// since a day.
	TokenDays(account latchkey.AccountID, audience latchkey.Audience, since latchkey.DayNumber) ([]latchkey.TokenDay, error)
	// DaysOf is the same of some tokens.
	DaysOf(ids []latchkey.TokenID, since latchkey.DayNumber) ([]latchkey.TokenDay, error)

	Session(id latchkey.SessionID) (latchkey.Session, error)
	// Sessions are those of an account, or of one mailbox of it, the oldest first.
	Sessions(account latchkey.AccountID, mailbox latchkey.MailboxName) ([]latchkey.Session, error)
	// RecoveryCodes is how many an account has left.
	RecoveryCodes(account latchkey.AccountID) (int, error)
	// Sources are all that are kept.
	Sources() ([]Source, error)
	// DueNotices are those to be sent at a time or before, at most limit of them,
	// who is due first before others.
	DueNotices(at time.Time, limit int) ([]Notice, error)
	// NoticesSince is how many notices an account has had from a time on, done with
	// or not, as far as they are kept.
	NoticesSince(account latchkey.AccountID, at time.Time) (int, error)
	// NoticesOff are the kinds of notices that an account's owner does not want.
	NoticesOff(account latchkey.AccountID) ([]string, error)
	// Setting reads what the administrator has set under a name.
	Setting(name string, into any) error

	Mailbox(account latchkey.AccountID, domain latchkey.Domain, local string) (Mailbox, error)
	// Mailboxes lists by (domain, local), from after on; limit 0 is all.
	Mailboxes(account latchkey.AccountID, after Mailbox, limit int) ([]Mailbox, error)
	// MailboxPage lists by (domain, local), at most limit of them, after the first
	// skip, and tells how many there are. The hundredth page costs what the first
	// does.
	MailboxPage(account latchkey.AccountID, skip, limit int) (list []Mailbox, total int, err error)
	// MailboxCount also counts mailboxes that are being made or removed.
	MailboxCount(account latchkey.AccountID) (int64, error)

	MailRules
	Outbox

	// Zone and the other methods about zones also see those of accounts that are
	// being made or removed.
	Zone(name latchkey.Domain) (Zone, error)
	// ZoneParts are the parts of a zone, by key.
	ZoneParts(name latchkey.Domain) ([]ZonePart, error)
	// Zones are those of an account, by name.
	Zones(account latchkey.AccountID) ([]Zone, error)
	// ZonesAfter lists all zones by name, at most limit of them, from after on.
	ZonesAfter(after latchkey.Domain, limit int) ([]Zone, error)

	// Kept are all of a kind, the oldest first.
	Kept(account latchkey.AccountID, kind uint8) ([]Kept, error)
	Site(host latchkey.Domain) (Site, error)
	// Sites are those of an account, by host.
	Sites(account latchkey.AccountID) ([]Site, error)
	// KeyType is the type of private key that an account has chosen.
	KeyType(account latchkey.AccountID) (string, error)
	DynamicHost(name latchkey.Domain) (DynamicHost, error)
	DynamicHostByMAC(mac latchkey.TokenMAC) (DynamicHost, error)
	// DynamicHosts are those of an account, by name.
	DynamicHosts(account latchkey.AccountID) ([]DynamicHost, error)
	DKIMKey(domain latchkey.Domain) (DKIMKey, error)
	// AutoSSL is how it stands with the hosts of an account, by host.
	AutoSSL(account latchkey.AccountID) ([]AutoSSL, error)

	Usage(account latchkey.AccountID) (Usage, error)
	Intents() ([]Intent, error)
	// Trail is the audit trail after seq, oldest first, at most limit links.
	Trail(after uint64, limit int) ([]Link, error)
	// TrailBefore is the audit trail before seq, newest first, at most limit links.
	TrailBefore(seq uint64, limit int) ([]Link, error)
	// TrailBlocks are the blocks that begin before seq, newest first, at most limit
	// of them.
	TrailBlocks(before uint64, limit int) ([]TrailBlock, error)
	// TrailHead is the newest link.
	TrailHead() (Link, error)
}

// Tx finds and changes. A change is on the disk when [Store.Write] returns.
type Tx interface {
	Reader

	// InsertAccount gives the account its number. It fails with kind Exists if
	// the name is taken.
	InsertAccount(a latchkey.Account, stage Stage) (latchkey.AccountID, error)
	UpdateAccount(a latchkey.Account) error
	StageAccount(id latchkey.AccountID, stage Stage) error
	// DeleteAccount takes the account away with all its rows.
	DeleteAccount(id latchkey.AccountID) error
	// Reown gives all that owner owns to another, those being made and removed
	// too, and tells how many accounts that were.
	Reown(owner, to latchkey.AccountName) (int64, error)

	PutReseller(account latchkey.AccountID, s latchkey.Reseller) error
	DeleteReseller(account latchkey.AccountID) error
	PutPrivilegeList(l latchkey.PrivilegeList) error

	InsertDomain(account latchkey.AccountID, d latchkey.OwnedDomain) error
	// RenameDomain takes the site of the domain along.
	RenameDomain(old, new latchkey.Domain) error

	PutPackage(p latchkey.Package) error
	DeletePackage(name string) error
	PutFeatureList(l latchkey.FeatureList) error
	DeleteFeatureList(name string) error
	PutOverride(account latchkey.AccountID, feature string, on bool) error
	DeleteOverride(account latchkey.AccountID, feature string) error

	NextTokenID() (latchkey.TokenID, error)
	InsertToken(t latchkey.Token) error
	// UpdateToken replaces the row that is now called name, whole, but for its
	// account and audience. The use of a secret that it has no more goes.
	UpdateToken(name string, t latchkey.Token) error
	// DeleteToken takes the token away, and its uses and its tally with it.
	DeleteToken(account latchkey.AccountID, audience latchkey.Audience, name string) error
	// PutUse is cheapest for many tokens in the order of their MACs.
	PutUse(mac latchkey.TokenMAC, u latchkey.Use) error
	PutTally(id latchkey.TokenID, t latchkey.Tally) error
	// AddObserved adds to what a token was used for: what was there already counts
	// more. It is taken away with the token.
	AddObserved(id latchkey.TokenID, list []latchkey.Observed) error
	DeleteObserved(id latchkey.TokenID) error
	// AddTokenDay adds to how often a token was used on a day; of one that is no
	// more nothing is kept. It is taken away with the token.
	AddTokenDay(d latchkey.TokenDay) error
	DeleteTokenDays(before latchkey.DayNumber) error

	// InsertSession adds a session. It ends with its account; when that is
	// suspended or its password changes; a mailbox's when the mailbox is taken
	// away, its login is suspended or its password changes; and one that was made
	// with a token when that is taken away or may not be used any more.
	InsertSession(x latchkey.Session) error
	// PutSessionUse notes a use; a session that is no more is left alone.
	PutSessionUse(id latchkey.SessionID, at time.Time) error
	DeleteSession(id latchkey.SessionID) error
	// DeleteSessions ends the sessions of an account and of all its mailboxes.
	DeleteSessions(account latchkey.AccountID) error
	// DeleteOldSessions takes away the sessions that end at ended or before, and
	// those last used at unused or before.
	DeleteOldSessions(ended, unused time.Time) error

	// PutRecoveryCodes gives an account other recovery codes: those of before are no
	// more. They go with the account, and when its second factor changes.
	PutRecoveryCodes(account latchkey.AccountID, macs []latchkey.RecoveryMAC) error
	// DeleteRecoveryCode takes one away; ErrNotFound if it is not there.
	DeleteRecoveryCode(account latchkey.AccountID, mac latchkey.RecoveryMAC) error

	PutSource(s Source) error
	// DeleteSource takes one away; it need not be there.
	DeleteSource(key uint64) error
	// DeleteOldSources takes away those that are not refused at now and failed
	// last at faded or before, and of more than most those that are free first.
	DeleteOldSources(now, faded time.Time, most int) error

	InsertNotice(n Notice) (int64, error)
	// PutNotice says when a notice is due, and how often it failed.
	PutNotice(id int64, due time.Time, tries int) error
	// DeleteOldNotices takes away those that are done with and older than before.
	DeleteOldNotices(before time.Time) error
	PutNoticesOff(account latchkey.AccountID, kinds []string) error
	// PutTold notes what was told of a token's end. It goes with the token.
	PutTold(id latchkey.TokenID, what string) error
	// AddNetwork notes that a token was used from a network, and reports whether
	// that is a new one. Of more than most of a token the oldest are forgotten.
	AddNetwork(id latchkey.TokenID, network netip.Prefix, at time.Time, most int) (isNew bool, err error)

	// PutSetting sets what can be read under a name, as JSON.
	PutSetting(name string, v any) error

	InsertMailbox(m Mailbox, stage Stage) error
	UpdateMailbox(m Mailbox) error
	StageMailbox(account latchkey.AccountID, domain latchkey.Domain, local string, stage Stage) error
	DeleteMailbox(account latchkey.AccountID, domain latchkey.Domain, local string) error

	MailRuler
	Outboxer

	// InsertZone adds a zone. It fails with kind Exists if there is one of its
	// name.
	InsertZone(z Zone, parts []ZonePart) error
	// UpdateZone replaces the row of a zone, takes the parts with the keys drop
	// away and adds others.
	UpdateZone(z Zone, drop []int64, put []ZonePart) error
	DeleteZone(name latchkey.Domain) error

	// InsertKept and RenameKept fail with kind Exists if another of the kind has
	// the ID or the name.
	InsertKept(k Kept) error
	RenameKept(account latchkey.AccountID, kind uint8, id, name string) error
	DeleteKept(account latchkey.AccountID, kind uint8, id string) error
	// PutSite puts a site in the place of the one with its host, if there is one.
	PutSite(s Site) error
	DeleteSite(host latchkey.Domain) error
	PutKeyType(account latchkey.AccountID, keyType string) error
	// InsertDynamicHost adds a host. It fails with kind Exists if there is one of
	// its name.
	InsertDynamicHost(d DynamicHost) error
	// UpdateDynamicHost replaces the row of a host, but for its account and zone.
	UpdateDynamicHost(d DynamicHost) error
	DeleteDynamicHost(name latchkey.Domain) error
	// PutDKIMKey keeps a key in the place of another of its domain.
	PutDKIMKey(k DKIMKey) error
	// PutAutoSSL puts a row in the place of the one with its host, if there is one.
	PutAutoSSL(a AutoSSL) error
	// DeleteAutoSSL takes the row of a host away; it need not be there.
	DeleteAutoSSL(host latchkey.Domain) error

	PutUsage(account latchkey.AccountID, u Usage) error

	InsertIntent(i Intent) (int64, error)
	DeleteIntent(id int64) error

	PutTrailBlock(b TrailBlock) error
	// CutTrail takes away the links up to seq, but never the newest, and the blocks
	// that end there or before, and tells how many links that were.
	CutTrail(seq uint64) (int64, error)

	// Log adds to the change log.
	Log(c Change)
	// Audit adds events to the trail, in this transaction.
	Audit(body []byte, events int)
}
