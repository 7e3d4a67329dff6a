package hostingtest

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Tenant is an account under test, and what can be done to it from outside. It
// has the main domain example.com, the package "default", every feature and no
// limits, and is still empty.
type Tenant struct {
	// Open puts the account into the hands of a call that begins now.
	Open func() hosting.Account
	Now  latchkey.Clock
	Wait func(time.Duration) // puts the clock forward
	// What the administrator does.
	Limit   func(change func(*latchkey.Limits))
	Suspend func(on bool)
	Own     func(latchkey.DomainKind, latchkey.Domain)
	// Deliver brings a message to a mailbox.
	Deliver func(a hosting.Address, message string) error
}

// RunAccount runs the contract of a [hosting.Account]. open makes the account of
// one test.
func RunAccount(t *testing.T, open func(t *testing.T) *Tenant) {
	runAccount(t, open, "")
	runTokens(t, func(t *testing.T) *purse {
		a := open(t)
		return &purse{
			open: func() hosting.Tokens { return a.Open().Tokens() }, now: a.Now, wait: a.Wait,
			owner: a.Open().Caller().Account, audience: latchkey.ForAccount,
		}
	})
}

// RunMail runs the part of the contract that is about mail.
func RunMail(t *testing.T, open func(t *testing.T) *Tenant) { runAccount(t, open, "Mail") }

// runAccount runs the tests whose names begin with prefix.
func runAccount(t *testing.T, open func(t *testing.T) *Tenant, prefix string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *Tenant)
	}{
		{"Info", testInfo},
		{"Domains", testDomains},
		{"Quota", testQuota},
		{"MailCreate", testMailCreate},
		{"MailInvalid", testMailInvalid},
		{"MailNotFound", testMailNotFound},
		{"MailLimit", testMailLimit},
		{"MailLimitAtOnce", testMailLimitAtOnce},
		{"MailAtOnce", testMailAtOnce},
		{"MailQuota", testMailQuota},
		{"MailPassword", testMailPassword},
		{"MailSuspend", testMailSuspend},
		{"MailRemove", testMailRemove},
		{"Mailboxes", testMailboxes},
		{"MailRules", testMailRules},
		{"MailUsage", testMailUsage},
		{"MailFolders", testMailFolders},
		{"TokensSuspended", testTokensSuspended},
		{"Zones", testZones},
		{"ZonesAtOnce", testZonesAtOnce},
		{"ZonesNotFound", testZonesNotFound},
		{"AutoSSL", testAutoSSL},
		{"CertificatesKept", testCertificatesKept},
		{"CertificatesMade", testCertificatesMade},
		{"CertificatesInstalled", testCertificatesInstalled},
		{"CertificatesRefused", testCertificatesRefused},
		{"CertificatesAtOnce", testCertificatesAtOnce},
		{"CertificatesNarrow", testCertificatesNarrow},
		{"DynamicHosts", testDynamicHosts},
		{"DynamicHostsRefused", testDynamicHostsRefused},
		{"DKIM", testDKIM},
	} {
		if strings.HasPrefix(test.name, prefix) {
			t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
		}
	}
}

const (
	goodPassword = "correct-horse-9"
	goodHash     = "$6$aa$./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz./0123456789ABCDEFGHIJ"
)

func address(local string) hosting.Address {
	return hosting.Address{Local: local, Domain: "example.com"}
}

// box makes the mailbox called local.
func (a *Tenant) box(t *testing.T, local string) hosting.Address {
	t.Helper()
	at := address(local)
	worked(t, "Create "+local, a.Open().Mail().Create(t.Context(), hosting.NewMailbox{Address: at, Hash: goodHash}))
	return at
}

