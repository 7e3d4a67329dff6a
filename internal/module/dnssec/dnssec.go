// Package dnssec is the module DNSSEC: which of the account's zones are signed, and
// with what.
//
// The name server makes the keys of a zone, uses and replaces them by itself: none
// is made, activated or brought in by hand. A key is known by its tag.
package dnssec

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module DNSSEC.
var Module = api.Module[hosting.Account]{
	Name: "DNSSEC",
	Doc:  "Signed DNS zones, where the name server signs.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "enable_dnssec", Feature: latchkey.FeatureDNSSEC, Role: api.DNSSEC, Scope: api.Things, Effect: api.Write, Run: api.Run(enable),
			Doc: "Sign zones."},
		{Name: "disable_dnssec", Feature: latchkey.FeatureDNSSEC, Role: api.DNSSEC, Scope: api.Things, Effect: api.Write, Run: api.Run(disable),
			Doc: "Sign zones no more, and throw their keys away. Take their DS records from the registrar before."},
		{Name: "fetch_ds_records", Feature: latchkey.FeatureDNSSEC, Role: api.DNSSEC, Scope: api.Things, Run: api.Run(fetchDS),
			Doc: "List the keys of zones, with the digests that a registrar asks for. Private keys are not shown here."},
		{Name: "set_nsec3", Feature: latchkey.FeatureDNSSEC, Role: api.DNSSEC, Scope: api.Things, Effect: api.Write, Run: api.Run(setNSEC3),
			Doc: "Have signed zones say what is not there by NSEC3."},
		{Name: "unset_nsec3", Feature: latchkey.FeatureDNSSEC, Role: api.DNSSEC, Scope: api.Things, Effect: api.Write, Run: api.Run(unsetNSEC3),
			Doc: "Have signed zones say what is not there by NSEC."},
		{Name: "export_zone_dnskey", Feature: latchkey.FeatureDNSSEC, Role: api.DNSSEC, Scope: api.Things, Run: api.Run(exportPublic),
			Doc: "Show the public part of a key."},
		{Name: "export_zone_key", Feature: latchkey.FeatureDNSSEC, Role: api.DNSSEC, Scope: api.Things, Effect: api.Write, Run: api.Run(exportPrivate),
			Doc: "Show the private part of a key."},
	},
}

// setup is how many keys a zone gets.
type setup struct{ simple bool }

// Words are the values there are.
func (*setup) Words() []string { return []string{"simple", "classic"} }

// ParseParam reads one.
func (s *setup) ParseParam(text string) error {
	if text != "simple" && text != "classic" {
		return fmt.Errorf("must be simple or classic")
	}
	s.simple = text == "simple"
	return nil
}

// salt is the salt of NSEC3, of which it counts whether there is one.
type salt struct{ some bool }

// ParseParam reads a salt: hexadecimal, or a hyphen for none.
func (s *salt) ParseParam(text string) error {
	if text == "-" {
		return nil
	}
	b, err := hex.DecodeString(text)
	if s.some = len(b) > 0; err != nil || len(b) > 255 {
		return fmt.Errorf("must be hexadecimal, or - for none")
	}
	return nil
}

type enableParams struct {
	Domains    []hosting.ZoneParam `param:"domain" doc:"The zone to sign."`
	Active     *bool               `param:"active,optional" doc:"Use the new keys at once: there is no other way."`
	Algorithm  *int                `param:"algo_num,optional" doc:"The algorithm: 8, 10, 13 or 14; 8 by default, 13 makes the shortest answers."`
	Setup      setup               `param:"key_setup,optional" doc:"simple: one key for all; classic, which is the default: one signs the keys, another the rest."`
	Use        *bool               `param:"use_nsec3,optional" doc:"Say what is not there by NSEC3, as is the default."`
	Iterations int                 `param:"nsec3_iterations,optional" doc:"0 to 50; names are hashed once, as RFC 9276 has it."`
	Narrow     *bool               `param:"nsec3_narrow,optional" doc:"The name server makes whole chains, never narrow ones."`
	OptOut     bool                `param:"nsec3_opt_out,optional" doc:"Leave unsigned delegations out of the chain."`
	Salt       salt                `param:"nsec3_salt,optional" doc:"A salt, in whose place the name server draws one; - or nothing for none."`
}

