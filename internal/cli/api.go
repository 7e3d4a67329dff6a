package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// tool is one of the commands that call functions.
type tool struct {
	name, api string
	short     string
	words     int // how many words name a function
	examples  []string
}

var (
	uapi = tool{"uapi", "uapi", "Call a UAPI function of an account", 2, []string{
		"uapi --user=demo Email add_pop email=newuser password=12345luggage",
		"uapi --user=demo --output=json Tokens create_full_access name=ci",
	}}
	cpapi2 = tool{"cpapi2", "api2", "Call a cPanel API 2 function of an account", 2, []string{
		"cpapi2 --user=demo Email listpops",
	}}
	whmapi1 = tool{"whmapi1", "whm", "Call a WHM API 1 function, as the administrator", 1, []string{
		"whmapi1 createacct username=alice domain=example.org password=12345luggage",
		"whmapi1 --output=json listaccts",
	}}
	whmapi0 = tool{"whmapi0", "whm0", "Call a WHM API 0 function, as the administrator; deprecated: use whmapi1", 1, []string{
		"whmapi0 --output=json listaccts",
	}}
)

// tools are all of them.
var tools = []tool{uapi, cpapi2, whmapi1, whmapi0}

// formats are what --output takes.
var formats = []string{"yaml", "json", "jsonpretty", "xml"}

// forHost reports whether the tool calls functions of the host.
func (t tool) forHost() bool { return t.words == 1 }

// use is how the tool is called.
func (t tool) use() string {
	if t.forHost() {
		return t.name + " [--output=yaml|json|jsonpretty|xml] FUNCTION [KEY=VALUE…]"
	}
	return t.name + " --user=USER [--output=yaml|json|jsonpretty|xml] MODULE FUNCTION [KEY=VALUE…]"
}

// whose says whose functions are called.
func (t tool) whose() string {
	if t.forHost() {
		return ""
	}
	return "Without --user the account is the one in LATCHKEY_USER.\n"
}

func apiCommand(s std, t tool) *cobra.Command {
	return &cobra.Command{
		Use:   t.use(),
		Short: t.short,
		Long: t.short + ". The running server is asked over its local socket.\n\n" +
			"Values are URI-decoded: + is a space and %XX a byte; write %2B for a plus sign. Options may stand anywhere.\n" +
			"The answer is YAML unless --output says json, jsonpretty or xml. The exit status is 0 for every answer, also that of a failure.\n" +
			t.whose() +
			"The socket is found by LATCHKEY_SOCKET or LATCHKEY_DATA, or else where the server puts it.\n" +
			"A link called " + t.name + " to this program is this command; bash completes it after “complete -o default -F __start_latchkey " + t.name + "”.",
		Example:               "  latchkey " + strings.Join(t.examples, "\n  latchkey "),
		DisableFlagsInUseLine: true,
		DisableFlagParsing:    true, // options may follow the function, and arguments are not ours to judge
		ValidArgsFunction: func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			return t.complete(args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := parseCall(t, args)
			if err != nil {
				return err
			}
			if c.help {
				return cmd.Help()
			}
			answer, err := c.ask(cmd.Context())
			if err != nil {
				return err
			}
			return c.print(s.out, answer)
		},
	}
}

// toolCall is one call as the command line says it.
type toolCall struct {
	say    wire.Say
	output string
	help   bool
}

func parseCall(t tool, args []string) (toolCall, error) {
	c := toolCall{output: "yaml", say: wire.Say{API: t.api}}
	var words []string
	over := false // no more options
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(args[i], "=")
		switch {
		case over && len(words) == t.words:
			c.say.Args = append(c.say.Args, [2]string{decode(name), decode(value)})
		case name == "--" && !has:
			over = true
		case name == "--help" || name == "-h":
			c.help = true
			return c, nil
		case name == "--user" || name == "--output":
			if !has {
				if i++; i == len(args) {
					return c, fmt.Errorf("%s needs a value, such as %s=…", name, name)
				}
				value = args[i]
			}
			if name == "--user" {
				c.say.User = value
			} else {
				c.output = value
			}
		case strings.HasPrefix(name, "--"):
			return c, fmt.Errorf("there is no option %s: use %s", name, t.use())
		case len(words) < t.words:
			words = append(words, args[i])
		default:
			c.say.Args = append(c.say.Args, [2]string{decode(name), decode(value)})
		}
	}
	if len(words) < t.words {
		return c, fmt.Errorf("the function is missing: use %s", t.use())
	}
	c.say.Func = words[len(words)-1]
	if t.words == 2 {
		c.say.Module = words[0]
	}
	return c, c.check(t)
}

