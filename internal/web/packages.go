package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
)

// plan is a package: its name, its feature list and its limits by the keys that
// answers have.
type plan struct {
	Name, FeatureList string
	values            map[string]string
}

// UnmarshalJSON reads a package, of whose keys those count that are text.
func (p *plan) UnmarshalJSON(text []byte) error {
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	p.values = make(map[string]string, len(all))
	for key, value := range all {
		if s, ok := value.(string); ok {
			p.values[key] = s
		}
	}
	p.Name, p.FeatureList = p.values["name"], p.values["FEATURELIST"]
	return nil
}

// Limit is what a package allows, by the key; "" for no limit.
func (p plan) Limit(key string) string {
	if text := p.values[key]; text != "unlimited" {
		return text
	}
	return ""
}

type packageList struct{ Pkg []plan }

// limitField is a limit: the parameter that sets it, the key that shows it, and
// whether it is megabytes.
type limitField struct {
	Param, Key string
	MB         bool
}

// limitFields are the limits that the form has, in its order.
var limitFields = []limitField{
	{"quota", "QUOTA", true}, {"bwlimit", "BWLIMIT", true}, {"maxpop", "MAXPOP", false}, {"max_emailacct_quota", "MAX_EMAILACCT_QUOTA", true},
	{"max_email_per_hour", "MAX_EMAIL_PER_HOUR", false}, {"maxaddon", "MAXADDON", false}, {"maxpark", "MAXPARK", false}, {"maxsub", "MAXSUB", false},
	{"maxsql", "MAXSQL", false}, {"maxftp", "MAXFTP", false}, {"maxlst", "MAXLST", false},
}

// plans are the packages there are, by name.
func (v *visit) plans() ([]plan, error) {
	var l packageList
	err := v.whm("listpkgs", &l)
	return l.Pkg, err
}

// plansOnPage is how many packages are listed at once.
const plansOnPage = 25

// packagePage is a part of the packages.
type packagePage struct {
	Plans []plan
	Pages pager
}

func listPackages(v *visit) error {
	all, err := v.plans()
	if err != nil {
		return err
	}
	l := packagePage{Pages: pager{Path: v.link("/packages")}}
	l.Plans, l.Pages.At, l.Pages.Last = paged(all, v.value("page"), plansOnPage)
	v.show(http.StatusOK, "packages", l)
	return nil
}

// packageForm is the form of a package: a new one has no Of.
type packageForm struct {
	Form            *form
	Of, Name, Lists string
	List            string
	All             []string // feature lists
	Values          map[string]string
}

// Fields are the limits of the form.
func (*packageForm) Fields() []limitField { return limitFields }

// newPackageForm is the form as the package is, or as new ones begin.
func (v *visit) newPackageForm() (*packageForm, error) {
	p := &packageForm{Form: &form{}, Of: v.names["name"], List: "default", Values: map[string]string{
		"quota": "10240", "bwlimit": "1048576", "max_emailacct_quota": "1024", "maxpark": "0", "maxaddon": "0",
	}}
	var names struct {
		FeatureLists []string
	}
	if err := v.whm("get_featurelists", &names); err != nil {
		return nil, err
	}
	p.All = slices.DeleteFunc(names.FeatureLists, func(name string) bool { return name == disabledList })
	if p.Of == "" {
		return p, nil
	}
	var is struct{ Pkg plan }
	if err := v.whm("getpkginfo", &is, "pkg", p.Of); err != nil {
		return nil, noSuch(err)
	}
	p.Name, p.List = p.Of, is.Pkg.FeatureList
	for _, field := range limitFields {
		p.Values[field.Param] = is.Pkg.Limit(field.Key)
	}
	return p, nil
}

func askPackage(v *visit) error {
	p, err := v.newPackageForm()
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "package", p)
	return nil
}

// savePackage makes a package, or changes it. A limit that is left empty is none.
func savePackage(v *visit) error {
	p, err := v.newPackageForm()
	if err != nil {
		return err
	}
	function, name := "editpkg", p.Of
	if p.Of == "" {
		function, name = "addpkg", v.value("name")
		p.Name = name
	}
	p.List = v.value("featurelist")
	args := []string{"name", name, "featurelist", p.List}
	fields := map[string]string{"name": "name", "featurelist": "featurelist", "MAX_EMAIL_PER_HOUR": "max_email_per_hour"}
	for _, field := range limitFields {
		text := v.value(field.Param)
		p.Values[field.Param], fields[field.Param] = text, field.Param
		if text == "" {
			text = "unlimited"
		}
		args = append(args, field.Param, text)
	}
	if err := p.Form.refuse(v.whm(function, nil, args...), fields); err != nil {
		return err
	}
	if p.Form.Bad() {
		if p.Form.list[0].Field == "" {
			p.Form.list[0].Field = "name"
		}
		v.show(p.Form.status(), "package", p)
		return nil
	}
	v.done("packages.saved", "Name", name)
	v.redirect("/packages")
	return nil
}

// deletion asks before something is taken away.
type deletion struct {
	Form            *form
	Name, Do, Back  string
	Title, Text, OK string // of what is said
}

func askDeletePackage(v *visit) error { return v.askDeletePackage(&form{}) }

func (v *visit) askDeletePackage(f *form) error {
	name := v.names["name"]
	if err := v.whm("getpkginfo", nil, "pkg", name); err != nil {
		return noSuch(err)
	}
	at := "/package/" + url.PathEscape(name)
	v.show(f.status(), "delete", deletion{f, name, v.link(at + "/delete"), v.link(at), "packages.delete_title", "packages.delete_text", "packages.delete"})
	return nil
}

func deletePackage(v *visit) error {
	f := &form{}
	if err := f.refuse(v.whm("killpkg", nil, "pkgname", v.names["name"]), nil); err != nil {
		return err
	}
	if f.Bad() {
		return v.askDeletePackage(f)
	}
	v.done("packages.deleted", "Name", v.names["name"])
	v.redirect("/packages")
	return nil
}
