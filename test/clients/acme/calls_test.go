package acme

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// answer is what a function answers.
type answer struct {
	Status int
	Errors []string
	Data   json.RawMessage
}

// calls calls a function of UAPI under a token, by POST.
func calls(t *testing.T, user, token, function string, args ...string) answer {
	t.Helper()
	client, err := trusting(os.Getenv("LATCHKEY_CA"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	form := url.Values{}
	for pair := range slices.Chunk(args, 2) {
		form.Add(pair[0], pair[1])
	}
	r, err := http.NewRequest(http.MethodPost, os.Getenv("LATCHKEY_URL")+"/execute/"+function, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "cpanel "+user+":"+token)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("%s answers %d: %s", function, resp.StatusCode, body)
	}
	return a
}

// does is calls for what must succeed.
func does(t *testing.T, user, token, function string, args ...string) answer {
	t.Helper()
	a := calls(t, user, token, function, args...)
	if a.Status != 1 {
		t.Fatalf("%s answers %s", function, a.Errors)
	}
	return a
}

// limited makes a token for a job.
func limited(t *testing.T, name, preset string, needs ...string) string {
	t.Helper()
	args := append([]string{"name", name, "preset", preset}, needs...)
	a := does(t, os.Getenv("LATCHKEY_USER"), os.Getenv("LATCHKEY_TOKEN"), "Tokens/create_limited", args...)
	var made struct{ Token string }
	if err := json.NewDecoder(bytes.NewReader(a.Data)).Decode(&made); err != nil || made.Token == "" {
		t.Fatalf("create_limited answers %s", a.Data)
	}
	t.Cleanup(func() {
		does(t, os.Getenv("LATCHKEY_USER"), os.Getenv("LATCHKEY_TOKEN"), "Tokens/revoke", "name", name)
	})
	return made.Token
}

// zoneLine is a line of parse_zone.
type zoneLine struct {
	Line int      `json:"line_index"`
	Type string   `json:"record_type"`
	Name string   `json:"dname_b64"`
	Data []string `json:"data_b64"`
}

func lines(t *testing.T, zone json.RawMessage) (list []zoneLine) {
	t.Helper()
	if err := json.Unmarshal(zone, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func plain(t *testing.T, text string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// serial is the serial number of a zone.
func serial(t *testing.T, zone json.RawMessage) string {
	t.Helper()
	for _, l := range lines(t, zone) {
		if l.Type == "SOA" {
			return plain(t, l.Data[2])
		}
	}
	t.Fatal("the zone has no SOA record")
	return ""
}

// line is the number of the line with the record of a name.
func line(t *testing.T, zone json.RawMessage, name string) string {
	t.Helper()
	for _, l := range lines(t, zone) {
		if l.Name != "" && strings.HasPrefix(plain(t, l.Name), name) {
			return strconv.Itoa(l.Line)
		}
	}
	t.Fatalf("the zone has nothing called %s", name)
	return ""
}
