package web

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The lists that are on every server, and are not anybody's to delete.
const (
	defaultList  = "default"
	disabledList = "disabled"
	mailList     = "Mail Only"
)

// listsOnPage is how many feature lists stand beside each other.
const listsOnPage = 3

// featureState is a feature as a list has it.
type featureState struct {
	ID, Name   string
	Value      int
	IsDisabled int `json:"is_disabled"`
}

// featureColumn is a list as a column of the matrix.
type featureColumn struct {
	Name string
	Own  bool // somebody made it, and may delete it
	On   map[string]bool
}

// Was is the column as it is shown, for the form to bring back: what was not
// touched is not changed.
func (c *featureColumn) Was() string {
	var on []string
	for id, is := range c.On {
		if is {
			on = append(on, id)
		}
	}
	slices.Sort(on)
	return "=" + strings.Join(on, ",")
}

// featureMatrix are the features, and lists as columns; the first is over all
// others.
type featureMatrix struct {
	Form     *form
	Features []featureState
	Columns  []featureColumn
	Names    []string // of all lists but disabled
	Pages    pager
	New      string // the name of a list to make, and what it begins with
	From     string
}

// Off reports whether a feature is switched off for everybody.
func (m *featureMatrix) Off(id string) bool { return !m.Columns[0].On[id] }

func listFeatures(v *visit) error { return v.features(&form{}) }