func valueOf[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}

// signing is what is asked for.
func (p *enableParams) signing() (hosting.Signing, error) {
	how := hosting.Signing{Algorithm: valueOf(p.Algorithm, 8), Split: !p.Setup.simple}
	if !valueOf(p.Active, true) {
		return how, latchkey.InvalidParam("active", "The name server uses the keys that it makes: “active” cannot be 0.")
	}
	if valueOf(p.Use, true) {
		how.NSEC3 = &hosting.NSEC3{Iterations: p.Iterations, OptOut: p.OptOut, Salted: p.Salt.some}
	}
	return how, how.Check()
}

// enabled is what has become of one zone.
type enabled struct {
	Enabled bool   `json:"enabled"`
	KeyID   *int   `json:"new_key_id,omitempty"`
	Version string `json:"nsec_version,omitempty"`
	Error   string `json:"error,omitempty"`
}

// sign signs one of zones.
func sign(ctx context.Context, zones hosting.Zones, name latchkey.Domain, how hosting.Signing) (enabled, error) {
	if err := zones.Sign(ctx, name, how); err != nil {
		return enabled{Error: told(err)}, err
	}
	is, err := zones.Signed(ctx, name)
	if err != nil || len(is.Keys) == 0 {
		return enabled{Error: told(err)}, err
	}
	key := is.Keys[0]
	for _, k := range is.Keys {
		if k.Digests != nil {
			key = k
		}
	}
	return enabled{Enabled: true, KeyID: &key.Tag, Version: version(&is)}, nil
}

func told(err error) string {
	if err == nil {
		return ""
	}
	return latchkey.AsError(err).Msg
}

func version(is *hosting.SignedZone) string {
	if is.NSEC3 != nil {
		return "NSEC3"
	}
	return "NSEC"
}

// each does something with every zone. One alone that fails is the call's error;
// with several what failed stands among the errors, and the others are done.
func each[T any](domains []hosting.ZoneParam, do func(latchkey.Domain) (T, error)) (map[string]any, api.Answer, error) {
	data, answer := map[string]any{}, api.Answer{}
	for _, d := range domains {
		is, err := do(d.Domain)
		if err != nil && len(domains) == 1 {
			return nil, answer, err
		}
		data[string(d.Domain)] = is
		if err != nil {
			answer.Errors = append(answer.Errors, string(d.Domain)+": "+told(err))
		}
	}
	return data, answer, nil
}

// under is the answer with what was done under a name.
func under(name string, data map[string]any, answer api.Answer, err error) (api.Answer, error) {
	answer.Data = map[string]any{name: data}
	return answer, err
}

// UAPI: DNSSEC::enable_dnssec.
func enable(ctx context.Context, acct hosting.Account, p enableParams) (api.Answer, error) {
	how, err := p.signing()
	if err != nil {
		return api.Answer{}, err
	}
	data, answer, err := each(p.Domains, func(name latchkey.Domain) (enabled, error) { return sign(ctx, acct.Zones(), name, how) })
	return under("enabled", data, answer, err)
}

type domainsParams struct {
	Domains []hosting.ZoneParam `param:"domain" doc:"The zone."`
}

// UAPI: DNSSEC::disable_dnssec.
func disable(ctx context.Context, acct hosting.Account, p domainsParams) (api.Answer, error) {
	data, answer, err := each(p.Domains, func(name latchkey.Domain) (bool, error) {
		err := acct.Zones().Unsign(ctx, name)
		return err == nil, err
	})
	return under("disabled", data, answer, err)
}

