package whm

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// resellerFuncs are the functions about resellers: all but the last are the
// administrator's.
var resellerFuncs = []api.Func[hosting.Host]{
	{Name: "setupreseller", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: quiet0, Run: api.Run(setUpReseller), Doc: "Make an account a reseller, with the privileges that every reseller begins with."},
	{Name: "unsetupreseller", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: quiet0, Run: api.Run(unsetReseller), Doc: "Make a reseller an account like others; its tokens for this interface are revoked, and the accounts it owns stay its own."},
	{Name: "listresellers", Privilege: latchkey.PrivilegeAll, API0: api.Bare0, Run: api.Run(listResellers), Doc: "List the resellers."},
	{Name: "setresellerlimits", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: api.Result0, Run: api.Run(limitReseller), Doc: "Limit what the accounts of a reseller may have together."},
	{Name: "setresellerpackagelimit", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: api.Result0, Run: api.Run(limitPackages), Doc: "Limit which packages a reseller may give its accounts, and to how many."},
	{Name: "setresellernameservers", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: api.Result0, Run: api.Run(setNameservers), Doc: "Set the nameservers for the accounts that a reseller creates."},
	{Name: "setresellermainip", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: api.Result0, Run: api.Run(setMainIP), Doc: "Set the address that the accounts of a reseller share: the server has one."},
	{Name: "setresellerips", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: api.Result0, Run: api.Run(setIPs), Doc: "Set the addresses that a reseller may give its accounts: the server has one."},
	{Name: "suspendreseller", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: output0, Run: api.Run(suspendReseller), Doc: "Suspend a reseller, and the accounts it owns."},
	{Name: "unsuspendreseller", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: output0, Run: api.Run(unsuspendReseller), Doc: "End the suspension of a reseller, and of the accounts it owns."},
	{Name: "terminatereseller", Privilege: latchkey.PrivilegeAll, Effect: api.Write, API0: terminated0, API0Data: terminatedOfAPI0, Run: api.Run(terminateReseller), Doc: "Remove the accounts that a reseller owns, and the reseller itself."},
	{Name: "resellerstats", Privilege: latchkey.PrivilegeListAccounts, API0: stats0, API0Data: statsOfAPI0, Run: api.Run(resellerStats), Doc: "Show what the accounts of a reseller have and use. Traffic is not counted yet: of that there is always 0."},
}

const (
	quiet0  api.Shape0 = `{"result":[{"status":status,"statusmsg":failure}]}`
	output0 api.Shape0 = `{"output":"","result":[{"status":status,"statusmsg":text}]}`
	stats0  api.Shape0 = `{"result":{*,"status":status,"statusmsg":text}}`
)

// WHM API 1: setupreseller.
type setUpResellerParams struct {
	User hosting.AccountParam `param:"user" doc:"The account."`
	Own  bool                 `param:"makeowner,optional" doc:"1 to make it own itself; 0 (the default) to leave its owner as it is."`
}

// setUpReseller does nothing to who is a reseller already, but for the owner:
// billing panels create an account as one, and then set it up.
func setUpReseller(ctx context.Context, h hosting.Host, p setUpResellerParams) (api.Answer, error) {
	err := h.Resellers().Make(ctx, p.User.Name, p.Own)
	if latchkey.KindOf(err) != latchkey.Exists {
		return api.Answer{}, err
	}
	if err = nil; p.Own {
		_, err = h.UpdateAccount(ctx, p.User.Name, func(a *latchkey.Account) error { a.Owner = a.Name; return nil })
	}
	return api.Answer{Warnings: []string{"The account “" + string(p.User.Name) + "” is a reseller already: its privileges stay."}}, err
}

// WHM API 1: unsetupreseller.
type resellerParams struct {
	User hosting.AccountParam `param:"user" doc:"The reseller."`
}

func unsetReseller(ctx context.Context, h hosting.Host, p resellerParams) (api.Void, error) {
	return nil, h.Resellers().Unmake(ctx, p.User.Name)
}

type resellerNames struct {
	Reseller []latchkey.AccountName `json:"reseller"`
}

