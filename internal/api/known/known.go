// Package known has the names of the functions that the public documentation
// lists: UAPI's by module, and those of WHM API 1. It tells what is not built
// here yet from what there is nowhere.
package known

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// names.txt has a line for each module, its name and its functions, and one
// whose name is * for WHM. generate.go writes it.
//
//go:embed names.txt
var text string

// host is the name that stands for WHM.
const host = "*"

var modules = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		all[words[0]] = words[1:]
	}
	return all
})

func in(module, name string) bool {
	_, ok := slices.BinarySearch(modules()[module], name)
	return ok
}

// Account reports whether UAPI has a function name in module.
func Account(module, name string) bool { return module != host && in(module, name) }

// Host reports whether WHM API 1 has a function name.
func Host(name string) bool { return in(host, name) }

// Accounts is how many functions UAPI has.
func Accounts() (n int) {
	for m, names := range modules() {
		if m != host {
			n += len(names)
		}
	}
	return n
}

// Hosts is how many functions WHM API 1 has.
func Hosts() int { return len(modules()[host]) }
