package storetest

import (
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/store"
)

func testForwarders(t *testing.T, h *house) {
	alice, bob := h.account("alice"), h.account("bob")
	info := store.MailPlace{Account: alice, Domain: "a.example", Local: "info"}
	one := store.Forwarder{MailPlace: info, To: ":fail: no"}
	two := store.Forwarder{MailPlace: info, To: "x@b.example"}
	three := store.Forwarder{MailPlace: store.MailPlace{Account: alice, Domain: "b.example", Local: "a"}, To: mailrule.Blackhole}
	other := store.Forwarder{MailPlace: store.MailPlace{Account: bob, Domain: "a.example", Local: "info"}, To: "y@b.example"}
	h.write(func(tx store.Tx) error {
		for _, f := range []store.Forwarder{three, two, one, two, other} { // two twice is two once
			if err := tx.PutForwarder(f); err != nil {
				return err
			}
		}
		return nil
	})
	h.read(func(r store.Reader) error {
		list, err := r.Forwarders(alice, store.Forwarder{}, 0)
		same(t, "Forwarders", list, err, []store.Forwarder{one, two, three})
		list, err = r.Forwarders(alice, one, 1)
		same(t, "Forwarders after the first", list, err, []store.Forwarder{two})
		to, err := r.ForwardersAt(info)
		same(t, "ForwardersAt", to, err, []mailrule.Destination{one.To, two.To})
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.DeleteForwarder(one) })
	h.writeErr(latchkey.NotFound, "DeleteForwarder of none", func(tx store.Tx) error { return tx.DeleteForwarder(one) })
	h.read(func(r store.Reader) error {
		to, err := r.ForwardersAt(info)
		same(t, "ForwardersAt after DeleteForwarder", to, err, []mailrule.Destination{two.To})
		return nil
	})
}

func testMailDomains(t *testing.T, h *house) {
	alice := h.account("alice")
	one := store.MailDomain{Account: alice, Domain: "a.example", Default: mailrule.Refusal("no"), Forward: "b.example"}
	two := store.MailDomain{Account: alice, Domain: "c.example", Forward: "d.example"}
	h.write(func(tx store.Tx) error {
		if err := tx.PutMailDomain(two); err != nil {
			return err
		}
		if err := tx.PutMailDomain(store.MailDomain{Account: alice, Domain: "a.example", Default: "x@y.example"}); err != nil {
			return err
		}
		return tx.PutMailDomain(one)
	})
	h.read(func(r store.Reader) error {
		d, err := r.MailDomain(alice, "a.example")
		same(t, "MailDomain", d, err, one)
		list, err := r.MailDomains(alice)
		same(t, "MailDomains", list, err, []store.MailDomain{one, two})
		_, err = r.MailDomain(alice, "b.example")
		absent(t, "MailDomain of none", err)
		return nil
	})
	h.write(func(tx store.Tx) error {
		return tx.PutMailDomain(store.MailDomain{Account: alice, Domain: "a.example"})
	})
	h.read(func(r store.Reader) error {
		list, err := r.MailDomains(alice)
		same(t, "MailDomains after one that says nothing", list, err, []store.MailDomain{two})
		return nil
	})
}

func testAutoresponders(t *testing.T, h *house) {
	alice := h.account("alice")
	at := store.MailPlace{Account: alice, Domain: "a.example", Local: "info"}
	one := store.Autoresponder{MailPlace: at, Autoresponder: mailrule.Autoresponder{
		From: "Ü", Subject: "away", Body: "<b>\n", Charset: "utf-8", HTML: true, Interval: 8, Start: epoch, Stop: epoch.Add(time.Hour),
	}}
	two := store.Autoresponder{MailPlace: store.MailPlace{Account: alice, Domain: "b.example", Local: "a"}}
	h.write(func(tx store.Tx) error {
		for _, a := range []store.Autoresponder{two, {MailPlace: at}, one} {
			if err := tx.PutAutoresponder(a); err != nil {
				return err
			}
		}
		return nil
	})
	h.read(func(r store.Reader) error {
		a, err := r.Autoresponder(at)
		same(t, "Autoresponder", a, err, one)
		list, err := r.Autoresponders(alice)
		same(t, "Autoresponders", list, err, []store.Autoresponder{one, two})
		forwarders, autoresponders, err := r.MailRuleCounts(alice)
		same(t, "MailRuleCounts", [2]int{forwarders, autoresponders}, err, [2]int{0, 2})
		return nil
	})
	answers := func(what, sender string, now time.Time, since time.Duration, want bool) {
		t.Helper()
		var first bool
		h.write(func(tx store.Tx) (err error) {
			first, err = tx.Answer(at, sender, now, now.Add(-since))
			return err
		})
		if first != want {
			t.Errorf("%s: Answer = %t, want %t", what, first, want)
		}
	}
	answers("the first", "a@x.example", epoch, time.Hour, true)
	answers("another within the time", "a@x.example", epoch.Add(time.Minute), time.Hour, false)
	answers("somebody else", "b@x.example", epoch.Add(time.Minute), time.Hour, true)
	answers("after the time", "a@x.example", epoch.Add(time.Hour), time.Hour, true)
	h.write(func(tx store.Tx) error { return tx.ForgetAnswers(epoch.Add(8*time.Hour + time.Minute)) }) // 8 is its interval
	answers("one that was kept", "a@x.example", epoch.Add(61*time.Minute), time.Hour, false)
	answers("one that was forgotten", "b@x.example", epoch.Add(2*time.Minute), time.Hour, true)

	h.write(func(tx store.Tx) error { return tx.DeleteAutoresponder(at) })
	h.writeErr(latchkey.NotFound, "DeleteAutoresponder of none", func(tx store.Tx) error { return tx.DeleteAutoresponder(at) })
	answers("one that answered for another responder", "a@x.example", epoch.Add(62*time.Minute), time.Hour, true)
	h.read(func(r store.Reader) error {
		_, err := r.Autoresponder(at)
		absent(t, "Autoresponder of none", err)
		return nil
	})
}

