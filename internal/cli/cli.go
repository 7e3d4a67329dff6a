// Package cli is the command line, one file for each command. Under the names
// uapi, cpapi2 and whmapi1 the program is those commands. serve.go is the only
// place where the house is wired. Start at [Main].
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
)

// std is where a command reads and writes.
type std struct {
	in       io.Reader
	out, err io.Writer
}

// exitCode ends the program with a status that is no failure of its own.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

// Main runs the command line and returns the status to exit with. Errors are
// one line, with what to do next.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := std{in, out, errs}
	root := rootCommand(s)
	switch name := filepath.Base(args[0]); name {
	case "uapi", "cpapi2", "whmapi1":
		root.SetArgs(append([]string{name}, args[1:]...))
	default:
		root.SetArgs(args[1:])
	}
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	if err != nil {
		fmt.Fprintf(errs, "latchkey: %v\n", err)
		return 1
	}
	return 0
}

func rootCommand(s std) *cobra.Command {
	root := &cobra.Command{
		Use:           "latchkey",
		Short:         "A server that is compatible with cPanel's public API",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		sandboxCommand(s), serveCommand(s),
		apiCommand(s, uapi), apiCommand(s, cpapi2), apiCommand(s, whmapi1),
		auditCommand(s), openapiCommand(s), doctorCommand(s), configCommand(s), versionCommand(s),
	)
	return root
}
