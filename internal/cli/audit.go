package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/wire"
)

func auditCommand(s std) *cobra.Command {
	cmd := family(&cobra.Command{Use: "audit", Short: "Read and check the audit trail of the running server"})
	var user, output string
	list := &cobra.Command{
		Use:   "list",
		Short: "List every call and every refusal, oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("there is no output format %q: use text or json", output)
			}
			text, err := askServer(cmd.Context(), http.MethodGet, "/audit?"+url.Values{"user": {user}}.Encode(), nil)
			if err != nil {
				return err
			}
			if output == "json" {
				_, err := s.out.Write(text)
				return err
			}
			return printEvents(s, text)
		},
	}
	list.Flags().StringVar(&user, "user", "", "only this account's")
	list.Flags().StringVar(&output, "output", "text", "text or json (one object a line)")
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
	cmd.AddCommand(list, verify)
	return cmd
}

func printEvents(s std, lines []byte) error {
	in := bufio.NewScanner(bytes.NewReader(lines))
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var e wire.AuditLine
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return err
		}
		detail := strings.Join(e.Values, " ")
		if e.Reason != "" {
			detail = strings.TrimSpace(detail + " (" + e.Reason + ")")
		}
		fmt.Fprintf(s.out, "%s  %-12s %-8s %-10s %-15s %-34s %-16s %6dµs  %s\n", e.At, e.Account, e.By, e.Token, e.From, e.Func, e.Outcome, e.Micros, detail)
	}
	return in.Err()
}