func testFilters(t *testing.T, h *house) {
	alice := h.account("alice")
	whole, box := store.MailPlace{Account: alice}, store.MailPlace{Account: alice, Domain: "a.example", Local: "info"}
	list := []mailrule.Filter{
		{Name: "\"ü\n", Off: true, Rules: []mailrule.Rule{{Part: "$header_from:", Match: "is", Value: "\\", Or: true}}, Actions: []mailrule.Action{{Do: mailrule.Finish}}},
		{Name: "b", Rules: []mailrule.Rule{{}}, Actions: []mailrule.Action{{Do: mailrule.Save, To: mailrule.Nowhere}}},
	}
	h.write(func(tx store.Tx) error {
		if err := tx.PutFilters(store.Filters{MailPlace: whole, List: list}); err != nil {
			return err
		}
		if err := tx.PutFilters(store.Filters{MailPlace: box, List: list}); err != nil {
			return err
		}
		return tx.PutFilters(store.Filters{MailPlace: box, List: list[1:]})
	})
	h.read(func(r store.Reader) error {
		got, err := r.Filters(whole)
		same(t, "Filters of the account", got, err, list)
		all, err := r.AllFilters(alice)
		same(t, "AllFilters", all, err, []store.Filters{{MailPlace: whole, List: list}, {MailPlace: box, List: list[1:]}})
		got, err = r.Filters(store.MailPlace{Account: alice, Domain: "a.example", Local: "no"})
		same(t, "Filters of none", len(got), err, 0)
		return nil
	})
	h.write(func(tx store.Tx) error { return tx.PutFilters(store.Filters{MailPlace: whole}) })
	h.read(func(r store.Reader) error {
		all, err := r.AllFilters(alice)
		same(t, "AllFilters after an empty list", len(all), err, 1)
		return nil
	})
}

// testMailRulesGo looks that filters go with their mailbox, and everything with
// its account.
func testMailRulesGo(t *testing.T, h *house) {
	alice := h.account("alice")
	at := store.MailPlace{Account: alice, Domain: "a.example", Local: "info"}
	h.write(func(tx store.Tx) error {
		if err := tx.InsertMailbox(store.Mailbox{Account: alice, Domain: at.Domain, Local: at.Local}, store.Ready); err != nil {
			return err
		}
		for _, p := range []store.MailPlace{{Account: alice}, at} {
			if err := tx.PutFilters(store.Filters{MailPlace: p, List: []mailrule.Filter{{Name: "a"}}}); err != nil {
				return err
			}
		}
		if err := tx.PutForwarder(store.Forwarder{MailPlace: at, To: "x@y.example"}); err != nil {
			return err
		}
		if err := tx.PutMailDomain(store.MailDomain{Account: alice, Domain: at.Domain, Default: mailrule.Blackhole}); err != nil {
			return err
		}
		if err := tx.PutAutoresponder(store.Autoresponder{MailPlace: at}); err != nil {
			return err
		}
		_, err := tx.Answer(at, "x@y.example", epoch, epoch)
		return err
	})
	left := func(what string, want [4]int) {
		t.Helper()
		h.read(func(r store.Reader) error {
			forwarders, err := r.Forwarders(alice, store.Forwarder{}, 0)
			if err != nil {
				return err
			}
			domains, err := r.MailDomains(alice)
			if err != nil {
				return err
			}
			responders, err := r.Autoresponders(alice)
			if err != nil {
				return err
			}
			filters, err := r.AllFilters(alice)
			same(t, what, [4]int{len(forwarders), len(domains), len(responders), len(filters)}, err, want)
			return nil
		})
	}
	left("at first", [4]int{1, 1, 1, 2})
	h.write(func(tx store.Tx) error { return tx.DeleteMailbox(alice, at.Domain, at.Local) })
	left("after DeleteMailbox", [4]int{1, 1, 1, 1})
	h.write(func(tx store.Tx) error { return tx.DeleteAccount(alice) })
	left("after DeleteAccount", [4]int{})
}
