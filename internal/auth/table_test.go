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

func TestAccounts(t *testing.T) {
	var as accounts
	if _, ok := as.standing(0); ok || as.entry(1<<20) != nil {
		t.Error("something is known of an account nobody has asked for")
	}
	ids := []latchkey.AccountID{1, firstChunk - 1, firstChunk, 3*firstChunk - 1, 3 * firstChunk, 50*firstChunk + 3}
	for _, id := range ids {
		as.put(&Entry{Account: latchkey.Account{
			ID: id, Name: latchkey.AccountName(fmt.Sprint("u", id)), Role: latchkey.RoleUser, Suspended: id%2 == 0,
			Limits: latchkey.Limits{DiskMB: int64(id), Inodes: latchkey.Unlimited},
		}, Features: latchkey.FeatureSet(id)})
		as.line(id).bytes.Store(int64(id) + 7)
	}
	for _, id := range ids {
		s, ok := as.standing(id)
		if !ok || !s.is(fmt.Sprint("u", id)) || s.is("u") || s.role != latchkey.RoleUser || s.usable != (id%2 == 1) || s.features != latchkey.FeatureSet(id) {
			t.Errorf("account %d stands as %+v, %v", id, s, ok)
		}
		f := as.line(id).figures()
		if f.Bytes != int64(id)+7 || f.ByteLimit != int64(id)<<20 || f.InodeLimit != latchkey.Unlimited {
			t.Errorf("account %d has the figures %+v", id, f)
		}
	}
	as.drop(1)
	as.drop(999_999)
	if _, ok := as.standing(1); ok || as.entry(1) != nil {
		t.Error("what was dropped is still known")
	}
	if _, ok := as.standing(firstChunk); !ok {
		t.Error("drop(1) dropped another account too")
	}
	if as.line(1).figures().Bytes != 8 {
		t.Error("the figures did not outlive what was known of the account")
	}
	as.dropAll()
	if _, ok := as.standing(firstChunk); ok || as.entry(firstChunk) != nil {
		t.Error("dropAll left an account")
	}
}

// A name that is too long for an account is nobody's, not even that of its
// beginning.
func TestLongNameStandsForNobody(t *testing.T) {
	var as accounts
	as.put(&Entry{Account: latchkey.Account{ID: 1, Name: "abcdefghijklmnopq"}})
	if s, ok := as.standing(1); !ok || s.usable {
		t.Errorf("an account with a name of 17 letters stands as %+v, %v", s, ok)
	}
}

// Whoever reads a line sees it as it was before a change or after it.
func TestLinesAreReadWhole(t *testing.T) {
	var as accounts
	put := func(name string, features latchkey.FeatureSet) {
		as.put(&Entry{Account: latchkey.Account{ID: 1, Name: latchkey.AccountName(name)}, Features: features})
	}
	put("aaaaaaaaaaaaaaaa", 1)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, ok := as.standing(1)
				if ok && !(s.is("aaaaaaaaaaaaaaaa") && s.features == 1) && !(s.is("b") && s.features == 2) {
					t.Errorf("a line was read as %+v", s)
					return
				}
			}
		})
	}
	for range 20_000 {
		put("b", 2)
		as.drop(1)
		put("aaaaaaaaaaaaaaaa", 1)
	}
	close(stop)
	readers.Wait()
}
