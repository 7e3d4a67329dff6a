package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	goyaml "github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/wire"
)

func TestDecode(t *testing.T) {
	for _, test := range [][2]string{
		{"", ""},
		{"plain", "plain"},
		{"a+b", "a b"},
		{"a%2Bb", "a+b"},
		{"a%2bb", "a+b"},
		{"%41%62%c3%A9", "Abé"},
		{"100%", "100%"},
		{"100%4", "100%4"},
		{"%zz%4", "%zz%4"},
		{"%%41", "%A"},
		{"%2541", "%41"}, // once, not twice
		{"%\x10\x11", "%\x10\x11"},
		{"é=“x”", "é=“x”"},
	} {
		if got := decode(test[0]); got != test[1] {
			t.Errorf("decode(%q) = %q, want %q", test[0], got, test[1])
		}
	}
}

func TestParseCall(t *testing.T) {
	list := wire.Say{API: "uapi", User: "demo", Module: "Email", Func: "list_pops"}
	with := func(s wire.Say, args ...[2]string) wire.Say { s.Args = args; return s }
	host := wire.Say{API: "whm", User: "root", Func: "listaccts"}
	for _, test := range []struct {
		tool   tool
		line   string
		output string
		want   wire.Say
	}{
		{uapi, "--user=demo Email list_pops", "yaml", list},
		{uapi, "--user demo --output json Email list_pops", "json", list},
		{uapi, "Email --output=jsonpretty list_pops --user=demo", "jsonpretty", list},
		{uapi, "Email list_pops a=1 --user=demo b=2", "yaml", with(list, [2]string{"a", "1"}, [2]string{"b", "2"})},
		{uapi, "--user=demo Email list_pops a=x=y a=2 c", "yaml", with(list, [2]string{"a", "x=y"}, [2]string{"a", "2"}, [2]string{"c", ""})},
		{uapi, "--user=demo Email list_pops a%5Bb=c+d", "yaml", with(list, [2]string{"a[b", "c d"})},
		{uapi, "--user=demo Email list_pops -- --user=x", "yaml", with(list, [2]string{"--user", "x"})},
		{uapi, "--user=demo Email list_pops user=x -1=2", "yaml", with(list, [2]string{"user", "x"}, [2]string{"-1", "2"})},
		{cpapi2, "--user=demo Email listpops", "yaml", wire.Say{API: "api2", User: "demo", Module: "Email", Func: "listpops"}},
		{whmapi1, "listaccts", "yaml", host},
		{whmapi1, "listaccts --output=json search=x", "json", with(host, [2]string{"search", "x"})},
		{whmapi1, "listaccts --output xml", "xml", host},
		{whmapi0, "listaccts --output=xml", "xml", wire.Say{API: "whm0", User: "root", Func: "listaccts"}},
		{whmapi1, "--user=demo listaccts", "yaml", host}, // it is always the administrator's
	} {
		c, err := parseCall(test.tool, strings.Fields(test.line))
		if err != nil || c.output != test.output {
			t.Errorf("%s %s: output %s, error %v; want %s", test.tool.name, test.line, c.output, err, test.output)
		}
		if diff := cmp.Diff(test.want, c.say); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.tool.name, test.line, diff)
		}
	}
}

func TestMistakes(t *testing.T) {
	t.Setenv("LATCHKEY_DATA", t.TempDir()) // where no server is
	for _, test := range []struct{ line, want string }{
		{"uapi --user=demo", "latchkey: the function is missing: use uapi --user=USER"},
		{"uapi --user=demo Email", "latchkey: the function is missing: use uapi --user=USER"},
		{"uapi", "latchkey: the function is missing: use uapi --user=USER"},
		{"whmapi1", "latchkey: the function is missing: use whmapi1 [--output"},
		{"uapi Email list_pops", "latchkey: the account is missing: say whose it is with --user=USER"},
		{"cpapi2 Email listpops --user=", "latchkey: the account is missing"},
		{"uapi Email list_pops --user", "latchkey: --user needs a value, such as --user=…"},
		{"uapi --user=demo --output=html Email list_pops", `latchkey: there is no output format "html": use yaml, json, jsonpretty or xml`},
		{"compat", "latchkey: no server answers at "},
		{"compat --output=xml", `latchkey: there is no output format "xml": use text or json`},
		{"uapi --user=demo --colour Email list_pops", "latchkey: there is no option --colour: use uapi"},
		{"uapi --user=demo Email list_pops", "latchkey: no server answers at "},
		{"audit list", "latchkey: no server answers at "},
		{"audit list --output=xml", `latchkey: there is no output format "xml": use text or json`},
		{"audit lost", "latchkey: there is no command “latchkey audit lost”: see “latchkey audit --help”"},
		{"sandbx", `latchkey: unknown command "sandbx" for "latchkey": did you mean sandbox?`},
		{"dance", `latchkey: unknown command "dance" for "latchkey": “latchkey --help” lists those there are`},
		{"serve --loud", "latchkey: unknown flag: --loud: see “latchkey serve --help”"},
		{"version now", `latchkey: unknown command "now" for "latchkey version"`},
		{"doctor --output=xml", `latchkey: there is no output format "xml": use text or json`},
	} {
		out, errs, status := run(t, strings.Fields(test.line)...)
		if status != 1 || out != "" || !strings.HasPrefix(errs, test.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("latchkey %s = %d, %q, %q; want 1 and one line %q", test.line, status, out, errs, test.want)
		}
	}
}