// WHM API 1: listresellers.
func listResellers(ctx context.Context, h hosting.Host, _ api.None) (resellerNames, error) {
	all, err := h.Resellers().All(ctx)
	var names resellerNames
	for _, a := range all {
		names.Reseller = append(names.Reseller, a.Name)
	}
	return names, err
}

// WHM API 1: setresellerlimits. What is left out stays as it is.
type limitResellerParams struct {
	User              hosting.AccountParam `param:"user" doc:"The reseller."`
	LimitAccounts     flag                 `param:"enable_account_limit,optional" doc:"1 to limit how many accounts it may own, 0 not to."`
	Accounts          allowance            `param:"account_limit,optional" doc:"How many accounts it may own."`
	LimitResources    flag                 `param:"enable_resource_limits,optional" doc:"1 to limit disk space and bandwidth, 0 not to."`
	Disk              allowance            `param:"diskspace_limit,optional" doc:"The disk space that its accounts may have together, in MB."`
	Bandwidth         allowance            `param:"bandwidth_limit,optional" doc:"The traffic in a month that its accounts may have together, in MB."`
	Oversell          flag                 `param:"enable_overselling,optional" doc:"0 for no overselling; 1 leaves it to the two that follow."`
	OversellDisk      flag                 `param:"enable_overselling_diskspace,optional" doc:"1 to count the disk space that is used, 0 what is promised."`
	OversellBandwidth flag                 `param:"enable_overselling_bandwidth,optional" doc:"1 to count the traffic that there is, 0 what is promised."`
	LimitPackages     flag                 `param:"enable_package_limits,optional" doc:"1 to let it use the packages only that setresellerpackagelimit allows, 0 to let it use all."`
	LimitNumbers      flag                 `param:"enable_package_limit_numbers,optional" doc:"1 to limit how many accounts may have a package, as setresellerpackagelimit says, 0 not to."`
}

func limitReseller(ctx context.Context, h hosting.Host, p limitResellerParams) (api.Void, error) {
	return nil, h.Resellers().Change(ctx, p.User.Name, func(_ *latchkey.PrivilegeSet, s *latchkey.Reseller) error {
		p.LimitAccounts.put(&s.LimitAccounts)
		p.Accounts.put(&s.Accounts)
		p.LimitResources.put(&s.LimitResources)
		p.Disk.put(&s.DiskMB)
		p.Bandwidth.put(&s.BandwidthMB)
		p.OversellDisk.put(&s.OversellDisk)
		p.OversellBandwidth.put(&s.OversellBandwidth)
		if p.Oversell.given && !p.Oversell.on {
			s.OversellDisk, s.OversellBandwidth = false, false
		}
		p.LimitPackages.put(&s.LimitPackages)
		p.LimitNumbers.put(&s.LimitNumbers)
		switch {
		case s.LimitAccounts && s.Accounts <= 0:
			return latchkey.InvalidParam("account_limit", "Say with “account_limit” how many accounts the reseller may own: at least 1.")
		case s.LimitResources && s.DiskMB == 0 && s.BandwidthMB == 0:
			return latchkey.InvalidParam("diskspace_limit", "Say with “diskspace_limit” and “bandwidth_limit” how much the accounts of the reseller may have.")
		}
		return nil
	})
}

// WHM API 1: setresellerpackagelimit.
type limitPackagesParams struct {
	User    hosting.AccountParam `param:"user" doc:"The reseller."`
	NoLimit flag                 `param:"no_limit,optional" doc:"1 to let it use every package; 0 to let it use those only that are allowed."`
	Package string               `param:"package,optional" doc:"The package that allowed or number is about."`
	Allowed flag                 `param:"allowed,optional" doc:"1 to allow the package, 0 not to."`
	Number  allowance            `param:"number,optional" doc:"To how many accounts it may give the package."`
}

