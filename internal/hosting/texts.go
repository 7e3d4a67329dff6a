package hosting

import (
	"strings"

	"github.com/latchkey/latchkey/internal/zone"
)

// Text is a TXT record, and the line that it begins at.
type Text struct {
	Line int
	Text string
}

// Texts are the texts of a name that begin with a word, such as v=spf1.
func Texts(z *zone.Zone, name, word string) (list []Text) {
	for line, e := range z.Named(name) {
		if s := strings.Join(e.Data(), ""); e.Type() == "TXT" && BeginsWith(s, word) {
			list = append(list, Text{line, s})
		}
	}
	return list
}

// BeginsWith reports whether a text begins with word, as a word.
func BeginsWith(s, word string) bool {
	if len(s) < len(word) || !strings.EqualFold(s[:len(word)], word) {
		return false
	}
	return len(s) == len(word) || strings.ContainsRune(" ;\t", rune(s[len(word)]))
}

// textTTL is how long others may remember the texts.
const textTTL = 14400

// TextEdit is the edit that makes text the one text of a name that begins with
// word; none, if it is empty. It tells what the edit does, and whether there is
// anything to edit.
func TextEdit(z *zone.Zone, name, word, text string) (e zone.Edit, told string, needed bool) {
	e.Replace = map[int]zone.New{}
	var does []string
	for i, t := range Texts(z, name, word) {
		switch {
		case i == 0 && text != "" && t.Text != text:
			e.Replace[t.Line] = zone.New{Name: name, TTL: textTTL, Type: "TXT", Data: []string{text}}
			does = append(does, "[REPLACE:TXT@"+name+":"+text+"]")
		case i > 0 || text == "":
			e.Remove = append(e.Remove, t.Line)
			does = append(does, "[REMOVE:TXT@"+name+":"+t.Text+"]")
		default:
			does = append(does, "[KEEP:TXT@"+name+":"+text+"]")
		}
	}
	if len(does) == 0 && text != "" {
		e.Add = []zone.New{{Name: name, TTL: textTTL, Type: "TXT", Data: []string{text}}}
		does = append(does, "[ADD:TXT@"+name+":"+text+"]")
	}
	return e, strings.Join(does, " "), len(e.Add)+len(e.Replace)+len(e.Remove) > 0
}
