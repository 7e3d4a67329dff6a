package wire

import (
	"strings"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
)

// writeWHM0 appends the answer of WHM API 0, in the shape that the function has
// there ([api.Shape0]).
func writeWHM0(b []byte, u *utterance, res *call.Result) []byte {
	text := u.hostReason(res, "Ok")
	switch {
	case res.Err != nil && res.Err.Kind == latchkey.UnknownFunction:
		b = append(b, `{"error":`...)
		return append(encode.Append(b, text), '}')
	case res.Entry == nil || res.Failed() && !res.Entry.API0.Has("status"):
		b = append(b, `{"data":{"reason":`...)
		return append(encode.Append(b, text), `,"result":"0"},"type":"text"}`...)
	}
	if res.Err == nil && res.Entry.API0Data != nil {
		res.Data = res.Entry.API0Data(res.Data)
	}
	fill := filling{res, text}
	return res.Entry.API0.Append(b, fill.hole)
}

// filling is what the holes of a shape of API 0 are filled with.
type filling struct {
	res  *call.Result
	text string
}

func (f *filling) hole(dst []byte, name string) ([]byte, bool) {
	switch name {
	case "status":
		return encode.Append(dst, !f.res.Failed()), true
	case "text":
		return encode.Append(dst, f.text), true
	case "failure":
		if f.res.Failed() {
			return encode.Append(dst, f.text), true
		}
		return append(dst, "null"...), true
	case "messages":
		return encode.Append(dst, f.res.Messages), true
	case "warnings":
		return encode.Append(dst, f.res.Warnings), true
	}
	return f.data(dst, name)
}

// data appends what there is of the data under a name: null where the call has
// failed, or nothing of the members of all of it.
func (f *filling) data(dst []byte, name string) ([]byte, bool) {
	if f.res.Err != nil {
		return append(dst, "null"...), name != "*"
	}
	if member, ok := strings.CutPrefix(name, "data."); ok {
		v, _ := encode.Column(f.res.Data, member)
		return encode.Append(dst, v.Interface()), true
	}
	return encode.Append(dst, f.res.Data), true
}
