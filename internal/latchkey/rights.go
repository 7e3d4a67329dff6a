package latchkey

// Called is a function as rights see it.
type Called struct {
	Module, Name string
	Write        bool // it may change something
}

// Rights are what a credential may do that may not do everything its owner may.
// Package grant has them.
type Rights interface {
	// Covers reports whether f may be called on every one of some resources;
	// without any, on the account as a whole.
	Covers(f Called, on ...Resource) bool
	// Touches reports whether f may be called on anything at all.
	Touches(f Called) bool
	// String is the rights as people read and write them.
	String() string
}
