package whm

import (
	"context"
	"strconv"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// WHM API 1: editquota.
type editQuotaParams struct {
	User  hosting.AccountParam `param:"user" doc:"The account."`
	Quota ceiling              `param:"quota" doc:"The most its home may hold, in MB; 0 or unlimited for no limit."`
}

func editQuota(ctx context.Context, h hosting.Host, p editQuotaParams) (api.Answer, error) {
	_, err := h.UpdateAccount(ctx, p.User.Name, func(a *latchkey.Account) error {
		p.Quota.put(&a.Limits.DiskMB)
		return nil
	})
	return api.Answer{Reason: "Set quota for user"}, err
}

// WHM API 1: limitbw.
type limitBandwidthParams struct {
	User  hosting.AccountParam `param:"user" doc:"The account."`
	Limit ceiling              `param:"bwlimit,optional" doc:"The most traffic in a month, in MB; 0 or unlimited (the default) for no limit."`
}

// bandwidthLimit is an account's limit as limitbw shows it. Nothing measures
// traffic here, so that none is known.
type bandwidthLimit struct {
	Limit     int64             `json:"bwlimit"` // in MB; 0 for none
	Enabled   bool              `json:"bwlimitenable"`
	Domains   []latchkey.Domain `json:"domains"`
	Human     string            `json:"human_bwlimit"`
	HumanUsed string            `json:"human_bwused"`
	Unlimited bool              `json:"unlimited"`
}

type bandwidthLimits struct {
	Limits []bandwidthLimit `json:"bwlimits"`
}

func limitBandwidth(ctx context.Context, h hosting.Host, p limitBandwidthParams) (api.Answer, error) {
	if !p.Limit.given {
		p.Limit = ceiling{allowance{latchkey.Unlimited, true}}
	}
	a, err := h.UpdateAccount(ctx, p.User.Name, func(a *latchkey.Account) error {
		p.Limit.put(&a.Limits.BandwidthMB)
		return nil
	})
	if err != nil {
		return api.Answer{}, err
	}
	domains, err := h.DomainsOf(ctx, a.Name)
	if err != nil {
		return api.Answer{}, err
	}
	b := bandwidthLimit{Human: "unlimited", HumanUsed: "none", Unlimited: true}
	if l := a.Limits.BandwidthMB; l != latchkey.Unlimited {
		b = bandwidthLimit{Limit: l, Enabled: true, Human: strconv.FormatInt(l, 10) + " MB", HumanUsed: "none"}
	}
	for _, d := range domains {
		b.Domains = append(b.Domains, d.Name)
	}
	return api.Answer{Data: bandwidthLimits{[]bandwidthLimit{b}}, Reason: "Bandwidth Limit set for " + string(a.Name), Warnings: unmeasured}, nil
}

// unmeasured is the warning of functions about traffic.
var unmeasured = []string{"This server does not measure traffic: limits of it are kept, and not enforced."}

// limitOfAPI0 is the one limit, with its number as text.
func limitOfAPI0(data any) any {
	limits, ok := data.(bandwidthLimits)
	if !ok || len(limits.Limits) != 1 {
		return data
	}
	return struct {
		bandwidthLimit
		Limit string `json:"bwlimit"`
	}{limits.Limits[0], strconv.FormatInt(limits.Limits[0].Limit, 10)}
}

// WHM API 1: showbw. Other months than this one have nothing to show either.
type showBandwidthParams struct {
	Month    monthNumber          `param:"month,optional" doc:"The month, 1 to 12; this one if it is left out."`
	Year     yearNumber           `param:"year,optional" doc:"The year; this one if it is left out."`
	Reseller hosting.AccountParam `param:"showres,optional" doc:"Only the accounts of this owner."`
	Search   string               `param:"search,optional" doc:"As in listaccts, a regular expression."`
	Type     searchType           `param:"searchtype,optional" doc:"As in listaccts."`
}

// traffic is an account's traffic as showbw shows it, in bytes.
type traffic struct {
	Usage    []domainTraffic      `json:"bwusage"`
	Deleted  bool                 `json:"deleted"`
	Limit    int64                `json:"limit"` // 0 for none
	Domain   latchkey.Domain      `json:"maindomain"`
	Owner    latchkey.AccountName `json:"owner"`
	Reseller bool                 `json:"reseller"`
	Total    int64                `json:"totalbytes"`
	User     latchkey.AccountName `json:"user"`
}

type domainTraffic struct {
	Deleted bool            `json:"deleted"`
	Domain  latchkey.Domain `json:"domain"`
	Usage   int64           `json:"usage"`
}

type trafficOfAll struct {
	Acct     []traffic            `json:"acct"`
	Month    int                  `json:"month"`
	Reseller latchkey.AccountName `json:"reseller"`
	Total    int64                `json:"totalused"`
	Year     int                  `json:"year"`
}

func showBandwidth(ctx context.Context, h hosting.Host, p showBandwidthParams) (api.Answer, error) {
	found, err := search{p.Search, p.Type, ""}.in(ctx, h)
	if err != nil {
		return api.Answer{}, err
	}
	now := h.At()
	all := trafficOfAll{Month: int(now.Month()), Year: now.Year(), Reseller: h.Caller().Name}
	if p.Month != 0 {
		all.Month = int(p.Month)
	}
	if p.Year != 0 {
		all.Year = int(p.Year)
	}
	if p.Reseller.Name != "" {
		all.Reseller = p.Reseller.Name
	}
	err = found.each(ctx, func(accounts []latchkey.Account) error {
		for _, a := range accounts {
			if p.Reseller.Name == "" || a.Owner == p.Reseller.Name {
				all.Acct = append(all.Acct, trafficOf(a))
			}
		}
		return nil
	})
	return api.Answer{Data: all, Warnings: unmeasured}, err
}

func trafficOf(a latchkey.Account) traffic {
	t := traffic{Usage: []domainTraffic{{Domain: a.Domain}}, Domain: a.Domain, Owner: a.Owner, Reseller: a.Reseller, User: a.Name}
	if l := a.Limits.BandwidthMB; l != latchkey.Unlimited {
		t.Limit = l << 20
	}
	return t
}

// trafficOfAPI0 has the month and the year as text.
func trafficOfAPI0(data any) any {
	all, ok := data.(trafficOfAll)
	if !ok {
		return data
	}
	return struct {
		trafficOfAll
		Month string `json:"month"`
		Year  string `json:"year"`
	}{all, strconv.Itoa(all.Month), strconv.Itoa(all.Year)}
}

type quotaState struct {
	Enabled bool `json:"quota_enabled"`
}

// WHM API 1: quota_enabled. The server itself holds accounts to theirs.
func quotaEnabled(context.Context, hosting.Host, api.None) (quotaState, error) {
	return quotaState{true}, nil
}

// WHM API 1: get_disk_usage.
type diskUsageParams struct {
	Cache cacheMode `param:"cache_mode,optional" doc:"on (the default) or off. Figures are adjusted with every change and measured anew every ten minutes, either way."`
}

// cacheMode is a word that changes nothing here.
type cacheMode string

// Words are the words there are.
func (cacheMode) Words() []string { return []string{"on", "off"} }

// ParseParam takes one of the words.
func (m *cacheMode) ParseParam(text string) error { return oneWord(text, m.Words()) }

// diskUsage is what an account's home takes up, in units of 1024 bytes.
type diskUsage struct {
	account latchkey.Account

	BlocksLimit *int64               `json:"blocks_limit"`
	BlocksUsed  int64                `json:"blocks_used"`
	InodesLimit *int64               `json:"inodes_limit"`
	InodesUsed  int64                `json:"inodes_used"`
	User        latchkey.AccountName `json:"user"`
}

func (d *diskUsage) of() latchkey.Account { return d.account }

func (d *diskUsage) complete(q hosting.Quota) {
	d.BlocksUsed, d.InodesUsed = (q.Bytes+1023)>>10, q.Inodes
}

func showDiskUsage(_ context.Context, h hosting.Host, _ diskUsageParams) (api.Listing, error) {
	list := accountList{h: h, late: []string{"blocks_used", "inodes_used"}, row: func(a latchkey.Account) accountListRow {
		d := &diskUsage{account: a, User: a.Name}
		if l := a.Limits.DiskBytes(); l != latchkey.Unlimited {
			l >>= 10
			d.BlocksLimit = &l
		}
		if l := a.Limits.Inodes; l != latchkey.Unlimited {
			d.InodesLimit = &l
		}
		return d
	}}
	return api.Listing{List: &list, Under: "accounts"}, nil
}
