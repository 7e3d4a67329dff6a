package wire

import (
	"net/http"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/list"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// execute answers /execute/Module/function: UAPI in its flat envelope.
func (d *Door) execute(w http.ResponseWriter, r *http.Request, target request.Target, ok bool) {
	u := d.begin(r, call.UAPI, target, ok)
	defer u.end()
	u.Speaker = (*executeSpeaker)(u)
	res := d.Calls.Do(r.Context(), &u.Request)
	if res.Err != nil && res.Err.Kind == latchkey.BadCredentials {
		send(w, http.StatusUnauthorized, func(b []byte) []byte { return append(b, uapiDenied...) })
		return
	}
	report := u.cutData(res)
	send(w, http.StatusOK, func(b []byte) []byte { return appendUAPI(b, &u.Request, res, report, d) })
}

// uapiDenied is the one body of every refused credential on /execute.
const uapiDenied = `{"data":null,"errors":["Access denied"],"messages":null,"metadata":{},"status":0,"warnings":null}`

// executeSpeaker says what a request to /execute means.
type executeSpeaker utterance

func (s *executeSpeaker) Say(*call.Request) error {
	if !s.known {
		return latchkey.Errorf(latchkey.NotHere, "Function not found")
	}
	return (*utterance)(s).listen(list.FromUAPI, nil)
}

// cutData filters, sorts and pages the answer as it was asked to.
func (u *utterance) cutData(res *call.Result) *list.Report {
	if !u.cut || res.Err != nil {
		return nil
	}
	data, report := list.Apply(res.Data, u.query)
	res.Data = data
	return &report
}

// appendUAPI appends UAPI's flat envelope. All six keys are always there, and
// lists with nothing in them are null.
func appendUAPI(b []byte, r *call.Request, res *call.Result, report *list.Report, d *Door) []byte {
	b = append(b, `{"data":`...)
	b = encode.Append(b, res.Data)
	b = append(b, `,"errors":`...)
	if res.Err != nil {
		b = appendTexts(b, []string{call.Words(res.Err, r, d.Log)})
	} else {
		b = appendTexts(b, res.Errors)
	}
	b = append(b, `,"messages":`...)
	b = appendTexts(b, res.Messages)
	b = append(b, `,"metadata":`...)
	if report != nil {
		b = encode.Append(b, report.UAPI())
	} else {
		b = append(b, "{}"...)
	}
	b = append(b, `,"status":`...)
	if res.Failed() {
		b = append(b, '0')
	} else {
		b = append(b, '1')
	}
	b = append(b, `,"warnings":`...)
	b = appendTexts(b, res.Warnings)
	return append(b, '}')
}

func appendTexts(b []byte, texts []string) []byte {
	if len(texts) == 0 {
		return append(b, "null"...)
	}
	return encode.Append(b, texts)
}

// appendWrapped appends UAPI's envelope as /json-api/cpanel and the command
// line have it.
func appendWrapped(b []byte, r *call.Request, res *call.Result, report *list.Report, d *Door) []byte {
	b = append(b, `{"apiversion":3,"func":`...)
	b = encode.Append(b, r.Func)
	b = append(b, `,"module":`...)
	b = encode.Append(b, r.Module)
	b = append(b, `,"result":`...)
	b = appendUAPI(b, r, res, report, d)
	return append(b, '}')
}