func limitPackages(ctx context.Context, h hosting.Host, p limitPackagesParams) (api.Void, error) {
	if p.Package == "" && (p.Allowed.given || p.Number.given) {
		return nil, &latchkey.Error{Kind: latchkey.Missing, Param: "package"}
	}
	return nil, h.Resellers().Change(ctx, p.User.Name, func(_ *latchkey.PrivilegeSet, s *latchkey.Reseller) error {
		if p.NoLimit.given || p.Package != "" {
			s.LimitPackages = !p.NoLimit.on
		}
		if p.Package == "" {
			return nil
		}
		if s.Packages == nil {
			s.Packages = map[string]latchkey.PackageShare{}
		}
		share := s.Packages[p.Package]
		share.Allowed = share.Allowed || !p.Allowed.given
		p.Allowed.put(&share.Allowed)
		if p.Number.given {
			share.Number, s.LimitNumbers = p.Number.n, true
			if p.Number.n == latchkey.Unlimited {
				share.Number = 0
			}
		}
		s.Packages[p.Package] = share
		return nil
	})
}

// WHM API 1: setresellernameservers.
type setNameserversParams struct {
	User  hosting.AccountParam `param:"user" doc:"The reseller."`
	Names string               `param:"nameservers,optional" doc:"Up to four names, separated by commas; without them the server's."`
}

func setNameservers(ctx context.Context, h hosting.Host, p setNameserversParams) (api.Void, error) {
	var names []latchkey.Domain
	for text := range strings.SplitSeq(p.Names, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		name, err := hosting.ParseDomain(text)
		if err != nil {
			return nil, latchkey.InvalidParam("nameservers", "The “nameservers” argument is invalid: “%s” is not a domain.", strings.ToValidUTF8(text, "?"))
		}
		names = append(names, name)
	}
	if len(names) > 4 {
		return nil, latchkey.InvalidParam("nameservers", "A reseller has four nameservers at most.")
	}
	return nil, h.Resellers().Change(ctx, p.User.Name, func(_ *latchkey.PrivilegeSet, s *latchkey.Reseller) error {
		s.Nameservers = names
		return nil
	})
}

// nameservers are those of the accounts that are owner's.
func nameservers(ctx context.Context, h hosting.Host, owner latchkey.AccountName) []string {
	names := h.Server().Nameservers
	if _, s, err := h.Resellers().Reseller(ctx, owner); err == nil && len(s.Nameservers) > 0 {
		names = nil
		for _, n := range s.Nameservers {
			names = append(names, string(n))
		}
	}
	return names
}

// WHM API 1: setresellermainip.
type setMainIPParams struct {
	User hosting.AccountParam `param:"user" doc:"The reseller."`
	IP   string               `param:"ip" doc:"The address: the server's own."`
}

func setMainIP(ctx context.Context, h hosting.Host, p setMainIPParams) (api.Void, error) {
	if _, _, err := h.Resellers().Reseller(ctx, p.User.Name); err != nil {
		return nil, err
	}
	return nil, onlyAddress(h, "ip", p.IP)
}

func onlyAddress(h hosting.Host, param, ip string) error {
	if ip != h.Server().IP {
		return latchkey.InvalidParam(param, "This server has one address, %s, which all accounts share: it cannot give a reseller another.", h.Server().IP)
	}
	return nil
}

// WHM API 1: setresellerips.
type setIPsParams struct {
	User     hosting.AccountParam `param:"user" doc:"The reseller."`
	IPs      string               `param:"ips,optional" doc:"The addresses, separated by commas: the server's own, or none."`
	Delegate bool                 `param:"delegate,optional" doc:"1 for these addresses only, 0 (the default) for any that is free."`
}

type resellerIPs struct {
	All int      `json:"all,omitempty"`
	IP  []string `json:"ip"`
}

func setIPs(ctx context.Context, h hosting.Host, p setIPsParams) (resellerIPs, error) {
	if _, _, err := h.Resellers().Reseller(ctx, p.User.Name); err != nil {
		return resellerIPs{}, err
	}
	for ip := range strings.SplitSeq(p.IPs, ",") {
		if ip = strings.TrimSpace(ip); ip != "" {
			if err := onlyAddress(h, "ips", ip); err != nil {
				return resellerIPs{}, err
			}
		}
	}
	a := resellerIPs{IP: []string{h.Server().IP}}
	if !p.Delegate {
		a.All = 1
	}
	return a, nil
}

