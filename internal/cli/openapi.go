package cli

import "github.com/spf13/cobra"

func openapiCommand(s std) *cobra.Command { return &cobra.Command{Use: "openapi", Hidden: true} }
func doctorCommand(s std) *cobra.Command  { return &cobra.Command{Use: "doctor", Hidden: true} }
