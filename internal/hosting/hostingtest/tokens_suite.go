package hostingtest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// purse is somebody's tokens under test.
type purse struct {
	open     func() hosting.Tokens
	now      latchkey.Clock
	wait     func(time.Duration)
	owner    latchkey.AccountID
	audience latchkey.Audience
}

// runTokens runs the contract of [hosting.Tokens].
func runTokens(t *testing.T, open func(t *testing.T) *purse) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *purse)
	}{
		{"Tokens", testTokens},
		{"TokenNames", testTokenNames},
		{"TokenList", testTokenList},
		{"TokenSearch", testTokenSearch},
		{"TokenExpiry", testTokenExpiry},
		{"TokenRename", testTokenRename},
		{"TokenRevoke", testTokenRevoke},
		{"TokensAtOnce", testTokensAtOnce},
		{"TokenGrants", testTokenGrants},
		{"TokenTerms", testTokenTerms},
		{"TokenChange", testTokenChange},
		{"TokenRotate", testTokenRotate},
		{"TokenSwitch", testTokenSwitch},
		{"TokenRevokeAll", testTokenRevokeAll},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func tokenName(k hosting.TokenInfo) string { return k.Name }

func (p *purse) create(t *testing.T, n hosting.NewToken) (latchkey.Token, latchkey.Secret) {
	t.Helper()
	k, secret, err := p.open().Create(t.Context(), n)
	worked(t, "Create "+n.Name, err)
	return k, secret
}

// lists checks what is listed.
func (p *purse) lists(t *testing.T, want ...string) []hosting.TokenInfo {
	t.Helper()
	list, err := p.open().List(t.Context())
	same(t, "List", each(list, tokenName), err, append([]string{}, want...))
	return list
}

func testTokens(t *testing.T, p *purse) {
	p.lists(t)
	n := hosting.NewToken{Name: "full", Expires: p.now().Add(time.Hour).Truncate(time.Second), ReadOnly: true}
	k, secret := p.create(t, n)
	if k.ID == 0 || k.Account != p.owner || k.Audience != p.audience || k.Name != n.Name || k.Handle == (latchkey.Handle{}) ||
		!k.Created.Equal(p.now()) || !k.Expires.Equal(n.Expires) || !k.ReadOnly || k.State != latchkey.TokenActive {
		t.Errorf("Create(%+v) = %+v", n, k)
	}
	if text := secret.Reveal(); len(text) != 32 || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		t.Errorf("the secret is %q, want 32 of A-Z and 0-9", text)
	}
	other, another := p.create(t, hosting.NewToken{Name: "other"})
	if other.ID == k.ID || other.Handle == k.Handle || another.Reveal() == secret.Reveal() {
		t.Error("two tokens share an id, a handle or a secret")
	}
	if !other.Expires.IsZero() || other.ReadOnly {
		t.Errorf("Create with a name alone = %+v", other)
	}
	_, _, err := p.open().Create(t.Context(), hosting.NewToken{Name: "full"})
	failed(t, "Create once more", err, latchkey.Exists)
	for i, listed := range p.lists(t, "full", "other") {
		if d := cmp.Diff([]latchkey.Token{k, other}[i], listed.Token); d != "" {
			t.Errorf("List differs from Create (-made +listed):\n%s", d)
		}
		if listed.Expired || !listed.Use.At.IsZero() {
			t.Errorf("a new token is listed as %+v", listed)
		}
	}
}

func testTokenNames(t *testing.T, p *purse) {
	p.create(t, hosting.NewToken{Name: "ok"})
	for _, name := range []string{"", strings.Repeat("a", 51), "a b", "a.b", "a/b", "ä", "a\n", "a\x00", "a,b", "*"} {
		_, _, err := p.open().Create(t.Context(), hosting.NewToken{Name: name})
		failed(t, "Create "+name, err, latchkey.Invalid)
		failed(t, "Rename to "+name, p.open().Rename(t.Context(), "ok", name), latchkey.Invalid)
	}
	p.lists(t, "ok")
	long := strings.Repeat("a", 50)
	for _, name := range []string{"Az-_09", "OK", long, "-", "_"} {
		p.create(t, hosting.NewToken{Name: name})
	}
	p.lists(t, "-", "Az-_09", "OK", "_", long, "ok")
}

