package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// series are the samples of one contender, in the order they were taken.
type series struct {
	name    string
	samples []time.Duration
	// failed is how many more there would be had they not failed.
	failed int
}

// add takes the result of one round. What failed was fast or slow for another
// reason and is no sample; when that is every second one of all the rounds,
// its error is returned.
func (s *series) add(took time.Duration, err error, rounds int) error {
	if err == nil {
		s.samples = append(s.samples, took)
		return nil
	}
	s.failed++
	if 2*s.failed > rounds {
		return err
	}
	return nil
}

// quantile returns the smallest sample that at least the share q of all
// samples does not exceed (nearest rank); 0 without samples.
func (s series) quantile(q float64) time.Duration {
	if len(s.samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.samples))
	rank := int(q*float64(len(sorted)) + 0.999999)
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// median is the mean of the two middle samples when their number is even.
func (s series) median() time.Duration {
	if len(s.samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.samples))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio is how many times b goes into a, by their medians; 0 without b.
func ratio(a, b series) float64 {
	if b.median() == 0 {
		return 0
	}
	return float64(a.median()) / float64(b.median())
}

// find returns the series of that name, an empty one when there is none.
func find(all []series, name string) series {
	for _, s := range all {
		if s.name == name {
			return s
		}
	}
	return series{name: name}
}

// failures is what a cell begins with: "" when nothing failed.
func (s series) failures() string {
	if s.failed == 0 {
		return ""
	}
	return fmt.Sprintf("%d failed, ", s.failed)
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

// table is a Markdown table with aligned columns: the first row is its head.
func table(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 3)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	line := func(row []string) {
		for i, w := range widths {
			cell := ""
			if i < len(row) {
				cell = row[i]
			}
			pad := strings.Repeat(" ", w-len([]rune(cell)))
			if i == 0 {
				b.WriteString("| " + cell + pad + " |")
			} else {
				b.WriteString(" " + pad + cell + " |")
			}
		}
		b.WriteByte('\n')
	}
	for i, row := range rows {
		line(row)
		if i > 0 {
			continue
		}
		for j, w := range widths {
			if j == 0 {
				b.WriteString("|" + strings.Repeat("-", w+2) + "|")
			} else {
				b.WriteString(strings.Repeat("-", w+1) + ":|")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
