package sites

import (
	"net/http"
	"strings"
	"sync"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// challengePath is where an authority looks for what proves that a name is ours
// (RFC 8555, section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// challenges are the proofs that authorities may come for now.
type challenges struct {
	mu sync.RWMutex
	by map[challenge]string
}

type challenge struct {
	name  latchkey.Domain
	token string
}

// Prove answers an authority that comes for token at a name with proof, until
// done is called.
func (s *Server) Prove(name latchkey.Domain, token, proof string) (done func()) {
	c, at := &s.challenges, challenge{name, token}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = make(map[challenge]string)
	}
	c.by[at] = proof
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.by, at)
	}
}

// proves answers r if it comes for a proof that there is.
func (s *Server) proves(w http.ResponseWriter, r *http.Request, name latchkey.Domain) bool {
	token, ok := strings.CutPrefix(r.URL.Path, challengePath)
	if !ok {
		return false
	}
	s.challenges.mu.RLock()
	proof, ok := s.challenges.by[challenge{name, token}]
	s.challenges.mu.RUnlock()
	if ok {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(proof))
	}
	return ok
}