func (c *toolCall) check(t tool) error {
	switch {
	case !slices.Contains(formats, c.output):
		return fmt.Errorf("there is no output format %q: use yaml, json, jsonpretty or xml", c.output)
	case t.forHost():
		c.say.User = "root"
	case c.say.User == "":
		// Programs that were written for a user of the system leave --user out.
		if c.say.User = os.Getenv("LATCHKEY_USER"); c.say.User == "" {
			return fmt.Errorf("the account is missing: say whose it is with --user=USER or LATCHKEY_USER. The accounts of this server are no system users, so nobody’s own is meant without")
		}
	}
	return nil
}

// decode undoes URI-encoding: + is a space, %XX a byte, all else stands for
// itself.
func decode(text string) string {
	if !strings.ContainsAny(text, "+%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '+':
			b.WriteByte(' ')
		case text[i] == '%' && i+2 < len(text) && hex(text[i+1]) >= 0 && hex(text[i+2]) >= 0:
			b.WriteByte(byte(hex(text[i+1])<<4 | hex(text[i+2])))
			i += 2
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// hex is the value of a hexadecimal digit, or -1.
func hex(c byte) int {
	if c >= 'A' && c <= 'F' {
		c += 'a' - 'A'
	}
	return strings.IndexByte("0123456789abcdef", c)
}

func (c *toolCall) ask(ctx context.Context) ([]byte, error) {
	body, err := json.Marshal(c.say)
	if err != nil {
		return nil, err
	}
	return askServer(ctx, http.MethodPost, "/call", bytes.NewReader(body))
}

func (c *toolCall) print(w io.Writer, answer []byte) error {
	var b bytes.Buffer
	switch c.output {
	case "json":
		b.Write(answer)
		b.WriteByte('\n')
	case "jsonpretty":
		if err := json.Indent(&b, answer, "", "   "); err != nil {
			return err
		}
		b.WriteByte('\n')
	case "xml":
		b.Write(encode.XML(nil, c.root(), answer))
	default:
		if err := writeYAML(&b, answer); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// root is the root element of the answer in XML.
func (c *toolCall) root() string {
	switch c.say.API {
	case cpapi2.api:
		return ""
	case whmapi0.api:
		return c.say.Func
	}
	return "result"
}

// askServer asks the running server over its local socket.
func askServer(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	answer, err := openServer(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	return io.ReadAll(answer)
}

// openServer is askServer for an answer that is read piece by piece.
func openServer(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	socket, err := findSocket()
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: overSocket(socket)}
	r, err := http.NewRequestWithContext(ctx, method, "http://local"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%s is only for root and the server's own user: try again as one of them", socket)
	}
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s: start it with “latchkey serve” or “latchkey sandbox”", socket)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = errors.New(strings.TrimSpace(string(text)))
	}
	return nil, err
}

// overSocket sends requests to the server that listens on a local socket.
func overSocket(socket string) *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
}

// findSocket is where the server's local socket is: where the environment says,
// or a server's usual place, or that of the sandbox started last.
func findSocket() (string, error) {
	if s := os.Getenv("LATCHKEY_SOCKET"); s != "" {
		return s, nil
	}
	if d := os.Getenv("LATCHKEY_DATA"); d != "" {
		return filepath.Join(d, "latchkey.sock"), nil
	}
	for _, s := range []string{"/var/lib/latchkey/latchkey.sock", sandboxLink()} {
		if _, err := os.Stat(s); err == nil {
			return s, nil
		}
	}
	return "", fmt.Errorf("no running server was found: start one with “latchkey serve” or “latchkey sandbox”, or say where it is with LATCHKEY_DATA")
}

// sandboxLink is the link to the socket of the sandbox that this user started
// last.
func sandboxLink() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "latchkey", "sandbox.sock")
}
