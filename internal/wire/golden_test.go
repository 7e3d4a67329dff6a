package wire_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/latchkey/latchkey/test/testserver"
)

var update = flag.Bool("update", false, "write what is answered into the golden files")

// TestGolden holds the wire to testdata/*.txtar. A file is a story on a fresh
// server: requests and their answers, byte for byte. Before a request may stand
// a set-up section: lines of WHM or UAPI calls, or "wait DURATION".
//
// In requests {demo}, {readonly}, {expiring}, {other} and {root} are tokens, and
// {last} and {earlier} are those that answers showed last.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			story, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			told := tell(t, story)
			if *update {
				if err := os.WriteFile(file, txtar.Format(told), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(story)), string(txtar.Format(told))); diff != "" {
				t.Errorf("the wire has changed (-golden +answered); if it should, run go test -update:\n%s", diff)
			}
		})
	}
}

// tell plays a story and returns it with the answers that came.
func tell(t *testing.T, story *txtar.Archive) *txtar.Archive {
	s := testserver.New(t)
	tokens := strings.NewReplacer(
		"{demo}", s.Token("demo", "golden"),
		"{readonly}", s.Token("demo", "reader", "readonly", "1"),
		"{expiring}", s.Token("demo", "brief", "expires_at", fmt.Sprint(testserver.Start.Add(time.Hour).Unix())),
		"{other}", s.Token("other", "golden"),
		"{root}", s.HostToken("golden"),
		"{password}", testserver.Password,
	)
	var last, earlier string
	told := &txtar.Archive{Comment: story.Comment}
	for _, f := range story.Files {
		switch {
		case f.Name == "answer":
			continue // written anew after its request
		case f.Name == "set-up":
			setUp(t, s, string(f.Data))
		case strings.HasPrefix(f.Name, "request"):
			told.Files = append(told.Files, f)
			shown := strings.NewReplacer("{last}", last, "{earlier}", earlier)
			answer := ask(t, s, f.Name, shown.Replace(tokens.Replace(string(f.Data))))
			if token := secretForm.FindString(answer); token != "" {
				last, earlier = token, last
			}
			f = txtar.File{Name: "answer", Data: []byte(neutral(answer))}
		}
		told.Files = append(told.Files, f)
	}
	return told
}

func setUp(t *testing.T, s *testserver.Server, text string) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "wait":
			d, err := time.ParseDuration(words[1])
			if err != nil {
				t.Fatal(err)
			}
			s.Wait(d)
		case words[0] == "whm":
			s.WHM(words[1], pairs(words[2:])...)
		case words[0] == "uapi":
			s.UAPI(words[1], words[2], words[3], pairs(words[4:])...)
		default:
			t.Fatalf("set-up: %q", line)
		}
	}
}

func pairs(words []string) (args []string) {
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		args = append(args, k, v)
	}
	return args
}

// ask sends one request, written as on the wire, to the door its section names.
func ask(t *testing.T, s *testserver.Server, section, text string) string {
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	raw := strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n") + "\r\nHost: example.org\r\n"
	if body != "" {
		raw += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw + "\r\n" + body)))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	r.RemoteAddr = "198.51.100.7:4000"
	door := map[string]http.Handler{"request": s.Account, "request plain": s.AccountPlain, "request host": s.Host, "request webmail": s.Webmail}[section]
	if door == nil {
		t.Fatalf("no door for %q", section)
	}
	a := s.Serve(door, r)
	status := fmt.Sprint(a.Status)
	if a.RetryAfter != "" {
		status += "\nRetry-After: " + a.RetryAfter
	}
	return fmt.Sprintf("%s\n%s\n", status, strings.TrimSuffix(a.Body, "\n"))
}

// secretForm is what tokens look like.
var secretForm = regexp.MustCompile(`LK[0-9A-Z]{30}`)

// What differs from run to run, or from machine to machine, is made alike.
var neutralised = []struct {
	what *regexp.Regexp
	with string
}{
	{secretForm, "TOKEN"},
	{regexp.MustCompile(`"handle":"[A-Z2-7]+"`), `"handle":"HANDLE"`},
	{regexp.MustCompile(`Error ID: [a-z0-9]{6}`), "Error ID: xxxxxx"},
	{regexp.MustCompile(`"(megabytes_used|bytes_used|inodes_used|mtime|_count|count|usage|uid|gid)":("?)[0-9.]+`), `"$1":${2}N`},
	{regexp.MustCompile(`"(percent[0-9]*|diskused)":("?)[0-9.]+(M?)`), `"$1":${2}N$3`},
}

func neutral(text string) string {
	for _, n := range neutralised {
		text = n.what.ReplaceAllString(text, n.with)
	}
	return text
}

// TestGoldenNeedsItsAnswers makes sure that the comparison can fail.
func TestGoldenNeedsItsAnswers(t *testing.T) {
	story := txtar.Parse([]byte("-- request --\nGET /execute/Tokens/list HTTP/1.1\n-- answer --\n200\nwrong\n"))
	if bytes.Equal(txtar.Format(story), txtar.Format(tell(t, story))) {
		t.Error("a wrong answer was not seen")
	}
}
