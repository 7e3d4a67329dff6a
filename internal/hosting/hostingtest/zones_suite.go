package hostingtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

// adding is an edit that adds one text.
func adding(name, text string) func(*zone.Zone) (zone.Edit, error) {
	return func(*zone.Zone) (zone.Edit, error) {
		return zone.Edit{Add: []zone.New{{Name: name, TTL: 60, Type: "TXT", Data: []string{text}}}}, nil
	}
}

func textsOf(z *zone.Zone, name string) (texts []string) {
	for _, e := range z.Named(name) {
		if e.Type() == "TXT" {
			texts = append(texts, strings.Join(e.Data(), ""))
		}
	}
	slices.Sort(texts)
	return texts
}

func testZones(t *testing.T, tenant *Tenant) {
	ctx, zones := t.Context(), tenant.Open().Zones()
	names, err := zones.List(ctx)
	same(t, "List", names, err, []latchkey.Domain{"example.com"})
	z, err := zones.Zone(ctx, "example.com")
	worked(t, "Zone", err)
	if !strings.HasPrefix(z.String(), "; cPanel first") || z.At(3).Type() != "SOA" {
		t.Errorf("a new zone begins\n%.300s", z)
	}
	serial, err := zone.Next(0, tenant.Now())
	same(t, "the first serial number", z.Serial(), err, serial)

	next, err := zones.Edit(ctx, "example.com", adding("_acme-challenge", "one"))
	worked(t, "Edit", err)
	if next.Serial() != serial+1 || !slices.Equal(textsOf(next, "_acme-challenge.example.com."), []string{"one"}) {
		t.Errorf("after Edit: serial %d, texts %q", next.Serial(), textsOf(next, "_acme-challenge.example.com."))
	}
	again, err := tenant.Open().Zones().Zone(ctx, "example.com")
	same(t, "Zone after Edit", again.String(), err, next.String())

	refused := latchkey.Errorf(latchkey.Exists, "no")
	_, err = zones.Edit(ctx, "example.com", func(*zone.Zone) (zone.Edit, error) { return zone.Edit{}, refused })
	failed(t, "Edit whose change fails", err, latchkey.Exists)
	for _, e := range []zone.Edit{
		{},
		{Add: []zone.New{{Name: "a", Type: "A", Data: []string{"nowhere"}}, {Name: "b", Type: "A", Data: []string{"192.0.2.1"}}}},
		{Add: []zone.New{{Name: "sub", Type: "NS", Data: []string{"ns.example.net."}}}},
		{Add: []zone.New{{Name: "sub", Type: "ptr", Data: []string{"ns.example.net."}}}},
		{Remove: []int{3}},
		{Remove: []int{10}}, // an NS record of the template
	} {
		_, err = zones.Edit(ctx, "example.com", func(*zone.Zone) (zone.Edit, error) { return e, nil })
		failed(t, fmt.Sprintf("Edit(%v)", e), err, latchkey.Invalid)
	}
	again, err = zones.Zone(ctx, "example.com")
	same(t, "Zone after edits that failed", again.String(), err, next.String())

	anew, err := zones.Reset(ctx, "example.com")
	worked(t, "Reset", err)
	if anew.Serial() != serial+2 || len(textsOf(anew, "_acme-challenge.example.com.")) > 0 || anew.Lines() != z.Lines() {
		t.Errorf("after Reset: serial %d\n%s", anew.Serial(), anew)
	}
	next, err = zones.Edit(ctx, "example.com", adding("_acme-challenge", "two"))
	worked(t, "Edit after Reset", err)
	again, err = zones.Zone(ctx, "example.com")
	same(t, "Zone after Reset", again.String(), err, next.String())
}

// Who reads, edits and tries again loses nothing.
func testZonesAtOnce(t *testing.T, tenant *Tenant) {
	const writers, each = 8, 5
	name := latchkey.Domain("example.com")
	var want []string
	for w := range writers {
		for i := range each {
			want = append(want, fmt.Sprint(w, "-", i))
		}
	}
	slices.Sort(want)
	n, kinds := atOnce(t, writers, func(w int) error {
		for i := range each {
			if err := insist(t.Context(), tenant.Open().Zones(), name, fmt.Sprint(w, "-", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if n != writers {
		t.Errorf("%d of %d writers succeeded: %v", n, writers, kinds)
	}
	z, err := tenant.Open().Zones().Zone(t.Context(), name)
	worked(t, "Zone", err)
	same(t, "the texts", textsOf(z, "_w.example.com."), nil, want)
}

// insist adds a text with the serial number that was read, until it was.
func insist(ctx context.Context, zones hosting.Zones, name latchkey.Domain, text string) error {
	stale := latchkey.Errorf(latchkey.Invalid, "stale")
	for {
		seen, err := zones.Zone(ctx, name)
		if err != nil {
			return err
		}
		_, err = zones.Edit(ctx, name, func(now *zone.Zone) (zone.Edit, error) {
			if now.Serial() != seen.Serial() {
				return zone.Edit{}, stale
			}
			return adding("_w", text)(now)
		})
		if err != stale {
			return err
		}
	}
}

func testZonesNotFound(t *testing.T, tenant *Tenant) {
	ctx, zones := t.Context(), tenant.Open().Zones()
	for _, name := range []latchkey.Domain{"example.net", "www.example.com", "com"} {
		_, err := zones.Zone(ctx, name)
		failed(t, "Zone "+string(name), err, latchkey.NotFound)
		_, err = zones.Edit(ctx, name, adding("a", "b"))
		failed(t, "Edit "+string(name), err, latchkey.NotFound)
		_, err = zones.Reset(ctx, name)
		failed(t, "Reset "+string(name), err, latchkey.NotFound)
	}
}
