package bind

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Kind is a program that serves zone files and is told of them by another.
type Kind uint8

const (
	BIND Kind = iota
	NSD
)

// dialect is how such a program is spoken to. All of them know "status",
// "reload ZONE" and "delzone ZONE".
type dialect struct {
	server    string // what it is called
	control   string // the program that reaches it
	checkzone string // the one that reads a zone as it does
	checks    []string
	stdin     string // what it calls its standard input
	signs     bool
	answers   int      // that have to be the new ones in a row
	most      int      // records of a name and type, and types of a name; 0 for as many as there are
	unknown   []string // what is said of a zone that it does not have
	add       func(p *Part, name latchkey.Domain, how *hosting.Signing) []string
}

// kinds are those there are, by [Kind].
var kinds = [...]dialect{
	BIND: {
		server: "BIND", control: "rndc", checkzone: "named-checkzone", checks: []string{"-i", "local", "-k", "fail"}, stdin: "/dev/stdin",
		signs: true, answers: 1, most: 100, unknown: []string{"not found", "no matching zone"},
		add: func(p *Part, name latchkey.Domain, how *hosting.Signing) []string {
			return []string{"addzone", string(name), p.config(name, how)}
		},
	},
	NSD: {
		server: "NSD", control: "nsd-control", checkzone: "nsd-checkzone", stdin: "-", answers: 10, unknown: []string{"not configured", "not present"},
		add: func(_ *Part, name latchkey.Domain, _ *hosting.Signing) []string {
			return []string{"addzone", string(name), Pattern}
		},
	},
}

// Pattern is the pattern of NSD's configuration that says where zone files are.
const Pattern = "latchkey"

// lacks reports whether out says that there is no such zone.
func (d *dialect) lacks(out string) bool {
	return slices.ContainsFunc(d.unknown, func(words string) bool { return strings.Contains(out, words) })
}

// stamp is what begins the lines that programs of NSD's write.
var stamp = regexp.MustCompile(`^\[[^\]]*\] [a-z-]+\[\d+\]: (?:error|warning): `)

// fromStdin is where in a zone that they were given something stands.
var fromStdin = regexp.MustCompile(`^(?:/dev/stdin|<stdin>|-):`)

// reason is the first thing that such a program has to say against a zone.
func reason(out string) string {
	for line := range strings.Lines(out) {
		line = stamp.ReplaceAllString(strings.TrimSpace(line), "")
		if line == "" || strings.HasSuffix(line, "loaded serial") || strings.HasPrefix(line, "rndc: 'reload' failed") {
			continue
		}
		line = strings.TrimPrefix(line, "dns_master_load: ")
		line = strings.TrimPrefix(line, "dns_rdata_fromtext: ")
		line = fromStdin.ReplaceAllString(line, "line ")
		return strings.ToValidUTF8(line[:min(len(line), 300)], "?")
	}
	return "it does not say why"
}

// failed is the error of a program that reached the name server in vain.
func failed(program string, words []string, out string, err error) error {
	return fmt.Errorf("%s %s: %w: %s", program, words[0], err, strings.Join(strings.Fields(out), " "))
}
