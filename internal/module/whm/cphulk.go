package whm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// CPHulk is the functions of cPHulk, over this server's own throttle: sources
// whose sign-ins fail are refused for a while.
var CPHulk = api.Module[hosting.Host]{Name: "whm", Doc: Module.Doc, Funcs: []api.Func[hosting.Host]{
	{Name: "cphulk_status", Privilege: latchkey.PrivilegeAll, Run: api.Run(hulkStatus), Doc: "Tell whether sources are slowed down whose sign-ins fail."},
	{Name: "enable_cphulk", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(switchHulk(true)), Doc: "Slow sources down whose sign-ins fail."},
	{Name: "disable_cphulk", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(switchHulk(false)), Doc: "Slow nobody down."},
	{Name: "load_cphulk_config", Privilege: latchkey.PrivilegeAll, Run: api.Run(loadHulk), Doc: "Show how sources are slowed down."},
	{Name: "save_cphulk_config", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(saveHulk), Doc: "Set how sources are slowed down."},
	{Name: "set_cphulk_config_key", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(setHulkKey), Doc: "Set one thing of how sources are slowed down."},
	{Name: "read_cphulk_records", Privilege: latchkey.PrivilegeAll, Run: api.Run(readHulkList), Doc: "Show the white or the black list."},
	{Name: "create_cphulk_record", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(createHulkRecords), Doc: "Put addresses on the white or the black list."},
	{Name: "batch_create_cphulk_records", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(createHulkBatch), Doc: "Put addresses on the white or the black list, each with its comment."},
	{Name: "delete_cphulk_record", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(deleteHulkRecords), Doc: "Take addresses off the white or the black list."},
	{Name: "get_cphulk_brutes", Privilege: latchkey.PrivilegeAll, Run: api.Run(listBrutes), Doc: "List the sources that are refused for a while."},
	{Name: "get_cphulk_excessive_brutes", Privilege: latchkey.PrivilegeAll, Run: api.Run(listExcessiveBrutes), Doc: "List the sources that are refused for a day."},
	{Name: "get_cphulk_user_brutes", Privilege: latchkey.PrivilegeAll, Run: api.Run(listUserBrutes), Doc: "List the users that are refused: none, as nobody can lock a user out."},
	{Name: "get_cphulk_failed_logins", Privilege: latchkey.PrivilegeAll, Run: api.Run(listFailedLogins), Doc: "List the latest sign-ins that failed."},
	{Name: "flush_cphulk_login_history", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(flushHulk), Doc: "Forget all failures, and refuse nobody for them."},
	{Name: "flush_cphulk_login_history_for_ips", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(flushHulkOf), Doc: "Forget the failures of some addresses, and let them in again."},
}}

type hulkState struct {
	Enabled bool   `json:"is_enabled"`
	Service string `json:"service"`
}

// WHM API 1: cphulk_status.
func hulkStatus(ctx context.Context, h hosting.Host, _ api.None) (hulkState, error) {
	g, err := h.SignIns().Guard(ctx)
	return hulkState{!g.Off, "cPHulk"}, err
}

// WHM API 1: enable_cphulk, disable_cphulk.
func switchHulk(on bool) func(context.Context, hosting.Host, api.None) (api.Void, error) {
	return func(ctx context.Context, h hosting.Host, _ api.None) (api.Void, error) {
		return nil, h.SignIns().ChangeGuard(ctx, func(g *latchkey.Guard) error {
			g.Off = !on
			return nil
		})
	}
}

