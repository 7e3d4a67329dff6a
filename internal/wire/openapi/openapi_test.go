package openapi

import (
	"bytes"
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module"
)

// house is every function there is.
func house() Book {
	calls := &call.Service{}
	r := api.NewRegistry(module.Account(calls.Nested, calls.FeaturesOf), module.Host(calls.Nested, calls.NestedHost, calls.Missed.List, calls.HostNames))
	return Book{Functions: r.All(), Modules: map[string]string{}, Version: "1"}
}

type color string

func (c *color) ParseParam(text string) error { *c = color(text); return nil }
func (*color) Words() []string                { return []string{"red", "blue"} }

type sampleParams struct {
	Box    hosting.DomainParam `param:"domain" doc:"Where."`
	Key    latchkey.Secret     `param:"key,optional" doc:"A|B"`
	Many   []int               `param:"many,optional"`
	Switch bool                `param:"switch,optional"`
	Color  color               `param:"color,optional"`
	Rest   api.Args            `param:"*" doc:"All else."`
}

func sample(context.Context, hosting.Account, sampleParams) (api.Void, error)  { return nil, nil }
func sampleOfHost(context.Context, hosting.Host, api.None) (api.Void, error)   { return nil, nil }
func plainSample(context.Context, hosting.Account, api.None) (api.Void, error) { return nil, nil }

// samples are functions with everything that can be said of a function.
func samples() Book {
	r := api.NewRegistry([]api.Module[hosting.Account]{{Name: "Paint", Funcs: []api.Func[hosting.Account]{
		{Name: "mix", API2: "mixit", Doc: "Mix.", Feature: latchkey.FeatureLists, Role: api.MailSend, Effect: api.Write, Run: api.Run(sample)},
		{Name: "look", Doc: "Look.", Run: api.Run(plainSample)},
	}}}, []api.Module[hosting.Host]{{Name: "whm", Funcs: []api.Func[hosting.Host]{
		{Name: "dry", Doc: "Dry.", Effect: api.Write, Run: api.Run(sampleOfHost)},
	}}})
	return Book{Functions: r.All(), Modules: map[string]string{"Paint": "Paint and brushes."}, Version: "7"}
}