func testTokenList(t *testing.T, p *purse) {
	for _, name := range []string{"b", "a", "C", "a-b", "a1", "a_b"} {
		p.create(t, hosting.NewToken{Name: name})
	}
	clear(p.lists(t, "C", "a", "a-b", "a1", "a_b", "b")) // ours to do with what we like
	p.lists(t, "C", "a", "a-b", "a1", "a_b", "b")
}

func testTokenExpiry(t *testing.T, p *purse) {
	for _, past := range []time.Duration{0, -time.Second, -time.Hour} {
		_, _, err := p.open().Create(t.Context(), hosting.NewToken{Name: "past", Expires: p.now().Add(past)})
		failed(t, "Create with an end that has passed", err, latchkey.Invalid)
	}
	p.create(t, hosting.NewToken{Name: "ends", Expires: p.now().Add(time.Hour)})
	p.create(t, hosting.NewToken{Name: "stays"})
	expired := func(want bool) {
		t.Helper()
		list := p.lists(t, "ends", "stays")
		if got := [2]bool{list[0].Expired, list[1].Expired}; got != [2]bool{want, false} {
			t.Errorf("expired: %v, want %v and never", got, want)
		}
	}
	expired(false)
	p.wait(time.Hour - time.Second)
	expired(false)
	p.wait(time.Second)
	expired(true)
	_, _, err := p.open().Create(t.Context(), hosting.NewToken{Name: "ends"})
	failed(t, "Create with the name of a token that has expired", err, latchkey.Exists)
	worked(t, "Rename a token that has expired", p.open().Rename(t.Context(), "ends", "ended"))
	found, err := p.open().Revoke(t.Context(), "ended")
	same(t, "Revoke a token that has expired", found, err, true)
	p.lists(t, "stays")
}

func testTokenRename(t *testing.T, p *purse) {
	ctx := t.Context()
	k, _ := p.create(t, hosting.NewToken{Name: "one", Expires: p.now().Add(time.Hour), ReadOnly: true})
	p.create(t, hosting.NewToken{Name: "two"})
	failed(t, "Rename to a name that is taken", p.open().Rename(ctx, "one", "two"), latchkey.Exists)
	failed(t, "Rename what is not there", p.open().Rename(ctx, "three", "four"), latchkey.NotFound)
	failed(t, "Rename what is not there to what is", p.open().Rename(ctx, "three", "one"), latchkey.NotFound)
	worked(t, "Rename to its own name", p.open().Rename(ctx, "one", "one"))
	p.lists(t, "one", "two")
	worked(t, "Rename", p.open().Rename(ctx, "one", "zero"))
	is := p.lists(t, "two", "zero")[1].Token
	if is.ID != k.ID || is.Handle != k.Handle || !is.Created.Equal(k.Created) || !is.Expires.Equal(k.Expires) || is.ReadOnly != k.ReadOnly {
		t.Errorf("Rename made of %+v %+v", k, is)
	}
	failed(t, "Rename by the old name", p.open().Rename(ctx, "one", "three"), latchkey.NotFound)
	p.create(t, hosting.NewToken{Name: "one"})
	p.lists(t, "one", "two", "zero")
}

func testTokenRevoke(t *testing.T, p *purse) {
	ctx := t.Context()
	k, secret := p.create(t, hosting.NewToken{Name: "one"})
	p.create(t, hosting.NewToken{Name: "two"})
	found, err := p.open().Revoke(ctx, "three")
	same(t, "Revoke what is not there", found, err, false)
	found, err = p.open().Revoke(ctx, "one")
	same(t, "Revoke", found, err, true)
	found, err = p.open().Revoke(ctx, "one")
	same(t, "Revoke once more", found, err, false)
	p.lists(t, "two")
	again, another := p.create(t, hosting.NewToken{Name: "one"})
	if again.ID == k.ID || again.Handle == k.Handle || another.Reveal() == secret.Reveal() {
		t.Error("a new token of an old name shares its id, handle or secret")
	}
	p.lists(t, "one", "two")
}

