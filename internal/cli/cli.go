// Package cli is the command line, one file for each command. Under the names
// uapi, cpapi2, whmapi1 and whmapi0 the program is those commands. serve.go is the only
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
	"slices"
	"strings"
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
	name := filepath.Base(args[0])
	root := rootCommand(std{in, out, errs})
	root.SetArgs(underName(name, args[1:]))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	if err != nil {
		if !isTool(name) {
			name = "latchkey"
		}
		fmt.Fprintf(errs, "%s: %s\n", name, oneLine(err))
		return 1
	}
	return 0
}

func isTool(name string) bool {
	return slices.ContainsFunc(tools, func(t tool) bool { return t.name == name })
}

// underName is what the program is asked to do when it is called by name: one of
// the tools is its own first word, also where a shell asks how to complete it.
func underName(name string, args []string) []string {
	switch {
	case !isTool(name):
		return args
	case len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd):
		return append([]string{args[0], name}, args[1:]...)
	}
	return append([]string{name}, args...)
}

// oneLine is what the user is told of an error.
func oneLine(err error) string {
	text, similar, ok := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	if words := strings.Fields(similar); ok && len(words) > 0 {
		text += ": did you mean " + strings.Join(words, " or ") + "?"
	}
	if strings.HasPrefix(text, "unknown command") && !ok {
		text += ": “latchkey --help” lists those there are"
	}
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

func rootCommand(s std) *cobra.Command {
	root := &cobra.Command{
		Use:           "latchkey",
		Short:         "A server that is compatible with cPanel's public API",
		Long:          "Latchkey is an open server that is compatible with cPanel's public API.",
		Example:       "  latchkey sandbox\n  latchkey uapi --user=demo Tokens list",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: see “%s --help”", err, cmd.CommandPath())
	})
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run a server:"},
		&cobra.Group{ID: "call", Title: "Call functions of the running server:"},
		&cobra.Group{ID: "look", Title: "Look after it:"},
	)
	for _, g := range []struct {
		id       string
		commands []*cobra.Command
	}{
		{"run", []*cobra.Command{sandboxCommand(s), serveCommand(s), configCommand(s)}},
		{"call", []*cobra.Command{apiCommand(s, uapi), apiCommand(s, cpapi2), apiCommand(s, whmapi1), apiCommand(s, whmapi0)}},
		{"look", []*cobra.Command{doctorCommand(s), mailCommand(s), auditCommand(s), compatCommand(s), openapiCommand(s), versionCommand(s)}},
	} {
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID("look")
	root.SetCompletionCommandGroupID("look")
	return root
}

// family is a command that only has others under it.
func family(cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("there is no command “%s %s”: see “%s --help”", cmd.CommandPath(), args[0], cmd.CommandPath())
		}
		return cmd.Help()
	}
	cmd.DisableFlagsInUseLine = true
	return cmd
}
