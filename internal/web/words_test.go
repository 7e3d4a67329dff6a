package web

import (
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// words are the messages of a language by their ids; a plural's forms are one.
func words(t *testing.T, tag string) map[string]string {
	t.Helper()
	text, err := files.ReadFile("locales/" + tag + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	var walk func(at string, node map[string]any)
	walk = func(at string, node map[string]any) {
		if other, ok := node["other"].(string); ok {
			all[strings.TrimPrefix(at, ".")] = other
			return
		}
		for key, value := range node {
			switch x := value.(type) {
			case string:
				all[strings.TrimPrefix(at+"."+key, ".")] = x
			case map[string]any:
				walk(at+"."+key, x)
			}
		}
	}
	walk("", tree)
	return all
}

var open = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

func gaps(text string) []string {
	set := map[string]bool{}
	for _, m := range open.FindAllStringSubmatch(text, -1) {
		set[m[1]] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// TestLanguages: every language says everything, with the same gaps.
func TestLanguages(t *testing.T) {
	english := words(t, "en")
	for _, tongue := range tongues[1:] {
		other := words(t, tongue.tag)
		for id, text := range english {
			said, ok := other[id]
			if !ok {
				t.Errorf("%s lacks %s", tongue.tag, id)
			} else if !slices.Equal(gaps(text), gaps(said)) {
				t.Errorf("%s: %s has the gaps %v, want %v", tongue.tag, id, gaps(said), gaps(text))
			}
		}
		for id := range other {
			if _, ok := english[id]; !ok {
				t.Errorf("%s has %s, which English has not", tongue.tag, id)
			}
		}
	}
}

// TestWords: what templates and code say is there, and what is there is said.
func TestWords(t *testing.T) {
	english := words(t, "en")
	used := map[string]bool{}
	prefixes := map[string]bool{}
	literal := regexp.MustCompile(`"([a-z_0-9]+\.[a-z_0-9.]+)"`)
	begun := regexp.MustCompile(`"([a-z_0-9]+\.[a-z_0-9]*)"`)
	read := func(text string) {
		for _, m := range literal.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
		}
		for _, m := range begun.FindAllStringSubmatch(text, -1) {
			if strings.HasSuffix(m[1], ".") || strings.HasSuffix(m[1], "_") {
				prefixes[m[1]] = true
			}
		}
	}
	templates, _ := fs.Glob(files, "templates/*.html")
	for _, name := range templates {
		text, _ := files.ReadFile(name)
		read(string(text))
		for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			if _, ok := english[m[1]]; !ok {
				t.Errorf("%s says %s, which no language has", name, m[1])
			}
		}
	}
	code, _ := fs.Glob(os.DirFS("."), "*.go")
	for _, name := range code {
		if text, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, "_test.go") {
			read(string(text))
		}
	}
	for id := range english {
		base := strings.TrimSuffix(id, "_title")
		if used[id] || used[base] || slices.ContainsFunc(slices.Collect(maps.Keys(prefixes)), func(p string) bool { return strings.HasPrefix(id, p) }) {
			continue
		}
		t.Errorf("nobody says %s", id)
	}
}

// TestDirections: what stands at a line's beginning stands there from right to left
// too: nothing in our style says left or right. (Where a picture lies within its field
// cannot be said otherwise: it is said for both.)
func TestDirections(t *testing.T) {
	css, err := files.ReadFile("assets/app.css")
	if err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile(`(margin|padding|border|inset|scroll-margin|scroll-padding)-(left|right|top|bottom)|(border)-(top|bottom)-(left|right)|[\s;{](left|right|top|bottom|width|height|min-width|max-width|min-height|max-height):|(text-align|float|clear): (left|right)`)
	text := regexp.MustCompile(`@media[^{]*`).ReplaceAllString(string(css), "")
	for _, found := range rule.FindAllString(text, -1) {
		t.Errorf("app.css says %q", strings.TrimSpace(found))
	}
	if there, back := strings.Count(text, "background-position: center right"), strings.Count(text, "background-position: center left"); there != back {
		t.Errorf("%d pictures lie to the right, %d from right to left", there, back)
	}
}
