package web

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// qrCode is a text as a camera reads it: Path draws its dark squares on a ground
// of Size by Size, with the margin that readers ask for.
type qrCode struct {
	Size int
	Path string
}

// qrMargin is the white around a code, in squares.
const qrMargin = 4

// codeOf is text as a code, or nil if it is none that a code can hold.
func codeOf(text string) *qrCode {
	c, err := qr.Encode(text, qr.M)
	if text == "" || err != nil {
		return nil
	}
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; {
			n := 0
			for x+n < c.Size && c.Black(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+qrMargin, y+qrMargin, n, n)
			}
			x += max(n, 1)
		}
	}
	return &qrCode{c.Size + 2*qrMargin, b.String()}
}