func testTokensAtOnce(t *testing.T, p *purse) {
	made, kinds := atOnce(t, 8, func(int) error {
		_, _, err := p.open().Create(t.Context(), hosting.NewToken{Name: "one"})
		return err
	})
	same(t, "kinds", kinds, nil, []latchkey.Kind{latchkey.Exists})
	if made != 1 {
		t.Errorf("one token was made %d times", made)
	}
	revoked := make(chan bool, 8)
	_, kinds = atOnce(t, 8, func(int) error {
		found, err := p.open().Revoke(t.Context(), "one")
		revoked <- found
		return err
	})
	same(t, "kinds", kinds, nil, nil)
	close(revoked)
	n := 0
	for found := range revoked {
		if found {
			n++
		}
	}
	if n != 1 {
		t.Errorf("one token was revoked %d times", n)
	}
}

// testTokenGrants: grants are kept as they were given, and who did not come in
// with a token has none of their own.
func testTokenGrants(t *testing.T, p *purse) {
	const grants = "Email:read(domain=example.com); Quota:read"
	k, _ := p.create(t, hosting.NewToken{Name: "narrow", Grants: grants})
	if k.Grants != grants {
		t.Errorf("Create with grants = %+v", k)
	}
	if list := p.lists(t, "narrow"); len(list) == 1 && list[0].Grants != grants {
		t.Errorf("List has %+v, want the grants %s", list[0], grants)
	}
	_, err := p.open().Own(t.Context())
	failed(t, "Own", err, latchkey.NotFound)
}

func testTokenSearch(t *testing.T, p *purse) {
	create := func(name, note string, days int) {
		n := hosting.NewToken{Name: name, Note: note}
		if days > 0 {
			n.Expires = p.now().Add(time.Duration(days) * latchkey.Day)
		}
		p.create(t, n)
	}
	create("old", "for the Shop", 0)
	create("brief", "", 3)
	p.wait(time.Hour)
	create("b-new", "", 0)
	create("a-new", "", 30)
	p.create(t, hosting.NewToken{Name: "idle", Terms: latchkey.Terms{UnusedDays: 2}})
	finds := func(q hosting.TokenQuery, skip, limit int, want ...string) hosting.TokenPage {
		t.Helper()
		page, err := p.open().Search(t.Context(), q, skip, limit)
		same(t, "Search", each(page.Tokens, tokenName), err, append([]string{}, want...))
		return page
	}
	all := hosting.TokenQuery{Show: hosting.ShowAll}
	if page := finds(all, 0, 9, "a-new", "b-new", "idle", "brief", "old"); page.Found != 5 || page.Active != 5 || page.Ended != 0 || page.Ending != 1 {
		t.Errorf("Search counts %+v", page)
	}
	if page := finds(all, 1, 2, "b-new", "idle"); page.Found != 5 {
		t.Errorf("Search finds %d", page.Found)
	}
	finds(all, 9, 2)
	finds(hosting.TokenQuery{Show: hosting.ShowAll, Text: "sHOP"}, 0, 9, "old")
	finds(hosting.TokenQuery{Show: hosting.ShowEnded}, 0, 9)
	p.wait(4 * latchkey.Day)
	if page := finds(hosting.TokenQuery{Show: hosting.ShowActive, Text: "new"}, 0, 9, "a-new", "b-new"); page.Found != 2 || page.Active != 3 || page.Ended != 2 || page.Ending != 0 {
		t.Errorf("Search counts %+v", page)
	}
	page := finds(hosting.TokenQuery{Show: hosting.ShowEnded}, 0, 9, "idle", "brief")
	list, err := p.open().List(t.Context())
	worked(t, "List", err)
	for _, k := range list {
		if k.Name == "idle" && !cmp.Equal(k, page.Tokens[0]) {
			t.Errorf("Search has %+v, List %+v", page.Tokens[0], k)
		}
	}
}