// hulkConfig are cPHulk's settings. What this server does not have is off.
type hulkConfig struct {
	BlockByFirewall       bool   `json:"block_brute_force_with_firewall"`
	BlockExcessByFirewall bool   `json:"block_excessive_brute_force_with_firewall"`
	UserMinutes           int    `json:"brute_force_period_mins"`
	UserSeconds           int    `json:"brute_force_period_sec"`
	FirewallThere         bool   `json:"can_temp_ban_firewall"`
	Command               string `json:"command_to_run_on_brute_force"`
	ExcessCommand         string `json:"command_to_run_on_excessive_brute_force"`
	ByAddress             bool   `json:"ip_based_protection"`
	Minutes               int    `json:"ip_brute_force_period_mins"`
	Seconds               int    `json:"ip_brute_force_period_sec"`
	Enabled               bool   `json:"is_enabled"`
	LookbackMinutes       int    `json:"lookback_period_min"`
	LookbackSeconds       int    `json:"lookback_time"`
	Excess                int    `json:"mark_as_brute"`
	UserFailures          int    `json:"max_failures"`
	Failures              int    `json:"max_failures_byip"`
	Notify                bool   `json:"notify_on_brute"`
	NotifyRoot            bool   `json:"notify_on_root_login"`
	NotifyRootKnown       bool   `json:"notify_on_root_login_for_known_netblock"`
	ByUser                bool   `json:"username_based_protection"`
	ByUserRoot            bool   `json:"username_based_protection_for_root"`
	ByUserLocal           bool   `json:"username_based_protection_local_origin"`
}

func configOf(g *latchkey.Guard) hulkConfig {
	return hulkConfig{
		ByAddress: true, Minutes: int(g.Period / time.Minute), Seconds: int(g.Period / time.Second), Enabled: !g.Off, Excess: g.Excess, Failures: g.Failures,
		LookbackMinutes: int(g.Period / time.Minute), LookbackSeconds: int(g.Period / time.Second),
	}
}

type hulkConfigAnswer struct {
	Config hulkConfig `json:"cphulk_config"`
}

// WHM API 1: load_cphulk_config.
func loadHulk(ctx context.Context, h hosting.Host, _ api.None) (hulkConfigAnswer, error) {
	g, err := h.SignIns().Guard(ctx)
	return hulkConfigAnswer{configOf(&g)}, err
}

// WHM API 1: save_cphulk_config.
type saveHulkParams struct {
	Skip flag     `param:"skip_enabled_check,optional" doc:"Do it while cPHulk is off, too."`
	Rest api.Args `param:"*" doc:"What is to be set: max_failures_byip, ip_brute_force_period_mins, mark_as_brute, ip_based_protection."`
}

func saveHulk(ctx context.Context, h hosting.Host, p saveHulkParams) (hulkConfigAnswer, error) {
	var now hulkConfig
	err := h.SignIns().ChangeGuard(ctx, func(g *latchkey.Guard) error {
		if err := p.Skip.enabled(g); err != nil {
			return err
		}
		for _, arg := range p.Rest {
			if err := setHulk(g, arg.Key, arg.Value); err != nil {
				return err
			}
		}
		now = configOf(g)
		return nil
	})
	return hulkConfigAnswer{now}, err
}

// WHM API 1: set_cphulk_config_key.
type setHulkKeyParams struct {
	Key   string `param:"key" doc:"What is to be set, by its name in load_cphulk_config."`
	Value string `param:"value" doc:"What it is to be."`
}

func setHulkKey(ctx context.Context, h hosting.Host, p setHulkKeyParams) (hulkConfigAnswer, error) {
	var now hulkConfig
	err := h.SignIns().ChangeGuard(ctx, func(g *latchkey.Guard) error {
		err := setHulk(g, p.Key, p.Value)
		now = configOf(g)
		return err
	})
	return hulkConfigAnswer{now}, err
}

// Bounds of what can be set: a source is never refused for longer than a month.
const (
	mostMinutes  = 30 * 24 * 60
	mostFailures = 1_000_000
)

