package api

import (
	"strings"
	"testing"
)

func TestParseBool(t *testing.T) {
	for _, test := range []struct {
		texts string
		on    bool
	}{
		{"1 true True TRUE yes Yes y Y", true},
		{"0 false False FALSE no No n N", false},
	} {
		for _, text := range strings.Fields(test.texts) {
			if on, err := ParseBool(text); on != test.on || err != nil {
				t.Errorf("ParseBool(%q) = %v, %v, want %v", text, on, err, test.on)
			}
		}
	}
	if on, err := ParseBool(""); on || err != nil {
		t.Errorf("ParseBool of nothing = %v, %v, want false", on, err)
	}
	for _, text := range []string{"2", "-1", "01", "1.0", " 1", "on", "off", "t", "none", "null", "truе"} {
		if on, err := ParseBool(text); err == nil {
			t.Errorf("ParseBool(%q) = %v, want an error", text, on)
		}
	}
}
