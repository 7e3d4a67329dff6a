//go:build untrailed

package audit

const untrailed = true
