//go:build !untrailed

package audit

// untrailed is set in a program that takes down no reads and no refusals: the one
// that `make bench` builds to see what the trail costs. No setting does that.
const untrailed = false
