package ssl

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// hostAutoFuncs are AutoSSL in the hands of the administrator. Who it gets
// certificates from is for the configuration to say; whether it does, and for
// what, can be switched here.
var hostAutoFuncs = []api.Func[hosting.Host]{
	{Name: "get_autossl_providers", Privilege: latchkey.PrivilegeAll, Run: api.Run(providers), Doc: "List who AutoSSL gets certificates from."},
	{Name: "set_autossl_provider", Privilege: latchkey.PrivilegeAll, Role: api.WebServer, Effect: api.Write, Run: api.Run(setProvider), Doc: "Switch AutoSSL on. Who it gets certificates from stands in the configuration."},
	{Name: "disable_autossl", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(disableAutoSSL), Doc: "Switch AutoSSL off for all accounts."},
	{Name: "get_autossl_check_schedule", Privilege: latchkey.PrivilegeAll, Run: api.Run(schedule), Doc: "Tell when AutoSSL looks at all accounts."},
	{Name: "start_autossl_check_for_all_users", Privilege: latchkey.PrivilegeAll, Role: api.WebServer, Effect: api.Write, Run: api.Run(checkAll), Doc: "Begin to look at all accounts, and at the server's own certificate."},
	{Name: "start_autossl_check_for_one_user", Privilege: latchkey.PrivilegeSSL, Role: api.WebServer, Effect: api.Write, Run: api.Run(checkOne), Doc: "Begin to look at an account's web sites."},
	{Name: "get_autossl_logs_catalog", Privilege: latchkey.PrivilegeAll, Run: api.Run(catalog), Doc: "List what AutoSSL did since the server started."},
	{Name: "get_autossl_log", Privilege: latchkey.PrivilegeAll, Run: api.Run(autoLog), Doc: "Show what AutoSSL did at one time."},
	{Name: "get_autossl_problems_for_user", Privilege: latchkey.PrivilegeSSLInfo, Run: api.Run(problemsOfUser), Doc: "List the domains of an account that AutoSSL got no certificate for, and why."},
	{Name: "get_autossl_problems_for_domain", Privilege: latchkey.PrivilegeSSLInfo, Run: api.Run(problemsOfDomain), Doc: "Tell why AutoSSL got no certificate for a domain."},
	{Name: "get_autossl_user_excluded_domains", Privilege: latchkey.PrivilegeSSLInfo, Run: api.Run(userExcluded), Doc: "List the domains of an account that AutoSSL leaves alone."},
	{Name: "add_autossl_user_excluded_domains", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(addUserExcluded), Doc: "Have AutoSSL leave more domains of an account alone."},
	{Name: "remove_autossl_user_excluded_domains", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(removeUserExcluded), Doc: "Have AutoSSL look after domains of an account again."},
	{Name: "set_autossl_user_excluded_domains", Privilege: latchkey.PrivilegeSSL, Effect: api.Write, Run: api.Run(setUserExcluded), Doc: "Say which domains of an account AutoSSL leaves alone, in place of those it did."},
	{Name: "get_autossl_metadata", Privilege: latchkey.PrivilegeAll, Run: api.Run(metadata), Doc: "Tell what AutoSSL replaces, and whom it writes to."},
	{Name: "set_autossl_metadata", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(setMetadata), Doc: "Say what AutoSSL replaces."},
	{Name: "set_autossl_metadata_key", Privilege: latchkey.PrivilegeAll, Effect: api.Write, Run: api.Run(setMetadataKey), Doc: "Say what AutoSSL replaces."},
}

// stamp is a time as answers about AutoSSL write it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

type payload[T any] struct {
	Payload T `json:"payload"`
}

type provider struct {
	Name    string `json:"display_name"`
	Enabled bool   `json:"enabled"`
	Module  string `json:"module_name"`
	Specs   specs  `json:"specs"`
}

type specs struct {
	Methods  []string `json:"DCV_METHODS"`
	Delivery string   `json:"DELIVERY_METHOD"`
	Most     int      `json:"MAX_DOMAINS_PER_CERTIFICATE"`
	Ancestor bool     `json:"SUPPORTS_ANCESTOR_DCV"`
	Wildcard bool     `json:"SUPPORTS_WILDCARD"`
}