// setHulk sets one thing. What this server does not have can only be off.
func setHulk(g *latchkey.Guard, key, value string) error {
	number := func(to func(int), unit, most int) error {
		var n int
		if _, err := fmt.Sscanf(value, "%d", &n); err != nil || fmt.Sprint(n) != value || n < 1 || n > most {
			return latchkey.InvalidParam(key, "The “%s” argument is invalid: it must be a whole number from 1 to %d.", key, most)
		}
		to(n * unit)
		return nil
	}
	period := func(n int) { g.Period = time.Duration(n) * time.Second }
	switch key {
	case "max_failures_byip":
		return number(func(n int) { g.Failures = n }, 1, mostFailures)
	case "mark_as_brute":
		return number(func(n int) { g.Excess = n }, 1, mostFailures)
	case "ip_brute_force_period_mins":
		return number(period, 60, mostMinutes)
	case "ip_brute_force_period_sec":
		return number(period, 1, mostMinutes*60)
	case "is_enabled":
		g.Off = value == "0"
		return oneOrZero(key, value)
	case "ip_based_protection":
		if value == "0" {
			return latchkey.InvalidParam(key, "Sources are counted by their address and in no other way: use disable_cphulk to slow nobody down.")
		}
		return oneOrZero(key, value)
	case "max_failures", "brute_force_period_mins", "brute_force_period_sec", "lookback_period_min", "lookback_time", "country_whitelist", "country_blacklist",
		"command_to_run_on_brute_force", "command_to_run_on_excessive_brute_force":
		if value == "" || value == "0" {
			return nil
		}
		return cannot(key)
	case "block_brute_force_with_firewall", "block_excessive_brute_force_with_firewall", "notify_on_brute", "notify_on_root_login",
		"notify_on_root_login_for_known_netblock", "username_based_protection", "username_based_protection_for_root", "username_based_protection_local_origin":
		if value == "1" {
			return cannot(key)
		}
		return oneOrZero(key, value)
	}
	if stray(key) {
		return nil
	}
	return latchkey.InvalidParam(key, "There is nothing called “%s” to set.", strings.ToValidUTF8(key, "?"))
}

func oneOrZero(key, value string) error {
	if value != "0" && value != "1" && value != "" {
		return latchkey.InvalidParam(key, "The “%s” argument is invalid: it must be 1 or 0.", key)
	}
	return nil
}

// enabled says that cPHulk is off, unless that does not matter.
func (f flag) enabled(g *latchkey.Guard) error {
	if g.Off && !f.on {
		return latchkey.Errorf(latchkey.Denied, "cPHulk is disabled on the server.")
	}
	return nil
}

// listName is one of the two lists.
type listName latchkey.AddressList

// Words are the lists there are.
func (listName) Words() []string { return []string{"black", "white"} }

// ParseParam reads the name of a list.
func (l *listName) ParseParam(text string) error {
	*l = listName(text)
	return oneWord(text, l.Words())
}

// requester is what answers about lists say of the caller.
type requester struct {
	Addr  string `json:"requester_ip"`
	White bool   `json:"requester_ip_is_whitelisted"`
}

func requesterOf(h hosting.Host, g *latchkey.Guard) requester {
	a := h.SignIns().Requester()
	if !a.IsValid() {
		return requester{}
	}
	return requester{a.String(), slices.ContainsFunc(g.White, func(l latchkey.ListedRange) bool { return l.Has(a) })}
}

// WHM API 1: read_cphulk_records.
type readHulkParams struct {
	List listName `param:"list_name" doc:"The list: white or black."`
	Skip flag     `param:"skip_enabled_check,optional" doc:"Do it while cPHulk is off, too."`
}

type hulkList struct {
	IPs  map[string]string `json:"ips_in_list"`
	List listName          `json:"list_name"`
	requester
	Warning string `json:"warning_ip,omitempty"`
}

