package testserver

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238
	"encoding/base32"
	"encoding/binary"
	"fmt"
)

// Code is what any program shows now for the secret of a second factor: RFC 6238,
// written down once more, so that nothing is measured by itself.
func (s *Server) Code(secret string) string {
	s.t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	s.must(err)
	h := hmac.New(sha1.New, key)
	_ = binary.Write(h, binary.BigEndian, uint64(s.Now().Unix()/30))
	sum := h.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}