type nsec3Params struct {
	Domains    []hosting.ZoneParam `param:"domain" doc:"The zone, which is signed."`
	Iterations int                 `param:"nsec3_iterations" doc:"0 to 50; names are hashed once, as RFC 9276 has it."`
	Narrow     bool                `param:"nsec3_narrow" doc:"The name server makes whole chains, never narrow ones."`
	OptOut     bool                `param:"nsec3_opt_out" doc:"Leave unsigned delegations out of the chain."`
	Salt       salt                `param:"nsec3_salt" doc:"A salt, in whose place the name server draws one; - for none."`
}

func (p *nsec3Params) nsec3() *hosting.NSEC3 {
	return &hosting.NSEC3{Iterations: p.Iterations, OptOut: p.OptOut, Salted: p.Salt.some}
}

// chain changes how a signed zone says what is not there.
func chain(ctx context.Context, zones hosting.Zones, name latchkey.Domain, n *hosting.NSEC3) (bool, error) {
	is, err := zones.Signed(ctx, name)
	if err == nil && len(is.Keys) == 0 {
		err = hosting.Unsigned(name)
	}
	if err == nil {
		is.NSEC3 = n
		err = zones.Sign(ctx, name, is.Signing)
	}
	return err == nil, err
}

// UAPI: DNSSEC::set_nsec3.
func setNSEC3(ctx context.Context, acct hosting.Account, p nsec3Params) (api.Answer, error) {
	data, answer, err := each(p.Domains, func(name latchkey.Domain) (bool, error) { return chain(ctx, acct.Zones(), name, p.nsec3()) })
	return under("enabled", data, answer, err)
}

// UAPI: DNSSEC::unset_nsec3.
func unsetNSEC3(ctx context.Context, acct hosting.Account, p domainsParams) (api.Answer, error) {
	data, answer, err := each(p.Domains, func(name latchkey.Domain) (bool, error) { return chain(ctx, acct.Zones(), name, nil) })
	return under("disabled", data, answer, err)
}

// algorithms are their names: in words, and as DNSKEY records have them.
var algorithms = map[int][2]string{
	8: {"RSA/SHA-256", "RSASHA256"}, 10: {"RSA/SHA-512", "RSASHA512"},
	13: {"ECDSA Curve P-256 with SHA-256", "ECDSAP256SHA256"}, 14: {"ECDSA Curve P-384 with SHA-384", "ECDSAP384SHA384"},
}

// digests are the names of digests.
var digests = map[int]string{1: "SHA-1", 2: "SHA-256", 4: "SHA-384"}

type dsRecords struct {
	Keys map[string]any `json:"keys"`
	NSEC nsec           `json:"nsec_details"`
}

type nsec struct {
	Algorithm  string `json:"nsec3_hash_algo_desc,omitempty"`
	Number     int    `json:"nsec3_hash_algo_num,omitempty"`
	Iterations *int   `json:"nsec3_iterations,omitempty"`
	Narrow     *bool  `json:"nsec3_narrow,omitempty"`
	OptOut     *bool  `json:"nsec3_opt_out,omitempty"`
	Salt       string `json:"nsec3_salt,omitempty"`
	Version    string `json:"nsec_version"`
}

type key struct {
	Active    bool     `json:"active"`
	Algorithm string   `json:"algo_desc"`
	Number    int      `json:"algo_num"`
	Mnemonic  string   `json:"algo_tag"`
	Bits      int      `json:"bits"`
	Created   int64    `json:"created"`
	Digests   []digest `json:"digests,omitempty"`
	Flags     int      `json:"flags"`
	ID        int      `json:"key_id"`
	Tag       int      `json:"key_tag"`
	Type      string   `json:"key_type"`
}

type digest struct {
	Algorithm string `json:"algo_desc"`
	Number    int    `json:"algo_num"`
	Hex       string `json:"digest"`
}

