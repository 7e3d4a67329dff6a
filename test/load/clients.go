package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/emersion/go-smtp"
)

// reader calls what changes nothing.
type reader struct {
	auth, user string
	calls      int
}

var readings = []string{
	quotaInfo, "/execute/Quota/get_local_quota_info", "/execute/Tokens/list", "/execute/Email/list_pops", "/execute/DomainInfo/list_domains",
	"/execute/Features/list_features", "/execute/Locale/get_attributes", "/execute/PasswdStrength/get_required_strength?app=pop",
}

func (r *reader) step(c *connection) error {
	r.calls++
	_, err := c.must(readings[r.calls%len(readings)], r.auth)
	return err
}

func (r *reader) verify(c *connection) error {
	_, err := c.must(quotaInfo, r.auth)
	return err
}

func (r *reader) told() string { return fmt.Sprintf("%s: %d readings", r.user, r.calls) }

// keeper makes tokens, uses them, revokes most of them and keeps the others for
// a while.
type keeper struct {
	auth, user    string
	made          int
	kept, revoked []madeToken // the last of each
}

type madeToken struct{ name, text string }

const maxKept = 100

func (k *keeper) step(c *connection) error {
	k.made++
	t := madeToken{name: fmt.Sprintf("t%d", k.made)}
	body, err := c.must("/execute/Tokens/create_full_access?name="+t.name, k.auth)
	if err != nil {
		return err
	}
	var answer struct{ Data struct{ Token string } }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return err
	}
	t.text = answer.Data.Token
	if err := k.works(c, t); err != nil {
		return err
	}
	if k.made%10 == 0 {
		if k.kept = append(k.kept, t); len(k.kept) <= maxKept {
			return nil
		}
		t, k.kept = k.kept[0], k.kept[1:]
	}
	if _, err := c.must("/execute/Tokens/revoke?name="+t.name, k.auth); err != nil {
		return err
	}
	if k.revoked = append(k.revoked, t); len(k.revoked) > maxKept {
		k.revoked = k.revoked[1:]
	}
	return k.refused(c, t)
}

func (k *keeper) works(c *connection, t madeToken) error {
	if _, err := c.must(quotaInfo, "cpanel "+k.user+":"+t.text); err != nil {
		return fmt.Errorf("the token %s of %s: %w", t.name, k.user, err)
	}
	return nil
}

func (k *keeper) refused(c *connection, t madeToken) error {
	status, body, err := c.ask(quotaInfo, "cpanel "+k.user+":"+t.text)
	if err == nil && (status != http.StatusUnauthorized || !strings.Contains(body, "Access denied")) {
		err = fmt.Errorf("the token %s of %s was revoked and is answered %d %s", t.name, k.user, status, body)
	}
	return err
}

func (k *keeper) verify(c *connection) error {
	body, err := c.must("/execute/Tokens/list", k.auth)
	if err != nil {
		return err
	}
	have, err := tokenNames(body)
	if err != nil {
		return err
	}
	for _, t := range k.kept {
		if !have[t.name] {
			return fmt.Errorf("the token %s of %s was acknowledged and is not there", t.name, k.user)
		}
		if err := k.works(c, t); err != nil {
			return err
		}
	}
	for _, t := range k.revoked {
		if have[t.name] {
			return fmt.Errorf("the token %s of %s was revoked and is there", t.name, k.user)
		}
		if err := k.refused(c, t); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) told() string {
	return fmt.Sprintf("%s: %d tokens made and used, %d of them kept", k.user, k.made, len(k.kept))
}

// postman makes mailboxes, has mail delivered to them and deletes them again.
type postman struct {
	auth, domain string
	mail         string // where the mailboxes are kept
	lmtp         func() string
	steps, sent  int
	boxes        []string       // the newest last
	held         map[string]int // messages of each
}

const (
	maxBoxes    = 8
	perMailbox  = 25
	longMessage = 20_000
)

func (p *postman) step(c *connection) error {
	if p.steps++; p.steps%perMailbox == 1 {
		if err := p.another(c); err != nil {
			return err
		}
	}
	box := p.boxes[p.steps%len(p.boxes)]
	before, err := p.holds(c, box)
	if err != nil {
		return err
	}
	message := "Subject: soak\r\n\r\n" + strings.Repeat("The quick brown fox.\r\n", 1+p.steps*37%(longMessage/22))
	if err := deliver(p.lmtp(), box+"@"+p.domain, message); err != nil {
		return fmt.Errorf("delivering to %s@%s: %w", box, p.domain, err)
	}
	p.held[box]++
	p.sent++
	after, err := p.holds(c, box)
	if size := strings.Count(message, "\n") * 21; err == nil && after < before+int64(size) {
		err = fmt.Errorf("the mailbox %s@%s held %d bytes, took a message of %d and holds %d", box, p.domain, before, size, after)
	}
	return err
}

// another makes a mailbox, and deletes the oldest of too many.
func (p *postman) another(c *connection) error {
	box := fmt.Sprintf("box%d", p.steps)
	if _, err := c.must("/execute/Email/add_pop?email="+box+"&password=correct-horse-9", p.auth); err != nil {
		return err
	}
	p.boxes = append(p.boxes, box)
	if len(p.boxes) <= maxBoxes {
		return nil
	}
	old := p.boxes[0]
	p.boxes = p.boxes[1:]
	delete(p.held, old)
	if _, err := c.must("/execute/Email/delete_pop?email="+old, p.auth); err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(p.mail, old)); !os.IsNotExist(err) {
		return fmt.Errorf("the mailbox %s@%s was deleted and its files are there (%v)", old, p.domain, err)
	}
	return nil
}

// holds is how many bytes a mailbox holds, by the server's word.
func (p *postman) holds(c *connection, box string) (int64, error) {
	body, err := c.must("/execute/Email/list_pops_with_disk?email="+box+"&domain="+p.domain, p.auth)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Data []struct {
			Bytes int64 `json:"_diskused,string"`
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Data) != 1 {
		return 0, fmt.Errorf("list_pops_with_disk of %s answered %s (%v)", box, body, err)
	}
	return answer.Data[0].Bytes, nil
}

func (p *postman) verify(c *connection) error {
	body, err := c.must("/execute/Email/list_pops", p.auth)
	if err != nil {
		return err
	}
	for _, box := range p.boxes {
		if !strings.Contains(body, `"`+box+"@"+p.domain+`"`) {
			return fmt.Errorf("the mailbox %s@%s was acknowledged and is not there", box, p.domain)
		}
		files, err := os.ReadDir(filepath.Join(p.mail, box, "new"))
		if err != nil {
			return err
		}
		if len(files) != p.held[box] {
			return fmt.Errorf("the mailbox %s@%s took %d messages and has %d", box, p.domain, p.held[box], len(files))
		}
	}
	return nil
}

func (p *postman) told() string {
	return fmt.Sprintf("%s: %d messages delivered, %d mailboxes kept", p.domain, p.sent, len(p.boxes))
}

// deliver hands a message over as a mail server does.
func deliver(addr, to, message string) error {
	raw, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	c := smtp.NewClientLMTP(raw)
	defer c.Close()
	if err := c.Mail("sender@example.org", nil); err != nil {
		return err
	}
	if err := c.Rcpt(to, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(message)); err != nil {
		return err
	}
	if _, err := w.CloseWithLMTPResponse(); err != nil {
		return err
	}
	return c.Quit()
}