// WHM API 1: suspendreseller.
type suspendResellerParams struct {
	User   hosting.AccountParam `param:"user" doc:"The reseller."`
	Reason string               `param:"reason,optional" doc:"The reason people are told; Unknown if it is left out."`
	Lock   bool                 `param:"disallow,optional" doc:"1 to let only the administrator end the suspension."`
	Only   bool                 `param:"reseller-only,optional" doc:"1 to leave the accounts it owns as they are; 0 (the default) to suspend them too."`
}

func suspendReseller(ctx context.Context, h hosting.Host, p suspendResellerParams) (api.Answer, error) {
	return eachOf(ctx, h, p.User.Name, p.Only, func(name latchkey.AccountName) error {
		return h.Suspend(ctx, name, true, cmp.Or(p.Reason, "Unknown"), p.Lock)
	})
}

// WHM API 1: unsuspendreseller.
type unsuspendResellerParams struct {
	User hosting.AccountParam `param:"user" doc:"The reseller."`
	Only bool                 `param:"reseller-only,optional" doc:"1 to leave the accounts it owns as they are; 0 (the default) to end their suspension too."`
}

func unsuspendReseller(ctx context.Context, h hosting.Host, p unsuspendResellerParams) (api.Answer, error) {
	return eachOf(ctx, h, p.User.Name, p.Only, func(name latchkey.AccountName) error { return h.Suspend(ctx, name, false, "", false) })
}

// eachOf does something with a reseller, and then, unless it is to be the only
// one, with each account it owns. It goes on where one fails and says which did.
func eachOf(ctx context.Context, h hosting.Host, reseller latchkey.AccountName, only bool, do func(latchkey.AccountName) error) (api.Answer, error) {
	if _, _, err := h.Resellers().Reseller(ctx, reseller); err != nil {
		return api.Answer{}, err
	}
	if err := do(reseller); err != nil || only {
		return api.Answer{}, err
	}
	owned, err := h.Resellers().Owned(ctx, reseller)
	if err != nil {
		return api.Answer{}, err
	}
	var failed []string
	for _, a := range owned {
		if a.Name == reseller {
			continue
		}
		if err := do(a.Name); err != nil && latchkey.KindOf(err) != latchkey.NotFound { // it was removed a moment ago
			failed = append(failed, string(a.Name))
		}
	}
	if failed != nil {
		return api.Answer{}, latchkey.Errorf(latchkey.Unavailable, "It is done for the reseller, but not for these accounts: %s. Try again.", strings.Join(failed, ", "))
	}
	return api.Answer{}, nil
}

// oneName is the account that two parameters name, of which the first is called
// param.
func oneName(param string, a, b hosting.AccountParam) (latchkey.AccountName, error) {
	name := cmp.Or(a.Name, b.Name)
	switch {
	case name == "":
		return "", &latchkey.Error{Kind: latchkey.Missing, Param: param}
	case b.Name != "" && b.Name != name:
		return "", latchkey.InvalidParam(param, "The arguments “reseller” and “user” differ: give one of them.")
	}
	return name, nil
}

// WHM API 1: terminatereseller.
type terminateResellerParams struct {
	User     hosting.AccountParam `param:"user,optional" doc:"The reseller."`
	Reseller hosting.AccountParam `param:"reseller,optional" doc:"Another name for user."`
	Too      flag                 `param:"terminatereseller" doc:"1 to remove the reseller itself too, 0 to remove the accounts it owns only."`
}

// terminatedAccount is what became of one account.
type terminatedAccount struct {
	Output struct {
		Raw string `json:"raw"`
	} `json:"output"`
	Reason string               `json:"reason"`
	Result bool                 `json:"result"`
	User   latchkey.AccountName `json:"user"`
}

type terminatedReseller struct {
	Acct []terminatedAccount `json:"acct"`
}

