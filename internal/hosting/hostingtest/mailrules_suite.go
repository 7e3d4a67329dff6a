package hostingtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
)

func testMailRules(t *testing.T, a *Tenant) {
	testForwarding(t, a)
	testAnswering(t, a)
	testFiltering(t, a)
}

func testForwarding(t *testing.T, a *Tenant) {
	ctx, mail := t.Context(), a.Open().Mail()
	info, foreign := address("info"), hosting.Address{Local: "a", Domain: "foreign.example"}
	to := []mailrule.Destination{"x@example.com", mailrule.Refusal("no")}
	worked(t, "Forward", mail.Forward(ctx, info, to))
	worked(t, "Forward again", mail.Forward(ctx, info, to[:1]))
	list, err := a.Open().Mail().Forwarders(ctx)
	same(t, "Forwarders", list, err, []hosting.Forwarder{{From: info, To: to[1]}, {From: info, To: to[0]}})
	failed(t, "Forward of a foreign address", mail.Forward(ctx, foreign, to), latchkey.NotFound)
	for _, bad := range []mailrule.Destination{"", "demo", "|/bin/sh", "/dev/null", ":include:/etc/passwd", "a b@example.com", "-x@example.com", "a@EXAMPLE.com", "a@b.example\n", ":fail: a\nb"} {
		failed(t, fmt.Sprintf("Forward to %q", bad), mail.Forward(ctx, info, []mailrule.Destination{"y@example.com", bad}), latchkey.Invalid)
	}
	var many []mailrule.Destination
	for i := range hosting.MaxDestinations {
		many = append(many, mailrule.Destination(fmt.Sprintf("u%d@example.com", i)))
	}
	failed(t, "Forward to too many", mail.Forward(ctx, info, many), latchkey.Limit)
	failed(t, "Unforward of one that there is not", mail.Unforward(ctx, info, []mailrule.Destination{to[0], "no@example.com"}), latchkey.NotFound)
	list, err = mail.Forwarders(ctx)
	same(t, "Forwarders after what failed", len(list), err, 2)
	worked(t, "Unforward", mail.Unforward(ctx, info, to))
	list, err = mail.Forwarders(ctx)
	same(t, "Forwarders after Unforward", len(list), err, 0)

	main := address("").Domain
	rest, err := mail.Remainders(ctx)
	same(t, "Remainders", rest, err, []hosting.Remainder{{Domain: main, Default: hosting.Unknown}})
	worked(t, "SetDefault", mail.SetDefault(ctx, main, mailrule.Blackhole))
	failed(t, "SetDefault to nothing", mail.SetDefault(ctx, main, ""), latchkey.Invalid)
	failed(t, "SetDefault of a foreign domain", mail.SetDefault(ctx, foreign.Domain, mailrule.Blackhole), latchkey.NotFound)
	failed(t, "ForwardDomain to itself", mail.ForwardDomain(ctx, main, main), latchkey.Invalid)
	failed(t, "ForwardDomain that is not", mail.ForwardDomain(ctx, main, ""), latchkey.NotFound)
	a.Own(latchkey.AddonDomain, "b.example")
	worked(t, "ForwardDomain", mail.ForwardDomain(ctx, "b.example", main))
	rest, err = a.Open().Mail().Remainders(ctx)
	same(t, "Remainders after", rest, err, []hosting.Remainder{{Domain: main, Default: mailrule.Blackhole}, {Domain: "b.example", Default: hosting.Unknown, Forward: main}})
	worked(t, "ForwardDomain no more", mail.ForwardDomain(ctx, "b.example", ""))
}

