package web

import (
	"net/http"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// finding is how it stands with a part of the server.
type finding struct{ Part, State, Text, Do string }

// Look is how its state is coloured.
func (f *finding) Look() string {
	return map[string]string{"ok": "good", "note": "warn", "problem": "bad"}[f.State]
}

// health is how it stands with all of them.
type health struct {
	Findings []finding
	Counts   map[string]int
	Blind    string // why the server cannot look at itself; "" where it can
}

// showHealth tells which parts are here, what is missing and how to add it.
func showHealth(v *visit) error {
	h := health{Counts: map[string]int{}}
	err := v.whm("server_findings", &h)
	if e := latchkey.AsError(err); e != nil && e.Kind == latchkey.Unavailable {
		h.Blind, err = e.Msg, nil
	}
	if err != nil {
		return err
	}
	for i := range h.Findings {
		h.Counts[h.Findings[i].State]++
	}
	v.show(http.StatusOK, "health", h)
	return nil
}
