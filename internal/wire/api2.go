package wire

import (
	"reflect"
	"strings"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/list"
)

// sayCpanel says what a request to /json-api/cpanel means: a call of API 2, or
// of UAPI in its wrapped envelope, as the arguments say. API 1 is not spoken.
func sayCpanel(u *utterance) error {
	if err := u.listen(); err != nil {
		return err
	}
	return u.pass()
}

// pass finds out what is called, by the arguments that say so.
func (u *utterance) pass() error {
	switch u.passed("apiversion") {
	case "1":
		u.turn(&api1)
	case "3":
		u.turn(&uapiWrapped)
	}
	user := u.passed("user")
	if user == "" && u.Audience == latchkey.ForHost {
		user = u.Args.Text("user") // as XML clients have it
	}
	u.Module, u.Func = u.passed("module"), u.passed("func")
	u.Args = drop(u.Args, func(key string) bool {
		return strings.HasPrefix(key, "cpanel_jsonapi_") || strings.HasPrefix(key, "cpanel_xmlapi_")
	})
	if err := u.settle(); err != nil {
		return err
	}
	return u.address(user)
}

// passed is one of the arguments that say what is called.
func (u *utterance) passed(name string) string {
	if v, ok := u.Args.Lookup("cpanel_jsonapi_" + name); ok {
		return v
	}
	return u.Args.Text("cpanel_xmlapi_" + name)
}

// address finds out whether what is called can be, for user.
func (u *utterance) address(user string) error {
	through := u.Audience == latchkey.ForHost
	switch {
	case !through && user != "" && user != string(u.Caller().Name) && user != u.Cred.User:
		return &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "Access denied"}
	case u.dialect == &api1:
		return latchkey.Errorf(latchkey.NotHere, "cPanel API 1 cannot be called with an API token, and not on this server at all: use UAPI or cPanel API 2.")
	case u.Module == "":
		return &latchkey.Error{Kind: latchkey.Missing, Param: "cpanel_jsonapi_module"}
	case u.Func == "":
		return &latchkey.Error{Kind: latchkey.Missing, Param: "cpanel_jsonapi_func"}
	case through && user == "":
		return &latchkey.Error{Kind: latchkey.Missing, Param: "cpanel_jsonapi_user"}
	case through:
		u.For = latchkey.AccountName(user)
	}
	return nil
}

// outcome is what API 2 answers for a function that has nothing else to say.
type outcome struct {
	Reason string `json:"reason"`
	Result int    `json:"result"`
}

// event says whether a function was called, and why not.
type event struct {
	Reason string `json:"reason,omitempty"`
	Result int    `json:"result"`
}

// api2Data is the answer as API 2 has it: always a list.
func api2Data(res *call.Result) any {
	if res.Err != nil {
		return nil
	}
	data := res.Data
	if res.Entry.API2Data != nil {
		return res.Entry.API2Data(data)
	}
	if v := reflect.ValueOf(data); v.IsValid() {
		switch v.Kind() {
		case reflect.Slice:
			return data
		case reflect.Struct, reflect.Map:
			return []any{data}
		}
	}
	return []outcome{{Result: 1}}
}

// writeAPI2 appends API 2's envelope. There is no error key on success. The event
// is the call itself: its result is 1 even when the function failed, and 0 when
// there is no such function.
func writeAPI2(b []byte, u *utterance, res *call.Result) []byte {
	if u.forNobody(res) {
		return append(b, `{"cpanelresult":{"apiversion":"2",`+nobody+"}}"...)
	}
	res.Data = api2Data(res)
	report := u.cutData(res, list.Apply)
	called := event{Result: 1}
	b = append(b, `{"cpanelresult":{"apiversion":2,"data":`...)
	if res.Err != nil {
		text := u.words(res.Err)
		if res.Err.Kind == latchkey.UnknownModule || res.Err.Kind == latchkey.UnknownFunction {
			called = event{Reason: text}
		}
		b = encode.Append(b, []outcome{{Reason: text}})
		b = append(b, `,"error":`...)
		b = encode.Append(b, text)
	} else {
		b = encode.Append(b, res.Data)
	}
	b = append(b, `,"event":`...)
	b = encode.Append(b, called)
	b = append(b, `,"func":`...)
	b = encode.Append(b, u.Func)
	b = append(b, `,"module":`...)
	b = encode.Append(b, u.Module)
	if report != nil && report.Paged {
		b = append(b, `,"paginate":`...)
		b = encode.Append(b, report.Paginate())
	}
	b = append(b, `,"postevent":{"result":1},"preevent":{"result":1}`...)
	return append(b, "}}"...)
}

// nobody is what an answer holds of a call through WHM for an account that is not
// there, or not named. Programs know it by its words, and by data that is no list.
const nobody = `"data":{"reason":"User parameter is invalid or was not supplied","result":"0"},"error":"User parameter is invalid or was not supplied","type":"text"`

// forNobody reports whether the call was meant for an account, through WHM, and
// there was none to make it for.
func (u *utterance) forNobody(res *call.Result) bool {
	switch {
	case res.Err == nil || u.Audience != latchkey.ForHost:
		return false
	case res.Err.Kind == latchkey.Missing && res.Err.Param == "cpanel_jsonapi_user":
		return true
	}
	return res.Err.Kind == latchkey.NotFound && res.Entry != nil && res.Entry.Audience == latchkey.ForHost
}

// writeAPI1 refuses a call of API 1 in that API's own shape.
func writeAPI1(b []byte, u *utterance, res *call.Result) []byte {
	text := u.words(res.Err)
	b = append(b, `{"apiversion":"1","data":{"reason":`...)
	b = encode.Append(b, text)
	b = append(b, `,"result":"0"},"error":`...)
	b = encode.Append(b, text)
	b = append(b, `,"event":{"result":0},"func":`...)
	b = encode.Append(b, u.Func)
	b = append(b, `,"module":`...)
	b = encode.Append(b, u.Module)
	return append(b, `,"type":"event"}`...)
}