// features shows the matrix.
func (v *visit) features(f *form) error {
	m := featureMatrix{Form: f, New: v.value("name"), From: v.value("from")}
	var err error
	if m.Names, err = v.featureLists(); err != nil {
		return err
	}
	var shown []string
	shown, m.Pages.At, m.Pages.Last = paged(m.Names, v.value("page"), listsOnPage)
	m.Pages.Path = v.link("/features")
	for _, name := range append([]string{disabledList}, shown...) {
		list, err := v.featureList(name)
		if err != nil {
			return err
		}
		m.Features = list
		c := featureColumn{Name: name, Own: ownList(name), On: map[string]bool{}}
		for _, x := range list {
			c.On[x.ID] = x.Value == 1
		}
		m.Columns = append(m.Columns, c)
	}
	slices.SortFunc(m.Features, func(a, b featureState) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	v.show(f.status(), "features", &m)
	return nil
}

func ownList(name string) bool {
	return name != defaultList && name != disabledList && name != mailList
}

// featureLists are the lists that packages can have, default first.
func (v *visit) featureLists() ([]string, error) {
	var names struct{ FeatureLists []string }
	err := v.whm("get_featurelists", &names)
	list := slices.DeleteFunc(names.FeatureLists, func(name string) bool { return name == disabledList || name == defaultList })
	return append([]string{defaultList}, list...), err
}

// featureList is every feature as a list has it.
func (v *visit) featureList(name string) ([]featureState, error) {
	var is struct{ Features []featureState }
	err := v.whm("get_featurelist_data", &is, "featurelist", name)
	return is.Features, err
}

// saveFeatures switches what was touched, list by list.
func saveFeatures(v *visit) error {
	lists, was, on := v.form.List("list"), v.form.List("was"), map[string]bool{}
	for _, cell := range v.values("on") {
		on[cell] = true
	}
	known, err := v.featureList(disabledList)
	if err != nil {
		return err
	}
	changed := 0
	for i := range min(len(lists), len(was)) {
		before := strings.Split(strings.TrimPrefix(was[i], "="), ",")
		var args []string
		for _, f := range known {
			now := on[strconv.Itoa(i)+"."+f.ID]
			if now != slices.Contains(before, f.ID) {
				args = append(args, f.ID, map[bool]string{true: "1", false: "0"}[now])
			}
		}
		if len(args) == 0 {
			continue
		}
		f := &form{}
		if err := f.refuse(v.whm("update_featurelist", nil, append([]string{"featurelist", lists[i]}, args...)...), nil); err != nil {
			return err
		}
		if f.Bad() {
			return v.features(f)
		}
		changed += len(args) / 2
	}
	if changed == 0 {
		v.done("features.nothing")
	} else {
		v.done("features.saved", "Count", strconv.Itoa(changed))
	}
	to := "/features"
	if n, err := strconv.Atoi(v.value("page")); err == nil && n > 1 {
		to += "?page=" + strconv.Itoa(n)
	}
	v.redirect(to)
	return nil
}

// makeFeatureList makes a list that begins as another one, or with everything on
// or off.
func makeFeatureList(v *visit) error {
	f, name := &form{}, v.value("name")
	if name == "" {
		f.say("name", v.lang.say("features.needs_name"))
		return v.features(f)
	}
	from := v.value("from")
	if from == "" {
		from = defaultList
	}
	like, err := v.featureList(from)
	if err := f.refuse(err, map[string]string{"featurelist": "from"}); err != nil {
		return err
	}
	args := []string{"featurelist", name}
	for _, x := range like {
		args = append(args, x.ID, strconv.Itoa(x.Value))
	}
	if !f.Bad() {
		err = f.refuse(v.whm("create_featurelist", nil, args...), map[string]string{"featurelist": "name"})
	}
	if err != nil {
		return err
	}
	if f.Bad() {
		if f.list[0].Field == "" {
			f.list[0].Field = "name"
		}
		return v.features(f)
	}
	v.done("features.made", "Name", name)
	last := 1
	if names, err := v.featureLists(); err == nil {
		last = slices.Index(names, name)/listsOnPage + 1
	}
	v.redirect("/features?page=" + strconv.Itoa(max(1, last)))
	return nil
}

func askDeleteList(v *visit) error { return v.askDeleteList(&form{}) }

func (v *visit) askDeleteList(f *form) error {
	name := v.names["name"]
	if _, err := v.featureList(name); err != nil {
		return noSuch(err)
	}
	v.show(f.status(), "delete", deletion{f, name, v.link("/featurelist/%s/delete", name), v.link("/features"), "features.delete_title", "features.delete_text", "features.delete"})
	return nil
}

func deleteList(v *visit) error {
	f := &form{}
	if err := f.refuse(v.whm("delete_featurelist", nil, "featurelist", v.names["name"]), nil); err != nil {
		return err
	}
	if f.Bad() {
		return v.askDeleteList(f)
	}
	v.done("features.deleted", "Name", v.names["name"])
	v.redirect("/features")
	return nil
}

// override is a feature of one account: what its list says, what was set for it
// alone, and what comes of that.
type override struct {
	Feature  string
	Name     string
	Listed   int  `json:"feature_list_setting"`
	Own      *int `json:"cpuser_setting"`
	Disabled bool
}

// Choice is what was set for the account alone: list for nothing, on or off.
func (o *override) Choice() string {
	switch {
	case o.Own == nil:
		return "list"
	case *o.Own == 1:
		return "on"
	}
	return "off"
}

// On reports whether the account has the feature, Why is what decides that.
func (o *override) On() bool {
	return !o.Disabled && (o.Own == nil && o.Listed == 1 || o.Own != nil && *o.Own == 1)
}

func (o *override) Why() string {
	switch {
	case o.Disabled:
		return "everybody"
	case o.Own != nil:
		return "own"
	}
	return "list"
}

// overrides are the features of one account.
type overrides struct {
	Form     *form
	User     string
	List     string
	Features []override
}

// Was is what was set as the page shows it, for the form to bring back.
func (o *overrides) Was() string {
	var all []string
	for i := range o.Features {
		if c := o.Features[i].Choice(); c != "list" {
			all = append(all, o.Features[i].Feature+":"+c)
		}
	}
	return "=" + strings.Join(all, ",")
}

func askOverrides(v *visit) error { return v.overrides(&form{}) }

func (v *visit) overrides(f *form) error {
	o := overrides{Form: f, User: v.names["user"]}
	var is struct {
		Settings []struct {
			override
			List string `json:"feature_list"`
		} `json:"users_features_settings"`
	}
	if err := v.whm("get_users_features_settings", &is, "user", o.User); err != nil {
		return noSuch(err)
	}
	all, err := v.featureList(disabledList)
	if err != nil {
		return err
	}
	known := map[string]featureState{}
	for _, x := range all {
		known[x.ID] = x
	}
	for _, s := range is.Settings {
		o.List = s.List
		s.Name, s.Disabled = known[s.Feature].Name, known[s.Feature].Value == 0
		o.Features = append(o.Features, s.override)
	}
	slices.SortFunc(o.Features, func(a, b override) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	v.show(f.status(), "overrides", &o)
	return nil
}

// saveOverrides sets for one account what was touched.
func saveOverrides(v *visit) error {
	known, err := v.featureList(disabledList)
	if err != nil {
		return err
	}
	was := map[string]string{}
	for pair := range strings.SplitSeq(strings.TrimPrefix(v.value("was"), "="), ",") {
		id, choice, _ := strings.Cut(pair, ":")
		was[id] = choice
	}
	set, clear := map[string]int{}, []string{}
	for _, x := range known {
		now, before := v.value("f-"+x.ID), was[x.ID]
		switch {
		case now == before || now == "list" && before == "":
		case now == "on":
			set[x.ID] = 1
		case now == "off":
			set[x.ID] = 0
		case now == "list":
			clear = append(clear, x.ID)
		}
	}
	f := &form{}
	for _, step := range []struct {
		function string
		features any
		none     bool
	}{{"add_override_features_for_user", set, len(set) == 0}, {"remove_override_features_for_user", clear, len(clear) == 0}} {
		if step.none || f.Bad() {
			continue
		}
		text, err := json.Marshal(step.features)
		if err == nil {
			err = f.refuse(v.whm(step.function, nil, "user", v.names["user"], "features", string(text)), nil)
		}
		if err != nil {
			return err
		}
	}
	if f.Bad() {
		return v.overrides(f)
	}
	v.done("features.overridden", "Name", v.names["user"], "Count", strconv.Itoa(len(set)+len(clear)))
	v.redirect("/account/" + url.PathEscape(v.names["user"]) + "/features")
	return nil
}
