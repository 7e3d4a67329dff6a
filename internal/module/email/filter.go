package email

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/mailrule"
	"github.com/latchkey/latchkey/internal/sieve"
)

// owner is a parameter that says what of the account is meant: a mailbox, by its
// address, or the account itself, by its name or because nothing is said.
type owner struct {
	box  hosting.Address
	name latchkey.AccountName
}

// ParseParam reads the address of a mailbox, or the name of an account.
func (o *owner) ParseParam(text string) (err error) {
	if strings.Contains(text, "@") {
		o.box, err = hosting.ParseAddress(text)
		return err
	}
	var a hosting.AccountParam
	err = a.ParseParam(text)
	o.name = a.Name
	return err
}

// Resource names the mailbox.
func (o owner) Resource() latchkey.Resource {
	if o.box == (hosting.Address{}) {
		return latchkey.Resource{Kind: "mailbox"}
	}
	return hosting.MailboxParam(o.box).Resource()
}

// in is whom the parameter param means of acct: a mailbox, or under the zero address
// the account. Who signed in as a mailbox means that where nothing is said. The name
// of another account means nobody, whether or not there is one.
func (o owner) in(acct hosting.Account, param string) (hosting.Address, error) {
	who := acct.Caller()
	switch {
	case o.name != "" && (who.Mailbox != "" || o.name != who.Name):
		return hosting.Address{}, &latchkey.Error{Kind: latchkey.NotFound, Param: param, Msg: "You do not have an email account named “" + string(o.name) + "”."}
	case o == owner{} && who.Mailbox != "":
		local, domain := who.Mailbox.Split()
		return hosting.Address{Local: local, Domain: domain}, nil
	}
	return o.box, nil
}

type ownerParams struct {
	Account owner `param:"account,optional" doc:"The mailbox whose filters are meant, by its address. Those of the account if nothing, or its name, is said."`
}

// of is whose filters are meant.
func (p *ownerParams) of(acct hosting.Account) (hosting.Address, error) {
	return p.Account.in(acct, "account")
}

// named is what an answer calls the owner.
func named(of hosting.Address, acct hosting.Account) string {
	if of == (hosting.Address{}) {
		return string(acct.Caller().Name)
	}
	return of.String()
}

type storeFilterParams struct {
	ownerParams
	Name    string   `param:"filtername" doc:"What the filter is called. One that is called so already is replaced."`
	OldName string   `param:"oldfiltername,optional" doc:"What it was called before."`
	Type    string   `param:"match_type,optional" doc:"How the rules are joined that do not say so: and, or."`
	Rules   api.Args `param:"*" doc:"Rules and actions by number: part1, match1, val1 and opt1, action1 and dest1."`
}

