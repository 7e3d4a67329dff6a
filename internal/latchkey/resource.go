package latchkey

import (
	"strings"
	"time"
)

// Resource is a thing a call touches, as grants and the audit trail name it. Of
// a record of a zone, Name is relative to the zone, with "@" for the zone's own.
type Resource struct {
	Kind, Name string
	Zone, Type string // of a record
	// Some makes of a record one of its zone, whichever: for the question whether
	// somebody may look into the zone at all.
	Some bool
}

// NothingKind is the kind of what was used by a call that touched nothing. The
// account as a whole has no kind.
const NothingKind = "nothing"

// Observed is that a function was called on something, by a token that is
// watched.
type Observed struct {
	Called
	On Resource
	// Listed is set where the thing was read as one of a list, and not asked for by
	// itself: a domain or a zone, for all that lies in it.
	Listed bool
	Count  int64
	First  time.Time
	Last   time.Time
}

// RecordKind is the kind of a resource that is a record of a zone.
const RecordKind = "record"

// MoreKind is the kind of what stands in an event for the resources that found no
// room in it; its name is their number.
const MoreKind = "more"

// String is kind=name, and for a record what else it takes to find it.
func (r Resource) String() string {
	if r.Some {
		return "zone=" + r.Zone
	}
	if r.Kind == RecordKind {
		return "zone=" + r.Zone + ", name=" + r.Name + ", type=" + r.Type
	}
	return r.Kind + "=" + r.Name
}

// Value is what the resource has under a key: its name under its kind, the
// domain of a mailbox, the zone, name and type of a record.
func (r *Resource) Value(key string) (string, bool) {
	switch {
	case r.Kind == RecordKind:
		switch key {
		case "zone":
			return r.Zone, true
		case "name":
			return r.Name, true
		case "type":
			return r.Type, true
		}
		return "", false
	case key == r.Kind:
		return r.Name, true
	case key == "domain" && r.Kind == "mailbox":
		_, domain, ok := strings.Cut(r.Name, "@")
		return domain, ok
	}
	return "", false
}