// WHM API 1: get_autossl_providers.
func providers(ctx context.Context, h hosting.Host, _ api.None) (payload[[]provider], error) {
	list := payload[[]provider]{[]provider{}}
	s, err := h.AutoSSL().Settings(ctx)
	if err != nil || !s.SetUp {
		return list, err
	}
	p := provider{Name: s.Authority, Enabled: s.On, Module: s.Provider, Specs: specs{Methods: []string{"http"}, Delivery: "api", Most: s.Names, Wildcard: s.Wildcard}}
	if s.ByDNS {
		p.Specs.Methods = append(p.Specs.Methods, "dns")
	}
	list.Payload = append(list.Payload, p)
	return list, nil
}

type providerParams struct {
	Provider string `param:"provider" doc:"The provider, as get_autossl_providers names it."`
}

// WHM API 1: set_autossl_provider.
func setProvider(ctx context.Context, h hosting.Host, p providerParams) (api.Void, error) {
	s, err := h.AutoSSL().Settings(ctx)
	switch {
	case err != nil:
		return nil, err
	case !s.SetUp:
		return nil, hosting.AutoSSLOff()
	case p.Provider != s.Provider:
		return nil, latchkey.InvalidParam("provider", "The provider of this server is “%s”; another authority is set in the server’s configuration, by “autossl_directory”.", s.Provider)
	}
	return nil, h.AutoSSL().Switch(ctx, true)
}

// WHM API 1: disable_autossl.
func disableAutoSSL(ctx context.Context, h hosting.Host, _ api.None) (api.Void, error) {
	return nil, h.AutoSSL().Switch(ctx, false)
}

type scheduled struct {
	Cron []string `json:"cron"`
	Next string   `json:"next_time"`
}

// WHM API 1: get_autossl_check_schedule.
func schedule(ctx context.Context, h hosting.Host, _ api.None) (scheduled, error) {
	s, err := h.AutoSSL().Settings(ctx)
	if err == nil && !s.On {
		err = hosting.AutoSSLOff()
	}
	return scheduled{[]string{fmt.Sprintf("%d * * * *", s.Next.UTC().Minute())}, stamp(s.Next)}, err
}

// started is the answer to who has had something begun. There is no process of its
// own, and so no number of one.
type started struct {
	PID *int `json:"pid"`
}

// WHM API 1: start_autossl_check_for_all_users.
func checkAll(ctx context.Context, h hosting.Host, _ api.None) (started, error) {
	return started{}, h.AutoSSL().CheckAll(ctx)
}

type userParams struct {
	User hosting.AccountParam `param:"username" doc:"The account."`
}

// WHM API 1: start_autossl_check_for_one_user.
func checkOne(ctx context.Context, h hosting.Host, p userParams) (started, error) {
	acct, err := h.As(ctx, p.User.Name)
	if err != nil {
		return started{}, err
	}
	return started{}, acct.AutoSSL().Check(ctx)
}

type logFile struct {
	Running  bool   `json:"in_progress"`
	Provider string `json:"provider"`
	Began    string `json:"start_time"`
	User     string `json:"username"`
}

// WHM API 1: get_autossl_logs_catalog.
func catalog(ctx context.Context, h hosting.Host, _ api.None) (payload[[]logFile], error) {
	list := payload[[]logFile]{[]logFile{}}
	s, err := h.AutoSSL().Settings(ctx)
	if err != nil {
		return list, err
	}
	runs, err := h.AutoSSL().Runs(ctx)
	for _, r := range runs {
		list.Payload = append(list.Payload, logFile{!r.Ended, s.Provider, stamp(r.Began), string(r.Account)})
	}
	return list, err
}

type logParams struct {
	Began string `param:"start_time" doc:"When it began, as get_autossl_logs_catalog has it."`
}

type logLine struct {
	Text    string `json:"contents"`
	Indent  int    `json:"indent"`
	Partial int    `json:"partial"`
	PID     *int   `json:"pid"`
	At      string `json:"timestamp"`
	Kind    string `json:"type"`
}

