package auth

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// crowdedMAC is one of few MACs that crowd one part of the table, many of them
// with one home: all that can go wrong in open addressing goes wrong there.
func crowdedMAC(n int) (mac latchkey.TokenMAC) {
	mac[0] = byte(n%2) << 7 // two parts
	mac[1] = 60 + byte(n%5)
	binary.BigEndian.PutUint16(mac[10:], uint16(n))
	mac[20] = byte(n)
	return mac
}

func (t *table) lookUpID(mac latchkey.TokenMAC) (uint64, bool) {
	p := t.part(&mac)
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.find(&mac); i >= 0 {
		return p.slots[i].id, true
	}
	return 0, false
}

func slotOf(mac latchkey.TokenMAC, id uint64, account uint32) slot {
	s := slot{id: id, account: account, flags: slotTaken}
	copy(s.mac[:], mac[:])
	return s
}

// The table does what a map does.
func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table table
		type row struct {
			id      uint64
			account uint32
		}
		model := map[latchkey.TokenMAC]row{}
		mac := rapid.Map(rapid.IntRange(0, 199), crowdedMAC)
		id := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id++
				m, account := mac.Draw(t, "mac"), rapid.Uint32Range(1, 5).Draw(t, "account")
				table.put(slotOf(m, id, account), &m)
				model[m] = row{id, account}
			},
			"remove": func(t *rapid.T) {
				m := mac.Draw(t, "mac")
				table.remove(&m)
				delete(model, m)
			},
			"removeAccount": func(t *rapid.T) {
				account := rapid.Uint32Range(1, 5).Draw(t, "account")
				table.removeAccount(latchkey.AccountID(account))
				for m, r := range model {
					if r.account == account {
						delete(model, m)
					}
				}
			},
			"": func(t *rapid.T) {
				for n := range 200 {
					m := crowdedMAC(n)
					got, ok := table.lookUpID(m)
					want, has := model[m]
					if ok != has || got != want.id {
						t.Fatalf("find(%d) = %d, %v, want %d, %v", n, got, ok, want.id, has)
					}
				}
				n := 0
				for i := range table.parts {
					n += table.parts[i].count
				}
				if n != len(model) {
					t.Fatalf("count = %d, want %d", n, len(model))
				}
			},
		})
	})
}

func TestTableGrows(t *testing.T) {
	var table table
	defer table.clear()
	r := rand.New(rand.NewPCG(1, 1))
	macs := make([]latchkey.TokenMAC, 100_000)
	for i := range macs {
		for j := 0; j < len(macs[i]); j += 8 {
			binary.LittleEndian.PutUint64(macs[i][j:], r.Uint64())
		}
		table.put(slotOf(macs[i], uint64(i), 1), &macs[i])
	}
	for i, m := range macs {
		if id, ok := table.lookUpID(m); !ok || id != uint64(i) {
			t.Fatalf("find(%d) = %d, %v", i, id, ok)
		}
	}
	for i := range table.parts {
		p := &table.parts[i]
		if p.count > len(p.slots)*3/4+1 || len(p.slots)&(len(p.slots)-1) != 0 {
			t.Errorf("part %d holds %d in %d places", i, p.count, len(p.slots))
		}
	}
	for i, m := range macs {
		if i%3 != 0 {
			table.remove(&m)
		}
	}
	for i, m := range macs {
		if _, ok := table.lookUpID(m); ok != (i%3 == 0) {
			t.Fatalf("after removing: find(%d) = %v", i, ok)
		}
	}
	table.removeAccount(1)
	for i := range table.parts {
		if n := table.parts[i].count; n != 0 {
			t.Fatalf("part %d still holds %d", i, n)
		}
	}
}

// A row that is put again keeps its last use.
func TestTableKeepsUse(t *testing.T) {
	var table table
	defer table.clear()
	mac := crowdedMAC(1)
	used := slotOf(mac, 1, 1)
	used.used, used.client, used.dirty, used.addr = 77, 3, true, [16]byte{15: 1}
	table.put(used, &mac)
	table.put(slotOf(mac, 2, 9), &mac)
	p := table.part(&mac)
	got := p.slots[p.find(&mac)]
	want := used
	want.id, want.account = 2, 9
	if got != want {
		t.Errorf("put again: %+v, want %+v", got, want)
	}
}

// Whatever others do to the table meanwhile, one's own tokens are found.
func TestTableTogether(t *testing.T) {
	var table table
	defer table.clear()
	var wg sync.WaitGroup
	const each = 25
	for w := range 8 {
		wg.Go(func() {
			for round := range 40 {
				for i := range each {
					m := crowdedMAC(w*each + i)
					table.put(slotOf(m, uint64(round), uint32(w+1)), &m)
				}
				for i := range each {
					m := crowdedMAC(w*each + i)
					if id, ok := table.lookUpID(m); !ok || id != uint64(round) {
						t.Errorf("writer %d: find = %d, %v, want %d", w, id, ok, round)
						return
					}
				}
				if round%2 == 0 {
					table.removeAccount(latchkey.AccountID(w + 1))
				} else {
					for i := range each {
						m := crowdedMAC(w*each + i)
						table.remove(&m)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestInterned(t *testing.T) {
	var in interned
	if n := in.number(""); n != 0 || in.text(0) != "" {
		t.Errorf("no name: %d, %q", n, in.text(0))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range maxClients + 100 {
				name := fmt.Sprint("client ", i)
				n := in.number(name)
				if got := in.text(n); got != name && (n != otherClients || got != "other") {
					t.Errorf("text(number(%q)) = %q", name, got)
				}
			}
		})
	}
	wg.Wait()
	if n := in.number("one more"); n != otherClients {
		t.Errorf("after %d names the next has number %d, want that of all others", maxClients, n)
	}
	if n := in.number("client 0"); in.text(n) != "client 0" {
		t.Errorf("the first name is now %q", in.text(n))
	}
}

func TestDirectory(t *testing.T) {
	var d directory
	if d.find(0) != nil || d.find(1<<20) != nil {
		t.Error("an empty directory finds something")
	}
	for _, id := range []latchkey.AccountID{1, chunkSize - 1, chunkSize, 5*chunkSize + 3} {
		e := &Entry{Usage: d.usageOf(id)}
		d.put(id, e)
		if d.find(id) != e {
			t.Errorf("find(%d) is not what was put", id)
		}
	}
	u := d.usageOf(1)
	d.drop(1)
	d.drop(999_999)
	if d.find(1) != nil || d.find(chunkSize) == nil {
		t.Error("drop(1) dropped the wrong entry")
	}
	if d.usageOf(1) != u {
		t.Error("usage did not outlive its entry")
	}
	d.dropAll()
	if d.find(chunkSize) != nil {
		t.Error("dropAll left an entry")
	}
}
