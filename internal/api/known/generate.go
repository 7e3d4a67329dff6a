//go:build ignore

// generate writes names.txt from two tables of published functions, of which it
// reads the names alone: go run generate.go UAPI.tsv WHM.tsv > names.txt. The
// first two columns of each are module (or group) and function.
package main

import (
	"bufio"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
)

// removed are names that were published once and are not any more.
var removed = []string{"cPAddons", "SiteTemplates", "WordPressInstanceManager", "ExternalAuthentication::add_authn_link"}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("give the two tables")
	}
	modules := map[string][]string{}
	read(os.Args[1], func(module, name string) {
		if !slices.Contains(removed, module) && !slices.Contains(removed, module+"::"+name) {
			modules[module] = append(modules[module], name)
		}
	})
	var whm []string
	read(os.Args[2], func(_, name string) { whm = append(whm, name) })
	for _, m := range slices.Sorted(maps.Keys(modules)) {
		line(m, modules[m])
	}
	line("*", whm)
}

func read(path string, each func(module, name string)) {
	f, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	rows := bufio.NewScanner(f)
	rows.Buffer(nil, 1<<20)
	for head := true; rows.Scan(); head = false {
		if c := strings.SplitN(rows.Text(), "\t", 3); !head && len(c) == 3 && c[1] != "" {
			each(c[0], c[1])
		}
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
}

func line(name string, list []string) {
	slices.Sort(list)
	fmt.Println(name, strings.Join(slices.Compact(list), " "))
}
