package features

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
)

func TestFeatures(t *testing.T) {
	const badPattern = `invalid: The “pattern” argument is not a regular expression that this server understands. Expressions with look-around or back-references are not.`
	acct := hostingtest.New()
	acct.Who.Features = latchkey.FeatureSet(0).With(latchkey.FeatureWebmail, true).With(latchkey.FeatureEmailAuth, true)
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`has_feature?name=webmail`, `null`},
		{`has_feature?name=autossl`, `null and no: The feature “autossl” exists but is not enabled.`},
		{`has_feature?name=Webmail`, `null and no: The feature “Webmail” does not exist on this server.`},
		{`has_feature`, `missing: name`},
		{`has_features_like?pattern=mail`, `{"has_matching_features":1}`},
		{`has_features_like?pattern=ssl`, `{"has_matching_features":0}`},
		{`list_features_like?pattern=mail`, `["emailauth","webmail"]`},
		{`list_features_like?pattern=^web.*$`, `[]`},
		{`list_features_like?pattern=^web.*$&is_regex=1`, `["webmail"]`},
		{`list_features_like?pattern=(&is_regex=1`, badPattern},
		{`has_features_like?pattern=(?=a)&is_regex=1`, badPattern},
		{`list_features_like`, `missing: pattern`},
	})
	list := moduletest.Call(t, Module, acct, "list_features")
	for _, want := range []string{`"webmail":1`, `"emailauth":1`, `"autossl":0`, `"apitokens":0`} {
		if !strings.Contains(list, want) {
			t.Errorf("list_features has no %s: %s", want, list)
		}
	}
	meta := moduletest.Call(t, Module, acct, "get_feature_metadata")
	if want := `{"id":"popaccts","is_cpaddon":0,"is_plugin":0,"name":"Email Accounts"}`; !strings.Contains(meta, want) {
		t.Errorf("get_feature_metadata has no %s: %s", want, meta)
	}
	if list, meta := strings.Count(list, ":"), strings.Count(meta, `"id":`); list != meta || list != len(latchkey.Features()) {
		t.Errorf("%d features listed, %d described, want %d", list, meta, len(latchkey.Features()))
	}
}