// records are the keys of a zone as clients get them; nothing of one that is not
// signed.
func records(is *hosting.SignedZone) any {
	if len(is.Keys) == 0 {
		return map[string]any{}
	}
	list := dsRecords{Keys: map[string]any{}, NSEC: nsec{Version: version(is)}}
	if n := is.NSEC3; n != nil {
		list.NSEC = nsec{"SHA-1", 1, &n.Iterations, new(bool), &n.OptOut, n.Salt, "NSEC3"}
	}
	names := algorithms[is.Algorithm]
	for i := range is.Keys {
		k := &is.Keys[i]
		row := key{Active: k.Active, Algorithm: names[0], Number: is.Algorithm, Mnemonic: names[1], Bits: k.Bits, Created: k.Created.Unix(), Flags: k.Flags, ID: k.Tag, Tag: k.Tag, Type: kind(is, k)}
		for _, d := range k.Digests {
			row.Digests = append(row.Digests, digest{digests[d.Type], d.Type, strings.ToLower(d.Hex)})
		}
		list.Keys[strconv.Itoa(k.Tag)] = row
	}
	return list
}

func kind(is *hosting.SignedZone, k *hosting.ZoneKey) string {
	switch {
	case !is.Split:
		return "CSK"
	case k.Flags == 257:
		return "KSK"
	}
	return "ZSK"
}

func fetch(ctx context.Context, zones hosting.Zones, name latchkey.Domain) (any, error) {
	is, err := zones.Signed(ctx, name)
	return records(&is), err
}

// UAPI: DNSSEC::fetch_ds_records.
func fetchDS(ctx context.Context, acct hosting.Account, p domainsParams) (api.Answer, error) {
	data, answer, err := each(p.Domains, func(name latchkey.Domain) (any, error) { return fetch(ctx, acct.Zones(), name) })
	answer.Data = data
	return answer, err
}

type keyParams struct {
	Domain hosting.ZoneParam `param:"domain" doc:"The zone."`
	Key    int               `param:"key_id" doc:"The key’s tag."`
}

type publicKey struct {
	Public  string `json:"dnskey"`
	ID      int    `json:"key_id"`
	Success bool   `json:"success"`
}

// find is one key of a zone.
func (p *keyParams) find(ctx context.Context, zones hosting.Zones) (is hosting.SignedZone, k *hosting.ZoneKey, err error) {
	is, err = zones.Signed(ctx, p.Domain.Domain)
	if err != nil {
		return is, nil, err
	}
	if len(is.Keys) == 0 {
		return is, nil, hosting.Unsigned(p.Domain.Domain)
	}
	for i := range is.Keys {
		if is.Keys[i].Tag == p.Key {
			return is, &is.Keys[i], nil
		}
	}
	return is, nil, hosting.NoZoneKey()
}

func public(ctx context.Context, zones hosting.Zones, p *keyParams) (publicKey, error) {
	_, k, err := p.find(ctx, zones)
	if err != nil {
		return publicKey{}, err
	}
	return publicKey{k.Public, k.Tag, true}, nil
}

// UAPI: DNSSEC::export_zone_dnskey.
func exportPublic(ctx context.Context, acct hosting.Account, p keyParams) (publicKey, error) {
	return public(ctx, acct.Zones(), &p)
}

type privateKey struct {
	Domain  latchkey.Domain `json:"domain"`
	Content string          `json:"key_content"`
	ID      int             `json:"key_id"`
	Tag     int             `json:"key_tag"`
	Type    string          `json:"key_type"`
	Success bool            `json:"success"`
}

func private(ctx context.Context, zones hosting.Zones, p *keyParams) (privateKey, error) {
	is, k, err := p.find(ctx, zones)
	if err != nil {
		return privateKey{}, err
	}
	secret, err := zones.SigningKey(ctx, p.Domain.Domain, k.Tag)
	return privateKey{p.Domain.Domain, secret.Reveal(), k.Tag, k.Tag, kind(&is, k), true}, err
}

// UAPI: DNSSEC::export_zone_key.
func exportPrivate(ctx context.Context, acct hosting.Account, p keyParams) (privateKey, error) {
	return private(ctx, acct.Zones(), &p)
}
