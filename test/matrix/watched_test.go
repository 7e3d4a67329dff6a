package matrix

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// step is one call of a program; of target, SERIAL is the serial number of the
// zone then, and LINE the line of the program's own record.
type step struct {
	target string
	// shows is set where who may see less is shown less.
	shows bool
}

const (
	oldCall  = "/json-api/cpanel?cpanel_jsonapi_module=ZoneEdit&domain=example.com&cpanel_jsonapi_func="
	massEdit = "/execute/DNS/mass_edit_zone?zone=example.com&serial=SERIAL&"
)

func addition(name, rtype, data string) string { return url.QueryEscape(recordOf(name, rtype, data)) }

func drawStep(t *rapid.T) step {
	box := "email=" + rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "box") + "%40example.com"
	name := rapid.SampledFrom([]string{"_acme-challenge", "_acme-challenge.www", "_acme-challenge.shop", "host"}).Draw(t, "name")
	return rapid.SampledFrom([]step{
		{target: "/execute/Email/add_pop?password_hash=" + url.QueryEscape(hash) + "&" + box},
		{target: "/execute/Email/delete_pop?" + box},
		{target: "/execute/Email/edit_pop_quota?domain=example.com&quota=9&" + box},
		{target: "/execute/Email/get_pop_quota?" + box},
		{target: "/execute/Email/suspend_login?" + box},
		{target: "/execute/Email/list_pops"},
		{target: "/execute/Email/list_pops_with_disk?no_disk=1"},
		{target: "/execute/Email/count_pops"},
		{target: "/execute/Email/list_mail_domains"},
		{target: "/json-api/cpanel?cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops"},
		{target: "/execute/DomainInfo/list_domains"},
		{target: "/execute/DomainInfo/single_domain_data?domain=example.com"},
		{target: "/execute/DomainInfo/primary_domain"},
		{target: "/execute/Quota/get_quota_info"},
		{target: "/execute/Variables/get_user_information?name=domain"},
		{target: "/execute/Tokens/verify", shows: true},
		{target: "/execute/Features/list_features"},
		{target: "/execute/DNS/parse_zone?zone=example.com", shows: true},
		{target: "/execute/DNS/lookup?domain=www.example.com"},
		{target: "/execute/DNS/has_local_authority?domain=www.example.com&domain=elsewhere.example"},
		{target: "/execute/DNS/ensure_domains_reside_only_locally?domain=www.example.com"},
		{target: "/execute/DNS/is_https_available"},
		{target: "/execute/DNS/swap_ip_in_zones?domain=ftp.example.com&source_ip=192.0.2.1&dest_ip=192.0.2.1&ftp_ip=192.0.2.9"},
		{target: massEdit + "add=" + addition(name, "TXT", "x")},
		{target: massEdit + "add-0=" + addition(name, "TXT", "x") + "&add-1=" + addition("other", "A", "192.0.2.7")},
		{target: massEdit + "remove=LINE", shows: true},
		{target: oldCall + "fetchzone_records&type=TXT", shows: true},
		{target: oldCall + "add_zone_record&type=TXT&txtdata=x&name=" + name},
		{target: oldCall + "edit_zone_record&line=LINE&txtdata=y", shows: true},
		{target: "/execute/Batch/strict?command=" + url.QueryEscape(`["Email","count_pops"]`) + "&command=" + url.QueryEscape(`["DNS","lookup",{"domain":"mail.example.com"}]`)},
	}).Draw(t, "step")
}

// program is a program that uses demo's account with a token.
type program struct {
	s     *testserver.Server
	token string
}

