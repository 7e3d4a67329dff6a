package request_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/request"
)

const multi = "multipart/form-data; boundary=x"

// part is one part of a multipart body with boundary x.
func part(header, content string) string {
	return "--x\r\n" + header + "\r\n\r\n" + content + "\r\n"
}

func field(name, value string) string {
	return part(`Content-Disposition: form-data; name="`+name+`"`, value)
}

func file(name, filename, content string) string {
	return part(`Content-Disposition: form-data; name="`+name+`"; filename="`+filename+`"`, content)
}

func TestParseMultipart(t *testing.T) {
	const end = "--x--\r\n"
	for _, test := range []struct {
		body string
		want api.Args
	}{
		{end, nil},
		{"", nil},
		{field("a", "1") + field("a", "2") + field("b", "") + end, api.Args{b("a", "1"), b("a", "2"), b("b", "")}},
		{field("a", "1") + "--x--", api.Args{b("a", "1")}},
		{strings.ReplaceAll(field("a", "1")+end, "\r\n", "\n"), api.Args{b("a", "1")}},
		{"preamble\r\n" + field("a", "1") + end + "epilogue", api.Args{b("a", "1")}},
		{field("a", "x=1&y=%41\r\n\x00+") + end, api.Args{b("a", "x=1&y=%41\r\n\x00+")}},
		{part("content-disposition: form-data; name=a\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit", "é") + end, api.Args{b("a", "é")}},
		{file("a", "", "") + end, api.Args{b("a", "")}},
	} {
		r := post(multi, test.body)
		r.ContentLength = -1
		p, err := request.Parse(r, request.Limits{})
		if err != nil || !slices.Equal(p.Args, test.want) || p.Files != nil {
			t.Errorf("Parse(%q) = %v, %v; want %v", test.body, p.Args, err, test.want)
		}
	}
}

func TestParseBadMultipart(t *testing.T) {
	const end = "--x--\r\n"
	fields := strings.Repeat(field("a", "1"), 100)
	for _, test := range []struct {
		contentType, body string
		want              string
	}{
		{"multipart/form-data", end, "names no boundary"},
		{"multipart/form-data; boundary=", end, "names no boundary"},
		{"multipart/mixed; boundary=x", end, "not understood"},
		{multi, "hunter2", "cut short"},
		{multi, "--x\r\nhunter2\r\n\r\n", "cut short"},
		{multi, field("a", "hunter2"), "cut short"},
		{multi, "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nhunter2", "cut short"},
		{multi, part("Content-Disposition: form-data", "hunter2") + end, "has no name"},
		{multi, part("Content-Type: text/plain", "hunter2") + end, "has no name"},
		{multi, part("Content-Disposition: form-data; name=a; name=b", "") + end, "has no name"},
		{multi, field("a\tb", "") + end, "control characters"},
		{multi, part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "aHVudGVyMg==") + end, "Content-Transfer-Encoding"},
		{multi, fields + end, ""},
		{multi, fields + field("a", "1") + end, "more than 100 parts"},
		{multi, field("a", strings.Repeat("v", 64<<10)) + end, ""},
		{multi, field("a", strings.Repeat("v", 64<<10+1)) + end, "‘a’ argument is longer than 65536 bytes"},
		{multi, strings.Repeat(field("a", strings.Repeat("v", 64<<10)), 17) + end, "body is larger than 1048576 bytes"},
		{multi, part(strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 1200)+"C: d", "") + end, "body is larger than 1048576 bytes"},
		{multi, file("up", "a.txt", "hunter2") + end, "‘up’ argument is a file, and no file is expected"},
	} {
		r := post(test.contentType, test.body)
		r.ContentLength = -1
		_, err := request.Parse(r, request.Limits{})
		check(t, test.body[:min(60, len(test.body))], err, test.want)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%s): error shows the body: %v", test.body, err)
		}
	}
}

func content(t *testing.T, f request.File) string {
	t.Helper()
	all, err := io.ReadAll(f.Open())
	if err != nil {
		t.Errorf("reading %s: %v", f.Name, err)
	}
	return string(all)
}

