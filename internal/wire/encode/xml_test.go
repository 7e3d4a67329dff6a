package encode

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestXML(t *testing.T) {
	for _, test := range []struct{ root, json, want string }{
		{"result", `{"data":{"acct":[{"user":"a"},{"user":"b"}]},"metadata":{"result":1}}`,
			`<result><data><acct><user>a</user></acct><acct><user>b</user></acct></data><metadata><result>1</result></metadata></result>`},
		{"", `{"cpanelresult":{"apiversion":2,"data":[{"email":"x"}],"event":{"result":1}}}`,
			`<cpanelresult><apiversion>2</apiversion><data><email>x</email></data><event><result>1</result></event></cpanelresult>`},
		{"version", `{"version":"11"}`, `<version><version>11</version></version>`},
		{"r", `{"n":null,"e":"","l":[],"o":{},"t":true,"f":-1.50}`, `<r><n></n><e></e><o></o><t>1</t><f>-1.50</f></r>`},
		{"r", `{"l":["a",null,[1,[2,3]],[]]}`, `<r><l>a</l><l></l><l><l>1</l><l><l>2</l><l>3</l></l></l><l></l></r>`},
		{"r", `["a","b"]`, `<r><item>a</item><item>b</item></r>`},
		{"r", `"text"`, `<r>text</r>`},
		{"", `"text"`, `<result>text</result>`},
		{"", `{"a":1,"b":2}`, `<result><a>1</a><b>2</b></result>`},
		{"", `{"a":[1,2]}`, `<a><item>1</item><item>2</item></a>`},
		{"1abc", `1`, `<_1abc name="1abc">1</_1abc>`},
		{"r", `{"a b":1,"*":2,"x:y":3,"example.com":4,"MXCHECK-x":5,"xmlns":6,"é\"<":7}`,
			`<r><a_b name="a b">1</a_b><_ name="*">2</_><x_y name="x:y">3</x_y><example.com>4</example.com><MXCHECK-x>5</MXCHECK-x>` +
				`<_xmlns name="xmlns">6</_xmlns><___ name="é&quot;&lt;">7</___></r>`},
		{"r", `"a<b>&\"c\"]]>\r\n\t\u0000\u001b\uffff é“”"`, "<r>a&lt;b&gt;&amp;&quot;c&quot;]]&gt;&#13;\n\t\uFFFD\uFFFD\uFFFD é“”</r>"},
	} {
		want := "<?xml version=\"1.0\" ?>\n" + test.want + "\n"
		flat := strings.NewReplacer("\n<", "<") // elements stand on lines of their own
		if got := string(XML(nil, test.root, []byte(test.json))); flat.Replace(got) != flat.Replace(want) {
			t.Errorf("XML(%q, %s)\n got %s\nwant %s", test.root, test.json, got, want)
		}
	}
}

// Whoever reads the document word by word finds every leaf, and the tags around
// others, as a word of its own.
func TestXMLLines(t *testing.T) {
	const want = "<?xml version=\"1.0\" ?>\n<r>\n<record>\n<type>A</type>\n<none></none>\n</record>\n<record>\n<type>B</type>\n</record>\n<e></e>\n</r>\n"
	if got := string(XML(nil, "r", []byte(`{"record":[{"type":"A","none":{}},{"type":"B"}],"e":""}`))); got != want {
		t.Errorf("XML = %q, want %q", got, want)
	}
}

// FuzzXML: whatever the answer is, its XML is well formed, and the texts in it
// come out as they went in, but for what XML cannot hold.
func FuzzXML(f *testing.F) {
	f.Add("result", "key", "a<b>&]]>\x00\r\n")
	f.Add("", "1<\"", "\ufffe\U0010ffff")
	f.Fuzz(func(t *testing.T, root, key, text string) {
		row := map[string]any{key: text, key + "l": []any{text, []string{text}, nil, map[string]any{text: key}}}
		out := XML(nil, root, Append(nil, row))
		if got := textOf(t, out); !strings.Contains(got, asXML(text)) {
			t.Errorf("XML(%q, %q) = %q, in which the text is %q", root, row, out, got)
		}
		textOf(t, XML(nil, root, []byte(text))) // no answer of ours, but it ends
	})
}

// asXML is text as it comes out of XML.
func asXML(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, text)
}

// textOf is the text in a document of one root element.
func textOf(t *testing.T, document []byte) string {
	t.Helper()
	var b strings.Builder
	d := xml.NewDecoder(strings.NewReader(string(document)))
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			b.Write(token)
		}
	}
	if roots != 1 {
		t.Fatalf("%q has %d roots", document, roots)
	}
	return b.String()
}
