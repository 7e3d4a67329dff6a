package batch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
)

// command is a parameter that says which call to make.
type command struct {
	module, function string
	args             api.Args
}

// ParseParam reads ["Module","function",{parameters}]. The parameters may be left
// out. Each is a text, a number, true or false, or a list of these for a
// parameter that is repeated; one that is null is not given.
func (c *command) ParseParam(text string) error {
	var parts []json.RawMessage
	if err := decode([]byte(text), &parts); err != nil || len(parts) < 2 || len(parts) > 3 {
		return fmt.Errorf(`must be a JSON array such as ["Email","list_pops",{"skip_main":1}]`)
	}
	if decode(parts[0], &c.module) != nil || decode(parts[1], &c.function) != nil || c.module == "" || c.function == "" {
		return fmt.Errorf("must begin with the name of a module and the name of a function")
	}
	if c.module == "Batch" {
		return fmt.Errorf("must not be a batch itself")
	}
	var given map[string]any
	if len(parts) == 3 && decode(parts[2], &given) != nil {
		return fmt.Errorf("must have its parameters in a JSON object")
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if err := c.add(key, given[key]); err != nil {
			return err
		}
	}
	return nil
}

// add adds an argument, or one for each element of a list.
func (c *command) add(key string, value any) error {
	if strings.HasPrefix(key, "api.") {
		return fmt.Errorf("must not have the parameter “%s”: call the function by itself to filter, sort or page its answer", key)
	}
	if list, ok := value.([]any); ok {
		for _, v := range list {
			if err := c.addOne(key, v); err != nil {
				return err
			}
		}
		return nil
	}
	return c.addOne(key, value)
}

func (c *command) addOne(key string, value any) error {
	arg := api.Arg{Key: key, Body: true}
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		arg.Value = v
	case json.Number:
		arg.Value = v.String()
	case bool:
		arg.Value = "0"
		if v {
			arg.Value = "1"
		}
	default:
		return fmt.Errorf("must not have an object or a list of lists as the parameter “%s”: write it as a text", key)
	}
	c.args = append(c.args, arg)
	return nil
}

// decode reads text as one JSON value and nothing after it. Numbers stay as they
// are written.
func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one value")
	}
	return nil
}
