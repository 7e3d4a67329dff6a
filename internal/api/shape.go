package api

import (
	"fmt"
	"slices"

	"github.com/latchkey/latchkey/internal/wire/encode"
)

// Shape0 is an answer of WHM API 0, which has another for each function, as a
// template ([encode.Template]) in which words without quotes stand for
//
//   - the members of the data, or nothing where there is none
//     data        the data itself
//     data.NAME   one member of it
//     status      1, or 0 for a failure
//     text        the reason, as API 1 has it in metadata.reason; Ok instead of OK
//     failure     null, and the reason of a failure
//     messages    a list
//     warnings    a list
//
// so that {"result":[{"options":data,"rawout":"","status":status,"statusmsg":text}]}
// is what createacct answers. The data is what the function returns, through
// its API0Data; of a failure there is none, and what would hold some is null.
// Where a shape has no status a failure is
// {"data":{"reason":"…","result":"0"},"type":"text"}.
type Shape0 string

// Shapes that many functions share.
const (
	Bare0   Shape0 = `{*}`                                                           // version, gethostname
	Beside0 Shape0 = `{*,"status":status,"statusmsg":text}`                          // listaccts
	Result0 Shape0 = `{"result":[{"status":status,"statusmsg":text}]}`               // suspendacct
	RawOut0 Shape0 = `{"result":[{"rawout":null,"status":status,"statusmsg":text}]}` // removeacct
)

// template reads the shape; it panics for one that is none.
func (s Shape0) template(function string) *encode.Template {
	if s == "" {
		return nil
	}
	t, err := encode.ParseTemplate(string(s))
	if err != nil {
		panic(fmt.Sprintf("the API 0 shape of %s: %v", function, err))
	}
	known := func(hole string) bool {
		return slices.Contains([]string{"*", "data", "status", "text", "failure", "messages", "warnings"}, hole) || len(hole) > 5 && hole[:5] == "data."
	}
	if i := slices.IndexFunc(t.Holes(), func(hole string) bool { return !known(hole) }); i >= 0 {
		panic(fmt.Sprintf("the API 0 shape of %s: nothing is called %q", function, t.Holes()[i]))
	}
	return t
}
