package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/wire"
)

func auditCommand(s std) *cobra.Command {
	cmd := family(&cobra.Command{Use: "audit", Short: "Read and check the audit trail of the running server"})
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Check that nothing was taken out of the trail or changed in it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := askServer(cmd.Context(), http.MethodGet, "/audit/verify", nil)
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
			if v.Copied == 0 {
				fmt.Fprintln(s.out, "There is no copy of its head: whether its end was cut off cannot be told.")
			}
			return nil
		},
	}
	cmd.AddCommand(auditList(s), verify)
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