// filter is the filter that is asked for.
func (p *storeFilterParams) filter(acct hosting.Account, of hosting.Address) (mailrule.Filter, error) {
	f := mailrule.Filter{Name: p.Name}
	parts, matches, values := p.Rules.Numbered("part"), p.Rules.Numbered("match"), p.Rules.Numbered("val")
	joins, actions, targets := p.Rules.Numbered("opt"), p.Rules.Numbered("action"), p.Rules.Numbered("dest")
	for i, n := range slices.Sorted(maps.Keys(parts)) {
		or, err := joined(joins[n], p.Type)
		if err != nil {
			return f, err
		}
		r := mailrule.Rule{Part: parts[n], Match: matches[n], Value: values[n], Or: or}
		if param, err := r.Check(); err != nil {
			param = fmt.Sprint(param, n)
			return f, latchkey.InvalidParam(param, "The “%s” argument is invalid: it %v.", param, err)
		}
		if r.Or = or && i < len(parts)-1; err == nil {
			f.Rules = append(f.Rules, r)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(actions)) {
		a, param, err := action(actions[n], targets[n], acct.Home(), of)
		if err != nil {
			param = fmt.Sprint(param, n)
			return f, latchkey.InvalidParam(param, "The “%s” argument is invalid: it %v.", param, err)
		}
		f.Actions = append(f.Actions, a)
	}
	return f, nil
}

// joined reads how a rule is joined to the next.
func joined(opt, all string) (or bool, err error) {
	switch opt {
	case "or":
		return true, nil
	case "and":
		return false, nil
	case "", "null", "undefined":
		return all == "or", nil
	}
	return false, latchkey.InvalidParam("opt", "Invalid filter match join: give “and” or “or”.")
}

// action reads an action, and says which parameter is to blame if it cannot.
func action(do, to, home string, of hosting.Address) (a mailrule.Action, param string, err error) {
	a.Do = do
	switch do {
	case mailrule.Deliver:
		a.To, err = hosting.ParseRecipient(strings.TrimSpace(to))
	case mailrule.Save:
		a.To, err = mailrule.ParseFolder(to, home, string(of.Domain), of.Local)
	case mailrule.Fail:
		a.To = strings.TrimSpace(to)
	case mailrule.Finish:
	case "pipe":
		return a, "action", fmt.Errorf("asks for a program to be run: the accounts of this server are virtual and run none")
	default:
		return a, "action", fmt.Errorf("must be deliver, save, fail or finish")
	}
	return a, "dest", err
}

type storedFilter struct {
	Account string `json:"account"`
}

// UAPI: Email::store_filter.
func storeFilter(ctx context.Context, acct hosting.Account, p storeFilterParams) (storedFilter, error) {
	of, err := p.of(acct)
	if err != nil {
		return storedFilter{}, err
	}
	made, ferr := p.filter(acct, of)
	err = acct.Mail().SetFilters(ctx, of, func(list []mailrule.Filter) ([]mailrule.Filter, error) {
		if ferr != nil { // whether they may comes before what is wrong
			return nil, ferr
		}
		list = slices.Clone(list)
		at := find(list, p.OldName)
		if same := find(list, p.Name); same >= 0 && at >= 0 && same != at {
			return nil, &latchkey.Error{Kind: latchkey.Exists, Param: "filtername", Msg: "There is another filter of the name “" + p.Name + "” already."}
		} else if at < 0 {
			at = same
		}
		if at < 0 {
			return append(list, made), nil
		}
		made.Off = list[at].Off
		list[at] = made
		return list, nil
	})
	return storedFilter{named(of, acct)}, err
}

// find is where the filter of a name stands; -1 for nowhere.
func find(list []mailrule.Filter, name string) int {
	return slices.IndexFunc(list, func(f mailrule.Filter) bool { return f.Name == name })
}

func noFilter(name string) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "filtername", Msg: fmt.Sprintf(`Filter "%s" not found.`, name)}
}

type filterParams struct {
	ownerParams
	Name string `param:"filtername" doc:"What the filter is called."`
}

// change changes the filter that the parameters name; without one in its place it
// is taken away.
func (p *filterParams) change(ctx context.Context, acct hosting.Account, change func(*mailrule.Filter) (keep bool)) error {
	of, err := p.of(acct)
	if err != nil {
		return err
	}
	return acct.Mail().SetFilters(ctx, of, func(list []mailrule.Filter) ([]mailrule.Filter, error) {
		list = slices.Clone(list)
		at := find(list, p.Name)
		if at < 0 {
			return nil, noFilter(p.Name)
		}
		if !change(&list[at]) {
			list = slices.Delete(list, at, at+1)
		}
		return list, nil
	})
}

// UAPI: Email::delete_filter.
func deleteFilter(ctx context.Context, acct hosting.Account, p filterParams) (api.Void, error) {
	return nil, p.change(ctx, acct, func(*mailrule.Filter) bool { return false })
}

type switchedFilter struct {
	Name    string `json:"filtername"`
	Updated bool   `json:"updated"`
}

// turning makes the function that switches a filter on or off.
//
// UAPI: Email::enable_filter, disable_filter.
func turning(off bool) func(context.Context, hosting.Account, filterParams) (switchedFilter, error) {
	return func(ctx context.Context, acct hosting.Account, p filterParams) (switchedFilter, error) {
		err := p.change(ctx, acct, func(f *mailrule.Filter) bool { f.Off = off; return true })
		return switchedFilter{p.Name, true}, err
	}
}

