package ssl

import (
	"strings"
	"testing"
)

func FuzzDomainList(f *testing.F) {
	f.Add("example.com,www.example.com")
	f.Add(" , ,a.b,")
	f.Fuzz(func(t *testing.T, text string) {
		var l domainList
		if l.ParseParam(text) != nil {
			return
		}
		for _, d := range l {
			if strings.ContainsAny(string(d), ", \n") || strings.ToLower(string(d)) != string(d) {
				t.Errorf("%q names %q", text, d)
			}
		}
	})
}
