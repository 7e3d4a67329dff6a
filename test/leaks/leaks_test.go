// Package leaks tries the rules for leak scanners in contrib/leaks: on files in
// which people leave tokens, on texts that only look like tokens, and on many
// tokens as they are issued. gitleaks is run as it is; what the others are told is
// tried as expressions. Start at [TestGitleaks].
package leaks

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
)

const contrib = "../../contrib/leaks"

// leak is a secret and where it was put.
type leak struct {
	file, secret string
	hidden       bool // in base64
}

// marks stand in testdata/leaked for secrets: no token stands in the repository.
var marks = regexp.MustCompile(`@(ACCOUNT|HOST|CPANEL|BASIC|BASE64)@`)

// secretFor draws a secret for a mark, and how it is written there.
func secretFor(mark string) (secret, written string) {
	account := auth.NewToken(latchkey.ForAccount).Reveal()
	switch mark {
	case "@HOST@":
		secret = auth.NewToken(latchkey.ForHost).Reveal()
		return secret, secret
	case "@CPANEL@":
		secret = foreignToken()
		return secret, secret
	case "@BASIC@":
		return account, base64.StdEncoding.EncodeToString([]byte("demo:" + account))
	case "@BASE64@":
		return account, base64.StdEncoding.EncodeToString([]byte(account))
	}
	return account, account
}

// foreignToken is a token as other servers issue them: nothing but random
// capitals and digits.
func foreignToken() string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	text := []byte("A") // not one of ours
	for len(text) < 32 {
		text = append(text, alphabet[rand.IntN(len(alphabet))])
	}
	return string(text)
}

// spill writes testdata/leaked with secrets in it.
func spill(t *testing.T, dir string) (leaks []leak) {
	t.Helper()
	for file, text := range texts(t, "leaked") {
		text = marks.ReplaceAllStringFunc(text, func(mark string) string {
			secret, written := secretFor(mark)
			leaks = append(leaks, leak{file, secret, written != secret})
			return written
		})
		write(t, filepath.Join(dir, file), text)
	}
	return leaks
}

// texts are the files of a folder in testdata, by name.
func texts(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata/%s: %v, %v", folder, files, err)
	}
	found := make(map[string]string)
	for _, file := range files {
		found[filepath.Base(file)] = read(t, file)
	}
	return found
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// finding is what gitleaks reports.
type finding struct {
	RuleID, File, Secret, Match string
	StartLine                   int
}

