package whm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// switches are the features a request names and how it wants them.
type switches struct {
	on      map[string]bool
	unknown []string // names that are no feature's
}

func readSwitches(args api.Args) (switches, error) {
	s := switches{on: map[string]bool{}}
	for _, key := range args.Names() {
		if stray(key) {
			continue
		}
		if _, known := latchkey.ParseFeature(key); !known {
			s.unknown = append(s.unknown, key)
			continue
		}
		on, err := api.ParseBool(args.Text(key))
		if err != nil || args.Text(key) == "" {
			return s, latchkey.InvalidParam(key, "The “%s” argument is invalid: it must be 1 or 0.", key)
		}
		s.on[key] = on
	}
	return s, nil
}

// value is whether a list has a feature on; in "default" and "disabled" what is
// not named is on.
func value(l latchkey.FeatureList, f latchkey.Feature) bool {
	on, named := l.Values[f.String()]
	return on || !named && (l.Name == latchkey.DefaultList || l.Name == latchkey.DisabledList)
}

func values(l latchkey.FeatureList) map[string]bool {
	all := map[string]bool{}
	for _, f := range latchkey.Features() {
		all[f.String()] = value(l, f)
	}
	return all
}

// WHM API 1: create_featurelist.
type createFeatureListParams struct {
	Name      label    `param:"featurelist" doc:"The list's name."`
	Overwrite bool     `param:"overwrite,optional" doc:"1 to replace a list there is already."`
	Features  api.Args `param:"*" doc:"Each feature by its id: 1 to switch it on; 0 or nothing to leave it off."`
}

type featureListName struct {
	FeatureList string `json:"featurelist"`
}

func createFeatureList(ctx context.Context, h hosting.Host, p createFeatureListParams) (api.Answer, error) {
	name := string(p.Name)
	s, err := readSwitches(p.Features)
	if err != nil {
		return api.Answer{}, err
	}
	if slices.Contains([]string{latchkey.DefaultList, latchkey.DisabledList, latchkey.MailOnlyList}, name) {
		return api.Answer{}, latchkey.Errorf(latchkey.Exists, "The feature list “%s” already exists, as on every server: change it with update_featurelist.", name)
	}
	name = ownName(h, name)
	if _, err := h.FeatureList(ctx, name); latchkey.KindOf(err) != latchkey.NotFound && !p.Overwrite {
		if err != nil {
			return api.Answer{}, err
		}
		return api.Answer{}, listExists(name)
	}
	err = h.ChangeFeatureList(ctx, name, true, func(l *latchkey.FeatureList) error {
		if len(l.Values) > 0 && !p.Overwrite { // made since we looked
			return listExists(name)
		}
		l.Values = map[string]bool{}
		for _, f := range latchkey.Features() {
			l.Values[f.String()] = s.on[f.String()]
		}
		return nil
	})
	if err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Data: featureListName{name}, Warnings: noFeatures(s.unknown)}, nil
}

func listExists(name string) error {
	return latchkey.Errorf(latchkey.Exists, "A feature list named “%s” already exists: set “overwrite” to 1 to replace it, or change it with update_featurelist.", name)
}

func noFeatures(names []string) []string {
	if names == nil {
		return nil
	}
	return []string{"There are no features with these names: " + strings.Join(names, ", ") + "."}
}

// WHM API 1: update_featurelist.
type updateFeatureListParams struct {
	Name     label    `param:"featurelist" doc:"The list's name; it is made if there is none."`
	Features api.Args `param:"*" doc:"Each feature by its id: 1 to switch it on, 0 to switch it off; those not named stay as they are. If none is named, all are switched off."`
}

type updatedFeatureList struct {
	FeatureList string          `json:"featurelist"`
	Invalid     []string        `json:"invalid_features"`
	Updated     map[string]bool `json:"updated_features"`
}

func updateFeatureList(ctx context.Context, h hosting.Host, p updateFeatureListParams) (updatedFeatureList, error) {
	name := string(p.Name)
	s, err := readSwitches(p.Features)
	if err != nil {
		return updatedFeatureList{}, err
	}
	if len(s.on) == 0 && len(s.unknown) == 0 {
		if name == latchkey.DisabledList {
			return updatedFeatureList{}, latchkey.Errorf(latchkey.Invalid,
				"Name the features to switch: to name none switches all of them off, and in the list “disabled” that would take them from everybody.")
		}
		for _, f := range latchkey.Features() {
			s.on[f.String()] = false
		}
	}
	err = h.ChangeFeatureList(ctx, name, true, func(l *latchkey.FeatureList) error {
		maps.Copy(l.Values, s.on)
		return nil
	})
	return updatedFeatureList{name, s.unknown, s.on}, err
}

// WHM API 1: get_featurelist_data, read_featurelist.
type featureListParams struct {
	Name string `param:"featurelist" doc:"The list's name."`
}

