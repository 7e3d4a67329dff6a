package batch

import "github.com/latchkey/latchkey/internal/wire/encode"

// texts is a list that is null when it is empty.
type texts []string

// AppendJSON appends the list.
func (t texts) AppendJSON(dst []byte) []byte {
	if len(t) == 0 {
		return append(dst, "null"...)
	}
	return encode.Append(dst, []string(t))
}
