package storetest

import (
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

func testZones(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	one := store.Zone{Name: "a.example", Account: alice, Version: 1 << 60, Serial: 4294967295, Parts: []int64{2, 1}}
	parts := []store.ZonePart{{Key: 1, Text: "first\n"}, {Key: 2, Text: "; \x00 ü\n"}}
	two := store.Zone{Name: "b.example", Account: bob, Version: 7, Serial: 1, Parts: []int64{1}}
	h.write(func(tx store.Tx) error {
		if err := tx.InsertZone(one, parts); err != nil {
			return err
		}
		return tx.InsertZone(two, []store.ZonePart{{Key: 1, Text: "other\n"}})
	})
	h.writeErr(latchkey.Exists, "InsertZone twice", func(tx store.Tx) error { return tx.InsertZone(two, nil) })
	h.read(func(r store.Reader) error {
		z, err := r.Zone("a.example")
		same(t, "Zone", z, err, one)
		p, err := r.ZoneParts("a.example")
		same(t, "ZoneParts", p, err, parts)
		list, err := r.Zones(alice)
		same(t, "Zones", list, err, []store.Zone{one})
		list, err = r.ZonesAfter("", 10)
		same(t, "ZonesAfter", list, err, []store.Zone{one, two})
		list, err = r.ZonesAfter("a.example", 1)
		same(t, "ZonesAfter the first", list, err, []store.Zone{two})
		_, err = r.Zone("c.example")
		absent(t, "Zone of none", err)
		return nil
	})

	one.Version, one.Serial, one.Parts = 9, 5, []int64{3, 1}
	h.write(func(tx store.Tx) error {
		return tx.UpdateZone(one, []int64{2}, []store.ZonePart{{Key: 3, Text: "third\n"}})
	})
	h.read(func(r store.Reader) error {
		z, err := r.Zone("a.example")
		same(t, "Zone after UpdateZone", z, err, one)
		p, err := r.ZoneParts("a.example")
		same(t, "ZoneParts after UpdateZone", p, err, []store.ZonePart{parts[0], {Key: 3, Text: "third\n"}})
		return nil
	})
	h.writeErr(latchkey.NotFound, "UpdateZone of none", func(tx store.Tx) error { return tx.UpdateZone(store.Zone{Name: "c.example"}, nil, nil) })
	h.writeErr(latchkey.NotFound, "UpdateZone without a part", func(tx store.Tx) error { return tx.UpdateZone(one, []int64{8}, nil) })

	h.write(func(tx store.Tx) error { return tx.DeleteZone("a.example") })
	h.writeErr(latchkey.NotFound, "DeleteZone of none", func(tx store.Tx) error { return tx.DeleteZone("a.example") })
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(bob) })
	h.read(func(r store.Reader) error {
		for _, name := range []latchkey.Domain{"a.example", "b.example"} {
			_, err := r.Zone(name)
			absent(t, "Zone "+string(name), err)
			p, err := r.ZoneParts(name)
			same(t, "ZoneParts of none", len(p), err, 0)
		}
		return nil
	})
}
