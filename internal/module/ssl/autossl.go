package ssl

import (
	"context"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// autoSSLFuncs are the functions about certificates that the server gets by
// itself.
var autoSSLFuncs = []api.Func[hosting.Account]{
	{Name: "start_autossl_check", Feature: latchkey.FeatureAutoSSL, Role: api.WebServer, Effect: api.Write, Run: api.Run(startAutoSSLCheck),
		Doc: "Begin to look at the account's sites, and to get certificates for those that need one."},
	{Name: "is_autossl_check_in_progress", Feature: latchkey.FeatureAutoSSL, Role: api.WebServer, Run: api.Run(isAutoSSLCheckInProgress),
		Doc: "Tell whether the account's sites are being looked at."},
	{Name: "get_autossl_problems", Feature: latchkey.FeatureAutoSSL, Role: api.WebServer, Run: api.Run(autoSSLProblems),
		Doc: "List the domains that AutoSSL got no certificate for, and why."},
	{Name: "get_autossl_excluded_domains", Feature: latchkey.FeatureAutoSSL, Role: api.WebServer, Run: api.Run(autoSSLExcluded),
		Doc: "List the domains that AutoSSL leaves alone."},
	{Name: "get_autossl_renewal_status", Feature: installs, Run: api.Run(renewalStatus),
		Doc: "Tell whether AutoSSL will renew the certificate of a domain's web site."},
	{Name: "add_autossl_excluded_domains", Feature: latchkey.FeatureAutoSSL, Role: api.WebServer, Effect: api.Write, Run: api.Run(addAutoSSLExcluded),
		Doc: "Have AutoSSL leave more domains alone."},
	{Name: "remove_autossl_excluded_domains", Feature: latchkey.FeatureAutoSSL, Role: api.WebServer, Effect: api.Write, Run: api.Run(removeAutoSSLExcluded),
		Doc: "Have AutoSSL look after domains again."},
	{Name: "set_autossl_excluded_domains", Feature: latchkey.FeatureAutoSSL, Role: api.WebServer, Effect: api.Write, Run: api.Run(setAutoSSLExcluded),
		Doc: "Say which domains AutoSSL leaves alone, in place of those it did."},
}

// UAPI: SSL::start_autossl_check.
func startAutoSSLCheck(ctx context.Context, acct hosting.Account, _ api.None) (api.Void, error) {
	return nil, acct.AutoSSL().Check(ctx)
}

// UAPI: SSL::is_autossl_check_in_progress.
func isAutoSSLCheckInProgress(ctx context.Context, acct hosting.Account, _ api.None) (int, error) {
	on, err := acct.AutoSSL().Checking(ctx)
	if on {
		return 1, err
	}
	return 0, err
}

// autoSSLProblem is why a domain has no certificate.
type autoSSLProblem struct {
	Domain latchkey.Domain `json:"domain"`
	Text   string          `json:"problem"`
	At     string          `json:"time"`
}

// UAPI: SSL::get_autossl_problems.
func autoSSLProblems(ctx context.Context, acct hosting.Account, _ api.None) ([]autoSSLProblem, error) {
	found, err := acct.AutoSSL().Problems(ctx)
	var list []autoSSLProblem
	for _, p := range found {
		list = append(list, autoSSLProblem{p.Domain, p.Text, stamp(p.At)})
	}
	return list, err
}

type excludedDomain struct {
	Domain latchkey.Domain `json:"excluded_domain"`
}

// UAPI: SSL::get_autossl_excluded_domains.
func autoSSLExcluded(ctx context.Context, acct hosting.Account, _ api.None) ([]excludedDomain, error) {
	found, err := acct.AutoSSL().Excluded(ctx)
	var list []excludedDomain
	for _, d := range found {
		list = append(list, excludedDomain{d})
	}
	return list, err
}

// renewal is how AutoSSL stands to a domain.
type renewal struct {
	Problems bool `json:"has_problems"`
	Active   bool `json:"is_active"`
	Excluded bool `json:"is_excluded"`
	Renews   bool `json:"will_renew"`
}

// UAPI: SSL::get_autossl_renewal_status.
func renewalStatus(ctx context.Context, acct hosting.Account, p domainParams) (renewal, error) {
	s, err := acct.AutoSSL().Status(ctx, p.Domain.Domain)
	return renewal{s.Problem, s.Active, s.Excluded, s.Renews}, err
}

// domainList is a parameter that names domains, with commas between them.
type domainList []latchkey.Domain

// ParseParam reads the names.
func (l *domainList) ParseParam(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		d, err := hosting.ParseDomain(word)
		if err != nil {
			return err
		}
		*l = append(*l, d)
	}
	return nil
}

type someDomains struct {
	Domains domainList `param:"domains" doc:"The domains, with commas between them."`
}

type anyDomains struct {
	Domains domainList `param:"domains,optional" doc:"The domains, with commas between them; none: AutoSSL looks after all."`
}

// UAPI: SSL::add_autossl_excluded_domains.
func addAutoSSLExcluded(ctx context.Context, acct hosting.Account, p someDomains) (api.Void, error) {
	return nil, acct.AutoSSL().Exclude(ctx, func(was []latchkey.Domain) []latchkey.Domain { return append(was, p.Domains...) })
}

// UAPI: SSL::remove_autossl_excluded_domains.
func removeAutoSSLExcluded(ctx context.Context, acct hosting.Account, p someDomains) (api.Void, error) {
	return nil, acct.AutoSSL().Exclude(ctx, func(was []latchkey.Domain) []latchkey.Domain {
		return slices.DeleteFunc(was, func(d latchkey.Domain) bool { return slices.Contains(p.Domains, d) })
	})
}

// UAPI: SSL::set_autossl_excluded_domains.
func setAutoSSLExcluded(ctx context.Context, acct hosting.Account, p anyDomains) (api.Void, error) {
	return nil, acct.AutoSSL().Exclude(ctx, func([]latchkey.Domain) []latchkey.Domain { return p.Domains })
}