func load(t *testing.T, b Book) *openapi3.T {
	t.Helper()
	text, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentIsValid(t *testing.T) {
	for name, b := range map[string]Book{"samples": samples(), "house": house()} {
		doc := load(t, b)
		if err := doc.Validate(context.Background(), openapi3.IsOpenAPI31OrLater()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ids := map[string]string{}
		for path, item := range doc.Paths.Map() {
			for method, o := range item.Operations() {
				if other, ok := ids[o.OperationID]; ok {
					t.Errorf("%s: %s %s has the operationId %s of %s", name, method, path, o.OperationID, other)
				}
				ids[o.OperationID] = method + " " + path
			}
		}
		paths := 0
		for _, e := range b.Functions {
			if !e.OnlyAPI2 { // those have one path together, which is not described
				paths++
			}
		}
		if got, want := len(ids), 2*paths; got != want {
			t.Errorf("%s: %d operations, want %d", name, got, want)
		}
	}
}

func TestDocumentIsTheSameEveryTime(t *testing.T) {
	first, err := house().JSON()
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := house().JSON(); !bytes.Equal(first, second) {
		t.Error("two documents of one registry differ")
	}
	if diff := cmp.Diff(house().Pages(), house().Pages()); diff != "" {
		t.Errorf("pages of one registry differ:\n%s", diff)
	}
}

func TestOperation(t *testing.T) {
	doc := load(t, samples())
	get := doc.Paths.Value("/execute/Paint/mix").Get
	want := map[string]any{"x-readonly": false, "x-feature": "lists", "x-role": "MailSend", "x-api2": "mixit"}
	if diff := cmp.Diff(want, get.Extensions); diff != "" {
		t.Errorf("extensions of Paint::mix (-want +got):\n%s", diff)
	}
	var got []string
	for _, p := range get.Parameters {
		s := p.Value.Schema.Value
		text := p.Value.Name + " " + s.Type.Slice()[0] + " " + s.Format
		if p.Value.Required {
			text += "required"
		}
		got = append(got, strings.TrimSpace(text))
	}
	wantParams := []string{"domain string required", "key string password", "many array", "switch integer", "color string", "arguments object"}
	if diff := cmp.Diff(wantParams, got); diff != "" {
		t.Errorf("parameters of Paint::mix (-want +got):\n%s", diff)
	}
	body := doc.Paths.Value("/execute/Paint/mix").Post.RequestBody.Value
	if !body.Required || len(body.Content) != 3 {
		t.Errorf("the body of Paint::mix: required %v, in %d forms; want true and 3", body.Required, len(body.Content))
	}
	if e := body.Content.Get("application/json").Schema.Value.Properties["color"].Value.Enum; !slices.Equal(e, []any{"red", "blue"}) {
		t.Errorf("words of color: %v", e)
	}
	if x := doc.Paths.Value("/execute/Paint/look").Get.Extensions["x-readonly"]; x != true {
		t.Errorf("x-readonly of Paint::look = %v, want true", x)
	}
}

func TestServers(t *testing.T) {
	doc := load(t, samples())
	if got := doc.Servers[0].Variables["port"].Default; got != "2083" {
		t.Errorf("account functions are on port %s, want 2083", got)
	}
	if got := doc.Paths.Value("/json-api/dry").Servers[0].Variables["port"].Default; got != "2087" {
		t.Errorf("the administrator's functions are on port %s, want 2087", got)
	}
}

func TestPage(t *testing.T) {
	want := "# Paint\n\nPaint and brushes.\n" +
		"\n## look\n\nLook.\n\nChanges nothing (a read-only token may call it).\n" +
		"\n    curl -H'Authorization: cpanel demo:APITOKEN' 'https://localhost:2083/execute/Paint/look'\n" +
		"\n## mix\n\nMix.\n\nChanges the account (a read-only token may not). Feature `lists`. Role `MailSend`. In API 2: `mixit`.\n" +
		"\n| parameter | | what it is |\n|---|---|---|\n" +
		"| `domain` | text, **required** | Where. |\n" +
		"| `key` | text | A\\|B |\n" +
		"| `many` | number, may be repeated |  |\n" +
		"| `switch` | 1 or 0 |  |\n" +
		"| `color` | `red`, `blue` |  |\n" +
		"| any other | text | All else. |\n" +
		"\n    curl -H'Authorization: cpanel demo:APITOKEN' 'https://localhost:2083/execute/Paint/mix?domain=example.com'\n"
	if diff := cmp.Diff(want, samples().Pages()["Paint.md"]); diff != "" {
		t.Errorf("Paint.md (-want +got):\n%s", diff)
	}
	if index := samples().Pages()["README.md"]; !strings.Contains(index, "2 functions of the account (UAPI), 1 of which") || !strings.Contains(index, "[WHM](whm.md) | 1 |") {
		t.Errorf("README.md = %s", index)
	}
}

// Examples name functions and parameters that there are.
func TestExamples(t *testing.T) {
	entries := map[string]*api.Entry{}
	for _, e := range house().Functions {
		entries[e.FullName()] = e
	}
	for name, query := range examples() {
		e := entries[name]
		if e == nil {
			t.Errorf("an example for %s, which is not there", name)
			continue
		}
		args, err := url.ParseQuery(query)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		rest := slices.ContainsFunc(e.Params(), func(p api.Param) bool { return p.Rest })
		for key := range args {
			if !rest && !slices.ContainsFunc(e.Params(), func(p api.Param) bool { return p.Name == key }) {
				t.Errorf("the example for %s has %s, which is no parameter of it", name, key)
			}
		}
		for _, p := range e.Params() {
			if p.Required && !args.Has(p.Name) {
				t.Errorf("the example for %s lacks %s", name, p.Name)
			}
		}
	}
}