func testInfo(t *testing.T, a *Tenant) {
	acct := a.Open()
	info, err := acct.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.ID == 0 || info.Role != latchkey.RoleUser || info.Domain != "example.com" || info.Limits != latchkey.NoLimits() {
		t.Errorf("Info = %+v", info)
	}
	if c := acct.Caller(); c.Account != info.ID || c.Name != info.Name {
		t.Errorf("Caller = %+v, want one of account %d, %s", c, info.ID, info.Name)
	}
	if home := acct.Home(); !path.IsAbs(home) || path.Base(home) != string(info.Name) {
		t.Errorf("Home = %s", home)
	}
	if acct.Server().Hostname == "" {
		t.Error("the server has no name")
	}
	p, err := acct.Plan(t.Context())
	same(t, "Plan", p.Name, err, info.Package)

	a.Limit(func(l *latchkey.Limits) { l.Mailboxes = 3 })
	if info, err := acct.Info(t.Context()); err != nil || info.Limits.Mailboxes != latchkey.Unlimited {
		t.Errorf("Info has changed while the call was under way: %v", err)
	}
	if now, err := a.Open().Info(t.Context()); err != nil || now.Limits.Mailboxes != 3 {
		t.Errorf("the next call has %+v, %v, want a limit of 3 mailboxes", now, err)
	}
}

func testDomains(t *testing.T, a *Tenant) {
	for _, d := range []latchkey.Domain{"z.example", "a.example", "m.example"} {
		a.Own(latchkey.AddonDomain, d)
	}
	want := []latchkey.Domain{"example.com", "a.example", "m.example", "z.example"}
	for range 2 {
		owned, err := a.Open().Domains(t.Context())
		same(t, "Domains", each(owned, func(d latchkey.OwnedDomain) latchkey.Domain { return d.Name }), err, want)
		if len(owned) == 0 || owned[0].Kind != latchkey.MainDomain {
			t.Fatalf("Domains = %+v, want the main one first", owned)
		}
		clear(owned) // ours to do with what we like
	}
	list, err := a.Open().Mail().Domains(t.Context())
	same(t, "Mail.Domains", list, err, want)
	worked(t, "Create in a second domain", a.Open().Mail().Create(t.Context(), hosting.NewMailbox{
		Address: hosting.Address{Local: "ann", Domain: "m.example"}, Hash: goodHash,
	}))
}

func testQuota(t *testing.T, a *Tenant) {
	q, err := a.Open().Quota(t.Context())
	if err != nil || q.ByteLimit != latchkey.Unlimited || q.InodeLimit != latchkey.Unlimited {
		t.Errorf("Quota = %+v, %v, want no limits", q, err)
	}
	a.Limit(func(l *latchkey.Limits) { l.DiskMB, l.Inodes = 3, 777 })
	q, err = a.Open().Quota(t.Context())
	if err != nil || q.ByteLimit != 3<<20 || q.InodeLimit != 777 {
		t.Errorf("Quota = %+v, %v, want limits of 3 MB and 777 inodes", q, err)
	}
	a.box(t, "kept")
	ann := address("ann")
	before, err := a.Open().Quota(t.Context())
	worked(t, "Quota", err)
	a.box(t, "ann")
	const size = 50_000
	worked(t, "Deliver", a.Deliver(ann, strings.Repeat("x", size)))
	full, err := a.Open().Quota(t.Context())
	if err != nil || full.Bytes < before.Bytes+size {
		t.Errorf("with %d bytes more the home takes up %+v, %v, before %+v", size, full, err, before)
	}
	worked(t, "Remove", a.Open().Mail().Remove(t.Context(), ann))
	after, err := a.Open().Quota(t.Context())
	same(t, "Quota after a mailbox was made and removed", after, err, before)
}

func testMailCreate(t *testing.T, a *Tenant) {
	ctx := t.Context()
	created := a.Now()
	mail := a.Open().Mail()
	worked(t, "Create", mail.Create(ctx, hosting.NewMailbox{Address: address("ann"), Password: latchkey.NewSecret(goodPassword), Quota: 5 << 20}))
	worked(t, "Create with a hash", mail.Create(ctx, hosting.NewMailbox{Address: address("bob"), Hash: goodHash}))
	for _, at := range []hosting.Address{address("ann"), address("bob")} {
		worked(t, "Deliver at once", a.Deliver(at, "A: b\n\nc\n"))
	}
	want := hosting.Mailbox{Address: address("ann"), Quota: 5 << 20, Created: created}
	got, err := mail.Mailbox(ctx, want.Address)
	same(t, "Mailbox", got, err, want)

	a.Wait(time.Minute)
	err = mail.Create(ctx, hosting.NewMailbox{Address: address("ann"), Password: latchkey.NewSecret("another-horse-8"), Quota: 7 << 20})
	failed(t, "Create once more", err, latchkey.Exists)
	got, err = mail.Mailbox(ctx, want.Address)
	same(t, "Mailbox after a second Create", got, err, want)
	opens, err := mail.Verify(ctx, want.Address, latchkey.NewSecret(goodPassword))
	same(t, "Verify after a second Create", opens, err, true)
	n, err := mail.Count(ctx)
	same(t, "Count", n, err, 2)
}