func TestParseFiles(t *testing.T) {
	dir := t.TempDir()
	small, large := "small\x00\r\n", strings.Repeat("0123456789abcdef", 100_000)
	body := field("dir", "public_html") + file("file-1", "a.txt", small) + file("b.png", "../b/b.png", large) +
		field("overwrite", "1") + file("file-1", "c", "") + file("d", "d", large+"d") + "--x--\r\n"
	limits := request.Limits{Upload: math.MaxInt64, Spool: dir}
	p, err := request.Parse(post(multi, body), limits)
	if err != nil {
		t.Fatal(err)
	}
	if want := (api.Args{b("dir", "public_html"), b("overwrite", "1")}); !slices.Equal(p.Args, want) {
		t.Errorf("Args = %v; want %v", p.Args, want)
	}
	want := []struct{ field, name, content string }{
		{"file-1", "a.txt", small}, {"b.png", "../b/b.png", large}, {"file-1", "c", ""}, {"d", "d", large + "d"},
	}
	if len(p.Files) != len(want) {
		t.Fatalf("%d files; want %d", len(p.Files), len(want))
	}
	for i, w := range want {
		f := p.Files[i]
		if f.Field != w.field || f.Name != w.name || f.Size != int64(len(w.content)) {
			t.Errorf("file %d = %q %q %d bytes; want %q %q %d", i, f.Field, f.Name, f.Size, w.field, w.name, len(w.content))
		}
		for range 2 { // it can be opened again
			if content(t, f) != w.content {
				t.Errorf("file %d has other content", i)
			}
		}
	}
	if left, _ := filepath.Glob(dir + "/*"); left != nil {
		t.Errorf("the spooled file has a name: %v", left)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if _, err := p.Files[1].Open().Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("reading after Close: %v; want %v", err, os.ErrClosed)
	}
}

func TestParseFileLimits(t *testing.T) {
	for _, test := range []struct {
		first, second string
		want          string
	}{
		{"12345", "67890", ""},
		{"1234567890", "", ""},
		{"12345678901", "", "together larger than 10 bytes"},
		{"12345", "678901", "together larger than 10 bytes"},
	} {
		body := file("a", "a", test.first) + file("b", "b", test.second) + "--x--\r\n"
		p, err := request.Parse(post(multi, body), request.Limits{Upload: 10})
		check(t, test.first+" "+test.second, err, test.want)
		_ = p.Close()
	}
	body := file("a", strings.Repeat("n", 1025), "") + "--x--"
	_, err := request.Parse(post(multi, body), request.Limits{Upload: 10})
	check(t, "a long name", err, "name of the file in the ‘a’ argument")
}

// A file does not count against the limit of the body, in whatever pieces it
// comes, while everything around it does.
func TestParseFileBesidesBody(t *testing.T) {
	body := file("a", "a", strings.Repeat("f", 3<<20)) + field("b", "v") + "--x--\r\n"
	limits := request.Limits{Body: 8 << 10, Upload: 3 << 20, Spool: t.TempDir()}
	r := post(multi, body)
	r.ContentLength = -1
	p, err := request.Parse(r, limits)
	if err != nil || p.Args.Text("b") != "v" {
		t.Errorf("Parse: %v, %v", p.Args, err)
	}
	_ = p.Close()
	body = file("a", "a", strings.Repeat("f", 3<<20)) + strings.Repeat(field("b", strings.Repeat("v", 1000)), 20) + "--x--\r\n"
	r = post(multi, body)
	r.ContentLength = -1
	_, err = request.Parse(r, limits)
	check(t, "a large rest", err, "body is larger than 8192 bytes")
}

func TestParseFileCannotBeStored(t *testing.T) {
	body := file("a", "a", strings.Repeat("f", 1<<20+1)) + "--x--\r\n"
	limits := request.Limits{Upload: math.MaxInt64, Spool: filepath.Join(t.TempDir(), "missing")}
	_, err := request.Parse(post(multi, body), limits)
	if latchkey.KindOf(err) != latchkey.Unavailable || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Parse: %v; want unavailable, %v", err, os.ErrNotExist)
	}
}

// What the standard library writes, as browsers and other clients do.
func TestParseWrittenMultipart(t *testing.T) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("naïve \"key\"", "1")
	f, _ := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="f"; filename*=UTF-8''%e2%82%ac.txt`}})
	_, _ = io.WriteString(f, "content")
	_ = w.Close()
	r, err := http.NewRequest("PUT", "/execute/Fileman/upload_files?", &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	p, err := request.Parse(r, request.Limits{Upload: 100})
	if err != nil || !slices.Equal(p.Args, api.Args{b(`naïve "key"`, "1")}) {
		t.Fatalf("Parse = %v, %v", p.Args, err)
	}
	if len(p.Files) != 1 || p.Files[0].Name != "€.txt" || content(t, p.Files[0]) != "content" {
		t.Errorf("Files = %+v; want €.txt", p.Files)
	}
}
