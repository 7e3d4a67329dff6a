package crash

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to look at the store from outside
)

// check compares the server, its store and its files with what the clients
// were told, and notes what it found.
func (w *world) check() {
	w.t.Helper()
	w.checkAccounts()
	w.checkHomes()
	for _, owner := range []string{"demo", "other"} {
		w.checkBoxes(owner)
		w.checkTokens(owner)
	}
	w.checkRolling()
	w.checkMessages()
	w.checkStore()
	w.checkTrail()
}

// missed is a change that was acknowledged and is not there, or one that is
// there by half.
func (w *world) missed(format string, args ...any) {
	w.t.Helper()
	w.lost++
	w.t.Errorf(format, args...)
}

func (w *world) client(owner string) *client {
	return w.run.account(owner, map[string]string{"demo": w.demo, "other": w.other}[owner])
}

func (w *world) checkAccounts() {
	w.t.Helper()
	var list struct {
		Acct []struct {
			User, Domain string
			Suspended    int
		}
	}
	if err := w.run.host(w.root).call(&list, "listaccts"); err != nil {
		w.t.Fatalf("listaccts: %v", err)
	}
	found := make(map[string]hosted)
	for _, a := range list.Acct {
		found[a.Domain] = hosted{a.User, a.Suspended == 1}
		if w.accounts[a.Domain] == nil {
			w.missed("account %s of %s: nobody asked for it", a.User, a.Domain)
		}
	}
	for domain, a := range w.accounts {
		if !a.allows(found[domain]) {
			w.missed("account of %s is %+v, want %+v or, unanswered, %+v", domain, found[domain], a.sure, a.maybe)
		}
		if a.settle(w, found[domain]); a.sure.name == "" {
			delete(w.accounts, domain)
		}
	}
	w.boxes[rollingBox].owner = found["roll.example"].name
}

// checkHomes holds the homes to the accounts, one for one.
func (w *world) checkHomes() {
	w.t.Helper()
	var want []string
	for _, a := range w.accounts {
		want = append(want, a.sure.name)
	}
	slices.Sort(want)
	if got := w.entries("homes"); !slices.Equal(got, want) {
		w.missed("homes are %v, want one for each account: %v", got, want)
	}
	for _, a := range w.accounts {
		got := w.entries("homes", a.sure.name)
		if want := []string{"etc", "logs", "mail", "public_html", "ssl", "tmp"}; !slices.Equal(got, want) {
			w.missed("the home of %s holds %v, want %v", a.sure.name, got, want)
		}
	}
}

