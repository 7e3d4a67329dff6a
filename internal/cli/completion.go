package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// complete tells a shell what may stand where word is: an option, a module, a
// function or a parameter.
func (t tool) complete(args []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.HasPrefix(word, "-") {
		return t.completeOption(word)
	}
	words := named(args, t.words)
	switch {
	case len(words) == t.words:
		return t.completeParam(words, word), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	case t.words == 2 && len(words) == 0:
		return t.completeModule(word), cobra.ShellCompDirectiveNoFileComp
	}
	return t.completeFunction(words, word), cobra.ShellCompDirectiveNoFileComp
}

func (t tool) completeOption(word string) ([]string, cobra.ShellCompDirective) {
	options := []string{"--help"}
	for _, format := range formats {
		options = append(options, "--output="+format)
	}
	if !t.forHost() {
		options = append(options, "--user=")
	}
	options = beginning(options, word)
	if len(options) == 1 && strings.HasSuffix(options[0], "=") {
		return options, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return options, cobra.ShellCompDirectiveNoFileComp
}

// named are the words that name the function, up to n, among args.
func named(args []string, n int) []string {
	var words []string
	for i := 0; i < len(args) && len(words) < n; i++ {
		switch {
		case args[i] == "--user" || args[i] == "--output":
			i++
		case !strings.HasPrefix(args[i], "-"):
			words = append(words, args[i])
		}
	}
	return words
}

// nameOf is e's name as the tool has it, or "".
func (t tool) nameOf(e *api.Entry) string {
	switch {
	case (e.Audience == latchkey.ForHost) != t.forHost(), t.api == whmapi0.api && e.API0 == nil:
		return ""
	case t.api == cpapi2.api:
		return e.API2
	case e.OnlyAPI2:
		return ""
	}
	return e.Name
}

func (t tool) completeModule(word string) []string {
	b := book()
	var list []string
	for _, e := range b.Functions {
		if t.nameOf(e) != "" {
			list = append(list, e.Module+"\t"+b.Modules[e.Module])
		}
	}
	return beginning(list, word)
}

func (t tool) completeFunction(words []string, word string) []string {
	var list []string
	for _, e := range book().Functions {
		if name := t.nameOf(e); name != "" && (t.forHost() || e.Module == words[0]) {
			list = append(list, name+"\t"+e.Doc)
		}
	}
	return beginning(list, word)
}

func (t tool) completeParam(words []string, word string) []string {
	var list []string
	for _, e := range book().Functions {
		if t.nameOf(e) != words[len(words)-1] || !t.forHost() && e.Module != words[0] {
			continue
		}
		for _, p := range e.Params() {
			if p.Rest {
				continue
			}
			list = append(list, p.Name+"=\t"+p.Doc)
			for _, value := range p.Enum {
				if strings.HasPrefix(word, p.Name+"=") {
					list = append(list, p.Name+"="+value)
				}
			}
		}
	}
	return beginning(list, word)
}

// beginning are those of list that begin with word, each once, in order.
func beginning(list []string, word string) []string {
	list = slices.DeleteFunc(list, func(s string) bool { return !strings.HasPrefix(s, word) })
	slices.Sort(list)
	return slices.Compact(list)
}
