package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/latchkey/latchkey/internal/config"
	"github.com/latchkey/latchkey/internal/hosting"
)

// state is how it stands with one thing.
type state string

const (
	good    state = "ok"
	note    state = "note"    // worth knowing; nothing has to be done
	problem state = "problem" // something has to be done
)

// finding is what a check found. Do is what to do about it; "" if nothing.
type finding struct {
	Check string `json:"check"`
	State state  `json:"state"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"`
}

// doctor looks at the machine and at the server's state on it. It changes
// nothing, but for a file that it makes and removes to see what the file system
// can do.
type doctor struct {
	config config.Config
	now    time.Time
	uid    int

	// What the system says; tests say otherwise.
	statfs func(path string) (unix.Statfs_t, error)
	limit  func() (uint64, error)
	synced func() (bool, error)
}

func newDoctor(c config.Config) *doctor {
	return &doctor{config: c, now: time.Now(), uid: os.Geteuid(), statfs: statfs, limit: descriptors, synced: clockSynced}
}

func doctorCommand(s std) *cobra.Command {
	var path, output string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is here, what is missing and what to do",
		Long: "Look at this machine and at the server's state on it, and tell what is here, what is missing and what to do.\n" +
			"The exit status is 1 if something must be done.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("there is no output format %q: use text or json", output)
			}
			return consult(s, path, output)
		},
	}
	cmd.Flags().StringVar(&path, "config", config.DefaultPath, "the configuration file")
	cmd.Flags().StringVar(&output, "output", "text", "text or json")
	return cmd
}

func consult(s std, path, output string) error {
	found := []finding{{"configuration", good, path + " is understood", ""}}
	if _, err := os.Stat(path); err != nil {
		found[0].Text = path + " is not there: defaults and the environment count"
	}
	c, err := config.Load(path, os.LookupEnv)
	if err != nil {
		found[0] = finding{"configuration", problem, oneLine(err), "mend it; “latchkey config example” has every setting"}
	} else {
		found = append(found, newDoctor(c).look()...)
	}
	return report(s, output, found)
}

// findingsOf looks at the machine for the administrator's page, as doctor does.
func findingsOf(c config.Config) func(context.Context) []hosting.Finding {
	return func(context.Context) []hosting.Finding {
		found := newDoctor(c).look()
		list := make([]hosting.Finding, len(found))
		for i, f := range found {
			list[i] = hosting.Finding{Part: f.Check, State: string(f.State), Text: f.Text, Do: f.Do}
		}
		return list
	}
}

// look makes every check.
func (d *doctor) look() []finding {
	var all []finding
	for _, check := range []struct {
		name string
		look func() []finding
	}{
		{"system", d.system},
		{"data directory", d.dataDirectory},
		{"keys", d.keys},
		{"server", d.server},
		{"ports", d.ports},
		{"name server", d.nameServer},
		{"sites", d.sites},
		{"autossl", d.autoSSL},
		{"mail", d.mail},
		{"certificate", d.certificate},
		{"proxies", d.proxies},
		{"notices", d.notices},
		{"clock", d.clock},
		{"disk", d.disk},
		{"file system", d.fileSystem},
		{"descriptors", d.descriptors},
	} {
		for _, f := range check.look() {
			f.Check = check.name
			all = append(all, f)
		}
	}
	return all
}

// report prints what was found, and is status 1 if there is a problem.
func report(s std, output string, found []finding) error {
	problems := 0
	for _, f := range found {
		if f.State == problem {
			problems++
		}
	}
	var err error
	if output == "json" {
		e := json.NewEncoder(s.out)
		e.SetEscapeHTML(false)
		err = e.Encode(map[string]any{"ok": problems == 0, "findings": found})
	} else {
		err = printFindings(s, found, problems)
	}
	if err == nil && problems > 0 {
		return exitCode(1)
	}
	return err
}

func printFindings(s std, found []finding, problems int) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, f := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.Check, strings.TrimSpace(f.Text))
		if f.Do != "" {
			fmt.Fprintf(w, "\t\t→ %s\n", f.Do)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	verdict := "All is well."
	switch {
	case problems == 1:
		verdict = "One thing must be done."
	case problems > 1:
		verdict = fmt.Sprintf("%d things must be done.", problems)
	}
	_, err := fmt.Fprintf(s.out, "\n%s\n", verdict)
	return err
}

func fine(format string, args ...any) finding {
	return finding{State: good, Text: fmt.Sprintf(format, args...)}
}

func remark(do, format string, args ...any) finding {
	return finding{State: note, Text: fmt.Sprintf(format, args...), Do: do}
}

func trouble(do, format string, args ...any) finding {
	return finding{State: problem, Text: fmt.Sprintf(format, args...), Do: do}
}