// WHM API 1: get_autossl_log.
func autoLog(ctx context.Context, h hosting.Host, p logParams) (payload[[]logLine], error) {
	list := payload[[]logLine]{[]logLine{}}
	began, err := time.Parse(time.RFC3339Nano, p.Began)
	if err != nil {
		return list, latchkey.InvalidParam("start_time", "Give a time in the form 2016-06-09T14:25:37.000Z.")
	}
	runs, err := h.AutoSSL().Runs(ctx)
	if err != nil {
		return list, err
	}
	i := slices.IndexFunc(runs, func(r hosting.AutoSSLRun) bool { return stamp(r.Began) == stamp(began) })
	if i < 0 {
		return list, &latchkey.Error{Kind: latchkey.NotFound, Param: "start_time", Msg: "AutoSSL did not begin anything at that time that is remembered: ask get_autossl_logs_catalog."}
	}
	for _, l := range runs[i].Lines {
		list.Payload = append(list.Payload, logLine{Text: l.Text, At: stamp(l.At), Kind: l.Kind})
	}
	return list, nil
}

type hostProblem struct {
	Domain latchkey.Domain `json:"domain"`
	Log    string          `json:"log"` // "": it is not known which run it was
	Text   string          `json:"problem"`
	At     string          `json:"time"`
}

type hostProblemList struct {
	Problems []hostProblem `json:"problems_by_domain"`
}

func problemsOf(ctx context.Context, acct hosting.Account, which func(latchkey.Domain) bool) (hostProblemList, error) {
	list := hostProblemList{[]hostProblem{}}
	found, err := acct.AutoSSL().Problems(ctx)
	for _, p := range found {
		if which(p.Domain) {
			list.Problems = append(list.Problems, hostProblem{p.Domain, "", p.Text, stamp(p.At)})
		}
	}
	return list, err
}

// WHM API 1: get_autossl_problems_for_user.
func problemsOfUser(ctx context.Context, h hosting.Host, p userParams) (hostProblemList, error) {
	acct, err := h.As(ctx, p.User.Name)
	if err != nil {
		return hostProblemList{}, err
	}
	return problemsOf(ctx, acct, func(latchkey.Domain) bool { return true })
}

// WHM API 1: get_autossl_problems_for_domain.
func problemsOfDomain(ctx context.Context, h hosting.Host, p mailDomainParams) (hostProblemList, error) {
	acct, err := ownerOfSite(ctx, h, p.Domain.Domain)
	if err != nil {
		return hostProblemList{}, err
	}
	return problemsOf(ctx, acct, func(d latchkey.Domain) bool { return d == p.Domain.Domain })
}

// WHM API 1: get_autossl_user_excluded_domains.
func userExcluded(ctx context.Context, h hosting.Host, p userParams) (payload[[]excludedDomain], error) {
	list := payload[[]excludedDomain]{[]excludedDomain{}}
	acct, err := h.As(ctx, p.User.Name)
	if err != nil {
		return list, err
	}
	found, err := autoSSLExcluded(ctx, acct, api.None{})
	list.Payload = append(list.Payload, found...)
	return list, err
}

type excludeParams struct {
	User    hosting.AccountParam `param:"username" doc:"The account."`
	Domains []hosting.HostParam  `param:"domain" doc:"The domains: domain, domain-1 and so on."`
}

type excludeAnyParams struct {
	User    hosting.AccountParam `param:"username" doc:"The account."`
	Domains []hosting.HostParam  `param:"domain,optional" doc:"The domains: domain, domain-1 and so on; none: AutoSSL looks after all."`
}

// exclude changes which domains of an account AutoSSL leaves alone.
func exclude(ctx context.Context, h hosting.Host, user latchkey.AccountName, change func([]latchkey.Domain) []latchkey.Domain) (api.Void, error) {
	acct, err := h.As(ctx, user)
	if err != nil {
		return nil, err
	}
	return nil, acct.AutoSSL().Exclude(ctx, change)
}

func domainsOf(list []hosting.HostParam) []latchkey.Domain {
	return rows(list, func(h hosting.HostParam) latchkey.Domain { return h.Domain })
}