func testMailInvalid(t *testing.T, a *Tenant) {
	mail := a.Open().Mail()
	for name, n := range map[string]hosting.NewMailbox{
		"without a password":         {Address: address("ann")},
		"with a hash that is none":   {Address: address("ann"), Hash: "x"},
		"with a quota below nothing": {Address: address("ann"), Hash: goodHash, Quota: -1},
	} {
		failed(t, "Create "+name, mail.Create(t.Context(), n), latchkey.Invalid)
	}
	n, err := mail.Count(t.Context())
	same(t, "Count", n, err, 0)
	if err := a.Deliver(address("ann"), "x"); err == nil {
		t.Error("a mailbox that was refused takes mail")
	}
}

func testMailNotFound(t *testing.T, a *Tenant) {
	ctx := t.Context()
	a.box(t, "ann")
	mail := a.Open().Mail()
	foreign := hosting.Address{Local: "ann", Domain: "foreign.example"}
	failed(t, "Create in a foreign domain", mail.Create(ctx, hosting.NewMailbox{Address: foreign, Hash: goodHash}), latchkey.NotFound)
	for _, at := range []hosting.Address{
		address("bob"), address("an"), foreign, {Local: "ann", Domain: "com"}, {Local: "ann", Domain: "mail.example.com"},
	} {
		for name, run := range map[string]func() error{
			"Remove":      func() error { return mail.Remove(ctx, at) },
			"SetPassword": func() error { return mail.SetPassword(ctx, at, latchkey.NewSecret(goodPassword)) },
			"SetQuota":    func() error { return mail.SetQuota(ctx, at, 1<<20) },
			"Suspend":     func() error { return mail.Suspend(ctx, at, hosting.Login, true) },
			"Held":        func() error { _, err := mail.Held(ctx, at); return err },
			"DropHeld":    func() error { _, err := mail.DropHeld(ctx, at); return err },
			"Verify":      func() error { _, err := mail.Verify(ctx, at, latchkey.NewSecret(goodPassword)); return err },
			"Mailbox":     func() error { _, err := mail.Mailbox(ctx, at); return err },
			"Usage":       func() error { _, err := mail.Usage(ctx, at); return err },
		} {
			failed(t, name+" "+at.String(), run(), latchkey.NotFound)
		}
	}
}

func testMailLimit(t *testing.T, a *Tenant) {
	ctx := t.Context()
	a.box(t, "ann")
	a.Limit(func(l *latchkey.Limits) { l.Mailboxes = 2 })
	mail := a.Open().Mail()
	a.box(t, "bob")
	third := hosting.NewMailbox{Address: address("cat"), Hash: goodHash}
	failed(t, "Create a third of two", mail.Create(ctx, third), latchkey.Limit)
	worked(t, "Remove", mail.Remove(ctx, address("ann")))
	worked(t, "Create where there is room again", mail.Create(ctx, third))
	a.Limit(func(l *latchkey.Limits) { l.Mailboxes = 0 })
	failed(t, "Create where none is allowed", a.Open().Mail().Create(ctx, hosting.NewMailbox{Address: address("dan"), Hash: goodHash}), latchkey.Limit)
	n, err := mail.Count(ctx)
	same(t, "Count", n, err, 2)
}

func testMailLimitAtOnce(t *testing.T, a *Tenant) {
	a.Limit(func(l *latchkey.Limits) { l.Mailboxes = 3 })
	made, kinds := atOnce(t, 8, func(i int) error {
		return a.Open().Mail().Create(t.Context(), hosting.NewMailbox{Address: address(fmt.Sprint("box", i)), Hash: goodHash})
	})
	same(t, "kinds", kinds, nil, []latchkey.Kind{latchkey.Limit})
	n, err := a.Open().Mail().Count(t.Context())
	if made != 3 || n != 3 || err != nil {
		t.Errorf("%d of 8 at once were made and %d are there, %v, want 3", made, n, err)
	}
}