func readHulkList(ctx context.Context, h hosting.Host, p readHulkParams) (hulkList, error) {
	g, err := h.SignIns().Guard(ctx)
	if err == nil {
		err = p.Skip.enabled(&g)
	}
	list := hulkList{IPs: map[string]string{}, List: p.List, requester: requesterOf(h, &g)}
	for _, l := range *g.List(latchkey.AddressList(p.List)) {
		list.IPs[l.Text] = l.Comment
	}
	if list.Addr != "" && !list.White {
		list.Warning = "Your address is not on the white list."
	}
	return list, err
}

// WHM API 1: create_cphulk_record.
type createHulkParams struct {
	IPs     []string `param:"ip" doc:"The addresses and ranges: ip, ip-1 and so on."`
	List    listName `param:"list_name" doc:"The list: white or black."`
	Comment string   `param:"comment,optional" doc:"Why they are there, in at most 255 bytes."`
	Skip    flag     `param:"skip_enabled_check,optional" doc:"Do it while cPHulk is off, too."`
}

func createHulkRecords(ctx context.Context, h hosting.Host, p createHulkParams) (hulkAdded, error) {
	records := make([]hulkRecord, len(p.IPs))
	for i, ip := range p.IPs {
		records[i] = hulkRecord{ip, p.Comment}
	}
	added, err := addRecords(ctx, h, p.List, p.Skip, records)
	added.Comment = p.Comment
	return added, err
}

// hulkRecord is an address, or a range, and why it is on a list.
type hulkRecord struct {
	IP      string `json:"ip"`
	Comment string `json:"comment"`
}

// hulkRecords are records as JSON.
type hulkRecords []hulkRecord

// ParseParam reads a list of records.
func (r *hulkRecords) ParseParam(text string) error {
	if err := json.Unmarshal([]byte(text), (*[]hulkRecord)(r)); err != nil {
		return fmt.Errorf(`must be JSON such as [{"ip":"192.0.2.1","comment":"office"}]`)
	}
	return nil
}

// WHM API 1: batch_create_cphulk_records.
type batchHulkParams struct {
	Records hulkRecords `param:"records" doc:"The addresses and ranges with their comments: a list of objects with ip and comment, as JSON."`
	List    listName    `param:"list_name" doc:"The list: white or black."`
	Skip    flag        `param:"skip_enabled_check,optional" doc:"Do it while cPHulk is off, too."`
}

func createHulkBatch(ctx context.Context, h hosting.Host, p batchHulkParams) (hulkAdded, error) {
	return addRecords(ctx, h, p.List, p.Skip, p.Records)
}

type hulkAdded struct {
	Comment string            `json:"comment"`
	Freed   int               `json:"ip_blocks_removed"`
	Added   []string          `json:"ips_added"`
	Failed  map[string]string `json:"ips_failed"`
	List    listName          `json:"list_name"`
	requester
}

// What a list may hold.
const (
	mostRecords = 10_000
	mostComment = 255
)

// addRecords puts records on a list, or a new comment to those that are there.
// What cannot be put there is told of; the rest is.
func addRecords(ctx context.Context, h hosting.Host, name listName, skip flag, records []hulkRecord) (hulkAdded, error) {
	out := hulkAdded{List: name}
	var ranges []latchkey.AddressRange
	err := h.SignIns().ChangeGuard(ctx, func(g *latchkey.Guard) error {
		out.Added, out.Failed, ranges = []string{}, map[string]string{}, nil
		if err := skip.enabled(g); err != nil {
			return err
		}
		list := g.List(latchkey.AddressList(name))
		for _, rec := range records {
			l, err := listed(rec, latchkey.AddressList(name), h.SignIns().Requester())
			if err == nil && len(*list) >= mostRecords {
				err = fmt.Errorf("the list is full")
			}
			if err != nil {
				out.Failed[strings.ToValidUTF8(rec.IP[:min(len(rec.IP), 100)], "?")] = err.Error()
				continue
			}
			*list = append(slices.DeleteFunc(*list, func(o latchkey.ListedRange) bool { return o.AddressRange == l.AddressRange }), l)
			out.Added, ranges = append(out.Added, l.Text), append(ranges, l.AddressRange)
		}
		out.requester = requesterOf(h, g)
		return nil
	})
	if err != nil {
		return hulkAdded{}, err
	}
	if name == "white" && len(ranges) > 0 {
		_, out.Freed, err = h.SignIns().Pardon(ctx, ranges)
	}
	return out, err
}

