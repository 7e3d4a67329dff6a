package maildir

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// readable is the name of a folder as people write it. Maildir++ has it in
// modified UTF-7 (RFC 3501, 5.1.3); what is not that stays as it is.
func readable(name string) string {
	var b strings.Builder
	for rest := name; rest != ""; {
		plain, coded, shifted := strings.Cut(rest, "&")
		b.WriteString(plain)
		if !shifted {
			break
		}
		code, after, ended := strings.Cut(coded, "-")
		if !ended {
			return name
		}
		text, ok := decodeShift(code)
		if !ok {
			return name
		}
		b.WriteString(text)
		rest = after
	}
	return b.String()
}

var modified = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// decodeShift reads what stands between & and -: letters that ASCII does not
// have, and nothing else.
func decodeShift(code string) (string, bool) {
	if code == "" {
		return "&", true
	}
	raw, err := modified.DecodeString(code)
	if err != nil || len(raw)%2 != 0 {
		return "", false
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	text := string(utf16.Decode(units))
	for _, r := range text {
		if r < 0xa0 || r == utf8.RuneError {
			return "", false
		}
	}
	return text, true
}
