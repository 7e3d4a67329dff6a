package request

import (
	"encoding/base64"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// space is what clients leave around the parts of the header and inside an
// access hash.
const space = " \t\r\n"

// Credentials reads what r claims about its caller from its Authorization
// header. It checks the form alone: names of schemes in any case, white space
// around the parts, and the line ends of a multi-line access hash are all
// understood, while two headers, an unknown scheme, an empty or overlong user,
// an empty secret and control characters are [latchkey.SchemeMalformed].
func Credentials(r *http.Request) latchkey.Credentials {
	switch headers := r.Header["Authorization"]; len(headers) {
	case 0:
		return latchkey.Credentials{}
	case 1:
		cred := authorization(headers[0])
		if cred.Scheme == latchkey.SchemeBasic {
			if codes := r.Header["X-Cpanel-Otp"]; len(codes) == 1 {
				cred.Code = secondFactor(textproto.TrimString(codes[0]))
			}
		}
		return cred
	}
	return malformed()
}

func authorization(header string) latchkey.Credentials {
	header = textproto.TrimString(header)
	end := strings.IndexAny(header, space)
	if end < 0 {
		return malformed()
	}
	name, rest := header[:end], textproto.TrimString(header[end:])
	switch {
	case isScheme(name, "cpanel"):
		return plain(latchkey.SchemeToken, rest)
	case isScheme(name, "whm"):
		return plain(latchkey.SchemeHostToken, rest)
	case isScheme(name, "basic"):
		return basic(rest)
	}
	return malformed()
}

// isScheme compares lengths too, because Unicode has letters that fold to
// ASCII.
func isScheme(name, scheme string) bool {
	return len(name) == len(scheme) && strings.EqualFold(name, scheme)
}

// plain reads USER:SECRET.
func plain(scheme latchkey.Scheme, text string) latchkey.Credentials {
	user, secret, _ := strings.Cut(text, ":")
	user, secret = textproto.TrimString(user), textproto.TrimString(secret)
	if scheme == latchkey.SchemeHostToken && strings.ContainsAny(secret, space) {
		secret = strings.Join(strings.FieldsFunc(secret, isSpace), "")
	}
	return claim(scheme, user, secret)
}

// basic reads the base64 of USER:PASSWORD, padded or not. The user and the
// password share one string, the only thing made here.
func basic(text string) latchkey.Credentials {
	var buf [256]byte
	raw, err := base64.RawStdEncoding.AppendDecode(buf[:0], []byte(strings.TrimRight(text, "=")))
	if err != nil {
		return malformed()
	}
	user, password, _ := strings.Cut(string(raw), ":")
	return claim(latchkey.SchemeBasic, user, password)
}

func claim(scheme latchkey.Scheme, user, secret string) latchkey.Credentials {
	if user == "" || len(user) > latchkey.MaxUser || secret == "" || hasControl(user) || hasControl(secret) {
		return malformed()
	}
	return latchkey.Credentials{Scheme: scheme, User: user, Secret: latchkey.NewSecret(secret)}
}

func malformed() latchkey.Credentials {
	return latchkey.Credentials{Scheme: latchkey.SchemeMalformed}
}

func isSpace(r rune) bool { return strings.ContainsRune(space, r) }