// entries are the names in a directory below the data, none if it is not there.
func (w *world) entries(steps ...string) (names []string) {
	list, err := os.ReadDir(filepath.Join(append([]string{w.dir}, steps...)...))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Error(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func (w *world) checkBoxes(owner string) {
	w.t.Helper()
	c := w.client(owner)
	var listed []struct {
		Email string
		Quota int64 `json:"_diskquota"`
	}
	if err := c.call(&listed, "Email/list_pops_with_disk"); err != nil {
		w.t.Fatalf("list_pops_with_disk of %s: %v", owner, err)
	}
	quotas := make(map[string]int64)
	for _, l := range listed {
		quotas[l.Email] = l.Quota
		if w.boxes[l.Email] == nil {
			w.missed("mailbox %s: nobody asked for it", l.Email)
		}
	}
	w.checkMaildirs(owner, slices.Sorted(maps.Keys(quotas)))
	verified := 0
	for address, b := range w.boxes {
		if b.owner != owner || !b.touched && b.maybe == nil {
			continue
		}
		b.touched = false
		is := box{}
		if quota, there := quotas[address]; there {
			is = box{true, b.sure.password, quota}
			if b.sure.password == "" || b.maybe != nil && b.maybe.there && b.maybe.password != b.sure.password ||
				b.sure.password != startPassword && verified < 4 {
				verified++
				is.password = w.passwordOf(c, address, b)
			}
		}
		if !b.allows(is) {
			w.missed("mailbox %s is %+v, want %+v or, unanswered, %+v", address, is, b.sure, b.maybe)
		}
		if b.settle(w, is); !is.there {
			delete(w.boxes, address)
		}
	}
	for address, b := range w.boxes {
		if _, there := quotas[address]; b.owner == owner && !there {
			w.missed("mailbox %s is not listed", address)
		}
	}
}

// passwordOf is the password that opens a mailbox: the one that was last
// acknowledged, or the one that was asked for since.
func (w *world) passwordOf(c *client, address string, b *mailbox) string {
	tries := []string{b.sure.password}
	if b.maybe != nil {
		tries = append(tries, b.maybe.password)
	}
	for _, secret := range tries {
		var ok int
		if secret == "" {
			continue
		}
		if err := c.call(&ok, "Email/verify_password", "email", address, "password", secret); err != nil {
			w.t.Errorf("verify_password of %s: %v", address, err)
		}
		if ok == 1 {
			return secret
		}
	}
	return "none that anybody knows"
}

// checkMaildirs holds the directory of an account's mail to its mailboxes, one
// for one and each complete.
func (w *world) checkMaildirs(owner string, listed []string) {
	w.t.Helper()
	var found []string
	for _, domain := range w.entries("homes", owner, "mail") {
		for _, user := range w.entries("homes", owner, "mail", domain) {
			found = append(found, user+"@"+domain)
			parts := w.entries("homes", owner, "mail", domain, user)
			if want := []string{"cur", "new", "tmp"}; !slices.Equal(parts, want) {
				w.missed("mail/%s/%s of %s holds %v, want %v", domain, user, owner, parts, want)
			}
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, listed) {
		w.missed("mailboxes of %s on the disk are\n%v, listed are\n%v", owner, found, listed)
	}
}

func (w *world) checkRolling() {
	w.t.Helper()
	w.checkMaildirs(w.boxes[rollingBox].owner, []string{rollingBox})
}

func (w *world) checkTokens(owner string) {
	w.t.Helper()
	var rows []struct{ Name string }
	if err := w.client(owner).call(&rows, "Tokens/list"); err != nil {
		w.t.Fatalf("Tokens::list of %s: %v", owner, err)
	}
	listed := make(map[string]bool)
	for _, r := range rows {
		listed[r.Name] = true
	}
	r := chance(3, uint64(len(w.tokens)))
	for _, k := range w.tokens {
		if k.owner != owner {
			continue
		}
		is := k.name.sure
		if k.name.maybe != nil && (is == "" || !listed[is]) {
			is = *k.name.maybe
		}
		if is != "" && !listed[is] {
			if is = ""; !k.name.allows("") {
				w.missed("token %q of %s is not listed", k.name.sure, owner)
			}
		}
		delete(listed, is)
		touched := k.touched || k.name.maybe != nil
		k.name.settle(w, is)
		if k.text != "" && (touched || r.IntN(20) == 0) {
			w.checkToken(k)
		}
		k.touched = false
	}
	for name := range listed {
		w.missed("token %q of %s is listed: it was revoked, renamed or never asked for", name, owner)
	}
	w.tokens = slices.DeleteFunc(w.tokens, func(k *token) bool { return k.name.sure == "" && k.name.maybe == nil && r.IntN(4) != 0 })
}

// checkToken tries a token's secrets: they open its account as long as it has a
// name, the one of before only if it was to work on.
func (w *world) checkToken(k *token) {
	w.t.Helper()
	there := k.name.sure != ""
	switch opens, err := w.opens(k.owner, k.text); {
	case err != nil || opens && !there || !opens && there && !k.ended:
		w.missed("token %q of %s: its secret opens it: %t (%v)", k.name.sure, k.owner, opens, err)
	case !opens && there:
		k.text = "" // the rotation that was not answered has happened
	}
	if k.old == "" {
		return
	}
	if opens, err := w.opens(k.owner, k.old); err != nil || opens != (there && k.oldWorks) {
		w.missed("token %q of %s: the secret before opens it: %t, want %t (%v)", k.name.sure, k.owner, opens, there && k.oldWorks, err)
	}
}

// opens reports whether a secret opens an account; there must be an answer.
func (w *world) opens(owner, text string) (bool, error) {
	err := w.run.account(owner, text).call(nil, "Quota/get_quota_info")
	if refused, ok := errors.AsType[*refusal](err); ok && refused.code == 401 {
		return false, nil
	}
	return err == nil, err
}

// checkMessages looks for every acknowledged message as a file, whole.
func (w *world) checkMessages() {
	w.t.Helper()
	halves := 0
	for address, b := range w.boxes {
		local, domain, _ := strings.Cut(address, "@")
		steps := []string{"homes", b.owner, "mail", domain, local}
		halves += len(w.entries(append(steps, "tmp")...))
		files := make(map[string]bool)
		for _, name := range w.entries(append(steps, "new")...) {
			if files[name] = true; !b.seen[name] {
				w.checkMessage(b, address, filepath.Join(append([]string{w.dir}, append(steps, "new", name)...)...))
			}
		}
		for name := range b.seen {
			if !files[name] {
				w.missed("message %s of %s is gone", name, address)
			}
		}
		for text, acknowledged := range b.messages {
			if acknowledged {
				w.missed("message %.40q to %s was acknowledged and is not there", text, address)
			}
		}
		clear(b.messages)
		b.seen = files
	}
	// What a crash leaves in tmp is cleared away after 36 hours, by the
	// convention of Maildirs: another program could still be writing it.
	if halves > w.halves {
		w.missed("%d files stand in tmp, %d deliveries had no answer", halves, w.halves)
	}
}

func (w *world) checkMessage(b *mailbox, address, file string) {
	w.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Error(err)
		return
	}
	_, message, _ := strings.Cut(string(text), "Delivered-To: "+address+"\n")
	acknowledged, sent := b.messages[message]
	if !sent {
		w.missed("%s: nobody sent this, or it is here twice: %.80q", filepath.Base(file), text)
	}
	if sent && !acknowledged {
		w.unanswered++
		w.happened++
	}
	delete(b.messages, message)
}

// checkStore looks into the store itself: nothing is under way, and nothing
// stands alone.
func (w *world) checkStore() {
	w.t.Helper()
	for _, what := range unsound(w.t, w.dir) {
		w.missed("%s", what)
	}
	w.checkFiles()
}

// unsound is what should not be in the store of a server at rest.
func unsound(t *testing.T, dir string) (found []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "latchkey.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, none := range []struct{ what, query string }{
		{"intents", `SELECT count(*) FROM intent`},
		{"accounts that are not ready", `SELECT count(*) FROM account WHERE stage <> 1`},
		{"mailboxes that are not ready", `SELECT count(*) FROM mailbox WHERE stage <> 1`},
		{"wrong counts of mailboxes", `SELECT count(*) FROM account a WHERE mailboxes <> (SELECT count(*) FROM mailbox WHERE account_id = a.id)`},
		{"mailboxes without an account", `SELECT count(*) FROM mailbox WHERE account_id NOT IN (SELECT id FROM account)`},
		{"domains without an account", `SELECT count(*) FROM domain WHERE account_id NOT IN (SELECT id FROM account)`},
		{"tokens without an account", `SELECT count(*) FROM token WHERE account_id NOT IN (SELECT id FROM account)`},
		{"tokens with one number", `SELECT count(*) - count(DISTINCT id) FROM token`},
		{"damaged pages", `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`},
	} {
		var n int
		if err := db.QueryRow(none.query).Scan(&n); err != nil {
			t.Fatalf("%s: %v", none.what, err)
		}
		if n != 0 {
			found = append(found, fmt.Sprintf("the store has %d %s, want none", n, none.what))
		}
	}
	return found
}

// checkFiles looks for what should not be left behind anywhere in the data.
func (w *world) checkFiles() {
	w.t.Helper()
	known := []string{
		"audit.head", "audit.head.new", "ca.key", "ca.pem", "homes", "latchkey.db", "latchkey.db-shm", "latchkey.db-wal", "latchkey.db.reserve",
		"latchkey.sock", "lock", "server.key", "server.pem", "token.key",
	}
	for _, name := range w.entries() {
		if !slices.Contains(known, name) {
			w.missed("%s is left behind in the data", name)
		}
	}
	err := filepath.WalkDir(filepath.Join(w.dir, "homes"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".") {
			w.missed("%s is left behind", strings.TrimPrefix(path, w.dir))
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
}

// checkTrail holds the audit trail to the acknowledged changes: each has an
// event, and the chain is whole.
func (w *world) checkTrail() {
	w.t.Helper()
	if out, err := w.run.tool("audit", "verify"); err != nil {
		w.missed("audit verify: %v %s", err, out)
	}
	text, err := w.run.tool("audit", "list", "--output=json")
	if err != nil {
		w.t.Fatal(err)
	}
	found := make(map[string]int)
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Func, Outcome, Reason string
			Values                []string
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			w.t.Fatalf("%v: %.200s", err, lines.Text())
		}
		if e.Outcome == "ok" && len(e.Values) > 0 && !strings.HasSuffix(e.Reason, "begun") {
			found[e.Func+"|"+e.Values[0]]++
		}
	}
	for event, want := range w.events {
		if found[event] < want {
			w.missed("the trail has %d events %q, want %d", found[event], event, want)
		}
	}
}