// featureRow is a feature as a list has it. In the list "disabled", value 0
// takes the feature from everybody.
type featureRow struct {
	ID                       string   `json:"id"`
	Name                     string   `json:"name"`
	Value                    bool     `json:"value"`
	IsDisabled               bool     `json:"is_disabled"`
	Dependencies             []string `json:"dependencies"`
	BadgeLabel               string   `json:"badge_label"`
	BadgeClass               string   `json:"badge_class"`
	IsStandaloneExperience   int      `json:"is_standalone_experience"`
	IsMeridianOnly           *int     `json:"is_meridian_only"`
	RequiredPackageExtension string   `json:"required_package_extension"`
	RedirectURL              string   `json:"redirect_url"`
	SuppressPluginLabel      int      `json:"suppress_plugin_label"`
	OnlyOneRules             []string `json:"only_one_rules"`
}

type featureListData struct {
	FeatureList string       `json:"featurelist"`
	Features    []featureRow `json:"features"`
}

func showFeatureList(ctx context.Context, h hosting.Host, p featureListParams) (featureListData, error) {
	l, err := h.FeatureList(ctx, p.Name)
	if err != nil {
		return featureListData{}, err
	}
	disabled, err := h.FeatureList(ctx, latchkey.DisabledList)
	if err != nil {
		return featureListData{}, err
	}
	data := featureListData{FeatureList: l.Name}
	for _, f := range latchkey.Features() {
		data.Features = append(data.Features, featureRow{
			ID: f.String(), Name: f.Title(), Value: value(l, f),
			IsDisabled: l.Name != latchkey.DisabledList && !value(disabled, f),
		})
	}
	return data, nil
}

type readList struct {
	FeatureList string          `json:"featurelist"`
	Features    map[string]bool `json:"features"`
}

func readFeatureList(ctx context.Context, h hosting.Host, p featureListParams) (readList, error) {
	l, err := h.FeatureList(ctx, p.Name)
	return readList{l.Name, values(l)}, err
}

type featureListNames struct {
	FeatureLists []string `json:"featurelists"`
}

// WHM API 1: get_featurelists.
func listFeatureLists(ctx context.Context, h hosting.Host, _ api.None) (featureListNames, error) {
	all, err := h.FeatureLists(ctx)
	var names featureListNames
	for _, l := range all {
		names.FeatureLists = append(names.FeatureLists, l.Name)
	}
	return names, err
}

type availableLists struct {
	FeatureLists []string `json:"available_featurelists"`
}

// WHM API 1: get_available_featurelists.
func listAvailableLists(ctx context.Context, h hosting.Host, _ api.None) (availableLists, error) {
	names, err := listFeatureLists(ctx, h, api.None{})
	return availableLists(names), err
}

// listsByType are the lists for packages of each type. There is one type.
type listsByType struct {
	Types struct {
		Standard []string `json:"standard"`
	} `json:"package_types_feature_lists"`
}

// WHM API 1: get_featurelists_by_package_types.
func listListsByType(ctx context.Context, h hosting.Host, _ api.None) (byType listsByType, err error) {
	names, err := listFeatureLists(ctx, h, api.None{})
	byType.Types.Standard = names.FeatureLists
	return byType, err
}

type removedFeatureList struct {
	FeatureList string `json:"deleted_featurelist"`
}

// WHM API 1: delete_featurelist.
func removeFeatureList(ctx context.Context, h hosting.Host, p featureListParams) (removedFeatureList, error) {
	return removedFeatureList{p.Name}, h.RemoveFeatureList(ctx, p.Name)
}

type featureName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type featureNames struct {
	Feature []featureName `json:"feature"`
}

// WHM API 1: get_feature_names.
func listFeatureNames(context.Context, hosting.Host, api.None) (featureNames, error) {
	var names featureNames
	for _, f := range latchkey.Features() {
		names.Feature = append(names.Feature, featureName{f.String(), f.Title()})
	}
	return names, nil
}

type featureMeta struct {
	featureName
	IsPlugin int `json:"is_plugin"`
}

type featureMetadata struct {
	Features []featureMeta `json:"features"`
}

// WHM API 1: get_feature_metadata.
func listFeatureMetadata(context.Context, hosting.Host, api.None) (featureMetadata, error) {
	var data featureMetadata
	for _, f := range latchkey.Features() {
		data.Features = append(data.Features, featureMeta{featureName{f.String(), f.Title()}, 0})
	}
	return data, nil
}

// featureParam is a parameter that names a feature there is.
type featureParam struct{ latchkey.Feature }

// ParseParam reads a feature's id.
func (f *featureParam) ParseParam(text string) error {
	var ok bool
	if f.Feature, ok = latchkey.ParseFeature(text); !ok {
		return fmt.Errorf("must be a feature's id as get_feature_names lists them, which “%s” is not", text)
	}
	return nil
}

