package hostile

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/estate"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/notice"
	"github.com/latchkey/latchkey/internal/store"
)

// sink is where mail goes that leaves: it looks at the envelope.
type sink struct{ t *testing.T }

func (s sink) Send(_ context.Context, m *notice.Message) error {
	header, _, _ := strings.Cut(string(m.Raw), "\r\n\r\n")
	if strings.HasPrefix(m.To, "-") || strings.ContainsAny(m.To, " \r\n|\x00") || strings.Contains(header, "\r\nBcc:") {
		s.t.Errorf("mail to %q leaves with the header\n%s", m.To, header)
	}
	return nil
}

// mailCalls are calls that say what is done with mail; HERE is where a hostile
// text goes, and there is one in each argument.
var mailCalls = map[string][]string{
	"add_forwarder":        {"email", "domain", "fwdopt", "fwdemail", "failmsgs"},
	"delete_forwarder":     {"address", "forwarder"},
	"set_default_address":  {"domain", "fwdopt", "fwdemail", "failmsgs"},
	"add_domain_forwarder": {"domain", "destdomain"},
	"add_auto_responder":   {"email", "domain", "from", "subject", "body", "charset", "interval", "start", "stop"},
	"get_auto_responder":   {"email"},
	"store_filter":         {"account", "filtername", "oldfiltername", "match_type", "part1", "match1", "val1", "opt1", "part2", "val2", "action1", "dest1", "action2", "dest2"},
	"reorder_filters":      {"mailbox", "filter1", "filter"},
	"delete_filter":        {"account", "filtername"},
	"disable_filter":       {"account", "filtername"},
	"trace_filter":         {"account", "msg"},
	"list_forwarders":      {"domain", "regex"},
	"list_auto_responders": {"domain", "regex"},

	"get_client_settings":      {"account"},
	"dispatch_client_settings": {"account", "to"},
	"get_webmail_settings":     {"account"},
	"browse_mailbox":           {"account", "dir"},
	"trace_delivery":           {"recipient"},
	"get_held_message_count":   {"email"},
	"delete_held_messages":     {"email"},
}

// good are the values of the arguments that are not attacked.
var good = map[string]string{
	"domain": "example.test", "fwdopt": "fwd", "fwdemail": "x@example.org", "destdomain": "example.org", "from": "a", "subject": "b", "body": "c",
	"part1": "$header_subject:", "match1": "contains", "val1": "x", "part2": "$message_body", "match2": "matches", "val2": "y", "action1": "save", "dest1": "Work",
	"action2": "deliver", "dest2": "x@example.org", "filtername": "f", "email": "box", "address": "box@example.test", "forwarder": "x@example.org", "account": "box@example.test",
	"mailbox": "box@example.test", "filter1": "f", "to": "x@example.org", "dir": "cur", "recipient": "box@example.test", "msg": "Subject: x\n\ny\n",
}

// TestMailRules: whatever is said of what is done with mail, it is refused in
// words or kept as it is and does nothing else; and nobody else's mail is touched.
func TestMailRules(t *testing.T) {
	s := start(t)
	s.Estate.MailOut, s.Estate.Notices.Mailer = sink{t}, sink{t}
	kept, refused := 0, 0
	for _, texts := range payloads {
		for _, text := range texts {
			for _, name := range slices.Sorted(maps.Keys(mailCalls)) { // in an order: what is kept depends on it
				for _, attacked := range mailCalls[name] {
					for _, action := range []string{"save", "deliver", "fail"} {
						if action != "save" && attacked != "dest1" && attacked != "val1" {
							continue
						}
						args := []string{attacked, text}
						for key, value := range good {
							switch {
							case key == "action1":
								value = action
							case key == "filtername" && action == "fail":
								value = "refuses"
							}
							if strings.HasSuffix(key, "2") && (name != "store_filter" || action == "fail") {
								continue
							}
							args = append(args, key, value) // of two the first counts
						}
						res := s.Call(call.UAPI, "alice", "Email", name, args...)
						switch {
						case res.Err == nil:
							kept++
						case res.Err.Kind == latchkey.Internal:
							t.Errorf("%s with %s=%q: %v", name, attacked, text, res.Err)
						default:
							refused++
						}
					}
				}
			}
			s.deliver(t, text)
		}
	}
	t.Logf("%d kept, %d refused", kept, refused)
	if kept < 100 || refused < 100 {
		t.Error("the calls are not what they should be")
	}
	stored(t, s.Dir)
	err := s.Store.Read(t.Context(), func(r store.Reader) error {
		victim, err := r.Account("victim")
		if err != nil {
			return err
		}
		forwarders, err := r.Forwarders(victim.ID, store.Forwarder{}, 0)
		filters, ferr := r.AllFilters(victim.ID)
		responders, rerr := r.Autoresponders(victim.ID)
		domains, derr := r.MailDomains(victim.ID)
		if len(forwarders)+len(filters)+len(responders)+len(domains) > 0 || err != nil || ferr != nil || rerr != nil || derr != nil {
			t.Errorf("the neighbour has %v %v %v %v", forwarders, filters, responders, domains)
		}
		alice, err := r.Account("alice")
		if err != nil {
			return err
		}
		script, err := estate.ScriptOf(r, store.MailPlace{Account: alice.ID, Domain: "example.test", Local: "box"})
		if text := script.Text(); !strings.Contains(text, "reject ") || strings.ContainsAny(text, "\x00\x1b\x7f") {
			t.Errorf("the script is\n%s", head(text))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// deliver delivers a message with the text in its header and body.
func (a *attacked) deliver(t *testing.T, text string) {
	t.Helper()
	box, err := a.Estate.Deliveries().Resolve(t.Context(), hosting.Address{Local: "box", Domain: "example.test"})
	if err != nil {
		return // what was said last has it refused
	}
	message := "Subject: " + text + "\nTo: box@example.test\nMessage-ID: " + text + "\nContent-Type: text/plain; charset=" + text + "\n\n" + text + "\n"
	err = box.Deliver(t.Context(), lmtp.Letter{From: "friend@example.org", To: "box@example.test", Body: func() (io.Reader, error) { return strings.NewReader(message), nil }})
	if err != nil && latchkey.KindOf(err) == latchkey.Internal {
		t.Errorf("a message with %q: %v", text, err)
	}
}
