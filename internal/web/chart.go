package web

import (
	"slices"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// bars is a small chart of calls by day.
type bars struct {
	Total int
	Bars  []bar
}

// bar is one day of it: how high it stands, of [barTop].
type bar struct{ X, Y, Height int }

const barTop = 24

// barEach is how far one bar is from the next.
const barEach = 5

// Bars are the calls of the last days, or nil if there were none.
func (t *token) Bars() *bars {
	most, b := 0, &bars{}
	for _, n := range t.Days {
		most = max(most, n)
		b.Total += n
	}
	for i, n := range t.Days {
		if n > 0 {
			height := max(2, n*barTop/most)
			b.Bars = append(b.Bars, bar{X: i * barEach, Y: barTop - height, Height: height})
		}
	}
	if b.Total == 0 {
		return nil
	}
	return b
}

// day is one day of the chart, as a row of a table.
type day struct {
	At    stamp
	Calls int
}

// ByDay are the days of the chart, today first.
func (m *manage) ByDay() []day {
	var days []day
	for i, n := range slices.Backward(m.Days) {
		days = append(days, day{stamp(m.today.AddDate(0, 0, i+1-len(m.Days)).Unix()), n})
	}
	return days
}

// First is the first day of the chart.
func (m *manage) First() stamp {
	return stamp(m.today.AddDate(0, 0, 1-len(m.Days)).Unix())
}

// Peak is the day with the most calls, the latest of those that are alike.
func (m *manage) Peak() day {
	return slices.MaxFunc(m.ByDay(), func(a, b day) int { return a.Calls - b.Calls })
}

// dayOf is the day that a time is on.
func dayOf(at time.Time) time.Time { return at.UTC().Truncate(latchkey.Day) }
