package figures

import (
	"fmt"
	"strings"
	"time"
)

// Thousands is n with its digits in groups of three.
func Thousands(n uint64) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Micros is a time given in microseconds, with three digits or so.
func Micros(us float64) string {
	switch {
	case us < 10:
		return fmt.Sprintf("%.1f µs", us)
	case us < 1000:
		return fmt.Sprintf("%.0f µs", us)
	case us < 10_000:
		return fmt.Sprintf("%.2f ms", us/1e3)
	case us < 100_000:
		return fmt.Sprintf("%.1f ms", us/1e3)
	case us < 1e6:
		return fmt.Sprintf("%.0f ms", us/1e3)
	}
	return fmt.Sprintf("%.2f s", us/1e6)
}

// Seconds is d in seconds, with one digit behind the point.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// Count is Thousands of a measured number.
func Count(v float64) string { return Thousands(uint64(v + 0.5)) }

// Hundredths is v with two digits behind the point.
func Hundredths(v float64) string { return fmt.Sprintf("%.2f", v) }

// List is the numbers of CPUs, with blanks between.
func List(cpus []int) string { return strings.Trim(fmt.Sprint(cpus), "[]") }
