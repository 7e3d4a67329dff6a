package latchkey

import (
	"errors"
	"fmt"
	"time"
)

// Kind classifies an [Error]. The list is short and closed: only package wire
// knows what a kind looks like in each dialect.
type Kind uint8

const (
	Internal        Kind = iota // nobody classified it: the text is withheld from the caller
	Missing                     // a required argument was not given; Param names it
	Invalid                     // an argument does not parse or is not allowed
	NotFound                    // the thing named does not exist, or is not the caller's
	Exists                      // the thing named exists already
	Limit                       // a package limit or a quota is used up
	Denied                      // known caller, but not allowed to do this
	ReadOnly                    // a read-only token asked for a change
	FeatureOff                  // the account lacks a feature; Param names it
	RoleOff                     // the part behind the function is not there
	BadCredentials              // unknown account, wrong, expired or revoked token: one answer for all
	UnknownModule               // no such module; Param names it
	UnknownFunction             // no such function; Param names it
	NotHere                     // the function exists, but not on this port or in this dialect
	Unavailable                 // cannot be done now: full disk, shutting down
	TooMany                     // a token is used more often than it may be; Wait says for how long
)

var kindNames = [...]string{
	"internal", "missing", "invalid", "not-found", "exists", "limit", "denied", "read-only",
	"feature-off", "role-off", "bad-credentials", "unknown-module", "unknown-function", "not-here", "unavailable", "too-many",
}

// String is the kind's name as it stands in logs and in the audit trail.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is the one error type that crosses packages. Msg is for the caller:
// what is wrong and what to do next. Err is for the log and never leaves the
// server.
type Error struct {
	Kind  Kind
	Param string // the argument, feature, module or function it is about
	Msg   string
	Err   error
	// Traced gives the error a number of its own, which the caller is told and
	// the log has too: where a client waits for one.
	Traced bool
	// On is the thing that may not be touched, for the trail: the caller is told
	// what Msg says.
	On *Resource
	// Wait is when it may be tried again.
	Wait time.Duration
}

func (e *Error) Error() string {
	s := e.Msg
	if s == "" {
		s = e.Kind.String()
		if e.Param != "" {
			s += " " + e.Param
		}
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an [Error] of the given kind whose message is for the caller.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// InvalidParam makes an [Invalid] error about one argument.
func InvalidParam(param, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Param: param, Msg: fmt.Sprintf(format, args...)}
}

// TooOften is the error of a token that is used more often than it may be and
// may be used again after wait.
func TooOften(wait time.Duration) *Error {
	seconds := int64((wait + time.Second - 1) / time.Second)
	return &Error{Kind: TooMany, Wait: wait, Msg: fmt.Sprintf("This API token is used more often than its rate limit allows: try again in %d s.", seconds)}
}

// KindOf is the kind of err; [Internal] for an error nobody classified.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// AsError is err as an [Error]; an unclassified error becomes an [Internal]
// one that wraps it. It is nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Err: err}
}
