package openapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/api/known"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// Pages are the functions as pages of Markdown, by file name: one a module, and
// README.md with all of them.
func (b Book) Pages() map[string]string {
	pages := map[string]string{"README.md": b.index()}
	for _, m := range b.modules() {
		pages[m+".md"] = b.page(m)
	}
	return pages
}

// of are the functions of a module, by name.
func (b Book) of(module string) []*api.Entry {
	var list []*api.Entry
	for _, e := range b.Functions {
		if e.Module == module {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(x, y *api.Entry) int { return strings.Compare(x.Name, y.Name) })
	return list
}

func (b Book) index() string {
	var rows strings.Builder
	account, host, twins, only, ofUAPI, ofWHM, off := 0, 0, 0, 0, 0, 0, 0
	for _, m := range b.modules() {
		list := b.of(m)
		for _, e := range list {
			switch {
			case e.OnlyAPI2:
				only++
				continue
			case e.API2 != "":
				twins++
			}
			switch {
			case !e.Role.Here():
				off++
			case known.Host(e.Name) && forHost(e):
				ofWHM++
			case known.Account(e.Module, e.Name):
				ofUAPI++
			}
		}
		if forHost(list[0]) {
			host += len(list)
		} else {
			account += len(list)
		}
		fmt.Fprintf(&rows, "| [%s](%s.md) | %d | %s |\n", title(list[0]), m, len(list), b.Modules[m])
	}
	return fmt.Sprintf("# Functions\n\n%d functions of the account (UAPI), %d of which also have a name in cPanel API 2, %d that API 2 alone has, and %d of the administrator (WHM API 1).\n"+
		"Of the %d functions that the public documentation lists for UAPI %d are built, and of the %d for WHM API 1 %d; %d more answer that their role is disabled, and the others as unknown ones do, and `latchkey compat` lists those that are asked for.\n"+
		"These pages and [openapi.json](../openapi.json) are made from the program's own tables by `make docs`.\n\n"+
		"| module | functions | what it is about |\n|---|---|---|\n", account-only, twins, only, host, known.Accounts(), ofUAPI, known.Hosts(), ofWHM, off) + rows.String()
}

func title(e *api.Entry) string {
	if forHost(e) {
		return "WHM"
	}
	return e.Module
}

func (b Book) page(module string) string {
	list := b.of(module)
	var s strings.Builder
	fmt.Fprintf(&s, "# %s\n\n%s\n", title(list[0]), b.Modules[module])
	for _, e := range list {
		section(&s, e)
	}
	return s.String()
}

func section(s *strings.Builder, e *api.Entry) {
	fmt.Fprintf(s, "\n## %s\n\n%s\n\n%s\n", e.Name, e.Doc, facts(e))
	if len(e.Params()) > 0 {
		s.WriteString("\n| parameter | | what it is |\n|---|---|---|\n")
	}
	for _, p := range e.Params() {
		name := "`" + p.Name + "`"
		if p.Rest {
			name = "any other"
		}
		fmt.Fprintf(s, "| %s | %s | %s |\n", name, kind(p), cell(p.Doc))
	}
	fmt.Fprintf(s, "\n    %s\n", curl(e))
}

// facts are what decides who may call e, on one line.
func facts(e *api.Entry) string {
	list := []string{"Changes the account (a read-only token may not)."}
	switch {
	case forHost(e) && e.Effect == api.Read:
		list[0] = "Changes nothing."
	case forHost(e):
		list[0] = "Makes changes."
	case e.Effect == api.Read:
		list[0] = "Changes nothing (a read-only token may call it)."
	}
	switch e.Privilege {
	case latchkey.NoPrivilege:
	case latchkey.PrivilegeAll:
		list = append(list, "The administrator’s alone.")
	default:
		list = append(list, "Privilege `"+e.Privilege.String()+"`.")
	}
	if f := e.Feature.String(); f != "" {
		list = append(list, "Feature `"+f+"`.")
	}
	if e.Role != "" {
		list = append(list, "Role `"+string(e.Role)+"`.")
	}
	switch {
	case e.OnlyAPI2:
		list = append(list, "In API 2 alone.")
	case e.API2 != "":
		list = append(list, "In API 2: `"+e.API2+"`.")
	}
	if e.API0 != nil {
		list = append(list, "In WHM API 0: `"+e.API0.String()+"`.")
	}
	return strings.Join(list, " ")
}

// kind is what a parameter takes, in a few words.
func kind(p api.Param) string {
	words := []string{map[string]string{"boolean": "1 or 0", "integer": "number"}[p.Type]}
	if words[0] == "" {
		words[0] = "text"
	}
	switch n := len(p.Enum); {
	case n > 12:
		words[0] = fmt.Sprintf("one of %d words, such as `%s`", n, p.Enum[0])
	case n > 0:
		words[0] = "`" + strings.Join(p.Enum, "`, `") + "`"
	}
	if p.List {
		words = append(words, "may be repeated")
	}
	if p.Required {
		words = append(words, "**required**")
	}
	return strings.Join(words, ", ")
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// curl is a line that calls e with what it needs.
func curl(e *api.Entry) string {
	user, port, query := "cpanel demo", "2083", needed(e)
	if forHost(e) {
		user, port, query = "whm root", "2087", "&api.version=1"+query
	}
	if query != "" {
		query = "?" + query[1:]
	}
	if e.OnlyAPI2 {
		query = "?cpanel_jsonapi_module=" + e.Module + "&cpanel_jsonapi_func=" + e.Name + needed(e)
	}
	return fmt.Sprintf("curl -H'Authorization: %s:APITOKEN' 'https://localhost:%s%s%s'", user, port, route(e), query)
}

// needed are the arguments of a call that works, each after an &.
func needed(e *api.Entry) string {
	if query, ok := examples()[e.FullName()]; ok {
		return "&" + query
	}
	query := ""
	for _, p := range e.Params() {
		if p.Required {
			query += "&" + p.Name + "=" + url.QueryEscape(example(p))
		}
	}
	return query
}

// example is a value that p might have.
func example(p api.Param) string {
	ofResource := map[string]string{"mailbox": "newuser", "domain": "example.com", "token": "ci", "account": "demo", "feature": "apitokens", "package": "default"}
	switch {
	case len(p.Enum) > 0:
		return p.Enum[0]
	case p.Secret:
		return "12345luggage"
	case ofResource[p.Resource] != "":
		return ofResource[p.Resource]
	case p.Type == "boolean" || p.Type == "integer":
		return "1"
	}
	return strings.ToUpper(p.Name)
}

// examples are arguments for functions that need others than the required ones,
// or whose parameters do not say what they name.
func examples() map[string]string {
	return map[string]string{
		"Batch::strict":                          "command=%5B%22Email%22,%22list_pops%22%5D&command=%5B%22Quota%22,%22get_quota_info%22%5D",
		"Email::add_pop":                         "email=newuser&password=12345luggage",
		"Email::get_disk_usage":                  "user=newuser&domain=example.com",
		"Features::has_feature":                  "name=popaccts",
		"Features::has_features_like":            "pattern=mail",
		"Features::list_features_like":           "pattern=mail",
		"StatsBar::get_stats":                    "display=diskusage%7Cemailaccounts",
		"Tokens::create_full_access":             "name=ci&expires_at=1893456000",
		"Tokens::rename":                         "name=ci&new_name=deploy",
		"whm::accountsummary":                    "user=demo",
		"whm::add_override_features_for_user":    "user=demo&features=%7B%22apitokens%22:%220%22%7D",
		"whm::addpkg":                            "name=small&quota=1024&maxpop=10",
		"whm::api_token_revoke":                  "token_name=ci",
		"whm::create_featurelist":                "featurelist=small&popaccts=1",
		"whm::createacct":                        "username=alice&domain=example.org&password=12345luggage",
		"whm::editpkg":                           "name=small&maxpop=20",
		"whm::get_featurelist_data":              "featurelist=default",
		"whm::modifyacct":                        "user=alice&newuser=bob",
		"whm::passwd":                            "user=demo&password=12345luggage",
		"whm::read_featurelist":                  "featurelist=default",
		"whm::remove_override_features_for_user": "user=demo&features=%5B%22apitokens%22%5D",
		"whm::removeacct":                        "username=alice",
		"whm::update_featurelist":                "featurelist=small&apitokens=0",
		"whm::verify_user_has_feature":           "user=demo&feature=apitokens",
	}
}
