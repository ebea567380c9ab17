package main

import (
	"errors"
	"testing"
	"time"
)

func of(ms ...int) series {
	var s series
	for _, n := range ms {
		s.samples = append(s.samples, time.Duration(n)*time.Millisecond)
	}
	return s
}

func TestMedianAndQuantiles(t *testing.T) {
	hundred := series{}
	for i := 100; i > 0; i-- {
		hundred.samples = append(hundred.samples, time.Duration(i)*time.Millisecond)
	}
	for _, c := range []struct {
		name string
		got  time.Duration
		want float64 // milliseconds
	}{
		{"no samples have the median 0", of().median(), 0},
		{"one sample is the median", of(7).median(), 7},
		{"an odd number has a middle", of(9, 1, 5).median(), 5},
		{"an even number has two", of(9, 1, 5, 4).median(), 4.5},
		{"no samples have the quantile 0", of().quantile(0.99), 0},
		{"one sample is every quantile", of(7).quantile(0.01), 7},
		{"99 of 100", hundred.quantile(0.99), 99},
		{"half of 100", hundred.quantile(0.5), 50},
		{"all of 100", hundred.quantile(1), 100},
	} {
		if got := float64(c.got) / float64(time.Millisecond); got != c.want {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

func TestRatioIsThatOfTheMedians(t *testing.T) {
	if got := ratio(of(1, 3, 100), of(6)); got != 0.5 {
		t.Errorf("%v", got)
	}
	if got := ratio(of(1), of()); got != 0 {
		t.Errorf("without the other: %v", got)
	}
}

func TestTableAlignsAndFills(t *testing.T) {
	got := table([][]string{{"what", "ms"}, {"größer", "1.25"}, {"x"}})
	want := "" +
		"| what   |   ms |\n" +
		"|--------|-----:|\n" +
		"| größer | 1.25 |\n" +
		"| x      |      |\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestFailuresAreNoSamples(t *testing.T) {
	s := series{}
	bad := errors.New("bad")
	for i := range 4 {
		if err := s.add(time.Second, nil, 8); err != nil {
			t.Fatal(err)
		}
		if err := s.add(0, bad, 8); err != nil {
			t.Fatalf("failure %d of 8 rounds ends it all: %v", i+1, err)
		}
	}
	if s.median() != time.Second || s.failures() != "4 failed, " {
		t.Errorf("median %v, %q", s.median(), s.failures())
	}
	if err := s.add(0, bad, 8); err != bad {
		t.Errorf("more than half failed: %v", err)
	}
}