func testMailAtOnce(t *testing.T, a *Tenant) {
	made, kinds := atOnce(t, 8, func(int) error {
		return a.Open().Mail().Create(t.Context(), hosting.NewMailbox{Address: address("ann"), Hash: goodHash})
	})
	same(t, "kinds", kinds, nil, []latchkey.Kind{latchkey.Exists})
	if made != 1 {
		t.Errorf("one mailbox was made %d times", made)
	}
	gone, kinds := atOnce(t, 4, func(int) error { return a.Open().Mail().Remove(t.Context(), address("ann")) })
	same(t, "kinds", kinds, nil, []latchkey.Kind{latchkey.NotFound})
	if gone != 1 {
		t.Errorf("one mailbox was removed %d times", gone)
	}
}

func testMailQuota(t *testing.T, a *Tenant) {
	ctx := t.Context()
	ann := a.box(t, "ann")
	mail := a.Open().Mail()
	quota := func(want int64) {
		t.Helper()
		b, err := a.Open().Mail().Mailbox(ctx, ann)
		same(t, "Quota", b.Quota, err, want)
	}
	quota(0)
	for _, q := range []int64{3 << 20, 1, 0, 10 << 40} {
		worked(t, fmt.Sprint("SetQuota ", q), mail.SetQuota(ctx, ann, q))
		quota(q)
	}
	failed(t, "SetQuota below nothing", mail.SetQuota(ctx, ann, -1), latchkey.Invalid)
	a.Limit(func(l *latchkey.Limits) { l.MailboxMB = 10 })
	mail = a.Open().Mail()
	quota(10 << 40) // what somebody has is not taken away
	for _, q := range []int64{0, 10<<20 + 1} {
		failed(t, fmt.Sprint("SetQuota ", q, " of 10 MB"), mail.SetQuota(ctx, ann, q), latchkey.Invalid)
		failed(t, fmt.Sprint("Create with ", q, " of 10 MB"), mail.Create(ctx, hosting.NewMailbox{Address: address("bob"), Hash: goodHash, Quota: q}), latchkey.Invalid)
	}
	quota(10 << 40)
	worked(t, "SetQuota of all that is allowed", mail.SetQuota(ctx, ann, 10<<20))
	worked(t, "Create with all that is allowed", mail.Create(ctx, hosting.NewMailbox{Address: address("bob"), Hash: goodHash, Quota: 10 << 20}))
}

func testMailPassword(t *testing.T, a *Tenant) {
	ctx := t.Context()
	mail, ann := a.Open().Mail(), address("ann")
	worked(t, "Create", mail.Create(ctx, hosting.NewMailbox{Address: ann, Password: latchkey.NewSecret(goodPassword)}))
	opens := func(password string, want bool) {
		t.Helper()
		got, err := mail.Verify(ctx, ann, latchkey.NewSecret(password))
		same(t, "Verify "+password, got, err, want)
	}
	opens(goodPassword, true)
	for _, wrong := range []string{"", "Correct-horse-9", goodPassword + " ", goodPassword[:14]} {
		opens(wrong, false)
	}
	failed(t, "SetPassword to none", mail.SetPassword(ctx, ann, latchkey.Secret{}), latchkey.Invalid)
	opens(goodPassword, true)
	worked(t, "SetPassword", mail.SetPassword(ctx, ann, latchkey.NewSecret("another-horse-8")))
	opens(goodPassword, false)
	opens("another-horse-8", true)
}

func testMailSuspend(t *testing.T, a *Tenant) {
	ctx := t.Context()
	ann, bob := a.box(t, "ann"), a.box(t, "bob")
	mail := a.Open().Mail()
	is := func(at hosting.Address, want [4]bool) {
		t.Helper()
		b, err := a.Open().Mail().Mailbox(ctx, at)
		same(t, "Mailbox "+at.String(), [4]bool{b.SuspendedLogin, b.SuspendedIncoming, b.SuspendedOutgoing, b.HoldOutgoing}, err, want)
	}
	for i, what := range []hosting.Suspension{hosting.Login, hosting.Incoming, hosting.Outgoing, hosting.HoldOutgoing} {
		for _, on := range []bool{true, true, false, false} { // the second time changes nothing
			worked(t, fmt.Sprint("Suspend ", what, on), mail.Suspend(ctx, ann, what, on))
			var want [4]bool
			want[i] = on
			is(ann, want)
		}
	}
	for _, what := range []hosting.Suspension{hosting.Login, hosting.HoldOutgoing} {
		worked(t, "Suspend", mail.Suspend(ctx, ann, what, true))
	}
	is(ann, [4]bool{true, false, false, true})
	is(bob, [4]bool{})
	worked(t, "Remove", mail.Remove(ctx, ann))
	a.box(t, "ann")
	is(ann, [4]bool{})
}

