package encode

import (
	"encoding/json"
	"strings"
	"testing"
)

// holes are what the templates of the tests are filled with.
func holes(dst []byte, hole string) ([]byte, bool) {
	text, ok := map[string]string{"*": `{"a":1,"b":[2]}`, "data": `[1]`, "data.x": `"y"`, "text": `"Ok"`, "status": "1", "empty": "{}"}[hole]
	return append(dst, text...), ok
}

func TestTemplate(t *testing.T) {
	for _, test := range []struct{ template, want string }{
		{`{}`, `{}`},
		{`[]`, `[]`},
		{`data`, `[1]`},
		{`none`, `null`},
		{`{*}`, `{"a":1,"b":[2]}`},
		{`{*,"status":status}`, `{"a":1,"b":[2],"status":1}`},
		{`{"status":status,*}`, `{"status":1,"a":1,"b":[2]}`},
		{`{"none":none,*,"none":none}`, `{"a":1,"b":[2]}`},
		{`{"none":none,"text":text}`, `{"text":"Ok"}`},
		{`{"result":[{"options":data,"rawout":"","raw":null,"n":-1.5,"status":status,"statusmsg":text}]}`,
			`{"result":[{"options":[1],"rawout":"","raw":null,"n":-1.5,"status":1,"statusmsg":"Ok"}]}`},
		{`{"bwlimit":data.x,"list":[data,none,true]}`, `{"bwlimit":"y","list":[[1],null,true]}`},
	} {
		parsed, err := ParseTemplate(test.template)
		if err != nil {
			t.Errorf("ParseTemplate(%s): %v", test.template, err)
			continue
		}
		if got := string(parsed.Append([]byte("+"), holes)); got != "+"+test.want || parsed.String() != test.template {
			t.Errorf("%s is filled as %s, want %s", test.template, got, test.want)
		}
	}
	parsed, err := ParseTemplate(`{"a":[{"b":status}]}`)
	if err != nil || !parsed.Has("status") || parsed.Has("b") || parsed.Has("text") {
		t.Errorf("Has: %v, %v", parsed, err)
	}
	for _, bad := range []string{``, `{`, `{"a"}`, `{"a":}`, `{"a":1`, `[1 2]`, `{a:1}`, `{"a":1}x`, `[,]`, `{"a":1,}`, `{"a:1}`, `{"a":"\x"}`} {
		if _, err := ParseTemplate(bad); err == nil {
			t.Errorf("ParseTemplate(%s) = nil error", bad)
		}
	}
}

// FuzzTemplate: whatever is taken for a template gives JSON.
func FuzzTemplate(f *testing.F) {
	f.Add(`{*,"result":[{"options":data,"rawout":null,"status":status}]}`)
	f.Add(`{"a":[*,none],"b":empty}`)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := ParseTemplate(text)
		if err != nil || strings.Count(text, "[")+strings.Count(text, "{") > 1000 {
			return
		}
		if got := parsed.Append(nil, holes); !json.Valid(got) {
			t.Errorf("%s is filled as %s", text, got)
		}
	})
}
