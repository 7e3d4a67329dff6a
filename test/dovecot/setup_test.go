package dovecot

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// files are the texts of the files of Dovecot and Postfix.
func (r *rig) files() map[string]string {
	r.t.Helper()
	texts := make(map[string]string)
	for _, path := range []string{r.path("dovecot", "dovecot.conf"), r.path("dovecot", "latchkey-sql.conf.ext"), r.path("postfix", "main.cf"), r.path("postfix", "master.cf"), r.path("postfix", "latchkey", "aliases.cf")} {
		text, err := os.ReadFile(path)
		if err == nil {
			texts[path] = string(text)
		}
	}
	return texts
}

func same(a, b map[string]string) bool {
	for path, text := range a {
		if b[path] != text {
			return false
		}
	}
	return len(a) == len(b)
}

// TestSetup: a setup tells what it changes, changes nothing a second time, leaves
// everything as it was where it fails, and can be undone.
func TestSetup(t *testing.T) {
	r := newRig(t)
	r.prepare()
	fresh := r.files()
	said := r.tool(nil, "mail", "setup", "--dry-run", "--config", r.path("none.toml"))
	if !strings.Contains(said, "Changes "+r.path("postfix", "main.cf")) || !strings.Contains(said, "+ virtual_transport = ") || !same(fresh, r.files()) {
		t.Errorf("a setup that is only told:\n%s", said)
	}
	local := r.path("dovecot", "latchkey.d", "local.conf")
	r.write("this is no setting\n", "dovecot", "latchkey.d", "local.conf")
	if said := r.tool(errFails, "mail", "setup", "--config", r.path("none.toml")); !strings.Contains(said, "refused by Dovecot") || !same(fresh, r.files()) {
		t.Errorf("a setup that Dovecot refuses has changed something, or does not say so:\n%s", said)
	}
	r.must(os.Remove(local))
	said = r.tool(nil, "mail", "setup", "--config", r.path("none.toml"))
	if !strings.Contains(said, "Not tried") || same(fresh, r.files()) {
		t.Errorf("a setup of programs that do not run:\n%s", said)
	}
	set := r.files()
	r.startMail()
	if said = r.tool(nil, "mail", "setup", "--config", r.path("none.toml")); !strings.Contains(said, "No file has to change.") || !strings.Contains(said, "Tried: ") || !same(set, r.files()) {
		t.Errorf("the second time:\n%s", said)
	}
	if said := r.tool(nil, "doctor", "--config", r.path("none.toml")); !strings.Contains(said, "is delivered by Dovecot, which lets its owner in") {
		t.Errorf("the doctor says:\n%s", said)
	}
	if said := r.tool(nil, "doctor", "--config", r.path("none.toml")); !strings.Contains(said, "can send at port 465") {
		t.Errorf("the doctor says of port 465:\n%s", said)
	}
	// Somebody's own setting has Postfix throw everything away: the trial finds it.
	main, err := os.ReadFile(r.path("postfix", "main.cf"))
	r.must(err)
	r.must(os.WriteFile(r.path("postfix", "main.cf"), append(main, "canonical_maps = static:nobody@nowhere.invalid\n"...), 0o644))
	bad := r.files()
	if said := r.tool(errFails, "mail", "setup", "--config", r.path("none.toml")); !strings.Contains(said, "all files are again what they were") || !same(bad, r.files()) {
		t.Errorf("a setup that does not work:\n%s", said)
	}
	r.must(exec.Command("postfix", "-c", r.path("postfix"), "reload").Run())
	r.tool(nil, "mail", "setup", "--undo", "--config", r.path("none.toml"))
	if !same(fresh, r.files()) {
		t.Error("what was undone is not what was before")
	}
}