// WHM API 1: get_users_features_settings.
type showSettingsParams struct {
	Users    []hosting.AccountParam `param:"user" doc:"The accounts: user, user-1 and so on."`
	Features []featureParam         `param:"feature,optional" doc:"The features: feature, feature-1 and so on; all if none is named."`
}

type featureSetting struct {
	User        latchkey.AccountName `json:"user"`
	Feature     string               `json:"feature"`
	FeatureList string               `json:"feature_list"`
	Listed      bool                 `json:"feature_list_setting"`
	Override    *bool                `json:"cpuser_setting"`
}

type featureSettings struct {
	Settings []featureSetting `json:"users_features_settings"`
}

func showSettings(ctx context.Context, h hosting.Host, p showSettingsParams) (featureSettings, error) {
	features := make([]latchkey.Feature, len(p.Features))
	for i, f := range p.Features {
		features[i] = f.Feature
	}
	if len(features) == 0 {
		features = latchkey.Features()
	}
	var all featureSettings
	for _, user := range p.Users {
		settings, err := settingsOf(ctx, h, user.Name, features)
		if err != nil {
			return featureSettings{}, err
		}
		all.Settings = append(all.Settings, settings...)
	}
	return all, nil
}

func settingsOf(ctx context.Context, h hosting.Host, name latchkey.AccountName, features []latchkey.Feature) ([]featureSetting, error) {
	a, err := h.Account(ctx, name)
	if err != nil {
		return nil, err
	}
	plan, err := h.Package(ctx, a.Package)
	if err != nil {
		return nil, err
	}
	list, err := h.FeatureList(ctx, plan.FeatureList)
	if err != nil {
		return nil, err
	}
	overrides, err := h.Overrides(ctx, name)
	if err != nil {
		return nil, err
	}
	var settings []featureSetting
	for _, f := range features {
		s := featureSetting{User: name, Feature: f.String(), FeatureList: list.Name, Listed: value(list, f)}
		if on, ok := overrides[f.String()]; ok {
			s.Override = &on
		}
		settings = append(settings, s)
	}
	return settings, nil
}

// WHM API 1: add_override_features_for_user.
type addOverridesParams struct {
	User     hosting.AccountParam `param:"user" doc:"The account."`
	Features overrides            `param:"features" doc:"A JSON object with features' ids: 1, true or their text to switch on; 0, false, null or their text to switch off."`
}

// overrides are features and whether they are to be on, as JSON.
type overrides map[string]bool

// ParseParam reads a JSON object.
func (o *overrides) ParseParam(text string) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil || raw == nil {
		return fmt.Errorf(`must be a JSON object such as {"backup":1}`)
	}
	*o = overrides{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if _, known := latchkey.ParseFeature(name); !known {
			return fmt.Errorf("names “%s”, which is not a feature", name)
		}
		value := string(bytes.Trim(raw[name], `"`))
		on, err := api.ParseBool(value)
		if err != nil && value != "null" {
			return fmt.Errorf("has a value for “%s” that is neither 1 nor 0", name)
		}
		(*o)[name] = on
	}
	return nil
}

func addOverrides(ctx context.Context, h hosting.Host, p addOverridesParams) (api.Void, error) {
	return nil, h.Override(ctx, p.User.Name, p.Features)
}

// WHM API 1: remove_override_features_for_user.
type removeOverridesParams struct {
	User     hosting.AccountParam `param:"user" doc:"The account."`
	Features featureNameList      `param:"features" doc:"A JSON array with features' ids."`
}

// featureNameList is names as JSON. Names that are no feature's are as good as
// others: nothing overrides them.
type featureNameList []string

// ParseParam reads a JSON array.
func (l *featureNameList) ParseParam(text string) error {
	if err := json.Unmarshal([]byte(text), (*[]string)(l)); err != nil || *l == nil {
		return fmt.Errorf(`must be a JSON array such as ["backup"]`)
	}
	return nil
}

func removeOverrides(ctx context.Context, h hosting.Host, p removeOverridesParams) (api.Void, error) {
	return nil, h.ClearOverrides(ctx, p.User.Name, p.Features)
}

// WHM API 1: verify_user_has_feature.
type verifyFeatureParams struct {
	User    hosting.AccountParam `param:"user" doc:"The account."`
	Feature string               `param:"feature" doc:"The feature's id. What is not a feature cannot be switched off, so everybody has it."`
}

type verifiedFeature struct {
	HasFeature bool   `json:"has_feature"`
	Feature    string `json:"query_feature"`
}

func verifyFeature(ctx context.Context, h hosting.Host, p verifyFeatureParams) (verifiedFeature, error) {
	has, err := h.Features(ctx, p.User.Name)
	f, known := latchkey.ParseFeature(p.Feature)
	return verifiedFeature{!known || has.Has(f), p.Feature}, err
}