type ruleRow struct {
	Part   string `json:"part"`
	Match  string `json:"match"`
	Opt    any    `json:"opt"` // null after the last
	Value  string `json:"val"`
	Number int    `json:"number,omitempty"`
}

type actionRow struct {
	Action string `json:"action"`
	Dest   any    `json:"dest"` // null where there is none
	Number int    `json:"number,omitempty"`
}

type filterRow struct {
	Name      string      `json:"filtername"`
	Enabled   bool        `json:"enabled"`
	Unescaped string      `json:"unescaped"`
	Rules     []ruleRow   `json:"rules"`
	Actions   []actionRow `json:"actions"`
}

func rulesOf(f *mailrule.Filter) []ruleRow {
	rows := make([]ruleRow, len(f.Rules))
	for i, r := range f.Rules {
		rows[i] = ruleRow{Part: r.Part, Match: r.Match, Value: r.Value}
		switch {
		case i == len(f.Rules)-1:
		case r.Or:
			rows[i].Opt = "or"
		default:
			rows[i].Opt = "and"
		}
	}
	return rows
}

// actionsOf are the actions of a filter; root stands for the folder of all mail.
func actionsOf(f *mailrule.Filter, of hosting.Address, root string) []actionRow {
	rows := make([]actionRow, len(f.Actions))
	for i, a := range f.Actions {
		rows[i].Action = a.Do
		switch {
		case a.Do == mailrule.Save && a.To != mailrule.Nowhere:
			rows[i].Dest = root + mailrule.FolderPath(a.To, string(of.Domain), of.Local)
		case a.To != "":
			rows[i].Dest = a.To
		}
	}
	return rows
}

// UAPI: Email::list_filters.
func listFilters(ctx context.Context, acct hosting.Account, p ownerParams) ([]filterRow, error) {
	of, err := p.of(acct)
	if err != nil {
		return nil, err
	}
	list, err := acct.Mail().Filters(ctx, of)
	rows := make([]filterRow, len(list))
	for i := range list {
		f := &list[i]
		rows[i] = filterRow{f.Name, !f.Off, "1", rulesOf(f), actionsOf(f, of, "$home/mail")}
	}
	return rows, err
}

type shownFilter struct {
	Name    string      `json:"filtername"`
	Rules   []ruleRow   `json:"rules"`
	Actions []actionRow `json:"actions"`
}

type number struct {
	Number int `json:"number"`
}

// newFilter is what is shown of a filter that is not there: one to fill in.
type newFilter struct {
	Name    string   `json:"filtername"`
	Rules   []number `json:"rules"`
	Actions []number `json:"actions"`
}

type showFilterParams struct {
	ownerParams
	Name string `param:"filtername,optional" doc:"What the filter is called."`
}

// UAPI: Email::get_filter.
func showFilter(ctx context.Context, acct hosting.Account, p showFilterParams) (any, error) {
	of, err := p.of(acct)
	if err != nil {
		return nil, err
	}
	list, err := acct.Mail().Filters(ctx, of)
	if err != nil {
		return nil, err
	}
	at := find(list, p.Name)
	if at < 0 {
		return newFilter{"Rule 1", []number{{1}}, []number{{1}}}, nil
	}
	shown := shownFilter{list[at].Name, rulesOf(&list[at]), actionsOf(&list[at], of, "")}
	for i := range shown.Rules {
		shown.Rules[i].Number = i + 1
	}
	for i := range shown.Actions {
		shown.Actions[i].Number = i + 1
	}
	return shown, nil
}

func countFilters(ctx context.Context, acct hosting.Account, _ api.None) (int, error) {
	list, err := acct.Mail().Filters(ctx, hosting.Address{})
	return len(list), err
}

