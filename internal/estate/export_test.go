package estate

import "context"

// CheckingAny reports whether AutoSSL is at work, or somebody waits for it.
func (e *Estate) CheckingAny() bool {
	e.checks.mu.Lock()
	defer e.checks.mu.Unlock()
	return len(e.checks.waiting) > 0 || len(e.checks.busy) > 0
}

// ClearQueue takes away what nobody waits for.
func (e *Estate) ClearQueue(ctx context.Context) error { return e.clearQueue(ctx) }
