package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/config"
)

func configCommand(s std) *cobra.Command {
	cmd := family(&cobra.Command{Use: "config", Short: "Show how the server can be set up"})
	cmd.AddCommand(&cobra.Command{
		Use:   "example",
		Short: "Print a configuration file with every setting explained",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(s.out, config.Example())
			return err
		},
	})
	return cmd
}
