package wire

import (
	"cmp"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/list"
)

// sayWHM says what a request to /json-api/FUNCTION means: a call of WHM API 1,
// or of API 0 where api.version is 0 or missing. There is no version after 1:
// who asks for one gets 1.
func sayWHM(u *utterance) error {
	if err := u.listen(); err != nil {
		return err
	}
	if version := u.Args.Text("api.version"); version == "" || version == "0" {
		u.turn(&whm0)
	}
	switch {
	case u.Audience != latchkey.ForHost:
		return latchkey.Errorf(latchkey.NotHere, "Permission denied")
	case !u.known:
		return &latchkey.Error{Kind: latchkey.UnknownFunction, Param: u.Func}
	}
	return u.settle()
}

// writeWHM appends WHM API 1's envelope; data is absent where a function has
// none.
func writeWHM(b []byte, u *utterance, res *call.Result) []byte {
	report := u.cutData(res, list.ApplyWithin) // WHM's answers wrap their list in a hash
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
	meta := metadata{HostMetadata: api.MetadataOf(u.Func, u.hostReason(res, "OK"), !res.Failed(), &res.Answer)}
	if report != nil {
		meta.WHM = report.WHM()
	}
	b = append(b, `"metadata":`...)
	b = encode.Append(b, meta)
	return append(b, '}')
}

// hostReason is what WHM says of a call beside its data; well where there is
// nothing else to say.
func (u *utterance) hostReason(res *call.Result, well string) string {
	switch {
	case res.Err != nil:
		return u.words(res.Err)
	case len(res.Errors) > 0:
		return strings.Join(res.Errors, " ")
	}
	return cmp.Or(res.Reason, res.Entry.Reason, well)
}

// metadata is what WHM API 1 says of a call, and of the list it cut.
type metadata struct {
	list.WHM
	api.HostMetadata
}
