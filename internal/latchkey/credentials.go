package latchkey

// Scheme is how a request says who is calling.
type Scheme uint8

const (
	SchemeNone      Scheme = iota // nothing was said
	SchemeMalformed               // something was said that cannot be understood, or more than one thing
	SchemeToken                   // an account's API token: "cpanel USER:TOKEN"
	SchemeHostToken               // the administrator's API token or access hash: "whm USER:TOKEN"
	SchemeBasic                   // a user and a password
	SchemeSession                 // the cookie of a session, and the prefix of its addresses
)

var schemeNames = [...]string{"none", "malformed", "cpanel", "whm", "basic", "session"}

// String is the scheme's name as it stands in logs and in the audit trail.
func (s Scheme) String() string {
	if int(s) < len(schemeNames) {
		return schemeNames[s]
	}
	return "unknown"
}

// MaxUser is the longest user name, in bytes, that [Credentials] hold.
const MaxUser = 255

// Credentials are what a request claims, before anybody has checked it. User
// and Secret are set, and free of control characters, unless the scheme is
// [SchemeNone] or [SchemeMalformed]; then both are empty. The zero value
// claims nothing.
type Credentials struct {
	Scheme Scheme
	User   string // an account, or on the webmail port a mailbox; 1 to [MaxUser] bytes, letters as they came; "" for a session
	Secret Secret
	Code   Secret // of the second factor, if one came with a password
	Prefix string // of a session: cpsess and its digits
	Site   Site   // of a session: where a browser says that the request comes from
}

// Site says, by the word of the browser, whose page made a request.
type Site uint8

const (
	SiteUnsaid  Site = iota // nothing was said: it is no browser, or an old one
	SiteSame                // a page of this very server and port
	SiteNone                // nobody's: the address was typed, or kept as a bookmark
	SiteForeign             // another's
)
