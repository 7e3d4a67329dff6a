package dovecot

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/google/go-cmp/cmp"
)

// Folders whose names are not as simple as others'.
const (
	drafts = "Entwürfe & Müll"
	japan  = "Arbeit.日本"
	street = "Ablage.Straße + 1"
	late   = "Später.&-mehr"
)

// holding is a mailbox as a mail program sees it: what is in each folder, message by
// message with its flags, and which folders are subscribed.
type holding struct {
	Folders    map[string][]string
	Subscribed []string
}

// add is the holding with one message more.
func (h holding) add(folder, subject string) holding {
	h.Folders = maps.Clone(h.Folders)
	h.Folders[folder] = slices.Sorted(slices.Values(append(slices.Clone(h.Folders[folder]), subject+": []")))
	return h
}

// TestMovedFolders takes a mailbox from the embedded store to Dovecot, back and there
// again: folders by odd names, what is subscribed, and every message with its flags and
// keywords are what they were, whoever has made them.
func TestMovedFolders(t *testing.T) {
	r := newRig(t)
	r.install()
	r.served("embedded")
	r.account("demo", "example.com")
	r.done("Email/add_pop", "email", "newuser", "password", "12345luggage")
	for word, folder := range map[string]string{"odd": drafts, "deep": japan, "street": street, "late": late} {
		r.done("Email/store_filter", "account", "newuser@example.com", "filtername", word,
			"part1", "$header_subject:", "match1", "contains", "val1", word, "action1", "save", "dest1", "INBOX."+folder)
	}
	comes := func(subject string) { r.lmtp(letter(subject, "text\r\n"), "newuser@example.com") }
	for _, subject := range []string{"plain-1", "odd-1", "deep-1"} {
		comes(subject)
	}

	r.startMail()
	r.served("auto")
	c := r.login("newuser@example.com", "12345luggage")
	want := holding{
		Folders:    map[string][]string{"INBOX": {"plain-1: []"}, drafts: {"odd-1: []"}, japan: {"deep-1: []"}},
		Subscribed: []string{japan, drafts},
	}
	heldAs(t, "for Dovecot", c, want)
	r.must(c.Create(street, nil).Wait())
	r.must(c.Subscribe(street).Wait())
	r.must(c.Unsubscribe(japan).Wait())
	imapAppend(t, c, street, letter("kept", "text\r\n"), "\\Seen", "\\Flagged", "$Forwarded", "Wichtig")
	_, err := c.Select(drafts, nil).Wait()
	r.must(err)
	r.must(c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{"\\Answered", "\\Draft", "$Label1"}}, nil).Close())
	want.Folders[street] = []string{"kept: [$Forwarded Wichtig \\Flagged \\Seen]"}
	want.Folders[drafts] = []string{"odd-1: [$Label1 \\Answered \\Draft]"}
	want.Subscribed = []string{street, drafts}
	heldAs(t, "after what a mail program did", c, want)
	r.must(c.Logout().Wait())

	r.served("embedded")
	for _, subject := range []string{"plain-2", "odd-2", "deep-2", "street-2", "late-2"} {
		comes(subject)
	}
	list := string(r.done("Mailboxes/get_mailbox_status_list", "account", "newuser@example.com").Data)
	for folder, messages := range map[string]int{"": 2, "." + drafts: 2, "." + japan: 2, "." + street: 2, "." + late: 1} {
		if word := fmt.Sprintf(`"mailbox":"INBOX%s","messages":%d`, folder, messages); !strings.Contains(list, word) {
			t.Errorf("the server lists %s, which should have %s", list, word)
		}
	}

	r.served("auto")
	c = r.login("newuser@example.com", "12345luggage")
	defer c.Close()
	want.Subscribed = []string{street, drafts, late}
	heldAs(t, "for Dovecot again", c, want.add("INBOX", "plain-2").add(drafts, "odd-2").add(japan, "deep-2").add(street, "street-2").add(late, "late-2"))
}

// served has the mailboxes served by a driver: by a new server.
func (r *rig) served(driver string) {
	r.t.Helper()
	if r.server != nil {
		r.server.end(syscall.SIGTERM)
	}
	r.driver = driver
	r.startServer()
}

func imapAppend(t *testing.T, c *imapclient.Client, folder, message string, flags ...imap.Flag) {
	t.Helper()
	w := c.Append(folder, int64(len(message)), &imap.AppendOptions{Flags: flags})
	_, err := w.Write([]byte(message))
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		_, err = w.Wait()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// heldAs compares what a mail program sees.
func heldAs(t *testing.T, when string, c *imapclient.Client, want holding) {
	t.Helper()
	is := holding{Folders: make(map[string][]string)}
	all, err := c.List("", "*", nil).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range letters(t, c, f.Mailbox) {
			slices.Sort(m.Flags)
			_, subject, _ := strings.Cut(text(m), "Subject: ")
			subject, _, _ = strings.Cut(subject, "\r\n")
			m.Flags = slices.DeleteFunc(m.Flags, func(f imap.Flag) bool { return f == "\\Recent" })
			is.Folders[f.Mailbox] = append(is.Folders[f.Mailbox], fmt.Sprint(subject, ": ", m.Flags))
		}
		slices.Sort(is.Folders[f.Mailbox])
	}
	subscribed, err := c.List("", "*", &imap.ListOptions{SelectSubscribed: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range subscribed {
		is.Subscribed = append(is.Subscribed, f.Mailbox)
	}
	slices.Sort(is.Subscribed)
	if diff := cmp.Diff(want, is); diff != "" {
		t.Errorf("%s the mailbox is another (-want +got):\n%s", when, diff)
	}
}
