// Package hosting says what an account owns and what the host can do, as
// interfaces. Functions act on them; package estate implements them over the
// store and the drivers. Authority is a value: who holds an [Account] may act on
// it, and can reach no other.
package hosting

import (
	"context"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Account is one account, in the hands of one caller.
type Account interface {
	// Info is the account as it is when the call first asks.
	Info(ctx context.Context) (*latchkey.Account, error)
	// Caller is who acts.
	Caller() *latchkey.Caller
	// At is when the call began.
	At() time.Time
	// Home is the path of the account's home, as clients are told it.
	Home() string
	Server() *Server

	Tokens() Tokens
	Mail() Mail
	Zones() Zones
	Certificates() Certificates
	DynamicHosts() DynamicHosts
	AutoSSL() AutoSSL
	DKIM() DKIM
	SignIns() SignIns
	// Activity is what was done by the account and with its credentials, and what
	// of that was refused and why: of what the audit trail has, the part that is
	// asked for. Whose events they are is not for the query to say.
	Activity(ctx context.Context, q latchkey.EventQuery) (latchkey.EventPage, error)
	// Domains are the account's domains, the main one first, then by name.
	Domains(ctx context.Context) ([]latchkey.OwnedDomain, error)
	// Plan is the account's package.
	Plan(ctx context.Context) (latchkey.Package, error)
	// Quota is what the home takes up and may take up, without measuring it.
	Quota(ctx context.Context) (Quota, error)
}

// Server is what may be told of the machine.
type Server struct {
	Hostname     string
	IP           string // the address accounts share
	Version      string
	MinStrength  int      // the least a new password must reach, 0 to 100
	Nameservers  []string // for the domains of accounts whose reseller names none
	DNS          bool     // there is a name server
	DNSSEC       bool     // and it signs zones
	Web          bool     // there is a web server for accounts
	DNSServer    string   // what it is; "" for this program
	PlainAuth    bool     // mail programs may sign in without TLS
	MailServed   bool     // they open mailboxes here, by IMAP, and send by SMTP
	OnlySTARTTLS bool     // they send at port 587 alone, not at 465 with TLS from the first byte on
	// Sites are the addresses of the doors, such as https://host.example.com:2083,
	// by audience; "" for one that is not there.
	Sites [3]string
	// Doors is what they show; nil where there are none. See [Server.Shown].
	Doors func() Shown
	// Findings look at the machine and at the server on it; nil where nobody does.
	Findings func(ctx context.Context) []Finding
}

// Finding is how it stands with one part of the server: State is ok, note for
// what is worth knowing, or problem for what must be mended. Do is what to do
// about it; "" for nothing.
type Finding struct {
	Part  string `json:"part"`
	State string `json:"state"`
	Text  string `json:"text"`
	Do    string `json:"do"`
}

// Site is the address of a door.
func (s *Server) Site(a latchkey.Audience) string { return s.Sites[a] }

// Quota is usage and limits of a home; a limit is [latchkey.Unlimited] for none.
type Quota struct {
	Bytes, ByteLimit   int64
	Inodes, InodeLimit int64
}

// Tokens are an account's API tokens.
type Tokens interface {
	// Create makes a token and returns it with its secret, which is shown this
	// once. Fails: Exists, Invalid, Denied.
	Create(ctx context.Context, t NewToken) (latchkey.Token, latchkey.Secret, error)
	// List is every token that was not revoked, expired ones too, by name.
	List(ctx context.Context) ([]TokenInfo, error)
	// Search is a page of the tokens that q finds, as List has them.
	Search(ctx context.Context, q TokenQuery, skip, limit int) (TokenPage, error)
	// Rename keeps everything but the name. Fails: NotFound, Exists, Invalid,
	// Denied.
	Rename(ctx context.Context, name, newName string) error
	// Change changes what a token is to be by change, atomically, its name too; it
	// keeps its secret. An expiry that change leaves alone may have passed. It is
	// in force when it returns. Fails as Create does, and with NotFound.
	Change(ctx context.Context, name string, change func(*NewToken) error) (TokenInfo, error)
	// Rotate gives a token another secret, which is shown this once. The one it has
	// opens it for overlap still, never longer than it lasts; one from a rotation
	// before opens nothing. Fails: NotFound, Invalid for an overlap that is not 0
	// to [MaxOverlap], Denied.
	Rotate(ctx context.Context, name string, overlap time.Duration) (TokenInfo, latchkey.Secret, error)
	// Switch enables or disables a token: one that is disabled is refused, and
	// keeps everything. The unused days of one that is enabled begin anew. Fails:
	// NotFound, Denied.
	Switch(ctx context.Context, name string, on bool) (TokenInfo, error)
	// Observed is a token and what it was used for since it is watched: see
	// [latchkey.Terms]. A watch that begins anew forgets the one before. Fails:
	// NotFound.
	Observed(ctx context.Context, name string) (TokenInfo, []latchkey.Observed, error)
	// Named is one token, as List has it but for its days. Fails: NotFound.
	Named(ctx context.Context, name string) (TokenInfo, error)
	// Find is the token with a secret: one of these, or where the administrator
	// asks, of all for this door. Fails: NotFound.
	Find(ctx context.Context, secret latchkey.Secret) (TokenInfo, error)
	// Own is the token that the caller came in with. Fails: NotFound for one that
	// came in with something else.
	Own(ctx context.Context) (TokenInfo, error)
	// Revoke reports whether there was such a token. When it returns, the token
	// is refused. Fails: Denied.
	Revoke(ctx context.Context, name string) (bool, error)
	// RevokeAll revokes all of them at once, but for the one that the caller came in
	// with where keepOwn is set, and tells how many that were. Fails: Denied.
	RevokeAll(ctx context.Context, keepOwn bool) (int, error)
	// Policy is what the administrator lets the caller make. Create, Change,
	// Rotate and Switch on fail with Denied where it is not kept.
	Policy(ctx context.Context) (TokenPolicyInfo, error)
	// Notices are those that the account's owner is sent by mail.
	Notices(ctx context.Context) (Notices, error)
	// SetNotices changes the kinds that they do not want by change, atomically.
	// Fails: Denied for who calls with a token.
	SetNotices(ctx context.Context, change func(off []string) []string) (Notices, error)
}

// Notices are the mails that an account's owner is sent about tokens.
type Notices struct {
	Sent    bool   // the server sends any
	Contact string // to whom
	Off     []string
}

// MaxOverlap is the longest that the secret a token had before may open it.
const MaxOverlap = 7 * latchkey.Day

// NewToken is what a token is to be. Expires zero is never; a time that has
// passed is Invalid, and so are a name that fails [CheckTokenName], terms that
// fail [CheckTerms] and a note that fails [CheckNote].
//
// Who calls with a token makes none that can do more than that one, nor makes one
// of another: it has no other grants or privileges, can be used from nowhere
// else, not for longer and not more often. What is left out is as theirs. Nor
// do they rename or revoke one that may do what theirs may not.
type NewToken struct {
	Name     string
	Expires  time.Time
	ReadOnly bool
	// Privileges are the most it may do at the host's door; none for all that the
	// caller may.
	Privileges latchkey.PrivilegeSet
	Addresses  latchkey.Addresses
	// Grants are what it may do at an account's door, in the normal form of
	// package grant; none for all that the caller may.
	Grants string
	latchkey.Terms
	Note string
}

// TokenOf is t as what it is to be.
func TokenOf(t *latchkey.Token) NewToken {
	return NewToken{t.Name, t.Expires, t.ReadOnly, t.Privileges, t.Addresses, t.Grants, t.Terms, t.Note}
}

// Put makes t what n says.
func (n *NewToken) Put(t *latchkey.Token) {
	t.Name, t.Expires, t.ReadOnly, t.Privileges, t.Addresses, t.Grants, t.Terms, t.Note =
		n.Name, n.Expires, n.ReadOnly, n.Privileges, n.Addresses, n.Grants, n.Terms, n.Note
}

// ShownDays is of how many days lists tell how often a token was used.
const ShownDays = 14

// TokenInfo is a token and its last use.
type TokenInfo struct {
	latchkey.Token
	Use      latchkey.Use // by any of its secrets
	UsedWas  latchkey.Use // by the secret it had before
	Uses     int64        // how many calls it has made, if that is bounded
	Expired  bool         // it has run out: it is refused, and stays until it is revoked
	Standing latchkey.Standing
	// Breaches are the rules of the administrator's policy that it does not keep.
	Breaches []latchkey.Breach
	// Days are the days of the last [ShownDays] on which it was used, the earliest
	// first; in lists only.
	Days []latchkey.TokenDay
}

// Mail is an account's mail. What is asked of a mailbox that is not there, or of
// a domain that is not the account's, fails with NotFound.
type Mail interface {
	// Create makes a mailbox that takes mail when it returns. Fails: Exists,
	// Invalid, Limit for one more than the account may have, NotFound.
	Create(ctx context.Context, m NewMailbox) error
	// Remove takes a mailbox and its mail away.
	Remove(ctx context.Context, a Address) error
	SetPassword(ctx context.Context, a Address, password latchkey.Secret) error
	// SetQuota sets the most a mailbox may hold, in bytes; 0 is no limit.
	// Less, and more than the account's limits let one hold, is Invalid.
	SetQuota(ctx context.Context, a Address, bytes int64) error
	// Suspend switches one way of using a mailbox off or on.
	Suspend(ctx context.Context, a Address, what Suspension, on bool) error
	// Verify reports whether password opens the mailbox.
	Verify(ctx context.Context, a Address, password latchkey.Secret) (bool, error)
	Mailbox(ctx context.Context, a Address) (Mailbox, error)
	// Mailboxes is all of them, by domain and name.
	Mailboxes(ctx context.Context) ([]Mailbox, error)
	// Page is at most size of them after the first skip, and how many there are. A
	// page costs no more the longer the list is.
	Page(ctx context.Context, skip, size int) (list []Mailbox, total int, err error)
	// EachMailbox gives all of them to take, some at a time.
	EachMailbox(ctx context.Context, take func([]Mailbox) error) error
	Count(ctx context.Context) (int64, error)
	// Usage is what a mailbox holds now.
	Usage(ctx context.Context, a Address) (MailUsage, error)
	// Folders are the folders of a mailbox and what they hold, INBOX first.
	Folders(ctx context.Context, a Address) ([]MailFolder, error)
	// Expunge deletes for good the messages of one folder that q chooses, and tells
	// how many they were. Fails: NotFound for a folder that is not there.
	Expunge(ctx context.Context, a Address, f FolderRef, q mailsearch.Query) (int64, error)
	// Domains are the domains that may have mailboxes, the main one first, then
	// by name.
	Domains(ctx context.Context) ([]latchkey.Domain, error)

	// SendSettings sends an address what a mail program has to know to open a mailbox.
	// It returns when who sends mail for the server has taken it. Fails: Invalid,
	// RoleOff where the server sends no mail, Limit, Unavailable.
	SendSettings(ctx context.Context, s MailSettings, to string) error

	// EndMailSessions ends the sessions of all who read mail in a mailbox of the
	// account, by IMAP or POP3: when it returns they are out. They may sign in again.
	EndMailSessions(ctx context.Context) error

	MailRules
	MailQueue
	MailFiles
}

// NewMailbox is what a mailbox is to be: with a password, or with the hash of
// one that somebody else made.
type NewMailbox struct {
	Address  Address
	Password latchkey.Secret
	Hash     string
	Quota    int64 // bytes; 0 is no limit
}

// Mailbox is one mailbox.
type Mailbox struct {
	Address           Address
	Quota             int64 // bytes; 0 is no limit
	SuspendedLogin    bool
	SuspendedIncoming bool
	SuspendedOutgoing bool
	HoldOutgoing      bool
	Created           time.Time
}

// MailUsage is what a mailbox holds.
type MailUsage struct {
	Bytes, Messages int64
	Modified        time.Time
}

// MailFolder is a folder of a mailbox and what it holds.
type MailFolder struct {
	Name     string // INBOX, or INBOX.NAME
	GUID     string // it stays the same, whatever comes and goes
	Messages int64
	Bytes    int64
	Virtual  int64 // bytes with a CR before every LF
}

// FolderRef names a folder: by its GUID, or if that is empty by its name.
type FolderRef struct{ Name, GUID string }

// Is reports whether f is the folder that r names.
func (r FolderRef) Is(f MailFolder) bool {
	if r.GUID != "" {
		return strings.EqualFold(r.GUID, f.GUID)
	}
	return r.Name == f.Name || strings.EqualFold(r.Name, "INBOX") && f.Name == "INBOX"
}

// NoFolder is the answer where a mailbox has no such folder.
func NoFolder(a Address) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "mailbox", Msg: "The email account “" + a.String() + "” has no such folder: Mailboxes::get_mailbox_status_list lists those that it has."}
}

// Suspension is one way of using a mailbox that can be switched off.
type Suspension uint8

const (
	Login Suspension = iota
	Incoming
	Outgoing
	HoldOutgoing
)
