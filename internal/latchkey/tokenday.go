package latchkey

import "time"

// DayNumber is a day: how many there were since 1970, in UTC.
type DayNumber int64

// DayOf is the day that a time is in.
func DayOf(at time.Time) DayNumber { return DayNumber(at.Unix() / int64(Day/time.Second)) }

// Start is when the day begins.
func (d DayNumber) Start() time.Time { return time.Unix(int64(d)*int64(Day/time.Second), 0).UTC() }

// TokenDay is how often a token was used on a day. Refused are those of its calls
// that were not done.
type TokenDay struct {
	Token   TokenID
	Day     DayNumber
	Calls   int64
	Refused int64
}