// terms are terms with something in every field.
func (p *purse) terms() latchkey.Terms {
	return latchkey.Terms{NotBefore: p.now().Add(time.Hour).Truncate(time.Second), MaxUses: 5, UnusedDays: 30, RateLimit: 60, Observing: true}
}

func testTokenTerms(t *testing.T, p *purse) {
	n := hosting.NewToken{Name: "bound", Terms: p.terms(), Note: "for the shop’s “deploy” 🚀"}
	k, _ := p.create(t, n)
	p.create(t, hosting.NewToken{Name: "free"})
	list := p.lists(t, "bound", "free")
	if k.Terms != n.Terms || k.Note != n.Note || list[0].Terms != n.Terms || list[0].Note != n.Note {
		t.Errorf("Create(%+v) = %+v, listed as %+v", n, k, list[0])
	}
	if list[0].Standing != latchkey.StandsNotYet || list[1].Standing != latchkey.StandsActive {
		t.Errorf("they stand %q and %q", list[0].Standing, list[1].Standing)
	}
	p.wait(31 * latchkey.Day)
	if is := p.lists(t, "bound", "free")[0].Standing; is != latchkey.StandsUnused {
		t.Errorf("after 31 days without use it stands %q", is)
	}
	for what, n := range map[string]hosting.NewToken{
		"a negative number of uses":     {Terms: latchkey.Terms{MaxUses: -1}},
		"too many uses":                 {Terms: latchkey.Terms{MaxUses: 1e12}},
		"negative days":                 {Terms: latchkey.Terms{UnusedDays: -1}},
		"too many days":                 {Terms: latchkey.Terms{UnusedDays: 100_000}},
		"a negative rate":               {Terms: latchkey.Terms{RateLimit: -1}},
		"too high a rate":               {Terms: latchkey.Terms{RateLimit: 1e6}},
		"an end before the beginning":   {Expires: p.now().Add(time.Hour), Terms: latchkey.Terms{NotBefore: p.now().Add(time.Hour)}},
		"a line end in the note":        {Note: "a\nb"},
		"a note that runs backwards":    {Note: "a\u202eb"},
		"a note that is no text":        {Note: "a\xff"},
		"a note of 201 characters":      {Note: strings.Repeat("é", 201)},
		"an escape sequence in a note":  {Note: "\x1b[31m"},
		"a paragraph's end in the note": {Note: "a\u2029b"},
	} {
		n.Name = "odd"
		_, _, err := p.open().Create(t.Context(), n)
		failed(t, "Create with "+what, err, latchkey.Invalid)
		_, err = p.open().Change(t.Context(), "free", func(to *hosting.NewToken) error { n.Name = to.Name; *to = n; return nil })
		failed(t, "Change to "+what, err, latchkey.Invalid)
	}
	p.create(t, hosting.NewToken{Name: "wordy", Note: strings.Repeat("é", 200)})
}

func testTokenChange(t *testing.T, p *purse) {
	ctx := t.Context()
	k, _ := p.create(t, hosting.NewToken{Name: "a", Expires: p.now().Add(90 * time.Minute), ReadOnly: true, Addresses: "192.0.2.1/32", Grants: "Email:read", Terms: p.terms(), Note: "one"})
	got, err := p.open().Change(ctx, "a", func(n *hosting.NewToken) error { n.Note = "two"; return nil })
	want := k
	want.Note, want.Seal = "two", got.Seal
	same(t, "Change of the note alone", got.Token, err, want)
	_, err = p.open().Change(ctx, "a", func(*hosting.NewToken) error { return latchkey.Errorf(latchkey.Invalid, "no") })
	failed(t, "Change that is broken off", err, latchkey.Invalid)
	_, err = p.open().Change(ctx, "none", func(*hosting.NewToken) error { return nil })
	failed(t, "Change of none", err, latchkey.NotFound)
	p.wait(2 * time.Hour)
	got, err = p.open().Change(ctx, "a", func(n *hosting.NewToken) error { n.Note = "three"; return nil })
	worked(t, "Change of one that has expired", err)
	if got.Standing != latchkey.StandsExpired {
		t.Errorf("it stands %q", got.Standing)
	}
	got, err = p.open().Change(ctx, "a", func(n *hosting.NewToken) error { n.Expires, n.Terms = time.Time{}, latchkey.Terms{}; return nil })
	worked(t, "Change to one that never expires", err)
	if got.Standing != latchkey.StandsActive || got.Terms != (latchkey.Terms{}) || got.Note != "three" || !got.ReadOnly {
		t.Errorf("it is %+v", got)
	}
}