func TestToolsGoByTheirOwnNames(t *testing.T) {
	var out, errs bytes.Buffer
	if status := Main([]string{"/usr/bin/uapi", "Email", "list_pops"}, nil, &out, &errs); status != 1 || !strings.HasPrefix(errs.String(), "uapi: the account is missing") {
		t.Errorf("uapi Email list_pops = %d, %s", status, errs.String())
	}
	out.Reset()
	if status := Main([]string{"whmapi1", "__completeNoDesc", "api_token_c"}, nil, &out, &errs); status != 0 || out.String() != "api_token_create\n:4\n" {
		t.Errorf("whmapi1 __completeNoDesc api_token_c = %d, %s", status, out.String())
	}
}

func TestHelp(t *testing.T) {
	for _, command := range []string{"", "sandbox", "serve", "config", "config example", "uapi", "cpapi2", "whmapi1", "whmapi0", "compat", "doctor", "audit", "audit list", "audit verify", "audit export", "audit prune", "openapi", "version"} {
		out, errs, status := run(t, append(strings.Fields(command), "--help")...)
		if status != 0 || errs != "" || !strings.Contains(out, "Usage:\n  latchkey") {
			t.Errorf("latchkey %s --help = %d, %q, %s", command, status, errs, out)
		}
	}
}

func TestComplete(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"uapi Qu", "Quota :4"},
		{"uapi --user=demo Quota get_l", "get_local_quota_info :4"},
		{"uapi --user demo Quota get_l", "get_local_quota_info :4"},
		{"uapi Tokens rename ", "name= new_name= :6"},
		{"uapi StatsBar get_stats rowcounter=", "rowcounter= rowcounter=even rowcounter=odd :6"},
		{"uapi Nothing ", ":4"},
		{"uapi --o", "--output=json --output=jsonpretty --output=xml --output=yaml :4"},
		{"whmapi0 api_token_l", ":4"}, // it is of API 1 alone
		{"whmapi0 accountsum", "accountsummary :4"},
		{"uapi --u", "--user= :6"},
		{"whmapi1 --u", ":4"},
		{"cpapi2 Email listpops", "listpops listpopssingle listpopswithdisk :4"},
		{"cpapi2 Tok", ":4"}, // it has no API 2 names
		{"whmapi1 api_token_l", "api_token_list :4"},
		{"whmapi1 passwd us", "user= :6"},
	} {
		out, _, status := run(t, append([]string{"__completeNoDesc"}, strings.Split(test.line, " ")...)...)
		if got := strings.Join(strings.Fields(out), " "); status != 0 || got != test.want {
			t.Errorf("completing %q = %d, %q; want %q", test.line, status, got, test.want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out, errs, status := run(t, "completion", shell); status != 0 || errs != "" || len(out) < 1000 {
			t.Errorf("completion %s = %d, %d bytes, %q", shell, status, len(out), errs)
		}
	}
}

func TestYAML(t *testing.T) {
	file := filepath.Join("testdata", "yaml.txtar")
	golden, err := txtar.ParseFile(file)
	must(t, err)
	for i := 0; i+1 < len(golden.Files); i += 2 {
		answer, want := golden.Files[i], &golden.Files[i+1]
		var out bytes.Buffer
		must(t, writeYAML(&out, answer.Data))
		if *update {
			want.Data = out.Bytes()
		}
		if diff := cmp.Diff(string(want.Data), out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", answer.Name, diff)
		}
		readsAs(t, out.Bytes(), answer.Data)
	}
	if *update {
		must(t, os.WriteFile(file, txtar.Format(golden), 0o644))
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// readsAs checks that a YAML document says what a JSON document says.
func readsAs(t fataler, text, answer []byte) {
	t.Helper()
	var got, want any
	if err := goyaml.Unmarshal(text, &got); err != nil {
		t.Fatalf("no YAML: %v\n%s", err, text)
	}
	if err := json.Unmarshal(answer, &want); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, answer)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got = nil
	if err := json.Unmarshal(again, &got); err != nil {
		t.Fatalf("%v\n%s", err, again)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the YAML says something else (-JSON +YAML):\n%s\n%s", diff, text)
	}
}

// Every text survives, as a value and as a key, whatever YAML makes of it bare.
func TestYAMLOfAnyText(t *testing.T) {
	words := []string{"yes", "No", "~", "null", "on", "OFF", "1", "1e3", "0x1f", ".5", ".inf", "nan", "-", "- a", "a: b", "a #b", "#", "?", "!x", "&a", "*a", "%", "@", "`", "|", ">",
		"{}", "[]", "a, b", " lead", "trail ", "a\nb", "\t", "\x7f", "2026-01-01", "12:30", "é", "\u2028", "\ufeff", "=", "<<", "y", "/etc", "a+b@c.d", "_x", "true", "---", "..."}
	text := rapid.OneOf(rapid.SampledFrom(words), rapid.String(), rapid.StringMatching(`[a-zA-Z0-9_./@+ :#~-]{0,12}`))
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(text, 0, 4).Draw(t, "texts")
		answer, err := json.Marshal(map[string]any{"list": list, text.Draw(t, "key"): text.Draw(t, "value")})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := writeYAML(&out, answer); err != nil {
			t.Fatal(err)
		}
		readsAs(t, out.Bytes(), answer)
	})
}
