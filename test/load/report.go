package main

import (
	"fmt"
	"slices"
	"time"
)

// verdict is one goal and what was measured.
type verdict struct {
	goal, what string
	got, want  float64
	least      bool // got must be at least want, else at most
}

func (v verdict) reached() bool {
	if v.least {
		return v.got >= v.want
	}
	return v.got <= v.want
}

func (v verdict) String() string {
	sign, end := "≤", "reached"
	if v.least {
		sign = "≥"
	}
	if !v.reached() {
		short := v.got/v.want - 1
		if v.least {
			short = -short
		}
		end = fmt.Sprintf("MISSED by %.1f %%", 100*short)
	}
	return fmt.Sprintf("%-4s %-52s %8.3f   goal %s %g: %s", v.goal, v.what, v.got, sign, v.want, end)
}

func (b *bench) atLeast(goal, what string, got, want float64) {
	b.judge(verdict{goal, what, got, want, true})
}

func (b *bench) atMost(goal, what string, got, want float64) {
	b.judge(verdict{goal, what, got, want, false})
}

func (b *bench) judge(v verdict) {
	b.verdict = append(b.verdict, v)
	b.say("%s", v)
}

// info prints a figure that has no goal.
func (b *bench) info(goal, what string, got float64) {
	b.say("%-4s %-52s %8.3f", goal, what, got)
}

func (b *bench) summary() {
	reached := 0
	for _, v := range b.verdict {
		if v.reached() {
			reached++
		}
	}
	b.say("\n%d of %d goals reached", reached, len(b.verdict))
	for _, v := range b.verdict {
		if !v.reached() {
			b.say("%s", v)
		}
	}
}

// table prints the medians of every target.
func (b *bench) table(targets []*target, samples [][]sample) {
	b.say("     %-28s %12s %10s %10s %14s %12s", "", "requests/s", "p50", "p99", "CPU a request", "memory")
	for i, t := range targets {
		s := samples[i]
		b.say("     %-28s %12.0f %10s %10s %11.2f µs %8.0f MiB", t.name, median(each(s, sample.perSecond)),
			brief(median(each(s, p50))), brief(median(each(s, p99))), 1e6*median(each(s, cpu)), float64(t.p.memory())/(1<<20))
	}
}

func brief(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(10 * time.Microsecond).String()
}

func each(s []sample, of func(sample) float64) []float64 {
	values := make([]float64, len(s))
	for i := range s {
		values[i] = of(s[i])
	}
	return values
}

func p50(s sample) float64 { return s.p50.Seconds() }
func p99(s sample) float64 { return s.p99.Seconds() }
func cpu(s sample) float64 { return s.cpu }

// ratio is the median over the rounds of a's figure to b's in the same round.
func ratio(a, b []sample, of func(sample) float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = of(a[i]) / of(b[i])
	}
	return median(ratios)
}

// quietest is the ratio of the least that a and b ever took: what is left of
// the difference when the rounds that others disturbed do not count.
func quietest(a, b []sample, of func(sample) float64) float64 {
	return slices.Min(each(a, of)) / slices.Min(each(b, of))
}
