package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/wire"
)

func compatCommand(s std) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "compat",
		Short: "List the functions that clients asked for and that are not here",
		Long: "List the functions that clients asked for and that are not here, the one most asked for first, with how often, by which clients and when last, and whether the public documentation has them: what it has is not built here yet. " +
			"Only calls with good credentials count, and no value of an argument is kept. whmapi1 latchkey_missing has the same.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("there is no output format %q: use text or json", output)
			}
			list, err := askMissing(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				return json.NewEncoder(s.out).Encode(list)
			}
			return printMissing(s, list)
		},
	}
	cmd.Flags().StringVar(&output, "output", "text", "text or json")
	return cmd
}

// missed is one function as the server tells of it.
type missed struct {
	API   string `json:"api"`
	Name  string `json:"name"`
	Count int64  `json:"count"`
	First int64  `json:"first"`
	Last  int64  `json:"last"`
	// Documented is whether the public documentation has it: it is not built yet,
	// rather than a name there is nowhere. It is nil where that is not known.
	Documented *int `json:"documented"`
	Clients    []struct {
		Client string `json:"client"`
		Count  int64  `json:"count"`
	} `json:"clients"`
}

// documented is the word for it.
func (m *missed) documented() string {
	switch {
	case m.Documented == nil:
		return "-"
	case *m.Documented == 1:
		return "yes"
	}
	return "no"
}

func askMissing(ctx context.Context) ([]missed, error) {
	body, err := json.Marshal(wire.Say{API: whmapi1.api, User: "root", Func: "latchkey_missing"})
	if err != nil {
		return nil, err
	}
	text, err := askServer(ctx, http.MethodPost, "/call", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Missing []missed `json:"missing"`
		} `json:"data"`
		Metadata struct {
			Reason string `json:"reason"`
			Result int    `json:"result"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	if answer.Metadata.Result != 1 {
		return nil, fmt.Errorf("the server does not tell: %s", answer.Metadata.Reason)
	}
	return answer.Data.Missing, nil
}

func printMissing(s std, list []missed) error {
	if len(list) == 0 {
		fmt.Fprintln(s.out, "Nobody has asked for a function that is not here.")
		return nil
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "COUNT\tAPI\tFUNCTION\tDOCUMENTED\tLAST\tCLIENTS")
	for _, m := range list {
		var clients []string
		for _, c := range m.Clients {
			clients = append(clients, fmt.Sprintf("%s (%d)", c.Client, c.Count))
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", m.Count, m.API, m.Name, m.documented(), time.Unix(m.Last, 0).Format(time.DateTime), strings.Join(clients, ", "))
	}
	return w.Flush()
}
