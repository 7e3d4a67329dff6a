package audit

import "github.com/latchkey/latchkey/internal/latchkey"

// Line is one event as the command line shows it and as exports have it.
type Line struct {
	Link    uint64   `json:"link"`
	At      string   `json:"at"`
	Account string   `json:"account"`
	By      string   `json:"by"`
	Token   string   `json:"token,omitempty"`
	From    string   `json:"from,omitempty"`
	Client  string   `json:"client,omitempty"`
	Func    string   `json:"func"`
	Outcome string   `json:"outcome"`
	Reason  string   `json:"reason,omitempty"`
	Names   []string `json:"params,omitempty"`
	Values  []string `json:"values,omitempty"`
	On      []string `json:"on,omitempty"`
	Message string   `json:"message,omitempty"`
	Micros  int64    `json:"took_us"`
}

// LineOf is an event as the command line shows it.
func LineOf(link uint64, e *latchkey.Event) Line {
	line := Line{
		Link: link, At: e.At.Format("2006-01-02T15:04:05.000000Z07:00"), Account: string(e.Name), By: e.By.String(), Token: e.Handle.String(),
		Client: e.Client, Func: e.Func, Outcome: e.Ended(), Reason: e.Reason, Names: e.Names, Values: e.Values, On: e.Touched(),
		Message: e.Messages, Micros: e.Took.Microseconds(),
	}
	if e.From.IsValid() {
		line.From = e.From.String()
	}
	return line
}
