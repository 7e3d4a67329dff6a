package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/wire"
)

func auditCommand(s std) *cobra.Command {
	cmd := family(&cobra.Command{Use: "audit", Short: "Read and check the audit trail of the running server"})
	cmd.AddCommand(auditList(s), auditVerify(s), auditExport(s), auditPrune(s))
	return cmd
}

func auditVerify(s std) *cobra.Command {
	var file, key string
	var heads []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that nothing was taken out of the trail or changed in it",
		Long: "Check that nothing was taken out of the trail or changed in it, and name the first record that is not as it was written. " +
			"With --file an export is checked instead, without a server; --key is the server's token.key, without which nobody can tell whether the whole file was made anew.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file != "" {
				return verifyFile(s, file, key)
			}
			return verifyTrail(cmd.Context(), s, heads)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "check this export")
	cmd.Flags().StringVar(&key, "key", "", "with --file: the key file of the server that wrote it")
	cmd.Flags().StringSliceVar(&heads, "head", nil, "also check that the trail has this link, LINK:HASH as the system's log has it")
	return cmd
}

func verifyTrail(ctx context.Context, s std, heads []string) error {
	text, err := askServer(ctx, http.MethodGet, "/audit/verify?"+url.Values{"head": heads}.Encode(), nil)
	if err != nil {
		return err
	}
	var v wire.Verified
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	if !v.OK {
		return fmt.Errorf("the audit trail does not verify: %s", v.Error)
	}
	fmt.Fprintf(s.out, "The audit trail verifies: %d links, %d events.\n", v.Links, v.Events)
	if v.Cut > 0 {
		fmt.Fprintf(s.out, "Its front was cut off by order, up to link %d.\n", v.Cut)
	}
	return nil
}

func verifyFile(s std, file, key string) error {
	var keys *auth.Keys
	if key != "" {
		if _, err := os.Stat(key); err != nil { // a key that is not there would be made
			return err
		}
		var err error
		if keys, err = auth.LoadKeys(key); err != nil {
			return err
		}
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := audit.VerifyExport(f, keys)
	if err != nil {
		return fmt.Errorf("the export does not verify: %s: %w", file, err)
	}
	fmt.Fprintf(s.out, "The export verifies: links %d to %d, %d events, after %d:%x, up to %d:%x.\n",
		found.After.Seq+1, found.Seq, found.Events, found.After.Seq, found.After.Hash, found.Seq, found.Hash)
	if !found.Sealed {
		fmt.Fprintln(s.out, "Its seal was not checked: give the server's key with --key, or compare its ends with the trail.")
	}
	return nil
}

func auditExport(s std) *cobra.Command {
	var since, until string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the trail, or what was written to it in some time, as lines of JSON that can be checked without a server",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := openServer(cmd.Context(), http.MethodGet, "/audit/export?"+url.Values{"since": {since}, "until": {until}}.Encode(), nil)
			if err != nil {
				return err
			}
			defer answer.Close()
			if _, err := io.Copy(s.out, answer); err != nil {
				return fmt.Errorf("the export is not whole, see the server's log and “latchkey audit verify”: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "only what was written from this time on: 2026-11-23, 2026-11-23T12:00:00Z or seconds since 1970")
	cmd.Flags().StringVar(&until, "until", "", "only what was written before this time")
	return cmd
}

func auditPrune(s std) *cobra.Command {
	var before string
	var days int
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Cut off the front of the trail, up to a time; with audit_folder set it is exported there before",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case (before == "") == (days == 0):
				return fmt.Errorf("say up to when: --before 2026-01-01, or --days 365")
			case days < 0:
				return fmt.Errorf("--days must be a number of days")
			case days > 0:
				before = strconv.FormatInt(time.Now().AddDate(0, 0, -days).Unix(), 10)
			}
			text, err := askServer(cmd.Context(), http.MethodPost, "/audit/prune?"+url.Values{"before": {before}}.Encode(), nil)
			if err != nil {
				return err
			}
			var p wire.Pruned
			if err := json.Unmarshal(text, &p); err != nil {
				return err
			}
			switch {
			case p.Error != "":
				return errors.New(p.Error)
			case p.Last == 0:
				fmt.Fprintln(s.out, "There is nothing to cut off.")
				return nil
			}
			fmt.Fprintf(s.out, "Cut off links %d to %d, %d events.\n", p.First, p.Last, p.Events)
			if p.File != "" {
				fmt.Fprintf(s.out, "They stand in %s.\n", p.File)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "cut off what was written before this time: 2026-11-23, 2026-11-23T12:00:00Z or seconds since 1970")
	cmd.Flags().IntVar(&days, "days", 0, "cut off what is older than so many days")
	return cmd
}

func auditList(s std) *cobra.Command {
	var output string
	asked := make(map[string]*string)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List every call and every refusal, oldest first; with --limit the newest of them, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("there is no output format %q: use text or json", output)
			}
			q := url.Values{}
			for name, text := range asked {
				q.Set(name, *text)
			}
			answer, err := openServer(cmd.Context(), http.MethodGet, "/audit?"+q.Encode(), nil)
			if err != nil {
				return err
			}
			defer answer.Close()
			if output == "json" {
				_, err := io.Copy(s.out, answer)
				return err
			}
			return printEvents(s, answer)
		},
	}
	for _, f := range []struct{ flag, param, doc string }{
		{"user", "user", "only this account's"},
		{"token", "token", "only what was called with the token of this handle, or of this name with --user, or done to it"},
		{"function", "function", "only this function (Email::add_pop) or module (Email)"},
		{"resource", "resource", "only what touched such a resource: kind=name, or how its name begins (mailbox=info@, zone=example.com)"},
		{"outcome", "outcome", "only what ended so: ok, refused, failed, or a kind of error"},
		{"from", "address", "only from this address or range"},
		{"since", "since", "only from this time on: 2026-11-23, 2026-11-23T12:00:00Z or seconds since 1970"},
		{"until", "until", "only before this time"},
		{"limit", "limit", "only so many, the newest, newest first"},
	} {
		asked[f.param] = cmd.Flags().String(f.flag, "", f.doc)
	}
	cmd.Flags().StringVar(&output, "output", "text", "text or json (one object a line)")
	return cmd
}

func printEvents(s std, lines io.Reader) error {
	in := json.NewDecoder(lines)
	for {
		var e audit.Line
		if err := in.Decode(&e); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		said := e.Values
		for _, r := range e.On {
			if !slices.Contains(said, r) {
				said = append(said, r)
			}
		}
		detail := strings.Join(said, " ")
		if e.Reason != "" {
			detail = strings.TrimSpace(detail + " (" + e.Reason + ")")
		}
		fmt.Fprintf(s.out, "%s  %-12s %-8s %-10s %-15s %-34s %-16s %6dµs  %s\n", e.At, e.Account, e.By, e.Token, e.From, e.Func, e.Outcome, e.Micros, detail)
	}
}
