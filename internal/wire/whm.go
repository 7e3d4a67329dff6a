package wire

import (
	"cmp"
	"net/http"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/list"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// whm answers /json-api/FUNCTION: WHM API 1.
func (d *Door) whm(w http.ResponseWriter, r *http.Request, target request.Target, ok bool) {
	u := d.begin(r, call.WHM, target, ok)
	defer u.end()
	u.Speaker = (*whmSpeaker)(u)
	res := d.Calls.Do(r.Context(), &u.Request)
	if res.Err != nil && res.Err.Kind == latchkey.BadCredentials {
		send(w, http.StatusForbidden, func(b []byte) []byte { return append(b, accessDenied...) })
		return
	}
	report := u.cutHostData(res)
	send(w, http.StatusOK, func(b []byte) []byte { return appendWHM(b, &u.Request, res, report, d) })
}

// whmSpeaker says what a request to /json-api/FUNCTION means.
type whmSpeaker utterance

func (s *whmSpeaker) Say(*call.Request) error {
	switch {
	case s.Audience != latchkey.ForHost:
		return latchkey.Errorf(latchkey.NotHere, "Permission denied")
	case !s.known:
		return &latchkey.Error{Kind: latchkey.UnknownFunction, Param: s.Func}
	}
	return (*utterance)(s).listen(list.FromWHM, func(key string) bool { return key == "api.version" })
}

// cutHostData cuts the one list that WHM's answers wrap in a hash.
func (u *utterance) cutHostData(res *call.Result) *list.Report {
	if !u.cut || res.Err != nil {
		return nil
	}
	data, report := list.ApplyWithin(res.Data, u.query)
	res.Data = data
	return &report
}

// appendWHM appends WHM API 1's envelope; data is absent where a function has
// none.
func appendWHM(b []byte, r *call.Request, res *call.Result, report *list.Report, d *Door) []byte {
	b = append(b, '{')
	if res.Err == nil {
		start := len(b)
		b = append(b, `"data":`...)
		value := len(b)
		if b = encode.Append(b, res.Data); string(b[value:]) == "null" {
			b = b[:start]
		} else {
			b = append(b, ',')
		}
	}
	meta := metadata{Command: r.Func, Reason: "OK", Result: 1, Version: 1}
	if report != nil {
		meta.WHM = report.WHM()
	}
	if res.Err != nil {
		meta.Reason, meta.Result = hostWords(res.Err, r, d), 0
	} else if reason := cmp.Or(res.Reason, res.Entry.Reason); reason != "" {
		meta.Reason = reason
	}
	if len(res.Messages) > 0 || len(res.Warnings) > 0 {
		meta.Output = &output{res.Messages, res.Warnings}
	}
	b = append(b, `"metadata":`...)
	b = encode.Append(b, meta)
	return append(b, '}')
}

// metadata is what WHM API 1 says of a call.
type metadata struct {
	list.WHM
	Command string  `json:"command"`
	Output  *output `json:"output,omitempty"`
	Reason  string  `json:"reason"`
	Result  int     `json:"result"`
	Version int     `json:"version"`
}

type output struct {
	Messages []string `json:"messages"`
	Warnings []string `json:"warnings"`
}

// hostWords are words in WHM's own form.
func hostWords(e *latchkey.Error, r *call.Request, d *Door) string {
	switch e.Kind {
	case latchkey.UnknownFunction:
		return `Unknown app ("` + e.Param + `") requested for this version (1) of the API.`
	case latchkey.Missing:
		return "API failure: Provide the “" + e.Param + "” argument."
	}
	return call.Words(e, r, d.Log)
}
