// Package list filters, sorts and pages the lists in answers, once for every
// function and every dialect. A dialect's meta-parameters are read into a [Query]
// with [FromUAPI], [FromAPI2] or [FromWHM]; [Apply] carries it out and its [Report]
// says what stands in the metadata. Ask [Wanted] first.
//
// Within the families filter, sort, paginate, chunk and columns, a name that means
// nothing here is ignored; a value that cannot be understood is refused.
//
// UAPI: https://api.docs.cpanel.net/cpanel/filters/, …/sorting/, …/paginate/.
// API 2: https://api.docs.cpanel.net/cpanel-api-2/cpanel-api-2-filter-and-sort-output/.
// WHM: https://api.docs.cpanel.net/whm/filter-output/, …/sort-output/, …/paginate-output/, …/output-columns/.
package list

import "regexp"

// Query is what a caller wants of a list. The zero Query wants it as it is.
type Query struct {
	Filters []Filter // a row must pass them all
	Sorts   []Sort   // the first counts most
	Page    *Page    // nil for everything, without a report about pages
	Columns []string // the columns to show; none for all
}

// Zero reports whether q leaves every list as it is.
func (q Query) Zero() bool {
	return len(q.Filters) == 0 && len(q.Sorts) == 0 && q.Page == nil && len(q.Columns) == 0
}

// AnyColumn as the column of a [Filter] passes a row when any of its columns does.
const AnyColumn = "*"

// Filter is one condition on a row. A column that is not there, or null, counts as
// the empty text, and as no number.
type Filter struct {
	Column string
	Op     Op
	Term   string

	pattern *regexp.Regexp // for Matches, when it is made already
}

// Op is how a [Filter] compares a column with its term.
type Op uint8

// What a comparison is. Comparisons of size want numbers on both sides and are
// false without. Contains, Begins and Ends take no notice of case.
const (
	Contains         Op = iota // the term stands somewhere in it
	Begins                     // it begins with the term
	Ends                       // it ends with the term
	Matches                    // it matches the term, a regular expression of RE2
	Equal                      // the same text, or the same number
	EqualText                  // the same text
	NotEqual                   // not Equal
	Less                       // a smaller number
	LessEqual                  // a smaller number or the same
	Greater                    // a larger number
	GreaterEqual               // a larger number or the same
	LessUnlimited              // Less, with "unlimited" larger than every number
	GreaterUnlimited           // Greater, with "unlimited" larger than every number
	Defined                    // it is there and not null
	Undefined                  // not Defined
)

// Sort is one key to sort rows by.
type Sort struct {
	Column  string
	Method  Method
	Reverse bool // rows that are alike keep their order even so
}

// Method is how a [Sort] compares two columns.
type Method uint8

// How columns are compared.
const (
	Lexicographic    Method = iota // byte by byte
	Numeric                        // as numbers: what is none comes first, "unlimited" last
	NumericZeroAsMax               // as Numeric, with 0 last as well
	IPv4                           // by the octets of an address: what is none comes first
)

// Page is a part of a list. The zero Page is all of it.
type Page struct {
	Start int // the first record, from 1; less is 1
	Size  int // how many; 0 for all that follow
}