func testMailRemove(t *testing.T, a *Tenant) {
	ctx := t.Context()
	ann, bob := a.box(t, "ann"), a.box(t, "bob")
	mail := a.Open().Mail()
	worked(t, "Deliver", a.Deliver(ann, "hello"))
	worked(t, "Remove", mail.Remove(ctx, ann))
	_, err := mail.Mailbox(ctx, ann)
	failed(t, "Mailbox after Remove", err, latchkey.NotFound)
	_, err = mail.Usage(ctx, ann)
	failed(t, "Usage after Remove", err, latchkey.NotFound)
	failed(t, "Remove once more", mail.Remove(ctx, ann), latchkey.NotFound)
	if err := a.Deliver(ann, "x"); err == nil {
		t.Error("a mailbox that was removed takes mail")
	}
	worked(t, "Deliver to the other", a.Deliver(bob, "hello"))
	a.Wait(time.Hour)
	a.box(t, "ann")
	b, err := mail.Mailbox(ctx, ann)
	same(t, "Mailbox made anew", b, err, hosting.Mailbox{Address: ann, Created: a.Now()})
	u, err := mail.Usage(ctx, ann)
	same(t, "Messages in a mailbox made anew", u.Messages, err, 0)
	same(t, "Bytes in a mailbox made anew", u.Bytes, err, 0)
}

func testMailboxes(t *testing.T, a *Tenant) {
	ctx := t.Context()
	list, err := a.Open().Mail().Mailboxes(ctx)
	same(t, "Mailboxes of an empty account", len(list), err, 0)
	a.Own(latchkey.AddonDomain, "example.co")
	a.Own(latchkey.AddonDomain, "a.example")
	for _, text := range []string{"b@example.com", "a@example.com", "ab@example.co", "z@a.example", "a-b@example.com", "a.b@example.com", "a1@example.com"} {
		at, err := hosting.ParseAddress(text)
		worked(t, "ParseAddress", err)
		worked(t, "Create "+text, a.Open().Mail().Create(ctx, hosting.NewMailbox{Address: at, Hash: goodHash}))
	}
	list, err = a.Open().Mail().Mailboxes(ctx)
	same(t, "Mailboxes", each(list, func(b hosting.Mailbox) string { return b.Address.String() }), err, []string{
		"z@a.example", "ab@example.co", "a@example.com", "a-b@example.com", "a.b@example.com", "a1@example.com", "b@example.com",
	})
	n, err := a.Open().Mail().Count(ctx)
	same(t, "Count", n, err, int64(len(list)))
	for skip := range len(list) + 2 {
		page, total, err := a.Open().Mail().Page(ctx, skip, 3)
		same(t, fmt.Sprint("total of page ", skip), total, err, len(list))
		want := list[min(skip, len(list)):]
		same(t, fmt.Sprint("page from ", skip), page, err, want[:min(3, len(want))])
	}
	var every []hosting.Mailbox
	err = a.Open().Mail().EachMailbox(ctx, func(some []hosting.Mailbox) error { every = append(every, some...); return nil })
	same(t, "EachMailbox", every, err, list)
	narrow := hosting.Narrow(a.Open(), func(things ...latchkey.Resource) error {
		if len(things) == 1 && strings.HasPrefix(things[0].Name, "a") && things[0].Kind == "mailbox" {
			return nil
		}
		return latchkey.Errorf(latchkey.Denied, "not that")
	}).Mail()
	page, total, err := narrow.Page(ctx, 1, 2)
	same(t, "what a narrow page tells of", total, err, 5)
	same(t, "a narrow page", each(page, func(b hosting.Mailbox) string { return b.Address.String() }), err, []string{"a@example.com", "a-b@example.com"})
}

