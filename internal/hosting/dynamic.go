package hosting

import (
	"context"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// DynamicHosts are the hosts of an account's zones whose addresses follow whoever
// calls their call-back address. What is asked about an ID that is none of theirs
// fails with NotFound.
type DynamicHosts interface {
	// Create makes a host of a zone a dynamic one. It has no address until it is
	// called back for. Fails: Exists, Invalid, Limit, and NotFound for a zone that
	// is not the account's.
	Create(ctx context.Context, zone, name latchkey.Domain, description string) (DynamicHost, error)
	// List is all of them, by name.
	List(ctx context.Context) ([]DynamicHost, error)
	Find(ctx context.Context, id latchkey.Secret) (DynamicHost, error)
	// Describe sets the description.
	Describe(ctx context.Context, id latchkey.Secret, description string) error
	// Renew gives a host another ID; with the one it had nothing is reached any
	// more when it returns.
	Renew(ctx context.Context, id latchkey.Secret) (DynamicHost, error)
	// Remove ends a host, and takes away the addresses that calls have set.
	Remove(ctx context.Context, id latchkey.Secret) error
	// Follow gives the host with an ID the address at, and notes that it was
	// called back for.
	Follow(ctx context.Context, id latchkey.Secret, at netip.Addr) error
}

// DynamicHost is a dynamic host. Its ID is the secret part of its call-back
// address: whoever knows it can set the host's addresses.
type DynamicHost struct {
	Zone, Name  latchkey.Domain
	ID          latchkey.Secret
	Description string
	Created     time.Time
	Updated     time.Time   // when an address changed last; zero for never
	Runs        []time.Time // the latest calls, the newest first
}

// Records are the records that belong to the host.
func (d *DynamicHost) Records() []latchkey.Resource { return dynamicRecords(d.Zone, d.Name) }

func dynamicRecords(zone, name latchkey.Domain) []latchkey.Resource {
	return []latchkey.Resource{RecordOf(zone, string(name), "A"), RecordOf(zone, string(name), "AAAA")}
}

// NoDynamicHost is the answer to who names one that is not there or not theirs.
func NoDynamicHost() error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "id", Msg: "You have no dynamic DNS domain with this ID."}
}

// maxDescription is how many bytes a description may have.
const maxDescription = 1000

// CheckDynamicHost says why a host of a zone cannot be a dynamic one.
func CheckDynamicHost(z *zone.Zone, name latchkey.Domain) error {
	if name != z.Name() && !strings.HasSuffix(string(name), "."+string(z.Name())) {
		return latchkey.InvalidParam("domain", "The domain “%s” does not lie in the DNS zone “%s”.", name, z.Name())
	}
	for _, e := range z.Named(string(name) + ".") {
		if e.Type() == "CNAME" {
			return latchkey.InvalidParam("domain", "The domain “%s” is an alias: remove its CNAME record first, a name with one can have no address.", name)
		}
	}
	return nil
}

// CheckDescription says what is wrong with a description.
func CheckDescription(text string) error {
	if len(text) > maxDescription || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return latchkey.InvalidParam("description", "A description must be a text of at most %d bytes, on one line.", maxDescription)
	}
	return nil
}

// dynamicTTL is how long others may remember an address that is new.
const dynamicTTL = 300

// FollowEdit is the edit that gives name the one address at, of its kind, and
// whether there is anything to edit.
func FollowEdit(z *zone.Zone, name latchkey.Domain, at netip.Addr) (e zone.Edit, needed bool) {
	owner, rtype, first := string(name)+".", "A", -1
	if !at.Is4() {
		rtype = "AAAA"
	}
	for line, r := range z.Named(owner) {
		switch {
		case r.Type() != rtype:
		case first < 0:
			first = line
			if is, err := netip.ParseAddr(strings.Join(r.Data(), "")); err == nil && is == at {
				continue
			}
			e.Replace = map[int]zone.New{line: {Name: owner, TTL: r.TTL(), Type: rtype, Data: []string{at.String()}}}
		default:
			e.Remove = append(e.Remove, line)
		}
	}
	if first < 0 {
		e.Add = []zone.New{{Name: owner, TTL: dynamicTTL, Type: rtype, Data: []string{at.String()}}}
	}
	return e, len(e.Add)+len(e.Replace)+len(e.Remove) > 0
}

// ForgetEdit is the edit that takes the addresses at from name, and whether there
// is anything to edit.
func ForgetEdit(z *zone.Zone, name latchkey.Domain, at ...string) (e zone.Edit, needed bool) {
	for line, r := range z.Named(string(name) + ".") {
		if t := r.Type(); t != "A" && t != "AAAA" {
			continue
		}
		for _, a := range at {
			if a != "" && strings.Join(r.Data(), "") == a {
				e.Remove = append(e.Remove, line)
				break
			}
		}
	}
	return e, len(e.Remove) > 0
}

// narrowDynamic are dynamic hosts in the hands of somebody who may act on some
// records only: a host is theirs if its addresses are.
type narrowDynamic struct {
	all DynamicHosts
	may func(...latchkey.Resource) error
}

func (n *narrowDynamic) Create(ctx context.Context, zone, name latchkey.Domain, description string) (DynamicHost, error) {
	if err := n.may(dynamicRecords(zone, name)...); err != nil {
		return DynamicHost{}, err
	}
	return n.all.Create(ctx, zone, name, description)
}

func (n *narrowDynamic) List(ctx context.Context) ([]DynamicHost, error) {
	list, err := n.all.List(ctx)
	var kept []DynamicHost
	for i := range list {
		if n.may(list[i].Records()...) == nil {
			kept = append(kept, list[i])
		}
	}
	return kept, err
}

func (n *narrowDynamic) Find(ctx context.Context, id latchkey.Secret) (DynamicHost, error) {
	d, err := n.all.Find(ctx, id)
	if err == nil {
		err = n.may(d.Records()...)
	}
	if err != nil {
		return DynamicHost{}, err
	}
	return d, nil
}

func (n *narrowDynamic) Describe(ctx context.Context, id latchkey.Secret, description string) error {
	if _, err := n.Find(ctx, id); err != nil {
		return err
	}
	return n.all.Describe(ctx, id, description)
}

func (n *narrowDynamic) Renew(ctx context.Context, id latchkey.Secret) (DynamicHost, error) {
	if _, err := n.Find(ctx, id); err != nil {
		return DynamicHost{}, err
	}
	return n.all.Renew(ctx, id)
}

func (n *narrowDynamic) Remove(ctx context.Context, id latchkey.Secret) error {
	if _, err := n.Find(ctx, id); err != nil {
		return err
	}
	return n.all.Remove(ctx, id)
}

func (n *narrowDynamic) Follow(ctx context.Context, id latchkey.Secret, at netip.Addr) error {
	if _, err := n.Find(ctx, id); err != nil {
		return err
	}
	return n.all.Follow(ctx, id, at)
}
