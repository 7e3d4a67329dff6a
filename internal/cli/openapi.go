package cli

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/module"
	"github.com/latchkey/latchkey/internal/module/whm"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/internal/wire/openapi"
)

func openapiCommand(s std) *cobra.Command {
	var output, docs string
	cmd := &cobra.Command{
		Use:     "openapi",
		Short:   "Print the description of every function, OpenAPI 3.1",
		Long:    "Print the description of every function as OpenAPI 3.1 (JSON). No server has to run.",
		Example: "  latchkey openapi --output openapi.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if docs != "" {
				return writePages(docs, book().Pages())
			}
			text, err := book().JSON()
			if err != nil {
				return err
			}
			if output != "" {
				return os.WriteFile(output, text, 0o644)
			}
			_, err = s.out.Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&output, "output", "", "write to this file instead")
	cmd.Flags().StringVar(&docs, "docs", "", "write the pages of the functions (Markdown) into this directory instead")
	return cmd
}

// book is every function of the house, to be described.
func book() openapi.Book {
	calls := &call.Service{}
	b := openapi.Book{Functions: registry(calls).All(), Modules: map[string]string{whm.Module.Name: whm.Module.Doc}, Version: wire.APILevel}
	for _, m := range module.Account(calls.Nested, calls.FeaturesOf) {
		b.Modules[m.Name] = m.Doc
	}
	return b
}

// writePages makes dir hold these pages and no others.
func writePages(dir string, pages map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, ok := pages[filepath.Base(path)]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
