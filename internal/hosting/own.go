package hosting

import (
	"context"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki"
)

// OwnCertificate is the certificate that the server's own doors show. It is the
// administrator's.
type OwnCertificate interface {
	// Install shows a certificate from now on, over restarts: when it returns, who
	// connects gets it. Those who are connected notice nothing. Fails: Invalid for
	// one that is not for the server's name, see [Installation.Check]; Unavailable
	// where the configuration names the files of one.
	Install(ctx context.Context, n Installation) error
	// Reset ends that: the doors show one of the server's own authority. Fails as
	// Install does.
	Reset(ctx context.Context) error
}

// Shown is a certificate that is shown, and those above it.
type Shown struct {
	*pki.Certificate
	Chain pki.Chain
}

// Shown is what the doors show; its certificate is nil where there are none.
func (s *Server) Shown() Shown {
	if s.Doors == nil {
		return Shown{}
	}
	return s.Doors()
}

// OwnCertificateSet is the answer to who changes a certificate whose files the
// configuration names.
func OwnCertificateSet() error {
	return latchkey.Errorf(latchkey.Unavailable, "The server’s certificate comes from the files that its configuration names: exchange those, or empty the setting “certificate”.")
}