// listed is a record as it stands on a list. Nobody shuts out themselves, or
// the machine.
func listed(rec hulkRecord, list latchkey.AddressList, from netip.Addr) (latchkey.ListedRange, error) {
	text := strings.TrimSpace(rec.IP)
	r, err := latchkey.ParseRange(text)
	switch {
	case err != nil:
		return latchkey.ListedRange{}, fmt.Errorf("it %w", err)
	case len(rec.Comment) > mostComment || strings.ContainsFunc(rec.Comment, breaks):
		return latchkey.ListedRange{}, fmt.Errorf("the comment must have at most %d bytes and no control characters", mostComment)
	case list == latchkey.BlackList && from.IsValid() && r.Has(from):
		return latchkey.ListedRange{}, fmt.Errorf("it is the address this call comes from")
	case list == latchkey.BlackList && (r.Has(netip.IPv6Loopback()) || r.Has(netip.AddrFrom4([4]byte{127, 0, 0, 1}))):
		return latchkey.ListedRange{}, fmt.Errorf("it is the server's own address")
	}
	return latchkey.ListedRange{Text: textOf(r, text), AddressRange: r, Comment: rec.Comment}, nil
}

// textOf is a range as it is shown: written in one way, as it was given.
func textOf(r latchkey.AddressRange, given string) string {
	switch {
	case r.From == r.To:
		return r.From.String()
	case strings.Contains(given, "/"):
		if p, err := netip.ParsePrefix(given); err == nil {
			return p.Masked().String()
		}
	}
	return r.From.String() + "-" + r.To.String()
}

// WHM API 1: delete_cphulk_record.
type deleteHulkParams struct {
	IPs  []string `param:"ip" doc:"The addresses and ranges, as read_cphulk_records has them: ip, ip-1 and so on."`
	List listName `param:"list_name" doc:"The list: white or black."`
	Skip flag     `param:"skip_enabled_check,optional" doc:"Do it while cPHulk is off, too."`
}

type hulkRemoved struct {
	Failed  map[string]string `json:"ips_failed"`
	Removed []string          `json:"ips_removed"`
	List    listName          `json:"list_name"`
	requester
}

func deleteHulkRecords(ctx context.Context, h hosting.Host, p deleteHulkParams) (hulkRemoved, error) {
	out := hulkRemoved{List: p.List}
	err := h.SignIns().ChangeGuard(ctx, func(g *latchkey.Guard) error {
		out.Failed, out.Removed = map[string]string{}, []string{}
		if err := p.Skip.enabled(g); err != nil {
			return err
		}
		list := g.List(latchkey.AddressList(p.List))
		for _, ip := range p.IPs {
			r, err := latchkey.ParseRange(strings.TrimSpace(ip))
			before := len(*list)
			*list = slices.DeleteFunc(*list, func(o latchkey.ListedRange) bool { return err == nil && o.AddressRange == r })
			if len(*list) == before {
				out.Failed[strings.ToValidUTF8(ip[:min(len(ip), 100)], "?")] = "it is not on the list"
				continue
			}
			out.Removed = append(out.Removed, textOf(r, ip))
		}
		out.requester = requesterOf(h, g)
		return nil
	})
	return out, err
}

// brute is a source that is refused.
type brute struct {
	Expires  string `json:"exptime"`
	Addr     string `json:"ip"`
	Since    string `json:"logintime"`
	Notes    string `json:"notes"`
	TimeLeft int    `json:"timeleft"` // minutes
}

