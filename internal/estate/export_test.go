package estate

// CheckingAny reports whether AutoSSL is at work, or somebody waits for it.
func (e *Estate) CheckingAny() bool {
	e.checks.mu.Lock()
	defer e.checks.mu.Unlock()
	return len(e.checks.waiting) > 0 || len(e.checks.busy) > 0
}
