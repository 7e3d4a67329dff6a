// Package features is the module Features: what the account may use.
package features

import (
	"context"
	"regexp"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Module is the module Features. It needs no feature itself, so that a client
// can always ask.
var Module = api.Module[hosting.Account]{
	Name: "Features",
	Doc:  "What the account may use.",
	Funcs: []api.Func[hosting.Account]{
		{Name: "has_feature", Run: api.Run(hasFeature),
			Doc: "Tell whether the account may use a feature: the call succeeds if it may."},
		{Name: "list_features", Run: api.Run(listFeatures),
			Doc: "List every feature, and whether the account may use it."},
		{Name: "get_feature_metadata", Run: api.Run(metadata),
			Doc: "List every feature with its title."},
		{Name: "has_features_like", Run: api.Run(hasFeaturesLike),
			Doc: "Tell whether the account may use any feature whose id fits a pattern."},
		{Name: "list_features_like", Run: api.Run(listFeaturesLike),
			Doc: "List the features that the account may use and whose ids fit a pattern."},
	},
}

type hasFeatureParams struct {
	Name string `param:"name" doc:"The id of the feature, such as popaccts."`
}

// hasFeature gives its answer as success or failure, without data.
//
// UAPI: Features::has_feature.
func hasFeature(_ context.Context, acct hosting.Account, p hasFeatureParams) (api.Answer, error) {
	f, ok := latchkey.ParseFeature(p.Name)
	switch {
	case !ok:
		return api.Answer{No: true, Messages: []string{"The feature “" + p.Name + "” does not exist on this server."}}, nil
	case !acct.Caller().Features.Has(f):
		return api.Answer{No: true, Messages: []string{"The feature “" + p.Name + "” exists but is not enabled."}}, nil
	}
	return api.Answer{}, nil
}

// UAPI: Features::list_features.
func listFeatures(_ context.Context, acct hosting.Account, _ api.None) (map[string]bool, error) {
	all := map[string]bool{}
	for _, f := range latchkey.Features() {
		all[f.String()] = acct.Caller().Features.Has(f)
	}
	return all, nil
}

type feature struct {
	ID      string `json:"id"`
	CPAddon bool   `json:"is_cpaddon"`
	Plugin  bool   `json:"is_plugin"`
	Name    string `json:"name"`
}

// UAPI: Features::get_feature_metadata.
func metadata(context.Context, hosting.Account, api.None) ([]feature, error) {
	var all []feature
	for _, f := range latchkey.Features() {
		all = append(all, feature{ID: f.String(), Name: f.Title()})
	}
	return all, nil
}

type likeParams struct {
	Pattern string `param:"pattern" doc:"What the id must contain."`
	IsRegex bool   `param:"is_regex,optional" doc:"The pattern is a regular expression."`
}

// enabled are the ids that fit the pattern and that the account may use.
func (p likeParams) enabled(acct hosting.Account) ([]string, error) {
	fits := func(id string) bool { return strings.Contains(id, p.Pattern) }
	if p.IsRegex {
		re, err := regexp.Compile(p.Pattern)
		if err != nil {
			return nil, latchkey.InvalidParam("pattern", "The “pattern” argument is not a regular expression that this server understands. Expressions with look-around or back-references are not.")
		}
		fits = re.MatchString
	}
	var ids []string
	for _, f := range latchkey.Features() {
		if id := f.String(); acct.Caller().Features.Has(f) && fits(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

type anyLike struct {
	Any bool `json:"has_matching_features"`
}

// UAPI: Features::has_features_like.
func hasFeaturesLike(_ context.Context, acct hosting.Account, p likeParams) (anyLike, error) {
	ids, err := p.enabled(acct)
	return anyLike{len(ids) > 0}, err
}

// UAPI: Features::list_features_like.
func listFeaturesLike(_ context.Context, acct hosting.Account, p likeParams) ([]string, error) {
	return p.enabled(acct)
}
