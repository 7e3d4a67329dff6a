package hosting_test

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
)

func TestLineParam(t *testing.T) {
	for _, test := range []struct {
		text string
		want hosting.LineParam
		ok   bool
	}{
		{"0", 0, true}, {"8", 8, true}, {"8=192.0.2.1", 8, true}, {"14=2001:db8::1", 14, true}, {" 8 ", 8, true}, {"8.5", 8, true}, {"007", 7, true},
		{"", 0, false}, {"=8", 0, false}, {"-8", 0, false}, {"+8", 0, false}, {"x8", 0, false}, {"2147483648", 0, false}, {"99999999999999999999", 0, false}, {"\u0668", 0, false},
	} {
		var got hosting.LineParam
		if err := got.ParseParam(test.text); got != test.want || (err == nil) != test.ok {
			t.Errorf("ParseParam(%q) = %d, %v; want %d, %v", test.text, got, err, test.want, test.ok)
		}
	}
}

func FuzzLineParam(f *testing.F) {
	f.Add("8=192.0.2.1")
	f.Fuzz(func(t *testing.T, text string) {
		var l hosting.LineParam
		if err := l.ParseParam(text); err == nil && l < 0 {
			t.Errorf("ParseParam(%q) = %d", text, l)
		}
	})
}
