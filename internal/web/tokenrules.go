package web

import (
	"net/http"
	"net/url"
	"slices"
)

// tokenPolicy is a policy about tokens in the words of the server: inherit for
// what it says nothing of.
type tokenPolicy struct {
	Package   string
	Makers    string `json:"who_may_create"`
	Longest   string `json:"longest_days"`
	Default   string `json:"default_days"`
	Unused    string `json:"unused_days"`
	Addresses string `json:"require_addresses"`
	Full      string `json:"full_access"`
}

const inherit = "inherit"

// policyForm is the form of the server's policy, or of a package's.
type policyForm struct {
	Form *form
	tokenPolicy
	Plans []plan
}

// Days are the fields that are a number of days.
func (p *policyForm) Days() []struct{ Name, Value string } {
	return []struct{ Name, Value string }{{"longest_days", days(p.Longest)}, {"default_days", days(p.Default)}, {"unused_days", days(p.Unused)}}
}

// days is a number of days as the form has it: empty for what is not said.
func days(text string) string {
	if text == inherit {
		return ""
	}
	return text
}

func (v *visit) newPolicyForm() (p *policyForm, err error) {
	p = &policyForm{Form: &form{}}
	var args []string
	if pack := v.value("package"); pack != "" {
		args = []string{"package", pack}
	}
	if err := v.whm("get_token_policy", &p.tokenPolicy, args...); err != nil {
		return nil, noSuch(err)
	}
	p.Plans, err = v.plans()
	return p, err
}

func askPolicy(v *visit) error {
	p, err := v.newPolicyForm()
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "policy", p)
	return nil
}

// savePolicy sets a policy as it was filled in.
func savePolicy(v *visit) error {
	p, err := v.newPolicyForm()
	if err != nil {
		return err
	}
	var args []string
	if p.Package != "" {
		args = append(args, "package", p.Package)
	}
	fields := map[string]string{}
	for _, x := range []struct {
		name string
		into *string
	}{
		{"who_may_create", &p.Makers}, {"longest_days", &p.Longest}, {"default_days", &p.Default}, {"unused_days", &p.Unused},
		{"require_addresses", &p.Addresses}, {"full_access", &p.Full},
	} {
		if *x.into = v.value(x.name); *x.into == "" {
			*x.into = inherit
		}
		args, fields[x.name] = append(args, x.name, *x.into), x.name
	}
	if err := p.Form.refuse(v.whm("set_token_policy", nil, args...), fields); err != nil {
		return err
	}
	if p.Form.Bad() {
		v.show(p.Form.status(), "policy", p)
		return nil
	}
	v.done("policy.saved")
	to := "/policy"
	if p.Package != "" {
		to += "?" + url.Values{"package": {p.Package}}.Encode()
	}
	v.redirect(to)
	return nil
}

// Choices are what a rule can say that is yes or no.
func (*policyForm) Choices() []string { return []string{inherit, "1", "0"} }

// Who are those that may make tokens.
func (*policyForm) Who() []string { return []string{inherit, "anybody", "owner", "administrator"} }

// Said are the rules that are yes or no.
func (p *policyForm) Said() []struct{ Name, Value string } {
	return []struct{ Name, Value string }{{"require_addresses", p.Addresses}, {"full_access", p.Full}}
}

// outsidePolicy lists the tokens from before that do not keep the policy.
func outsidePolicy(v *visit) error {
	args := []string{"limit", tokensAtOnce}
	if after := v.value("after"); after != "" {
		args = append(args, "after", after)
	}
	var found struct {
		Tokens []hostedToken
		Next   string
	}
	if err := v.whm("list_tokens_outside_policy", &found, args...); err != nil {
		return err
	}
	found.Tokens = slices.Clip(found.Tokens)
	v.show(http.StatusOK, "outside", found)
	return nil
}
