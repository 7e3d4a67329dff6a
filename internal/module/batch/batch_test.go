package batch

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

// call writes a batch of commands as a [moduletest.Row] has it.
func call(commands ...string) string {
	var b strings.Builder
	b.WriteString("strict?")
	for i, c := range commands {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString("command=" + url.QueryEscape(c))
	}
	return b.String()
}

// echo answers with what it was asked, and fails as the function's name says.
func echo(_ context.Context, _ hosting.Account, module, function string, args api.Args) api.Answer {
	switch function {
	case "fails":
		return api.Answer{Errors: []string{"Provide the ‘zone’ argument."}}
	case "answer":
		return api.Answer{Data: 1, Messages: []string{"m"}, Warnings: []string{"w"}}
	case "nothing":
		return api.Answer{}
	}
	var b strings.Builder
	b.WriteString(module + "::" + function)
	for _, a := range args {
		fmt.Fprintf(&b, " %s=%s", a.Key, a.Value)
	}
	return api.Answer{Data: b.String()}
}

func ok(data string) string {
	return `{"data":` + data + `,"errors":null,"messages":null,"metadata":{},"status":1,"warnings":null}`
}

func failed(text string) string {
	return `{"data":null,"errors":["` + text + `"],"messages":null,"metadata":{},"status":0,"warnings":null}`
}

func TestStrict(t *testing.T) {
	moduletest.Table(t, New(echo), hostingtest.New(), []moduletest.Row{
		{call(`["A","x"]`), `[` + ok(`"A::x"`) + `]`},
		{call(`["A","x",{}]`, ` [ "B" , "y" , {"q":"1 2","p":"é"} ] `), `[` + ok(`"A::x"`) + `,` + ok(`"B::y p=é q=1 2"`) + `]`},
		{`strict?command-1=["B","y"]&command-0=["A","x"]`, `[` + ok(`"A::x"`) + `,` + ok(`"B::y"`) + `]`},
		{call(`["A","x",{"n":1.50,"big":12345678901234567890,"t":true,"f":false,"no":null,"list":["a",2,null,true],"empty":[]}]`),
			`[` + ok(`"A::x big=12345678901234567890 f=0 list=a list=2 list=1 n=1.50 t=1"`) + `]`},
		{call(`["A","x",null]`), `[` + ok(`"A::x"`) + `]`},
		{call(`["A","nothing"]`), `[` + ok(`null`) + `]`},
		{call(`["A","answer"]`), `[{"data":1,"errors":null,"messages":["m"],"metadata":{},"status":1,"warnings":["w"]}]`},
		{call(`["A","x"]`, `["A","fails"]`, `["A","y"]`), `[` + ok(`"A::x"`) + `,` + failed(`Provide the ‘zone’ argument.`) +
			`] and failed: Command 2 of 3 (A::fails) failed: Provide the ‘zone’ argument.`},
	})
}

func TestRefused(t *testing.T) {
	const (
		invalid = `invalid: The “command” argument is invalid: it `
		form    = invalid + `must be a JSON array such as ["Email","list_pops",{"skip_main":1}].`
		head    = invalid + `must begin with the name of a module and the name of a function.`
	)
	ran := false
	never := func(context.Context, hosting.Account, string, string, api.Args) api.Answer {
		ran = true
		return api.Answer{}
	}
	moduletest.Table(t, New(never), hostingtest.New(), []moduletest.Row{
		{`strict`, `missing: command`},
		{`strict?command=`, form},
		{call(`["A","x"]`, `Email::list_pops`), form},
		{call(`["A"]`), form},
		{call(`["A","x",{},{}]`), form},
		{call(`["A","x"]["A","y"]`), form},
		{call(`{"0":"A"}`), form},
		{call(`["","x"]`), head},
		{call(`["A",1]`), head},
		{call(`["A","x"]`, `["Batch","strict",{"command":"[]"}]`), invalid + `must not be a batch itself.`},
		{call(`["A","x",{"api.paginate":1}]`), invalid + `must not have the parameter “api.paginate”: call the function by itself to filter, sort or page its answer.`},
		{call(`["A","x",["p",1]]`), invalid + `must have its parameters in a JSON object.`},
		{call(`["A","x",{"p":{"q":1}}]`), invalid + `must not have an object or a list of lists as the parameter “p”: write it as a text.`},
		{call(`["A","x",{"p":[["q"]]}]`), invalid + `must not have an object or a list of lists as the parameter “p”: write it as a text.`},
	})
	many := make([]string, 1001)
	for i := range many {
		many[i] = `["A","x"]`
	}
	moduletest.Table(t, New(never), hostingtest.New(), []moduletest.Row{
		{call(many...), `invalid: A batch may hold at most 1000 commands, and this one holds 1001.`},
	})
	if ran {
		t.Error("a command of a refused batch was run")
	}
}

func TestMostCommands(t *testing.T) {
	n := 0
	count := func(context.Context, hosting.Account, string, string, api.Args) api.Answer { n++; return api.Answer{} }
	many := make([]string, 1000)
	for i := range many {
		many[i] = `["A","x"]`
	}
	if got := moduletest.Call(t, New(count), hostingtest.New(), call(many...)); strings.HasPrefix(got, "invalid") || n != 1000 {
		t.Errorf("1000 commands: %d were run, answer %.80s", n, got)
	}
}
