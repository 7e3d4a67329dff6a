package whm

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
)

func TestFeatureLists(t *testing.T) {
	const noSuch = `not-found: There is no feature list “none”.`
	const needsNames = `invalid: Name the features to switch: to name none switches all of them off, and in the list “disabled” that would take them from everybody.`
	h := hostingtest.NewHost()
	run(t, h, []row{
		{`get_featurelists`, `{"featurelists":["Mail Only","default","disabled"]}`},
		{`create_featurelist`, `missing: featurelist`},
		{`create_featurelist?featurelist=a/b`, `invalid: The “featurelist” argument is invalid: it must be a name of 1 to 128 characters that does not begin with a dot and has no slash.`},
		{`create_featurelist?featurelist=small&backup=1&cron=0&backdoor=1&api.version=1`, `{"featurelist":"small"} warning: There are no features with these names: backdoor.`},
		{`create_featurelist?featurelist=small`, `exists: A feature list named “small” already exists: set “overwrite” to 1 to replace it, or change it with update_featurelist.`},
		{`create_featurelist?featurelist=default&overwrite=1`, `exists: The feature list “default” already exists, as on every server: change it with update_featurelist.`},
		{`create_featurelist?featurelist=disabled&overwrite=1&backup=0`, `exists: The feature list “disabled” already exists, as on every server: change it with update_featurelist.`},
		{`create_featurelist?featurelist=Mail+Only`, `exists: The feature list “Mail Only” already exists, as on every server: change it with update_featurelist.`},
		{`create_featurelist?featurelist=other&backup=maybe`, `invalid: The “backup” argument is invalid: it must be 1 or 0.`},
		{`create_featurelist?featurelist=other&backup=`, `invalid: The “backup” argument is invalid: it must be 1 or 0.`},
		{`update_featurelist?featurelist=small&cron=1&nonsense=1&Backup=1`, `{"featurelist":"small","invalid_features":["nonsense","Backup"],"updated_features":{"cron":1}}`},
		{`update_featurelist?featurelist=small&nonsense=1`, `{"featurelist":"small","invalid_features":["nonsense"],"updated_features":{}}`},
		{`update_featurelist?featurelist=fresh&backup=True`, `{"featurelist":"fresh","invalid_features":[],"updated_features":{"backup":1}}`},
		{`update_featurelist?featurelist=disabled`, needsNames},
		{`update_featurelist?featurelist=disabled&api.version=1&_=17`, needsNames},
		{`get_featurelist_data?featurelist=none`, noSuch},
		{`read_featurelist?featurelist=none`, noSuch},
		{`read_featurelist`, `missing: featurelist`},
		{`get_featurelists`, `{"featurelists":["Mail Only","default","disabled","fresh","small"]}`},
	})
	on := func(list string) string {
		var names []string
		for _, entry := range strings.Split(call(t, h, `read_featurelist?featurelist=`+list), ",") {
			if name, ok := strings.CutSuffix(strings.Trim(entry, "}"), ":1"); ok {
				names = append(names, strings.Trim(name[strings.LastIndex(name, "{")+1:], `"`))
			}
		}
		return strings.Join(names, " ")
	}
	if got, want := on("small"), "backup cron"; got != want {
		t.Errorf("small has %q on, want %q", got, want)
	}
	if got, want := on("fresh"), "backup"; got != want {
		t.Errorf("fresh has %q on, want %q", got, want)
	}
	if got, want := strings.Count(on("default"), " ")+1, len(latchkey.Features()); got != want {
		t.Errorf("default has %d features on, want all %d", got, want)
	}
	if got := call(t, h, `update_featurelist?featurelist=small`); strings.Count(got, ":0") != len(latchkey.Features()) {
		t.Errorf("update_featurelist without features = %s, want all of them off", got)
	}
	if got := on("small"); got != "" {
		t.Errorf("small has %q on after all was switched off", got)
	}
	run(t, h, []row{{`create_featurelist?featurelist=fresh&overwrite=1&cron=1`, `{"featurelist":"fresh"}`}})
	if got, want := on("fresh"), "cron"; got != want {
		t.Errorf("fresh has %q on, want %q", got, want)
	}
}

func TestFeatureListData(t *testing.T) {
	const rest = `"dependencies":[],"badge_label":"","badge_class":"","is_standalone_experience":0,"is_meridian_only":null,` +
		`"required_package_extension":"","redirect_url":"","suppress_plugin_label":0,"only_one_rules":[]}`
	h := hostingtest.NewHost()
	has(t, h, []row{
		{`update_featurelist?featurelist=disabled&backup=0&cron=1`, `"updated_features":{"backup":0,"cron":1}`},
		{`get_featurelist_data?featurelist=default`, `{"featurelist":"default","features":[{"id":"apitokens","name":"API Tokens","value":1,"is_disabled":0,` + rest},
		{`get_featurelist_data?featurelist=default`, `{"id":"backup","name":"Backups","value":1,"is_disabled":1,`},
		{`get_featurelist_data?featurelist=Mail+Only`, `{"id":"backup","name":"Backups","value":0,"is_disabled":1,`},
		{`get_featurelist_data?featurelist=disabled`, `{"id":"backup","name":"Backups","value":0,"is_disabled":0,`},
		{`get_featurelist_data?featurelist=disabled`, `{"id":"cron","name":"Cron Jobs","value":1,"is_disabled":0,`},
		{`get_featurelist_data?featurelist=disabled`, `{"id":"zoneedit","name":"Zone Editor","value":1,"is_disabled":0,`},
		{`get_feature_names`, `{"feature":[{"id":"apitokens","name":"API Tokens"},{"id":"addondomains",`},
		{`get_feature_metadata`, `{"features":[{"id":"apitokens","name":"API Tokens","is_plugin":0},`},
	})
}

