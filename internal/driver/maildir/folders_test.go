package maildir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/latchkey/latchkey/internal/driver/maildir"
	"github.com/latchkey/latchkey/internal/hosting/mailsearch"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// put makes files of a mailbox.
func put(t *testing.T, box string, texts map[string]string) {
	t.Helper()
	for name, text := range texts {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(box, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(box, name), []byte(text), 0o600))
	}
}

func TestFolders(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	box := filepath.Join(mail, domain, "bob")
	put(t, box, map[string]string{
		"new/1.a,S=100,W=110":           "x",
		"cur/2.b:2,S":                   "a\nb\r\nc\n",
		".Sent/cur/3.c,S=7:2,":          "a\n\nb\n\n!",
		".Sent/dovecot-uidlist":         "3 V1700000000 N2 G2550860f0c58d158c92a000044f0d230\n1 :3.c\n",
		".Entw&APw-rfe.a&-b/cur/.keep":  "",
		".b&AAA-roken/new/4.d,S=1,W=1":  "x",
		".Plain/dovecot-uidlist":        "3 Gnot-a-guid\n",
		"subscriptions":                 "Sent\n",
		"plain/cur/5.e,S=300000,W=5000": "x",
	})
	must(t, os.Symlink("../eve", filepath.Join(box, ".Link")))
	got, err := s.Folders(t.Context(), alice, domain, "bob")
	must(t, err)
	want := []maildir.Folder{
		{Name: "INBOX", Messages: 2, Bytes: 107, Virtual: 119},
		{Name: "INBOX.Entwürfe.a&b"},
		{Name: "INBOX.Plain"},
		{Name: "INBOX.Sent", GUID: "2550860f0c58d158c92a000044f0d230", Messages: 1, Bytes: 7, Virtual: 11},
		{Name: "INBOX.b&AAA-roken", Messages: 1, Bytes: 1, Virtual: 1},
	}
	seen := map[string]bool{}
	for _, f := range got {
		if len(f.GUID) != 32 || seen[f.GUID] {
			t.Errorf("%s has the GUID %q", f.Name, f.GUID)
		}
		seen[f.GUID] = true
	}
	byName := cmpopts.SortSlices(func(a, b maildir.Folder) bool { return a.Name < b.Name })
	known := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".GUID" }, cmp.Comparer(func(a, b string) bool { return a == "" || b == "" || a == b }))
	if diff := cmp.Diff(want, got, byName, known); diff != "" || got[0].Name != "INBOX" {
		t.Errorf("Folders (-want +got):\n%s", diff)
	}
	again, err := s.Folders(t.Context(), alice, domain, "bob")
	must(t, err)
	if diff := cmp.Diff(got, again, byName); diff != "" {
		t.Errorf("asked again (-want +got):\n%s", diff)
	}
	if _, err := s.Folders(t.Context(), alice, domain, "eve"); latchkey.KindOf(err) != latchkey.NotFound {
		t.Errorf("Folders of no mailbox: %v", err)
	}
}

func TestExpunge(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	box := filepath.Join(mail, domain, "bob")
	put(t, box, map[string]string{
		"new/1.new":           "Subject: one\n\n",
		"cur/2.seen:2,S":      "Subject: two\n\n",
		"cur/3.flagged:2,FS":  "Subject: three\n\n",
		"cur/4.odd:2,S":       "no message at all",
		".Trash/cur/5.x:2,ST": "Subject: one\n\n",
		"maildirsize":         "0S\n60 4\n",
	})
	old := time.Now().Add(-30 * 24 * time.Hour)
	must(t, os.Chtimes(filepath.Join(box, "cur/3.flagged:2,FS"), old, old))
	expunge := func(folder, query string, want int64) {
		t.Helper()
		q, err := mailsearch.Parse(query, time.Now())
		must(t, err)
		gone, err := s.Expunge(t.Context(), alice, domain, "bob", func(f maildir.Folder) bool { return f.Name == folder }, q)
		if gone.Messages != want || err != nil {
			t.Errorf("Expunge(%s, %s) = %+v, %v, want %d messages", folder, query, gone, err, want)
		}
		if want > 0 && gone.DiskBytes <= 0 {
			t.Errorf("Expunge(%s, %s) = %+v: nothing on disk", folder, query, gone)
		}
	}
	expunge("INBOX", "savedbefore 1d", 0) // it came into its folder just now
	expunge("INBOX", "before 1d unseen", 0)
	expunge("INBOX", "before 1d", 1)
	expunge("INBOX", "subject one", 1)
	expunge("INBOX", "seen subject t", 1)
	if diff := cmp.Diff([]string{".Trash/cur/5.x:2,ST", "cur/4.odd:2,S"}, files(t, box)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	expunge("INBOX.Trash", "all", 1)
	for _, folder := range []string{"INBOX.None", "", "../bob", "INBOX.", ".Trash", "*"} {
		_, err := s.Expunge(t.Context(), alice, domain, "bob", func(f maildir.Folder) bool { return f.Name == folder }, mailsearch.Query{})
		if latchkey.KindOf(err) != latchkey.NotFound {
			t.Errorf("Expunge(%q): %v", folder, err)
		}
	}
	wantUsage(t, s, "bob", int64(len("no message at all")), 1)
}

func TestLongHeader(t *testing.T) {
	s, mail := open(t)
	must(t, s.Create(t.Context(), alice, domain, "bob"))
	put(t, filepath.Join(mail, domain, "bob"), map[string]string{"cur/1.long:2,S": "X: " + strings.Repeat("y", 1<<20) + "\nSubject: far\n\n"})
	q, err := mailsearch.Parse("subject far", time.Now())
	must(t, err)
	if gone, err := s.Expunge(t.Context(), alice, domain, "bob", func(maildir.Folder) bool { return true }, q); gone.Messages != 0 || err != nil {
		t.Errorf("a header of a megabyte: %+v, %v", gone, err)
	}
}
