package wire

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/internal/wire/list"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// jsonAPI answers /json-api/cpanel: API 2, or UAPI in its wrapped envelope, as
// the arguments say. API 1 is not spoken.
func (d *Door) jsonAPI(w http.ResponseWriter, r *http.Request, target request.Target) {
	u := d.begin(r, call.API2, target, true)
	defer u.end()
	speaker := &jsonAPISpeaker{utterance: u, version: "2"}
	u.Speaker = speaker
	res := d.Calls.Do(r.Context(), &u.Request)
	switch {
	case res.Err != nil && res.Err.Kind == latchkey.BadCredentials:
		send(w, http.StatusForbidden, func(b []byte) []byte { return append(b, accessDenied...) })
	case speaker.version == "1":
		send(w, http.StatusOK, func(b []byte) []byte { return appendAPI1(b, &u.Request, res, d) })
	case u.Names == call.UAPI:
		report := u.cutData(res)
		send(w, http.StatusOK, func(b []byte) []byte { return appendWrapped(b, &u.Request, res, report, d) })
	default:
		res.Data = api2Data(res)
		report := u.cutData(res)
		send(w, http.StatusOK, func(b []byte) []byte { return appendAPI2(b, &u.Request, res, report, d) })
	}
}

// jsonAPISpeaker says what a request to /json-api/cpanel means.
type jsonAPISpeaker struct {
	*utterance
	version string
}

func (s *jsonAPISpeaker) Say(*call.Request) error {
	err := s.listen(cuttingOf, nil)
	if err == nil {
		s.version, err = s.address()
	}
	return err
}

// accessDenied is the one body of every refused credential on /json-api/.
const accessDenied = `{"cpanelresult":{"apiversion":"2","error":"Access denied","data":{"reason":"Access denied","result":"0"},"type":"text"}}`

// cuttingOf reads the parameters that cut the answer as the version that is
// called has them.
func cuttingOf(args api.Args) (list.Query, error) {
	if jsonAPIParam(args, "apiversion") == "3" {
		return list.FromUAPI(args)
	}
	return list.FromAPI2(args)
}

// jsonAPIParam is one of the arguments that say what is called.
func jsonAPIParam(args api.Args, name string) string {
	if v, ok := args.Lookup("cpanel_jsonapi_" + name); ok {
		return v
	}
	return args.Text("cpanel_xmlapi_" + name)
}

// address finds out what is called, and in which version: 2 unless another one
// is named. What said so is no argument of the function.
func (u *utterance) address() (version string, err error) {
	u.Module, u.Func = jsonAPIParam(u.Args, "module"), jsonAPIParam(u.Args, "func")
	user := jsonAPIParam(u.Args, "user")
	version = jsonAPIParam(u.Args, "apiversion")
	u.Args = drop(u.Args, func(key string) bool {
		return strings.HasPrefix(key, "cpanel_jsonapi_") || strings.HasPrefix(key, "cpanel_xmlapi_")
	})
	claimed := u.Cred.User
	if u.Local != "" {
		claimed = string(u.Local)
	}
	switch {
	case u.Audience == latchkey.ForHost:
		return "2", latchkey.Errorf(latchkey.NotHere, "Account functions cannot be called through the administrator’s port yet: call them on the account’s own port.")
	case user != "" && user != claimed:
		return "2", &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "Access denied"}
	case version == "1":
		return "1", latchkey.Errorf(latchkey.NotHere, "cPanel API 1 cannot be called with an API token, and not on this server at all: use UAPI or cPanel API 2.")
	case version == "3":
		u.Names = call.UAPI
	default:
		version = "2"
	}
	switch {
	case u.Module == "":
		err = &latchkey.Error{Kind: latchkey.Missing, Param: "cpanel_jsonapi_module"}
	case u.Func == "":
		err = &latchkey.Error{Kind: latchkey.Missing, Param: "cpanel_jsonapi_func"}
	}
	return version, err
}

// outcome is what API 2 answers for a function that has nothing else to say.
type outcome struct {
	Reason string `json:"reason"`
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

// appendAPI2 appends API 2's envelope. There is no error key on success, and
// event.result is 1 even when the function failed.
func appendAPI2(b []byte, r *call.Request, res *call.Result, report *list.Report, d *Door) []byte {
	b = append(b, `{"cpanelresult":{"apiversion":2,"data":`...)
	text := ""
	if res.Err != nil {
		if text = call.Words(res.Err, r, d.Log); res.Err.Kind == latchkey.Missing {
			text = `"` + res.Err.Param + `" is a required argument.`
		}
		b = encode.Append(b, []outcome{{Reason: text}})
		b = append(b, `,"error":`...)
		b = encode.Append(b, text)
	} else {
		b = encode.Append(b, res.Data)
	}
	b = append(b, `,"event":{"result":1},"func":`...)
	b = encode.Append(b, r.Func)
	b = append(b, `,"module":`...)
	b = encode.Append(b, r.Module)
	if report != nil && report.Paged {
		b = append(b, `,"paginate":`...)
		b = encode.Append(b, report.Paginate())
	}
	b = append(b, `,"postevent":{"result":1},"preevent":{"result":1}`...)
	return append(b, "}}"...)
}

// appendAPI1 refuses a call of API 1 in that API's own shape.
func appendAPI1(b []byte, r *call.Request, res *call.Result, d *Door) []byte {
	text := call.Words(res.Err, r, d.Log)
	b = append(b, `{"apiversion":"1","data":{"reason":`...)
	b = encode.Append(b, text)
	b = append(b, `,"result":"0"},"error":`...)
	b = encode.Append(b, text)
	b = append(b, `,"event":{"result":0},"func":`...)
	b = encode.Append(b, r.Func)
	b = append(b, `,"module":`...)
	b = encode.Append(b, r.Module)
	return append(b, `,"type":"event"}`...)
}
