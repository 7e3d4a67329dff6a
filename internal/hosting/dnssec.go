package hosting

import (
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Signing is how a zone is signed.
type Signing struct {
	Algorithm int    `json:"algorithm"` // by its number of RFC 8624
	Split     bool   `json:"split"`     // one key signs the keys, another the rest
	NSEC3     *NSEC3 `json:"nsec3"`     // nil: NSEC says what is not there
}

// NSEC3 is how a zone says what is not there without naming what is (RFC 5155).
type NSEC3 struct {
	Iterations int    `json:"iterations"`
	OptOut     bool   `json:"opt_out"`
	Salted     bool   `json:"salted"` // by what the name server draws
	Salt       string `json:"-"`      // that it has drawn, in hex
}

// MostIterations is what a zone may be made to cost those who ask it: validators take
// zones with more for unsigned.
const MostIterations = 50

// Check says why no zone is signed so.
func (s *Signing) Check() error {
	switch s.Algorithm {
	case 8, 10, 13, 14:
	default:
		return latchkey.InvalidParam("algo_num", "Zones are signed with the algorithms 8 (RSA/SHA-256), 10 (RSA/SHA-512), 13 (ECDSA P-256) and 14 (ECDSA P-384): those with SHA-1 and DSA do not protect any more.")
	}
	if n := s.NSEC3; n != nil && (n.Iterations < 0 || n.Iterations > MostIterations) {
		return latchkey.InvalidParam("nsec3_iterations", "NSEC3 takes at most %d iterations: validators take zones with more for unsigned.", MostIterations)
	}
	return nil
}

// SignedZone is how a zone is signed, and with what.
type SignedZone struct {
	Signing
	Keys []ZoneKey // by tag; none if the zone is not signed
}

// ZoneKey is the public part of a key that a zone is signed with.
type ZoneKey struct {
	Tag     int // of RFC 4034, by which it is known
	Flags   int // 257 of one that the parent points to, else 256
	Bits    int
	Active  bool
	Created time.Time
	Public  string   // as a DNSKEY record has it
	Digests []Digest // of the DS records that point to it; nil if none should
}

// Digest is what a DS record says of a key.
type Digest struct {
	Type int // of RFC 8624
	Hex  string
}

// Unsigned is the answer to who asks for the keys of a zone that has none.
func Unsigned(name latchkey.Domain) error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "domain", Msg: "DNSSEC is not enabled for the DNS zone “" + string(name) + "”."}
}

// NoZoneKey is the answer to who names a key that a zone does not have.
func NoZoneKey() error {
	return &latchkey.Error{Kind: latchkey.NotFound, Param: "key_id", Msg: "The DNS zone has no such key: “fetch_ds_records” lists them."}
}