func testMailUsage(t *testing.T, a *Tenant) {
	ctx := t.Context()
	ann, bob := a.box(t, "ann"), a.box(t, "bob")
	before := int64(0)
	for i, message := range []string{"A: b\n\nhello\n", strings.Repeat("x", 10_000), "y"} {
		worked(t, "Deliver", a.Deliver(ann, message))
		u, err := a.Open().Mail().Usage(ctx, ann)
		same(t, "Messages", u.Messages, err, int64(i+1))
		const lines = 200 // of the envelope
		if grown := u.Bytes - before; grown < int64(len(message)) || grown > int64(len(message))+lines {
			t.Errorf("a message of %d bytes adds %d", len(message), grown)
		}
		before = u.Bytes
		if u.Modified.IsZero() {
			t.Error("a mailbox with mail was never modified")
		}
	}
	u, err := a.Open().Mail().Usage(ctx, bob)
	same(t, "Bytes of the other", u.Bytes, err, 0)
}

func testMailFolders(t *testing.T, a *Tenant) {
	ctx := t.Context()
	ann, bob := a.box(t, "ann"), a.box(t, "bob")
	for _, at := range []hosting.Address{ann, ann, bob} {
		worked(t, "Deliver", a.Deliver(at, "A: b\n\nhello\n"))
	}
	query := func(text string) mailsearch.Query {
		q, err := mailsearch.Parse(text, time.Now())
		worked(t, "Parse "+text, err)
		return q
	}
	folders, err := a.Open().Mail().Folders(ctx, ann)
	if err != nil || len(folders) != 1 || folders[0].Name != "INBOX" || folders[0].Messages != 2 || folders[0].Bytes < 24 || len(folders[0].GUID) != 32 {
		t.Fatalf("Folders = %+v, %v", folders, err)
	}
	inbox := hosting.FolderRef{GUID: folders[0].GUID}
	n, err := a.Open().Mail().Expunge(ctx, ann, inbox, query("seen"))
	same(t, "Expunge of nothing", n, err, 0)
	for what, f := range map[string]hosting.FolderRef{"no folder": {Name: "INBOX.None"}, "no GUID": {GUID: "0"}, "no name": {}} {
		_, err := a.Open().Mail().Expunge(ctx, ann, f, query("all"))
		failed(t, "Expunge of "+what, err, latchkey.NotFound)
	}
	n, err = a.Open().Mail().Expunge(ctx, ann, inbox, query("all"))
	same(t, "Expunge", n, err, 2)
	u, err := a.Open().Mail().Usage(ctx, ann)
	same(t, "Messages that are left", u.Messages, err, 0)
	u, err = a.Open().Mail().Usage(ctx, bob)
	same(t, "Messages of the other", u.Messages, err, 1)
	_, err = a.Open().Mail().Folders(ctx, address("eve"))
	failed(t, "Folders of no mailbox", err, latchkey.NotFound)
	_, err = a.Open().Mail().Expunge(ctx, address("eve"), inbox, query("all"))
	failed(t, "Expunge of no mailbox", err, latchkey.NotFound)
	other := hosting.ForMailbox(a.Open(), bob).Mail()
	_, err = other.Folders(ctx, ann)
	failed(t, "Folders of another mailbox", err, latchkey.NotFound)
	_, err = other.Expunge(ctx, ann, inbox, query("all"))
	failed(t, "Expunge of another mailbox", err, latchkey.NotFound)
}

func testTokensSuspended(t *testing.T, a *Tenant) {
	ctx := t.Context()
	before := a.Open()
	_, _, err := before.Tokens().Create(ctx, hosting.NewToken{Name: "old"})
	worked(t, "Create", err)
	a.Suspend(true)
	for _, acct := range []hosting.Account{before, a.Open()} {
		_, _, err := acct.Tokens().Create(ctx, hosting.NewToken{Name: "new"})
		failed(t, "Create while the account is suspended", err, latchkey.Denied)
	}
	list, err := a.Open().Tokens().List(ctx)
	same(t, "List", each(list, tokenName), err, []string{"old"})
	a.Suspend(false)
	_, _, err = a.Open().Tokens().Create(ctx, hosting.NewToken{Name: "new"})
	worked(t, "Create when the suspension has ended", err)
}
