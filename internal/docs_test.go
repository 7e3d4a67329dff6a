package internal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A decision is found by its number.
func TestDecisionsHaveNumbersOfTheirOwn(t *testing.T) {
	pages, err := filepath.Glob("../docs/decisions/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("the decisions: %d, %v", len(pages), err)
	}
	numbers := map[string]string{}
	for _, page := range pages {
		name := filepath.Base(page)
		number, _, _ := strings.Cut(name, "-")
		if other := numbers[number]; other != "" {
			t.Errorf("%s and %s have the same number", other, name)
		}
		numbers[number] = name
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		title, _, _ := strings.Cut(string(text), "\n")
		if want := fmt.Sprintf("# %s. ", strings.TrimLeft(number, "0")); numbered.MatchString(title) && !strings.HasPrefix(title, want) {
			t.Errorf("%s is titled %q, want %q…", name, title, want)
		}
	}
}

var (
	numbered  = regexp.MustCompile(`^# \d`)
	linked    = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)
	changelog = regexp.MustCompile(`(?m)^Link: (\S+)$`)
)

// What pages refer to is there.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, glob := range []string{"../*.md", "../docs/*.md", "../docs/*/*.md", "../contrib/*/*.md", "../test/*/*.md"} {
		pages, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			follow(t, page, linked, filepath.Dir(page))
		}
	}
	changes, err := filepath.Glob("../changelog/unreleased/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range changes {
		follow(t, page, changelog, "..")
	}
}

func follow(t *testing.T, page string, links *regexp.Regexp, from string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links.FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(link[1], ":") {
			continue
		}
		if _, err := os.Stat(filepath.Join(from, link[1])); err != nil {
			t.Errorf("%s refers to %s, which is not there", page, link[1])
		}
	}
}