func testAnswering(t *testing.T, a *Tenant) {
	ctx, mail := t.Context(), a.Open().Mail()
	info := address("info")
	one := hosting.Autoresponder{Address: info, Autoresponder: mailrule.Autoresponder{From: "ü", Subject: "a", Body: "b\n", Charset: "utf-8", HTML: true, Interval: 2, Start: time.Unix(1e9, 0).UTC(), Stop: time.Unix(2e9, 0).UTC()}}
	_, err := mail.Autoresponder(ctx, info)
	failed(t, "Autoresponder of none", err, latchkey.NotFound)
	worked(t, "Answer", mail.Answer(ctx, hosting.Autoresponder{Address: info}))
	worked(t, "Answer otherwise", mail.Answer(ctx, one))
	got, err := a.Open().Mail().Autoresponder(ctx, info)
	same(t, "Autoresponder", got, err, one)
	list, err := mail.Autoresponders(ctx)
	same(t, "Autoresponders", list, err, []hosting.Autoresponder{one})
	bad := one
	bad.Interval = -1
	failed(t, "Answer with an odd interval", mail.Answer(ctx, bad), latchkey.Invalid)
	bad = one
	bad.Subject = "a\r\nBcc: x"
	failed(t, "Answer with a subject of two lines", mail.Answer(ctx, bad), latchkey.Invalid)
	bad = one
	bad.Domain = "foreign.example"
	failed(t, "Answer of a foreign address", mail.Answer(ctx, bad), latchkey.NotFound)
	worked(t, "Unanswer", mail.Unanswer(ctx, info))
	worked(t, "Unanswer again", mail.Unanswer(ctx, info))
	list, err = mail.Autoresponders(ctx)
	same(t, "Autoresponders after Unanswer", len(list), err, 0)
}

func testFiltering(t *testing.T, a *Tenant) {
	ctx, mail := t.Context(), a.Open().Mail()
	ann, account := a.box(t, "ann"), hosting.Address{}
	is := func(to ...mailrule.Filter) func([]mailrule.Filter) ([]mailrule.Filter, error) {
		return func([]mailrule.Filter) ([]mailrule.Filter, error) { return to, nil }
	}
	good := mailrule.Filter{Name: "f", Rules: []mailrule.Rule{{Part: "$header_to:", Match: "is", Value: "\"x\\"}}, Actions: []mailrule.Action{{Do: mailrule.Save, To: "Work"}}}
	worked(t, "SetFilters", mail.SetFilters(ctx, ann, is(good)))
	worked(t, "SetFilters of the account", mail.SetFilters(ctx, account, is(good, good)))
	list, err := a.Open().Mail().Filters(ctx, ann)
	same(t, "Filters", list, err, []mailrule.Filter{good})
	list, err = mail.Filters(ctx, account)
	same(t, "Filters of the account", len(list), err, 2)
	for _, bad := range []mailrule.Action{{Do: "pipe", To: "/bin/sh"}, {Do: mailrule.Save, To: "../x"}, {Do: mailrule.Deliver, To: "root"}, {Do: mailrule.Save, To: "a\nb"}, {}} {
		f := good
		f.Actions = []mailrule.Action{bad}
		failed(t, fmt.Sprintf("SetFilters with %+v", bad), mail.SetFilters(ctx, ann, is(f)), latchkey.Invalid)
	}
	failed(t, "SetFilters as change fails", mail.SetFilters(ctx, ann, func([]mailrule.Filter) ([]mailrule.Filter, error) {
		return nil, latchkey.Errorf(latchkey.Exists, "no")
	}), latchkey.Exists)
	failed(t, "SetFilters of no mailbox", mail.SetFilters(ctx, address("no"), is(good)), latchkey.NotFound)
	failed(t, "SetFilters with too many", mail.SetFilters(ctx, ann, is(make([]mailrule.Filter, hosting.MaxFilters+1)...)), latchkey.Limit)
	list, err = mail.Filters(ctx, ann)
	same(t, "Filters after what failed", list, err, []mailrule.Filter{good})
	worked(t, "Remove", mail.Remove(ctx, ann))
	a.box(t, "ann")
	list, err = mail.Filters(ctx, ann)
	same(t, "Filters of a mailbox made anew", len(list), err, 0)
}
