package hosting

import (
	"fmt"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Address is a mailbox: lower case, without quotes or comments.
type Address struct {
	Local  string
	Domain latchkey.Domain
}

// String is local@domain.
func (a Address) String() string { return a.Local + "@" + string(a.Domain) }

// ParseAddress reads local@domain.
func ParseAddress(text string) (Address, error) {
	local, domain, ok := strings.Cut(text, "@")
	if !ok {
		return Address{}, fmt.Errorf("must be an address such as user@example.com")
	}
	l, err := ParseLocal(local)
	if err != nil {
		return Address{}, err
	}
	d, err := ParseDomain(domain)
	return Address{l, d}, err
}

// ParseLocal reads the part of an address before the @: 1 to 64 letters, digits
// and . _ - + = & ', beginning with a letter, a digit or _, without two dots in
// a row or one at the end. It becomes the name of a directory.
func ParseLocal(text string) (string, error) {
	local := strings.ToLower(text)
	switch {
	case local == "" || len(local) > 64:
		return "", fmt.Errorf("must have 1 to 64 characters before the @")
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return "", fmt.Errorf("must not begin or end with a dot or have two in a row")
	case strings.IndexByte("-+=&'", local[0]) >= 0:
		return "", fmt.Errorf("must begin with a letter, a digit or _")
	}
	for i := range len(local) {
		c := local[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("._-+=&'", c) < 0 {
			return "", fmt.Errorf("may only have letters, digits and . _ - + = & ' before the @")
		}
	}
	return local, nil
}

// ParseDomain reads a DNS name of at least two labels; a dot at its end is
// dropped.
func ParseDomain(text string) (latchkey.Domain, error) {
	name := strings.TrimSuffix(strings.ToLower(text), ".")
	if len(name) > 253 || !strings.Contains(name, ".") {
		return "", fmt.Errorf("must be a domain such as example.com")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", fmt.Errorf("must be a domain such as example.com")
		}
		for i := range len(label) {
			c := label[i]
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", fmt.Errorf("must be a domain such as example.com; names in other scripts are written in their xn-- form")
			}
		}
	}
	return latchkey.Domain(name), nil
}
