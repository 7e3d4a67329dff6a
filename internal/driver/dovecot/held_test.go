package dovecot

import (
	"fmt"
	"strings"
	"testing"
)

// TestReadQueue: of a list of Postfix's those that are held are read, and nothing in
// it becomes an argument that is no ID.
func TestReadQueue(t *testing.T) {
	const list = `{"queue_name": "active", "queue_id": "A1", "sender": "a@b.example", "recipients": [{"address": "x@y"}]}
{"queue_name": "hold", "queue_id": "3NdY9g2lz1", "arrival_time": 1, "message_size": 9, "forced_expire": false, "sender": "Ann@B.example", "recipients": []}
{"queue_name": "hold", "queue_id": "BEEF", "sender": "MAILER-DAEMON"}
`
	var got []string
	if err := readQueue(strings.NewReader(list), func(m queued) { got = append(got, m.ID+" "+m.Sender) }); err != nil || fmt.Sprint(got) != "[3NdY9g2lz1 Ann@B.example BEEF MAILER-DAEMON]" {
		t.Errorf("readQueue: %v, %v", got, err)
	}
	for _, bad := range []string{`{"queue_name":"hold","queue_id":"ALL;x"}`, `{"queue_name":"hold","queue_id":"-"}`, `{"queue_name":"hold","queue_id":"../x"}`, `{"queue_name":"hold"}`, `{"queue_name":"hold","queue_id":`, `x`} {
		if err := readQueue(strings.NewReader(bad), func(m queued) { t.Errorf("%s: %v is read", bad, m) }); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// FuzzReadQueue: whatever stands in a list, what is read of it is an ID.
func FuzzReadQueue(f *testing.F) {
	f.Add(`{"queue_name": "hold", "queue_id": "3NdY9g2lz1", "sender": "a@b.example"}`)
	f.Fuzz(func(t *testing.T, list string) {
		_ = readQueue(strings.NewReader(list), func(m queued) {
			if strings.Trim(m.ID, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" || m.ID == "" {
				t.Errorf("the ID %q is read", m.ID)
			}
		})
	})
}
