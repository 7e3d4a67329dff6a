package request_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/wire/request"
)

func BenchmarkParseNothing(b *testing.B) {
	r := &http.Request{Method: "GET", URL: &url.URL{Path: "/execute/Email/list_pops"}, Body: http.NoBody}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := request.Parse(r, request.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseQuery(b *testing.B) {
	r := &http.Request{Method: "GET", Body: http.NoBody, URL: &url.URL{RawQuery: "email=newuser&password=12345luggage&quota=250&domain=example.test"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := request.Parse(r, request.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkBody(b *testing.B, contentType, body string) {
	src := strings.NewReader(body)
	r := post(contentType, body)
	r.Body = io.NopCloser(src)
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(body)
		if _, err := request.Parse(r, request.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseForm(b *testing.B) {
	benchmarkBody(b, form, "email=newuser&password=12345%20luggage&quota=250&domain=example.test")
}

func BenchmarkParseJSON(b *testing.B) {
	benchmarkBody(b, asJSON, `{"email":"newuser","password":"12345 luggage","quota":250,"domain":"example.test"}`)
}

func BenchmarkParseMultipart(b *testing.B) {
	benchmarkBody(b, multi, field("email", "newuser")+field("password", "12345 luggage")+field("quota", "250")+field("domain", "example.test")+"--x--\r\n")
}

func BenchmarkCredentials(b *testing.B) {
	for name, header := range map[string]string{
		"Token": "cpanel alice:LK0123456789ABCDEFGHIJKLMNOPQRST",
		"Hash":  "WHM root:0a1b\n2c3d\n4e5f\n",
		"Basic": "Basic " + base("bob@example.test:correct horse battery staple"),
	} {
		b.Run(name, func(b *testing.B) {
			r := withAuth(header)
			b.ReportAllocs()
			for b.Loop() {
				request.Credentials(r)
			}
		})
	}
}

func BenchmarkPath(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		request.Path("/cpsess0123456789/execute/Email/add_pop")
	}
}