func testTokenRotate(t *testing.T, p *purse) {
	ctx := t.Context()
	k, first := p.create(t, hosting.NewToken{Name: "a", Expires: p.now().Add(2 * time.Hour).Truncate(time.Second), Terms: latchkey.Terms{MaxUses: 3}})
	seen := map[string]bool{first.Reveal(): true}
	for overlap, until := range map[time.Duration]time.Time{
		0: p.now(), time.Hour: p.now().Add(time.Hour), hosting.MaxOverlap: k.Expires,
	} {
		got, secret, err := p.open().Rotate(ctx, "a", overlap)
		worked(t, "Rotate", err)
		if len(secret.Reveal()) != 32 || seen[secret.Reveal()] {
			t.Errorf("Rotate gave a secret that is none or was there before")
		}
		seen[secret.Reveal()] = true
		if got.ID != k.ID || got.Handle != k.Handle || got.Terms != k.Terms || !got.Expires.Equal(k.Expires) || !got.Renewed.Equal(p.now()) {
			t.Errorf("Rotate made of %+v %+v", k, got)
		}
		if !got.WasUntil.Equal(until) {
			t.Errorf("with an overlap of %v the old secret ends at %v, want %v", overlap, got.WasUntil, until)
		}
	}
	for _, overlap := range []time.Duration{-time.Second, hosting.MaxOverlap + time.Second} {
		_, _, err := p.open().Rotate(ctx, "a", overlap)
		failed(t, "Rotate with an overlap of "+overlap.String(), err, latchkey.Invalid)
	}
	_, _, err := p.open().Rotate(ctx, "none", 0)
	failed(t, "Rotate of none", err, latchkey.NotFound)
	p.wait(3 * time.Hour)
	_, _, err = p.open().Rotate(ctx, "a", 0)
	failed(t, "Rotate of one that has expired", err, latchkey.Denied)
}

func testTokenSwitch(t *testing.T, p *purse) {
	ctx := t.Context()
	p.create(t, hosting.NewToken{Name: "a", Terms: latchkey.Terms{UnusedDays: 10}})
	stands := func(call string, got hosting.TokenInfo, err error, want latchkey.Standing) {
		t.Helper()
		same(t, call, got.Standing, err, want)
		if is := p.lists(t, "a")[0].Standing; is != want {
			t.Errorf("%s: listed as %q, want %q", call, is, want)
		}
	}
	for range 2 {
		got, err := p.open().Switch(ctx, "a", false)
		stands("disable", got, err, latchkey.StandsDisabled)
	}
	got, err := p.open().Switch(ctx, "a", true)
	stands("enable", got, err, latchkey.StandsActive)
	p.wait(11 * latchkey.Day)
	if is := p.lists(t, "a")[0].Standing; is != latchkey.StandsUnused {
		t.Errorf("after 11 days without use it stands %q", is)
	}
	got, err = p.open().Switch(ctx, "a", true)
	stands("enable once more", got, err, latchkey.StandsActive)
	_, err = p.open().Switch(ctx, "none", true)
	failed(t, "enable none", err, latchkey.NotFound)
	_, err = p.open().Switch(ctx, "none", false)
	failed(t, "disable none", err, latchkey.NotFound)
}

func testTokenRevokeAll(t *testing.T, p *purse) {
	for _, keepOwn := range []bool{true, false} {
		for _, name := range []string{"a", "b", "c"} {
			p.create(t, hosting.NewToken{Name: name})
		}
		n, err := p.open().RevokeAll(t.Context(), keepOwn) // they did not come in with one of these
		same(t, "RevokeAll", n, err, 3)
		p.lists(t)
	}
	n, err := p.open().RevokeAll(t.Context(), false)
	same(t, "RevokeAll of none", n, err, 0)
}
