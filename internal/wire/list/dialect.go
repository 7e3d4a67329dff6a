package list

import (
	"strings"

	"github.com/latchkey/latchkey/internal/api"
)

// Wanted reports whether args ask for anything of this package, in any dialect.
// It is cheap, for calls that do not.
func Wanted(args api.Args) bool {
	for i := range args {
		if family(args[i].Key) != "" {
			return true
		}
	}
	return false
}

// IsMeta reports whether key is about the call and not an argument of the function:
// everything that begins with "api.", and the families of API 2.
func IsMeta(key string) bool {
	return strings.HasPrefix(key, "api.") || family(key) != ""
}

// family is which of the families key belongs to, or "".
func family(key string) string {
	if len(key) < 8 || key[:3] != "api" {
		return ""
	}
	rest, ok := strings.CutPrefix(key, "api.")
	if !ok {
		if rest, ok = strings.CutPrefix(key, "api2_"); !ok {
			return ""
		}
	}
	for _, name := range [...]string{"filter", "sort", "paginate", "chunk", "columns"} {
		if after, ok := strings.CutPrefix(rest, name); ok && (after == "" || after[0] == '_' || after[0] == '.') {
			return name
		}
	}
	return ""
}

// FromUAPI reads the meta-parameters of UAPI: api.filter_column, api.sort_column,
// api.paginate_start and their kin, each with a suffix _0, _1… when there are
// several. A family counts when something of it is given, unless its switch
// (api.filter, api.sort, api.paginate) is 0. Its errors are of kind Invalid and
// name the parameter.
func FromUAPI(args api.Args) (Query, error) {
	return underscored(args, "api.").query()
}

// FromAPI2 reads the meta-parameters of API 2, which are those of UAPI with api2_
// for api., and api2_columns_a, api2_columns_b… besides. It fails as [FromUAPI] does.
func FromAPI2(args api.Args) (Query, error) {
	d := underscored(args, "api2_")
	d.columns = "api2_columns_"
	d.columnSwitch = "api2_columns"
	return d.query()
}

// FromWHM reads the meta-parameters of WHM API 1: api.filter.a.field,
// api.sort.a.field, api.chunk.start, api.columns.a and their kin, with the letters
// a…z, za… when there are several. A family counts when something of it is given,
// unless its enable is 0. It fails as [FromUAPI] does.
func FromWHM(args api.Args) (Query, error) {
	d := dialect{
		args:         args,
		filterSwitch: "api.filter.enable", sortSwitch: "api.sort.enable", pageSwitch: "api.chunk.enable", columnSwitch: "api.columns.enable",
		filter:  lettered("api.filter."),
		sort:    lettered("api.sort."),
		column:  "field",
		term:    "arg0",
		start:   "api.chunk.start",
		size:    "api.chunk.size",
		columns: "api.columns.",
		ops:     whmOps,
	}
	return d.query()
}

// dialect is where a dialect keeps what a [Query] is made of.
type dialect struct {
	args api.Args

	filterSwitch, sortSwitch, pageSwitch, columnSwitch string

	filter, sort naming
	column, term string // leaves of a filter or sort

	start, size, page string // "" where there is none
	columns           string // prefix; "" where there are none
	ops               map[string]Op
}

// naming is how a family numbers its parts.
type naming struct {
	key   func(part, leaf string) string
	split func(key string) (part, leaf string, ok bool) // ok only for keys of the family
}

func underscored(args api.Args, prefix string) dialect {
	number := func(family string) naming {
		head := prefix + family + "_"
		return naming{
			key: func(part, leaf string) string {
				if part == "" {
					return head + leaf
				}
				return head + leaf + "_" + part
			},
			split: func(key string) (part, leaf string, ok bool) {
				if leaf, ok = strings.CutPrefix(key, head); !ok {
					return "", "", false
				}
				leaf, part, _ = strings.Cut(leaf, "_")
				return part, leaf, true
			},
		}
	}
	return dialect{
		args:         args,
		filterSwitch: prefix + "filter", sortSwitch: prefix + "sort", pageSwitch: prefix + "paginate",
		filter: number("filter"),
		sort:   number("sort"),
		column: "column",
		term:   "term",
		start:  prefix + "paginate_start",
		size:   prefix + "paginate_size",
		page:   prefix + "paginate_page",
		ops:    uapiOps,
	}
}

func lettered(head string) naming {
	return naming{
		key: func(part, leaf string) string {
			if part == "" {
				return head + leaf
			}
			return head + part + "." + leaf
		},
		split: func(key string) (part, leaf string, ok bool) {
			if leaf, ok = strings.CutPrefix(key, head); !ok {
				return "", "", false
			}
			if before, after, dotted := strings.Cut(leaf, "."); dotted {
				return before, after, true
			}
			return "", leaf, true
		},
	}
}

var uapiOps = map[string]Op{
	"contains": Contains, "begins": Begins, "ends": Ends, "matches": Matches,
	"eq": Equal, "ne": NotEqual, "lt": Less, "gt": Greater,
	"lt_handle_unlimited": LessUnlimited, "gt_handle_unlimited": GreaterUnlimited,
	"defined": Defined, "undefined": Undefined,
}

var whmOps = map[string]Op{
	"contains": Contains, "begins": Begins,
	"eq": EqualText, "==": Equal, "lt": Less, "lt_equal": LessEqual, "gt": Greater, "gt_equal": GreaterEqual,
	"lt_handle_unlimited": LessUnlimited, "gt_handle_unlimited": GreaterUnlimited,
}

var methods = map[string]Method{
	"lexicographic": Lexicographic, "numeric": Numeric, "numeric_zero_as_max": NumericZeroAsMax, "ipv4": IPv4,
}
