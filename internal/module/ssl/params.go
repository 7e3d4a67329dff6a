package ssl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// hostList is a parameter that names hosts in one text: with commas, bars or
// blanks between them. A host may begin with *. for all below one.
type hostList []string

// ParseParam reads the hosts, each once.
func (l *hostList) ParseParam(text string) error {
	const most = 1000
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",|; \t\r\n", r) })
	for _, word := range words {
		name, wild := strings.CutPrefix(word, "*.")
		d, err := hosting.ParseDomain(name)
		if err != nil {
			return err
		}
		host := string(d)
		if wild {
			host = "*." + host
		}
		if !slices.Contains(*l, host) {
			*l = append(*l, host)
		}
	}
	if len(*l) == 0 || len(*l) > most {
		return fmt.Errorf("must name from 1 to %d domains", most)
	}
	return nil
}

// Resource says that it names hosts.
func (l hostList) Resource() latchkey.Resource {
	return latchkey.Resource{Kind: "host", Name: strings.Join(l, ",")}
}
