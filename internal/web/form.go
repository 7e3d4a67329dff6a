package web

import (
	"net/http"
	"slices"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// form is what is wrong with what somebody filled in, by field.
type form struct{ list []wrong }

// wrong is one thing. Foreign is set for words of the server's, which are
// English.
type wrong struct {
	Field, Text string
	Foreign     bool
}

// say notes what is wrong with a field; "" is the form as a whole.
func (f *form) say(field, text string) { f.list = append(f.list, wrong{Field: field, Text: text}) }

// refuse notes what a call failed with at the field that its parameter was filled
// in with, as far as that is the caller's to mend; any other error it returns.
func (f *form) refuse(failure error, fields map[string]string) error {
	err := latchkey.AsError(failure)
	if err == nil {
		return nil
	}
	switch err.Kind {
	case latchkey.Missing, latchkey.Invalid, latchkey.Exists, latchkey.Limit, latchkey.Denied:
		f.list = append(f.list, wrong{fields[err.Param], err.Msg, true})
		return nil
	}
	return err
}

// Bad reports whether anything is wrong.
func (f *form) Bad() bool { return f != nil && len(f.list) > 0 }

// Count is how much is.
func (f *form) Count() int { return len(f.list) }

// All is everything.
func (f *form) All() []wrong { return f.list }

// Wrong is what is wrong with one field, Foreign whether those are the server's
// words.
func (f *form) Wrong(field string) string { return f.find(field).Text }

func (f *form) Foreign(field string) bool { return f.find(field).Foreign }

func (f *form) find(field string) wrong {
	if f != nil {
		if i := slices.IndexFunc(f.list, func(w wrong) bool { return w.Field == field }); i >= 0 {
			return f.list[i]
		}
	}
	return wrong{}
}

// status is that of an answer with the form.
func (f *form) status() int {
	if f.Bad() {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}
