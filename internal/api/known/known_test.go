package known

import (
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	if a, h, m := Accounts(), Hosts(), len(modules())-1; a != 693 || h != 625 || m != 105 {
		t.Errorf("%d functions in %d modules, %d of WHM; published are 693 in 105, and 625", a, m, h)
	}
	for m, names := range modules() {
		if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("the names of %s are not in order", m)
		}
	}
	for _, c := range []struct {
		module, name string
		want         bool
	}{
		{"Email", "add_pop", true}, {"Email", "addpop", false}, {"email", "add_pop", false}, {"", "", false}, {"Nothing", "x", false},
		{"*", "version", false}, {"SiteTemplates", "publish", false}, {"Tokens", "create_full_access", true},
	} {
		if got := Account(c.module, c.name); got != c.want {
			t.Errorf("Account(%s, %s) = %v", c.module, c.name, got)
		}
	}
	for name, want := range map[string]bool{"version": true, "createacct": true, "api_token_get_details": true, "": false, "latchkey_missing": false, "Version": false} {
		if got := Host(name); got != want {
			t.Errorf("Host(%s) = %v", name, got)
		}
	}
}
