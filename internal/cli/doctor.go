package cli

import "github.com/spf13/cobra"

func doctorCommand(s std) *cobra.Command { return &cobra.Command{Use: "doctor", Hidden: true} }
