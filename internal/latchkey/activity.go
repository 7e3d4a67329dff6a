package latchkey

import (
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TrailPosition is where an event stands in the audit trail: in which link, and
// after how many others of it. The zero value is nowhere.
type TrailPosition struct {
	Link  uint64
	Event int
}

// String is the position as it is handed out and taken back: link-event.
func (p TrailPosition) String() string {
	if p == (TrailPosition{}) {
		return ""
	}
	return strconv.FormatUint(p.Link, 10) + "-" + strconv.Itoa(p.Event)
}

// ParseTrailPosition reads what [TrailPosition.String] writes.
func ParseTrailPosition(text string) (p TrailPosition, err error) {
	if text == "" {
		return p, nil
	}
	link, event, ok := strings.Cut(text, "-")
	n, err := strconv.ParseUint(event, 10, 31)
	if p.Link, p.Event = 0, int(n); ok && err == nil {
		p.Link, err = strconv.ParseUint(link, 10, 63)
	}
	if !ok || err != nil || p.String() != text {
		return TrailPosition{}, errors.New("must be a position of the audit trail as an earlier answer gave it, such as 1234-5")
	}
	return p, nil
}

// TrailEvent is an event and where it stands.
type TrailEvent struct {
	TrailPosition
	Event
}

// EventQuery asks for some events of the audit trail, the newest first: at most
// Limit of those before Before, or of all if that is zero.
type EventQuery struct {
	EventFilter
	Before TrailPosition
	Limit  int
}

// EventPage is what an [EventQuery] found. Next is where the next page goes on,
// and zero after the last; a page may be short, or empty, before that.
type EventPage struct {
	Events []TrailEvent
	Next   TrailPosition
}

// EventFilter says which events are asked for: those of which everything holds
// that is set.
type EventFilter struct {
	// Account has the events of an account, and Name the refusals of who claimed
	// that name. With Own those refusals alone that nobody else's credential is
	// named in, since the account has its name, and no call of a host's function.
	Account AccountID
	Name    AccountName
	Own     bool
	Made    time.Time

	Token        string   // what concerned the token of this name
	Handles      []Handle // or was called with one of these
	Functions    []string // one of these: Module::name, or a module
	Resource     ResourceFilter
	Outcome      OutcomeFilter
	From         Ranges
	Since, Until time.Time // from Since on, before Until
}

// Matches reports whether e is asked for.
func (f *EventFilter) Matches(e *Event) bool {
	return f.concerns(e) && f.byToken(e) && f.calls(e) && f.Outcome.matches(e) && f.Resource.matches(e.On) &&
		(f.From == nil || e.From.IsValid() && f.From.Contain(e.From)) &&
		(f.Since.IsZero() || !e.At.Before(f.Since)) && (f.Until.IsZero() || e.At.Before(f.Until))
}

func (f *EventFilter) concerns(e *Event) bool {
	switch {
	case f.Account == 0 && f.Name == "":
		return true
	case f.Own && strings.HasPrefix(e.Func, "whm::"):
		return false
	case f.Account != 0 && e.Account == f.Account:
		return true
	case f.Own:
		return e.Account == 0 && e.By == 0 && e.Name == f.Name && !e.At.Before(f.Made)
	}
	return e.Name == f.Name && (f.Account == 0 || e.By == 0)
}

func (f *EventFilter) byToken(e *Event) bool {
	if f.Token == "" && f.Handles == nil {
		return true
	}
	return slices.Contains(f.Handles, e.Handle) && e.Handle != Handle{} ||
		slices.ContainsFunc(e.On, func(r Resource) bool { return r.Kind == TokenKind && r.Name == f.Token })
}

func (f *EventFilter) calls(e *Event) bool {
	if f.Functions == nil || slices.Contains(f.Functions, e.Func) {
		return true
	}
	module, _, _ := strings.Cut(e.Func, "::")
	return slices.Contains(f.Functions, module)
}

// TokenKind is the kind of a resource that is an API token.
const TokenKind = "token"

// ResourceFilter asks for events about resources whose Key has a value that
// begins with Prefix; the zero value asks for nothing.
type ResourceFilter struct{ Key, Prefix string }

// ParseResourceFilter reads kind=value, such as mailbox=info@example.com or
// zone=example.com.
func ParseResourceFilter(text string) (f ResourceFilter, err error) {
	key, value, ok := strings.Cut(text, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || key == "" || len(key) > 32 || len(value) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return f, errors.New("must be a kind of resource and how its name begins, such as mailbox=info@example.com or zone=example.com")
	}
	return ResourceFilter{key, value}, nil
}

func (f ResourceFilter) matches(on []Resource) bool {
	return f.Key == "" || slices.ContainsFunc(on, func(r Resource) bool {
		value, ok := r.Value(f.Key)
		return ok && strings.HasPrefix(value, f.Prefix)
	})
}

// OutcomeFilter asks for events that ended in one of some ways; the zero value
// for all.
type OutcomeFilter uint32

const outcomeOK OutcomeFilter = 1 << 31

// refusals are what whoever calls may not do.
var refusals = []Kind{Denied, ReadOnly, FeatureOff, BadCredentials, NotHere, TooMany}

// ParseOutcome reads ok, refused, failed (whatever else went wrong) or the name
// of a kind.
func ParseOutcome(text string) (f OutcomeFilter, err error) {
	if text == "ok" {
		return outcomeOK, nil
	}
	for kind, name := range kindNames {
		refusal := slices.Contains(refusals, Kind(kind))
		if text == name || text == "refused" && refusal || text == "failed" && !refusal {
			f |= 1 << kind
		}
	}
	if f == 0 {
		return 0, fmt.Errorf("must be ok, refused, failed or one of %s", strings.Join(kindNames[:], ", "))
	}
	return f, nil
}

func (f OutcomeFilter) matches(e *Event) bool {
	if e.OK {
		return f == 0 || f&outcomeOK != 0
	}
	return f == 0 || e.Outcome < 31 && f&(1<<e.Outcome) != 0
}

// ParseMoment reads a time: seconds since 1970, a day (from its beginning, UTC)
// or a day and time as RFC 3339 has it.
func ParseMoment(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n <= 253402300799 {
		return time.Unix(n, 0).UTC(), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("must be a time: seconds since 1970, 2026-11-23 or 2026-11-23T12:00:00Z")
}

// ParseHandle reads a handle as [Handle.String] writes it, in letters of either
// case.
func ParseHandle(text string) (h Handle, ok bool) {
	if len(text) != 10 {
		return h, false
	}
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(text))
	if err != nil || len(b) != len(h) {
		return h, false
	}
	copy(h[:], b)
	return h, h != Handle{}
}