func brutes(h hosting.Host, excess bool) []brute {
	list := []brute{}
	now := h.SignIns().Now()
	for _, b := range h.SignIns().Blocks() {
		if b.Excess != excess {
			continue
		}
		addr := b.Source.Addr().String()
		if !b.Source.IsSingleIP() {
			addr = b.Source.String()
		}
		list = append(list, brute{stamp(b.Until), addr, stamp(b.Since), fmt.Sprintf("%d failures", b.Failures), minutesLeft(b.Until, now)})
	}
	return list
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func minutesLeft(until, now time.Time) int {
	return int((max(until.Sub(now), 0) + time.Minute - 1) / time.Minute)
}

type brutesAnswer struct {
	List []brute `json:"brutes"`
}

// WHM API 1: get_cphulk_brutes.
func listBrutes(_ context.Context, h hosting.Host, _ api.None) (brutesAnswer, error) {
	return brutesAnswer{brutes(h, false)}, nil
}

type excessiveAnswer struct {
	List []brute `json:"excessive_brutes"`
}

// WHM API 1: get_cphulk_excessive_brutes.
func listExcessiveBrutes(_ context.Context, h hosting.Host, _ api.None) (excessiveAnswer, error) {
	return excessiveAnswer{brutes(h, true)}, nil
}

type userBrutesAnswer struct {
	List []failedLogin `json:"user_brutes"`
}

// WHM API 1: get_cphulk_user_brutes.
func listUserBrutes(context.Context, hosting.Host, api.None) (userBrutesAnswer, error) {
	return userBrutesAnswer{[]failedLogin{}}, nil
}

// failedLogin is a sign-in that failed.
type failedLogin struct {
	AuthService string `json:"authservice"`
	Expires     string `json:"exptime"`
	Addr        string `json:"ip"`
	At          string `json:"logintime"`
	Service     string `json:"service"`
	TimeLeft    int    `json:"timeleft"`
	User        string `json:"user"`
}

type failedAnswer struct {
	List []failedLogin `json:"failed_logins"`
}

// WHM API 1: get_cphulk_failed_logins.
func listFailedLogins(ctx context.Context, h hosting.Host, _ api.None) (failedAnswer, error) {
	g, err := h.SignIns().Guard(ctx)
	out := failedAnswer{[]failedLogin{}}
	now := h.SignIns().Now()
	for _, f := range h.SignIns().Failures() {
		addr := ""
		if f.From.IsValid() {
			addr = f.From.String()
		}
		until := f.At.Add(g.Period)
		out.List = append(out.List, failedLogin{services[f.Audience], stamp(until), addr, stamp(f.At), "system", minutesLeft(until, now), string(f.Name)})
	}
	return out, err
}

type flushed struct {
	Removed int `json:"records_removed"`
}

// WHM API 1: flush_cphulk_login_history.
func flushHulk(ctx context.Context, h hosting.Host, _ api.None) (flushed, error) {
	failures, blocks, err := h.SignIns().Pardon(ctx, nil)
	return flushed{failures + blocks}, err
}

// WHM API 1: flush_cphulk_login_history_for_ips.
type flushOfParams struct {
	IPs []string `param:"ip" doc:"The addresses and ranges: ip, ip-1 and so on."`
}

type flushedOf struct {
	Bans    int `json:"iptable_bans_removed"` // there is no firewall here
	Removed int `json:"records_removed"`
}

func flushHulkOf(ctx context.Context, h hosting.Host, p flushOfParams) (flushedOf, error) {
	ranges := []latchkey.AddressRange{}
	for _, ip := range p.IPs {
		r, err := latchkey.ParseRange(strings.TrimSpace(ip))
		if err != nil {
			return flushedOf{}, latchkey.InvalidParam("ip", "The “ip” argument is invalid: it %v.", err)
		}
		ranges = append(ranges, r)
	}
	failures, blocks, err := h.SignIns().Pardon(ctx, ranges)
	return flushedOf{0, failures + blocks}, err
}
