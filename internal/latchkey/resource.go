package latchkey

// Resource is a thing a call touches, as grants and the audit trail name it.
type Resource struct{ Kind, Name string }

// String is kind=name.
func (r Resource) String() string { return r.Kind + "=" + r.Name }
