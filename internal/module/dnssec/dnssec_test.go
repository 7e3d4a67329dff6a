package dnssec

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestModule(t *testing.T) {
	const key = `{"active":1,"algo_desc":"ECDSA Curve P-256 with SHA-256","algo_num":13,"algo_tag":"ECDSAP256SHA256","bits":256,"created":1700000000,` +
		`"digests":[{"algo_desc":"SHA-256","algo_num":2,"digest":"00ff"}],"flags":257,"key_id":12345,"key_tag":12345,"key_type":"CSK"}`
	acct := hostingtest.New()
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{"enable_dnssec", "missing: domain"},
		{"fetch_ds_records?domain=example.com", `{"example.com":{}}`},
		{"set_nsec3?domain=example.com&nsec3_iterations=1&nsec3_narrow=1&nsec3_opt_out=0&nsec3_salt=-", "not-found: DNSSEC is not enabled for the DNS zone “example.com”."},
		{"export_zone_dnskey?domain=example.com&key_id=1", "not-found: DNSSEC is not enabled for the DNS zone “example.com”."},
		{"enable_dnssec?domain=example.com&algo_num=5", "invalid: Zones are signed with the algorithms 8 (RSA/SHA-256), 10 (RSA/SHA-512), 13 (ECDSA P-256) and 14 (ECDSA P-384): those with SHA-1 and DSA do not protect any more."},
		{"enable_dnssec?domain=example.com&active=0", "invalid: The name server uses the keys that it makes: “active” cannot be 0."},
		{"enable_dnssec?domain=example.com&nsec3_iterations=500", "invalid: NSEC3 takes at most 50 iterations: validators take zones with more for unsigned."},
		{"enable_dnssec?domain=example.com&key_setup=x", "invalid: The “key_setup” argument is invalid: it must be simple or classic."},
		{"enable_dnssec?domain=example.net", "not-found: You do not control a DNS zone named example.net."},
		{"enable_dnssec?domain=example.com&algo_num=13&key_setup=simple&use_nsec3=0", `{"enabled":{"example.com":{"enabled":1,"new_key_id":12345,"nsec_version":"NSEC"}}}`},
		{"fetch_ds_records?domain=example.com", `{"example.com":{"keys":{"12345":` + key + `},"nsec_details":{"nsec_version":"NSEC"}}}`},
		{"set_nsec3?domain=example.com&nsec3_iterations=1&nsec3_narrow=1&nsec3_opt_out=0&nsec3_salt=1a2b", `{"enabled":{"example.com":1}}`},
		{"set_nsec3?domain=example.com&nsec3_iterations=1&nsec3_narrow=1&nsec3_opt_out=0&nsec3_salt=xyz", "invalid: The “nsec3_salt” argument is invalid: it must be hexadecimal, or - for none."},
		{"fetch_ds_records?domain=example.com", `{"example.com":{"keys":{"12345":` + key + `},"nsec_details":{"nsec3_hash_algo_desc":"SHA-1","nsec3_hash_algo_num":1,"nsec3_iterations":1,"nsec3_narrow":0,"nsec3_opt_out":0,"nsec_version":"NSEC3"}}}`},
		{"export_zone_dnskey?domain=example.com&key_id=12345", `{"dnskey":"cHVibGlj","key_id":12345,"success":1}`},
		{"export_zone_key?domain=example.com&key_id=12345", `{"domain":"example.com","key_content":"Private-key-format: v1.3\n","key_id":12345,"key_tag":12345,"key_type":"CSK","success":1}`},
		{"export_zone_key?domain=example.com&key_id=2", "not-found: The DNS zone has no such key: “fetch_ds_records” lists them."},
		{"unset_nsec3?domain=example.com", `{"disabled":{"example.com":1}}`},
		{"disable_dnssec?domain-0=example.com&domain-1=example.net", `{"disabled":{"example.com":1,"example.net":0}} and failed: example.net: You do not control a DNS zone named example.net.`},
		{"fetch_ds_records?domain=example.com", `{"example.com":{}}`},
	})
}

// Who may touch some records only learns nothing of keys, and signs nothing.
func TestNarrow(t *testing.T) {
	for grants, want := range map[string]string{
		"DNSSEC:write(zone=example.com, name=_acme-challenge*)": "denied: no grant",
		"DNSSEC:write(zone=shop.example)":                       "denied: no grant",
		"DNSSEC:write(zone=example.com)":                        `{"enabled":{"example.com":{"enabled":1,"new_key_id":12345,"nsec_version":"NSEC3"}}}`,
	} {
		acct := moduletest.Narrow(t, hostingtest.New(), grants, latchkey.Called{Module: "DNSSEC", Name: "enable_dnssec", Write: true})
		moduletest.Table(t, Module, acct, []moduletest.Row{{"enable_dnssec?domain=example.com", want}})
		if want == "denied: no grant" {
			moduletest.Table(t, Module, acct, []moduletest.Row{
				{"disable_dnssec?domain=example.com", want}, {"fetch_ds_records?domain=example.com", want}, {"export_zone_key?domain=example.com&key_id=12345", want},
				{"unset_nsec3?domain=example.com", want},
			})
		}
	}
}
