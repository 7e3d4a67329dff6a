// Latchkey is an open server that is compatible with cPanel's public API.
package main

import (
	"os"

	"github.com/latchkey/latchkey/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