// WHM API 1: add_autossl_user_excluded_domains.
func addUserExcluded(ctx context.Context, h hosting.Host, p excludeParams) (api.Void, error) {
	return exclude(ctx, h, p.User.Name, func(was []latchkey.Domain) []latchkey.Domain { return append(was, domainsOf(p.Domains)...) })
}

// WHM API 1: remove_autossl_user_excluded_domains.
func removeUserExcluded(ctx context.Context, h hosting.Host, p excludeParams) (api.Void, error) {
	off := domainsOf(p.Domains)
	return exclude(ctx, h, p.User.Name, func(was []latchkey.Domain) []latchkey.Domain {
		return slices.DeleteFunc(was, func(d latchkey.Domain) bool { return slices.Contains(off, d) })
	})
}

// WHM API 1: set_autossl_user_excluded_domains.
func setUserExcluded(ctx context.Context, h hosting.Host, p excludeAnyParams) (api.Void, error) {
	return exclude(ctx, h, p.User.Name, func([]latchkey.Domain) []latchkey.Domain { return domainsOf(p.Domains) })
}

// replaces is the one of AutoSSL's settings that does something here.
const replaces = "clobber_externally_signed"

// settings are those there are: all others are about mails that this server does
// not send.
var settings = []string{
	replaces, "notify_autossl_expiry", "notify_autossl_expiry_coverage", "notify_autossl_expiry_coverage_user", "notify_autossl_expiry_user",
	"notify_autossl_renewal", "notify_autossl_renewal_coverage", "notify_autossl_renewal_coverage_reduced", "notify_autossl_renewal_coverage_reduced_user",
	"notify_autossl_renewal_coverage_user", "notify_autossl_renewal_uncovered_domains", "notify_autossl_renewal_uncovered_domains_user", "notify_autossl_renewal_user",
}

// WHM API 1: get_autossl_metadata.
func metadata(ctx context.Context, h hosting.Host, _ api.None) (payload[map[string]int], error) {
	is := make(map[string]int)
	for _, name := range settings {
		is[name] = 0
	}
	s, err := h.AutoSSL().Settings(ctx)
	if s.Replaces {
		is[replaces] = 1
	}
	return payload[map[string]int]{is}, err
}

type metadataParams struct {
	JSON string `param:"metadata_json" doc:"The settings: an object whose values are 1 and 0. Those that it leaves out are 0."`
}

// WHM API 1: set_autossl_metadata.
func setMetadata(ctx context.Context, h hosting.Host, p metadataParams) (api.Void, error) {
	is, err := parseMetadata(p.JSON)
	if err != nil {
		return nil, err
	}
	return nil, h.AutoSSL().Replace(ctx, is[replaces])
}

// parseMetadata reads settings. What they ask for that this server does not do is
// an error.
func parseMetadata(text string) (map[string]bool, error) {
	var values map[string]any
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, latchkey.InvalidParam("metadata_json", "Give a JSON object, such as {\"clobber_externally_signed\":1}.")
	}
	is := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		on, err := api.ParseBool(strings.TrimSpace(fmt.Sprint(values[name])))
		if err != nil {
			return nil, latchkey.InvalidParam("metadata_json", "The setting “%s” must be 1 or 0.", name)
		}
		if err := possible(name, on); err != nil {
			return nil, err
		}
		is[name] = on
	}
	return is, nil
}

// possible says why a setting cannot be set so, or nil.
func possible(name string, on bool) error {
	switch {
	case !slices.Contains(settings, name):
		return latchkey.InvalidParam("key", "There is no setting “%s”.", name)
	case on && name != replaces:
		return latchkey.InvalidParam("key", "This server sends no mails about certificates: leave “%s” at 0.", name)
	}
	return nil
}

type metadataKeyParams struct {
	Key   string `param:"key" doc:"The setting."`
	Value bool   `param:"value" doc:"1 or 0."`
}

// WHM API 1: set_autossl_metadata_key.
func setMetadataKey(ctx context.Context, h hosting.Host, p metadataKeyParams) (api.Void, error) {
	if err := possible(p.Key, p.Value); err != nil {
		return nil, err
	}
	if p.Key != replaces {
		return nil, nil
	}
	return nil, h.AutoSSL().Replace(ctx, p.Value)
}
