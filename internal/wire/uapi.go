package wire

import (
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/list"
)

// sayExecute says what a request to /execute means.
func sayExecute(u *utterance) error {
	if !u.known {
		return latchkey.Errorf(latchkey.NotHere, "Function not found")
	}
	if err := u.listen(); err != nil {
		return err
	}
	return u.settle()
}

// cutData filters, sorts and pages the answer as it was asked to.
func (u *utterance) cutData(res *call.Result, apply func(any, list.Query) (any, list.Report)) *list.Report {
	switch {
	case !u.cut || res.Err != nil:
		return nil
	case u.report != nil:
		return u.report
	}
	data, report := apply(res.Data, u.query)
	res.Data = data
	return &report
}

// writeUAPI appends UAPI's flat envelope. All six keys are always there, and
// lists with nothing in them are null.
func writeUAPI(b []byte, u *utterance, res *call.Result) []byte {
	report := u.cutData(res, list.Apply)
	b = append(b, `{"data":`...)
	b = encode.Append(b, res.Data)
	b = append(b, `,"errors":`...)
	if res.Err != nil {
		b = appendTexts(b, []string{u.words(res.Err)})
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

// words are what the caller is told of an error.
func (u *utterance) words(e *latchkey.Error) string { return call.Words(e, &u.Request, u.door.Log) }

func appendTexts(b []byte, texts []string) []byte {
	if len(texts) == 0 {
		return append(b, "null"...)
	}
	return encode.Append(b, texts)
}

// writeWrapped appends UAPI's envelope as /json-api/cpanel and the command
// line have it.
func writeWrapped(b []byte, u *utterance, res *call.Result) []byte {
	if u.forNobody(res) {
		return append(b, "{"+nobody+"}"...)
	}
	b = append(b, `{"apiversion":3,"func":`...)
	b = encode.Append(b, u.Func)
	b = append(b, `,"module":`...)
	b = encode.Append(b, u.Module)
	b = append(b, `,"result":`...)
	b = writeUAPI(b, u, res)
	return append(b, '}')
}