type reorderParams struct {
	Mailbox owner    `param:"mailbox,optional" doc:"The mailbox whose filters are meant, by its address. Those of the account if nothing, or its name, is said."`
	Names   api.Args `param:"*" doc:"Names of filters in their new order, by number: filter1, filter2. Those that are left out come after."`
}

// UAPI: Email::reorder_filters.
func reorderFilters(ctx context.Context, acct hosting.Account, p reorderParams) (api.Void, error) {
	numbered := p.Names.Numbered("filter")
	var names []string
	for _, n := range slices.Sorted(maps.Keys(numbered)) {
		names = append(names, numbered[n])
	}
	if len(names) == 0 {
		names = p.Names.List("filter")
	}
	of, err := p.Mailbox.in(acct, "mailbox")
	if err != nil {
		return nil, err
	}
	return nil, acct.Mail().SetFilters(ctx, of, func(list []mailrule.Filter) ([]mailrule.Filter, error) {
		if len(names) == 0 {
			return nil, &latchkey.Error{Kind: latchkey.Missing, Param: "filter1"}
		}
		left, ordered := slices.Clone(list), make([]mailrule.Filter, 0, len(list))
		for _, name := range names {
			at := find(left, name)
			if at < 0 {
				return nil, noFilter(name)
			}
			ordered = append(ordered, left[at])
			left = slices.Delete(left, at, at+1)
		}
		return append(ordered, left...), nil
	})
}

type traceParams struct {
	ownerParams
	Message string `param:"msg" doc:"A whole message, with its header."`
}

type traced struct {
	Trace string `json:"trace"`
}

// tracing bounds how many traces run at once, and traceWork how much each compares: a
// quarter of what a delivery may.
var tracing = make(chan struct{}, 2)

const traceWork = 1 << 27

// UAPI: Email::trace_filter.
func traceFilter(ctx context.Context, acct hosting.Account, p traceParams) (traced, error) {
	of, err := p.of(acct)
	if err != nil {
		return traced{}, err
	}
	mail := acct.Mail()
	own, err := mail.Filters(ctx, of)
	if err != nil {
		return traced{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Testing the message with the filters of %s. Nothing is delivered.\n", named(of, acct))
	message := sieve.Read(strings.NewReader(strings.ReplaceAll(p.Message, "\r\n", "\n")))
	from := "unknown@unknown.invalid"
	if senders := message.Fields("Return-Path"); len(senders) > 0 {
		from = strings.Trim(senders[0], "<>")
	}
	select {
	case tracing <- struct{}{}:
		defer func() { <-tracing }()
	case <-ctx.Done():
		return traced{}, ctx.Err()
	}
	var work atomic.Int64
	work.Store(traceWork)
	out, err := mailrule.Script(nil, own, nil, of.String()).Run(sieve.Delivery{
		Message: message, From: from, Now: acct.At(), Work: &work, Trace: func(line string) { _, _ = io.WriteString(&b, line+"\n") },
	})
	if out.Keep {
		b.WriteString("The message goes to the inbox.\n")
	}
	return traced{b.String()}, err
}

type systemFilters struct {
	Info string `json:"filter_info"`
}

func systemFilterInfo(context.Context, hosting.Account, api.None) (systemFilters, error) {
	return systemFilters{"No filter of the server runs before those of the account."}, nil
}

// UAPI: Email::list_filters_backups.
func listFilteredDomains(ctx context.Context, acct hosting.Account, _ api.None) ([]domainRow, error) {
	list, err := acct.Mail().Filters(ctx, hosting.Address{})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	domains, err := acct.Mail().Domains(ctx)
	rows := make([]domainRow, len(domains))
	for i, d := range domains {
		rows[i].Domain = d
	}
	return rows, err
}

type storedFilterOfAPI2 struct {
	Account string `json:"account"`
	Error   int    `json:"error"`
	OK      int    `json:"ok"`
	Result  string `json:"result"`
}

func storedOfAPI2(data any) any {
	f, ok := data.(storedFilter)
	if !ok {
		return data
	}
	return []storedFilterOfAPI2{{f.Account, 0, 1, "Filter saved"}}
}
