package emailauth

import (
	"context"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

const (
	dmarcVersion = "v=DMARC1"
	// suggested is a record that changes nothing for anybody but tells receivers
	// that the domain has thought about it.
	suggested = "v=DMARC1; p=none;"
)

func dmarcName(domain latchkey.Domain) string { return "_dmarc." + string(domain) + "." }

// dmarcParams name domains, or all of them.
type dmarcParams struct {
	Domains []hosting.ZoneParam `param:"domain,optional" doc:"A domain. By default every one that has a zone."`
}

type applyParams struct {
	dmarcParams
	Policy string `param:"policy" doc:"The record: it begins with v=DMARC1 and has a policy, p=none, p=quarantine or p=reject."`
}

// UAPI: EmailAuth::apply_dmarc.
func applyDMARC(ctx context.Context, acct hosting.Account, p applyParams) ([]done, error) {
	domains, err := all(ctx, acct, p.Domains)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(p.Policy)
	return each(ctx, acct, domains, func(z *zone.Zone, i int) (string, error) {
		if err := checkDMARC(text); err != nil {
			return "", err
		}
		return set(ctx, acct, z.Name(), dmarcName(domains[i].Domain), dmarcVersion, text)
	})
}

// checkDMARC says what is wrong with a record (RFC 7489, 6.3).
func checkDMARC(text string) error {
	if hosting.BeginsWith(text, dmarcVersion) && plain(text) {
		switch strings.ToLower(value(text, "p")) {
		case "none", "quarantine", "reject":
			return nil
		}
	}
	return latchkey.InvalidParam("policy", "A DMARC record must begin with “%s;” and have a policy: p=none, p=quarantine or p=reject.", dmarcVersion)
}

// UAPI: EmailAuth::remove_dmarc.
func removeDMARC(ctx context.Context, acct hosting.Account, p dmarcParams) ([]done, error) {
	domains, err := all(ctx, acct, p.Domains)
	if err != nil {
		return nil, err
	}
	return each(ctx, acct, domains, func(z *zone.Zone, i int) (string, error) {
		return set(ctx, acct, z.Name(), dmarcName(domains[i].Domain), dmarcVersion, "")
	})
}

type dmarcState struct {
	Domain    latchkey.Domain `json:"domain"`
	Error     string          `json:"error"`
	Record    string          `json:"record"`
	State     string          `json:"state"`
	Subdomain string          `json:"subdomain"`
	Suggested string          `json:"suggested"`
}

// UAPI: EmailAuth::validate_current_dmarcs.
func validateDMARC(ctx context.Context, acct hosting.Account, p dmarcParams) ([]dmarcState, error) {
	domains, err := all(ctx, acct, p.Domains)
	if err != nil {
		return nil, err
	}
	list := make([]dmarcState, len(domains))
	for i, d := range domains {
		z, err := hosting.ZoneOf(ctx, acct.Zones(), d.Domain)
		if err != nil {
			return nil, err
		}
		s := &list[i]
		s.Domain, s.State, s.Subdomain, s.Suggested = d.Domain, "MISSING", strings.TrimSuffix(dmarcName(d.Domain), "."), suggested
		switch found := hosting.Texts(z, dmarcName(d.Domain), dmarcVersion); len(found) {
		case 0:
		case 1:
			if s.Record, s.State = found[0].Text, "VALID"; checkDMARC(s.Record) != nil {
				s.State, s.Error = "MISMATCH", latchkey.AsError(checkDMARC(s.Record)).Msg
			}
		default:
			s.State, s.Error = "MULTIPLE", "The domain has several DMARC records: receivers then take none."
		}
	}
	return list, nil
}