// TestEffective holds the order: the list, over it the account's overrides, over
// both the list "disabled".
func TestEffective(t *testing.T) {
	const yes, no = `{"has_feature":1,"query_feature":"backup"}`, `{"has_feature":0,"query_feature":"backup"}`
	const query = `verify_user_has_feature?user=bob&feature=backup`
	run(t, newHost(t), []row{
		{query, yes},
		{`update_featurelist?featurelist=default&backup=0`, `{"featurelist":"default","invalid_features":[],"updated_features":{"backup":0}}`},
		{query, no},
		{`add_override_features_for_user?user=bob&features={"backup":1}`, `null`},
		{query, yes},
		{`update_featurelist?featurelist=disabled&backup=0`, `{"featurelist":"disabled","invalid_features":[],"updated_features":{"backup":0}}`},
		{query, no},
		{`get_users_features_settings?user=bob&user-1=alice&feature=backup&feature-1=cron`, `{"users_features_settings":[` +
			`{"user":"bob","feature":"backup","feature_list":"default","feature_list_setting":0,"cpuser_setting":1},` +
			`{"user":"bob","feature":"cron","feature_list":"default","feature_list_setting":1,"cpuser_setting":null},` +
			`{"user":"alice","feature":"backup","feature_list":"default","feature_list_setting":0,"cpuser_setting":null},` +
			`{"user":"alice","feature":"cron","feature_list":"default","feature_list_setting":1,"cpuser_setting":null}]}`},
		{`update_featurelist?featurelist=disabled&backup=1`, `{"featurelist":"disabled","invalid_features":[],"updated_features":{"backup":1}}`},
		{query, yes},
		{`remove_override_features_for_user?user=bob&features=["backup","videotut"]`, `null`},
		{query, no},
		{`verify_user_has_feature?user=bob&feature=videotut`, `{"has_feature":1,"query_feature":"videotut"}`},
		{`verify_user_has_feature?user=nobody&feature=backup`, `not-found: There is no account “nobody”.`},
		{`verify_user_has_feature?user=bob`, `missing: feature`},
		{`get_users_features_settings`, `missing: user`},
		{`get_users_features_settings?user=nobody`, `not-found: There is no account “nobody”.`},
		{`get_users_features_settings?user=bob&feature=`, `invalid: The “feature” argument is invalid: it must be a feature's id as get_feature_names lists them, which “” is not.`},
	})
}

func TestOverrides(t *testing.T) {
	const notObject, notArray = `invalid: The “features” argument is invalid: it must be a JSON object such as {"backup":1}.`, `invalid: The “features” argument is invalid: it must be a JSON array such as ["backup"].`
	const badValue = `invalid: The “features” argument is invalid: it has a value for “backup” that is neither 1 nor 0.`
	for features, want := range map[string]string{
		`{"backup":1}`:                   `null`,
		`{"backup":0}`:                   `null`,
		`{"backup":"1"}`:                 `null`,
		`{"backup":"0", "cron": "1"}`:    `null`,
		`{"backup":true,"cron":false}`:   `null`,
		`{"backup":null}`:                `null`,
		`{"backup":""}`:                  `null`,
		`{}`:                             `null`,
		``:                               `missing: features`,
		`null`:                           notObject,
		`[]`:                             notObject,
		`["backup"]`:                     notObject,
		`{"backup":1`:                    notObject,
		`{"backup":1} {}`:                notObject,
		`backup`:                         notObject,
		`{"backup":2}`:                   badValue,
		`{"backup":1.0}`:                 badValue,
		`{"backup":[1]}`:                 badValue,
		`{"backup":{"a":1}}`:             badValue,
		`{"backup":"\"1"}`:               badValue,
		`{"cron":1,"backdoor":1}`:        `invalid: The “features” argument is invalid: it names “backdoor”, which is not a feature.`,
		`{"cron":1,"":1}`:                `invalid: The “features” argument is invalid: it names “”, which is not a feature.`,
		strings.Repeat(`{"backup":`, 99): notObject,
	} {
		h := newHost(t)
		run(t, h, []row{{`add_override_features_for_user?user=bob&features=` + features, want}})
		if set, err := h.Overrides(t.Context(), "bob"); err != nil || len(set) > 0 && want != `null` {
			t.Errorf("a refused %s left %v, %v", features, set, err)
		}
	}
	h := newHost(t)
	run(t, h, []row{
		{`add_override_features_for_user?user=bob&features={"backup":true,"cron":"0","ssh":null}`, `null`},
		{`add_override_features_for_user?user=nobody&features={"backup":1}`, `not-found: There is no account “nobody”.`},
		{`remove_override_features_for_user?user=bob`, `missing: features`},
		{`remove_override_features_for_user?user=bob&features={}`, notArray},
		{`remove_override_features_for_user?user=bob&features=null`, notArray},
		{`remove_override_features_for_user?user=bob&features=[1]`, notArray},
		{`remove_override_features_for_user?user=bob&features=[]`, `null`},
		{`remove_override_features_for_user?user=nobody&features=["cron"]`, `not-found: There is no account “nobody”.`},
		{`remove_override_features_for_user?user=bob&features=["ssh"]`, `null`},
	})
	set, err := h.Overrides(t.Context(), "bob")
	if err != nil || len(set) != 2 || !set["backup"] || set["cron"] {
		t.Errorf("the overrides are %v, %v; want backup on and cron off", set, err)
	}
}
