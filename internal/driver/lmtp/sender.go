package lmtp

import "github.com/latchkey/latchkey/internal/latchkey"

const maxSender = 512

func refuse(why string) error { return latchkey.Errorf(latchkey.Invalid, "%s", why) }

// safeSender is the sender's address as it may stand in a header: empty for a
// bounce, and refused if it holds what could end the line or the brackets.
func safeSender(from string) (string, error) {
	if len(from) > maxSender {
		return "", refuse("the sender's address is too long")
	}
	for i := range len(from) {
		if c := from[i]; c < ' ' || c == 0x7f || c == '<' || c == '>' {
			return "", refuse("the sender's address holds characters that are not accepted")
		}
	}
	return from, nil
}