// run makes the calls on an account as it was first.
func (p *program) run(t *rapid.T, steps []step) []testserver.Answer {
	for _, box := range []string{"a", "b", "c", "d"} {
		p.s.Call(call.UAPI, "demo", "Email", "delete_pop", "email", box)
	}
	p.s.Call(call.UAPI, "demo", "Email", "add_pop", "email", "a", "password_hash", hash)
	p.s.Call(call.UAPI, "demo", "ZoneEdit", "resetzone", "domain", "example.com")
	var answers []testserver.Answer
	for _, step := range steps {
		serial, line := p.zone(t)
		target := strings.NewReplacer("SERIAL", serial, "LINE", line).Replace(step.target)
		answers = append(answers, p.s.Get(p.s.Account, target, "cpanel demo:"+p.token))
	}
	return answers
}

// zone is the serial number of example.com, and the number of its last line.
func (p *program) zone(t *rapid.T) (serial, line string) {
	err := p.s.Store.Read(t.Context(), func(r store.Reader) error {
		z, err := r.Zone("example.com")
		serial = fmt.Sprint(z.Serial)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	data := string(encode.Append(nil, p.s.Call(call.UAPI, "demo", "DNS", "parse_zone", "zone", "example.com").Data))
	_, line, _ = strings.Cut(data[strings.LastIndex(data, `"line_index"`):], ":")
	line, _, _ = strings.Cut(line, ",")
	return serial, line
}

func succeeded(a testserver.Answer) bool {
	return strings.Contains(a.Body, `"status":1`) || strings.Contains(a.Body, `"event":{"result":1}`)
}

// TestWatchedProgramsGoOn: whatever a program does with a token that is watched,
// it does again with the grants that are suggested for that, and gets the same
// answers; and it does nothing beside.
func TestWatchedProgramsGoOn(t *testing.T) {
	s := testserver.New(t)
	rounds, replayed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		rounds++
		name := fmt.Sprint("p", rounds)
		p := &program{s, s.Token("demo", name)}
		defer s.Call(call.UAPI, "demo", "Tokens", "revoke", "name", name)
		s.UAPI("demo", "Tokens", "observe", "name", name)
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 8).Draw(t, "steps")
		before := p.run(t, steps)
		suggested := string(encode.Append(nil, s.UAPI("demo", "Tokens", "suggest", "name", name)))
		if strings.Contains(suggested, `"grants":[]`) {
			return // there was no use of it, as where it asked about itself only
		}
		narrowed := string(encode.Append(nil, s.UAPI("demo", "Tokens", "narrow", "name", name)))
		if !strings.Contains(narrowed, `"has_full_access":0`) {
			t.Fatalf("narrow answers %s", narrowed)
		}
		for i, a := range p.run(t, steps) {
			replayed++
			if succeeded(a) != succeeded(before[i]) || !steps[i].shows && !strings.Contains(steps[i].target, "SERIAL") && strings.Contains(steps[i].target, "/execute/") && a != before[i] {
				t.Fatalf("%s: %s, and before %s\nsuggested: %s", steps[i].target, a.Body, before[i].Body, suggested)
			}
		}
		serial, _ := p.zone(t)
		for _, beside := range []string{
			strings.Replace(massEdit, "SERIAL", serial, 1) + "add=" + addition("beside", "TXT", "x"),
			oldCall + "add_zone_record&type=TXT&txtdata=x&name=beside",
			"/execute/Email/add_pop?email=x%40example.net&password_hash=" + url.QueryEscape(hash),
			"/execute/DNS/parse_zone?zone=example.net",
			"/execute/Tokens/create_full_access?name=beside",
			"/execute/Tokens/update?name=" + name + "&grants=*:write",
			"/execute/Tokens/narrow?name=" + name,
		} {
			if a := s.Get(s.Account, beside, "cpanel demo:"+p.token); !strings.Contains(a.Body, "This API token may not do that") && !strings.Contains(a.Body, "could not find the function") {
				t.Fatalf("%s: %s\nsuggested: %s", beside, a.Body, suggested)
			}
		}
	})
	t.Logf("%d programs, %d calls made again", rounds, replayed)
	if replayed == 0 {
		t.Error("no program went on")
	}
}