// gitleaks looks through a folder by our rules alone.
func gitleaks(t *testing.T, dir string) (found []finding) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.Command("go", "tool", "-modfile="+filepath.Join("..", "..", "tools", "leaks", "go.mod"), "gitleaks", "dir",
		"--config", filepath.Join(contrib, "gitleaks.toml"), "--no-banner", "--exit-code=0", "--report-format=json", "--report-path", report, dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("gitleaks: %v\n%s", err, said.String())
	}
	if err := json.Unmarshal([]byte(read(t, report)), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// every is how many tokens of either kind are issued for [TestGitleaks].
const every = 5000

func TestGitleaks(t *testing.T) {
	dir := t.TempDir()
	leaks := spill(t, dir)
	var many strings.Builder
	for i := range 2 * every {
		secret := auth.NewToken(latchkey.Audience(i % 2)).Reveal()
		leaks = append(leaks, leak{file: "many.txt", secret: secret})
		fmt.Fprintf(&many, "token %d is %s\n\n", i, secret) // gitleaks reads in pieces that may end in a line but not in an empty one
	}
	write(t, filepath.Join(dir, "many.txt"), many.String())
	found := make(map[leak]bool)
	for _, f := range gitleaks(t, dir) {
		found[leak{file: filepath.Base(f.File), secret: f.Secret}] = true
	}
	missed := 0
	for _, l := range leaks {
		if !found[leak{file: l.file, secret: l.secret}] {
			missed++
			t.Errorf("%s: a secret was not found (in base64: %t)", l.file, l.hidden)
		}
	}
	t.Logf("%d of %d secrets found in %d files", len(leaks)-missed, len(leaks), len(texts(t, "leaked"))+1)
}

func TestGitleaksAlike(t *testing.T) {
	for _, f := range gitleaks(t, filepath.Join("testdata", "alike")) {
		t.Errorf("%s:%d: %s takes %q for a token", f.File, f.StartLine, f.RuleID, f.Match)
	}
}

// What only looks like a token is none: no token stands in the repository.
func TestAlike(t *testing.T) {
	for file, text := range texts(t, "alike") {
		for _, found := range regexp.MustCompile(`[0-9A-Z]{32}`).FindAllString(text, -1) {
			if auth.WellFormed(latchkey.ForAccount, found) || auth.WellFormed(latchkey.ForHost, found) {
				t.Errorf("%s: %s could have been issued", file, found)
			}
		}
	}
}

// rule is one expression of one scanner, in the way that scanner applies it.
type rule struct {
	name     string
	keywords []string
	whole    *regexp.Regexp // its first group is the secret
	not      []*regexp.Regexp
	entropy  float64
}

// in are the secrets that the rule finds in text.
func (r *rule) in(text string) (secrets []string) {
	lower := strings.ToLower(text)
	if len(r.keywords) > 0 && !slices.ContainsFunc(r.keywords, func(k string) bool { return strings.Contains(lower, strings.ToLower(k)) }) {
		return nil
	}
	for _, m := range r.whole.FindAllStringSubmatch(text, -1) {
		excluded := slices.ContainsFunc(r.not, func(e *regexp.Regexp) bool { return e.MatchString(m[1]) })
		if !excluded && entropy(m[1]) >= r.entropy {
			secrets = append(secrets, m[1])
		}
	}
	return secrets
}

// entropy is how many bits a character of text holds, by how often each stands
// in it.
func entropy(text string) (bits float64) {
	for _, c := range slices.Compact(slices.Sorted(slices.Values([]rune(text)))) {
		p := float64(strings.Count(text, string(c))) / float64(len(text))
		bits -= p * math.Log2(p)
	}
	return bits
}

func expressions(texts []string) (list []*regexp.Regexp) {
	for _, text := range texts {
		list = append(list, regexp.MustCompile(text))
	}
	return list
}

// truffleHog are the detectors for TruffleHog.
func truffleHog(t *testing.T) (rules []rule) {
	t.Helper()
	var file struct {
		Detectors []struct {
			Name     string            `yaml:"name"`
			Keywords []string          `yaml:"keywords"`
			Regex    map[string]string `yaml:"regex"`
			Entropy  float64           `yaml:"entropy"`
			Not      []string          `yaml:"exclude_regexes_capture"`
		} `yaml:"detectors"`
	}
	strictly(t, "trufflehog.yaml", &file)
	for _, d := range file.Detectors {
		rules = append(rules, rule{d.Name, d.Keywords, regexp.MustCompile(d.Regex["token"]), expressions(d.Not), d.Entropy})
	}
	return rules
}

// pattern is one of GitHub's custom patterns.
type pattern struct {
	Name   string   `yaml:"name"`
	Format string   `yaml:"secret_format"`
	Before string   `yaml:"before_secret"`
	After  string   `yaml:"after_secret"`
	Not    []string `yaml:"must_not_match"`
	Tests  []string `yaml:"test_strings"`
}

func (p *pattern) rule() rule {
	whole := "(?m:" + p.Before + ")(" + p.Format + ")(?:" + p.After + ")"
	return rule{name: p.Name, whole: regexp.MustCompile(whole), not: expressions(p.Not)}
}

func gitHub(t *testing.T) []pattern {
	t.Helper()
	var file struct {
		Patterns []pattern `yaml:"patterns"`
	}
	strictly(t, "github.yaml", &file)
	return file.Patterns
}

func strictly(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.UnmarshalWithOptions([]byte(read(t, filepath.Join(contrib, name))), into, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestTruffleHog(t *testing.T) { testExpressions(t, truffleHog(t)) }

func TestGitHub(t *testing.T) {
	var rules []rule
	for _, p := range gitHub(t) {
		r := p.rule()
		rules = append(rules, r)
		for _, text := range p.Tests {
			found := r.in(text)
			if len(found) != 1 {
				t.Errorf("%s: its test string %q gives %q, want one secret", p.Name, text, found)
			}
			for _, secret := range found {
				if auth.WellFormed(latchkey.ForAccount, secret) || auth.WellFormed(latchkey.ForHost, secret) {
					t.Errorf("%s: the secret of its test string could have been issued", p.Name)
				}
			}
		}
	}
	testExpressions(t, rules)
}

// testExpressions tries expressions line by line on all that [TestGitleaks] looks
// through but what stands in base64: scanners decode that by themselves.
func testExpressions(t *testing.T, rules []rule) {
	t.Helper()
	dir := t.TempDir()
	leaks := spill(t, dir)
	for range 2 * every {
		leaks = append(leaks, leak{file: "many", secret: auth.NewToken(latchkey.Audience(len(leaks) % 2)).Reveal()})
	}
	for _, l := range leaks {
		text := "token: " + l.secret
		if l.file != "many" {
			text = read(t, filepath.Join(dir, l.file))
		}
		if !l.hidden && !slices.ContainsFunc(rules, func(r rule) bool { return slices.Contains(r.in(text), l.secret) }) {
			t.Errorf("%s: a secret was not found", l.file)
		}
	}
	for file, text := range texts(t, "alike") {
		for line := range strings.Lines(text) {
			for _, r := range rules {
				if found := r.in(line); len(found) > 0 {
					t.Errorf("%s: %s takes %q for a token in %q", file, r.name, found, line)
				}
			}
		}
	}
}
