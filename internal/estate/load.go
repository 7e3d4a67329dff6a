package estate

import (
	"context"
	"fmt"
	"os"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Load is as the system counts it, where it does.
func (h *host) Load(context.Context) (load [3]float64, err error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, err = fmt.Sscan(string(text), &load[0], &load[1], &load[2])
	}
	if err != nil {
		err = &latchkey.Error{Kind: latchkey.RoleOff, Msg: "This system does not tell its load.", Err: err}
	}
	return load, err
}