func terminateReseller(ctx context.Context, h hosting.Host, p terminateResellerParams) (api.Answer, error) {
	name, err := oneName("user", p.User, p.Reseller)
	if err != nil {
		return api.Answer{}, err
	}
	reseller, _, err := h.Resellers().Reseller(ctx, name)
	if err != nil {
		return api.Answer{}, err
	}
	if reseller.ID == h.Caller().Account {
		return api.Answer{}, latchkey.Errorf(latchkey.Denied, "You cannot do this to your own account: ask the administrator.")
	}
	owned, err := h.Resellers().Owned(ctx, reseller.Name)
	if err != nil {
		return api.Answer{}, err
	}
	owned = slices.DeleteFunc(owned, func(a latchkey.Account) bool { return a.ID == reseller.ID })
	if p.Too.on { // last: what is left over if something fails has an owner still
		owned = append(owned, reseller)
	}
	var done terminatedReseller
	var failed []string
	for _, a := range owned {
		t := terminatedAccount{Reason: string(a.Name) + " account removed", Result: true, User: a.Name}
		if err := h.RemoveAccount(ctx, a.Name); err != nil && latchkey.KindOf(err) != latchkey.NotFound {
			t.Reason, t.Result = latchkey.AsError(err).Msg, false
			failed = append(failed, string(a.Name))
		}
		done.Acct = append(done.Acct, t)
	}
	a := api.Answer{Data: done}
	if failed != nil {
		a.Errors = []string{"These accounts could not be removed: " + strings.Join(failed, ", ") + "."}
	}
	return a, nil
}

const terminated0 api.Shape0 = `{"result":[{"accts":data,"privdelete":status,"status":status,"statusmsg":text}]}`

// terminatedOfAPI0 has the accounts by name.
func terminatedOfAPI0(data any) any {
	done, ok := data.(terminatedReseller)
	if !ok {
		return data
	}
	type account struct {
		Status    bool   `json:"status"`
		StatusMsg string `json:"statusmsg"`
	}
	by := map[string]account{}
	for _, t := range done.Acct {
		by[string(t.User)] = account{t.Result, t.Reason}
	}
	return by
}

// WHM API 1: resellerstats.
type resellerStatsParams struct {
	User      hosting.AccountParam `param:"user,optional" doc:"The reseller."`
	Reseller  hosting.AccountParam `param:"reseller,optional" doc:"Another name for user."`
	Deleted   bool                 `param:"filter_deleted,optional" doc:"1 to leave out removed accounts, of which nothing is kept here."`
	Suspended bool                 `param:"filter_suspended,optional" doc:"1 to leave out suspended accounts."`
	Month     int                  `param:"month,optional" doc:"The month, 1 to 12; this one if it is left out. Disk space is that of now."`
	Year      int                  `param:"year,optional" doc:"The year; this one if it is left out."`
}

// statsRow is an account of a reseller. Sizes are megabytes, as text; 0.00 is no
// limit.
type statsRow struct {
	BandwidthLimit string               `json:"bandwidthlimit"`
	BandwidthUsed  string               `json:"bandwidthused"`
	Deleted        bool                 `json:"deleted"`
	DiskQuota      string               `json:"diskquota"`
	DiskUsed       string               `json:"diskused"`
	Domain         latchkey.Domain      `json:"domain"`
	Package        string               `json:"package"`
	Suspended      bool                 `json:"suspended"`
	User           latchkey.AccountName `json:"user"`
}

type resellerNumbers struct {
	Acct              []statsRow           `json:"acct"`
	BandwidthLimit    int64                `json:"bandwidthlimit"`
	OversellBandwidth bool                 `json:"bwoverselling"`
	OversellDisk      bool                 `json:"diskoverselling"`
	DiskQuota         int64                `json:"diskquota"`
	DiskUsed          float64              `json:"diskused"`
	Month             int                  `json:"month"`
	BandwidthPromised string               `json:"totalbwalloc"`
	BandwidthUsed     string               `json:"totalbwused"`
	DiskPromised      string               `json:"totaldiskalloc"`
	User              latchkey.AccountName `json:"user"`
	Year              int                  `json:"year"`
}

type resellerStatsData struct {
	Reseller resellerNumbers `json:"reseller"`
}

func resellerStats(ctx context.Context, h hosting.Host, p resellerStatsParams) (resellerStatsData, error) {
	if p.Month < 0 || p.Month > 12 || p.Year < 0 || p.Year > 9999 {
		return resellerStatsData{}, latchkey.InvalidParam("month", "The “month” argument is invalid: it must be 1 to 12, and “year” a year such as 2026.")
	}
	name, err := oneName("user", p.User, p.Reseller)
	if err != nil {
		return resellerStatsData{}, err
	}
	reseller, s, err := h.Resellers().Reseller(ctx, name)
	if err != nil {
		return resellerStatsData{}, err
	}
	owned, err := h.Resellers().Owned(ctx, reseller.Name)
	if err != nil {
		return resellerStatsData{}, err
	}
	now := h.SignIns().Now().UTC()
	n := resellerNumbers{Month: cmp.Or(p.Month, int(now.Month())), Year: cmp.Or(p.Year, now.Year()), User: reseller.Name, BandwidthUsed: "0",
		OversellBandwidth: s.OversellBandwidth, OversellDisk: s.OversellDisk}
	if s.LimitResources {
		n.BandwidthLimit, n.DiskQuota = s.BandwidthMB, s.DiskMB
	}
	rows := owned
	if reseller.Owner != reseller.Name {
		rows = append(slices.Clone(owned), reseller)
	}
	return n.fill(ctx, h, rows, len(owned), p.Suspended)
}

// fill adds rows, of which the first own count together.
func (n *resellerNumbers) fill(ctx context.Context, h hosting.Host, rows []latchkey.Account, own int, active bool) (resellerStatsData, error) {
	quotas, err := h.Quotas(ctx, rows)
	if err != nil {
		return resellerStatsData{}, err
	}
	var bytes, disk, bandwidth int64
	for i, a := range rows {
		if i < own {
			bytes += quotas[i].Bytes
			disk += limited(a.Limits.DiskMB)
			bandwidth += limited(a.Limits.BandwidthMB)
		}
		if !active || !a.Suspended {
			n.Acct = append(n.Acct, statsRow{
				BandwidthLimit: twoPlaces(limited(a.Limits.BandwidthMB) << 20), BandwidthUsed: "0", DiskQuota: twoPlaces(limited(a.Limits.DiskMB) << 20),
				DiskUsed: twoPlaces(quotas[i].Bytes), Domain: a.Domain, Package: a.Package, Suspended: a.Suspended, User: a.Name,
			})
		}
	}
	n.DiskUsed, _ = strconv.ParseFloat(twoPlaces(bytes), 64)
	n.DiskPromised, n.BandwidthPromised = strconv.FormatInt(disk, 10), strconv.FormatInt(bandwidth, 10)
	return resellerStatsData{*n}, nil
}

// limited is a limit as it is added up: none is 0.
func limited(n int64) int64 {
	if n == latchkey.Unlimited {
		return 0
	}
	return n
}

// twoPlaces are bytes as megabytes.
func twoPlaces(bytes int64) string { return strconv.FormatFloat(float64(bytes)/(1<<20), 'f', 2, 64) }

// statsOfAPI0 has the accounts under accts, and who it is under reseller.
func statsOfAPI0(data any) any {
	d, ok := data.(resellerStatsData)
	if !ok {
		return data
	}
	return struct {
		Accts             []statsRow           `json:"accts"`
		BandwidthLimit    int64                `json:"bandwidthlimit"`
		OversellBandwidth bool                 `json:"bwoverselling"`
		OversellDisk      bool                 `json:"diskoverselling"`
		DiskQuota         int64                `json:"diskquota"`
		DiskUsed          float64              `json:"diskused"`
		Reseller          latchkey.AccountName `json:"reseller"`
		BandwidthPromised string               `json:"totalbwalloc"`
		BandwidthUsed     string               `json:"totalbwused"`
		DiskPromised      string               `json:"totaldiskalloc"`
	}{d.Reseller.Acct, d.Reseller.BandwidthLimit, d.Reseller.OversellBandwidth, d.Reseller.OversellDisk, d.Reseller.DiskQuota, d.Reseller.DiskUsed,
		d.Reseller.User, d.Reseller.BandwidthPromised, d.Reseller.BandwidthUsed, d.Reseller.DiskPromised}
}
