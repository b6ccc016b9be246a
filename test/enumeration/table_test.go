package enumeration

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// table counts the results of the trials: a row for each flow and kind of trouble.
type table struct {
	mu    sync.Mutex
	order []string
	rows  map[string]*row
}

type row struct {
	calls, cases, left, wronged, wrong, toGitHub, toBake, swept int
	held                                                        map[layer]int
	seen                                                        map[string]bool
}

var columns = []layer{byItself, byStop, byPost, byLabel, bySweep, byOwnEnd}

func (tb *table) add(tr trial, f finding) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	trouble, place := "none", ""
	switch {
	case !tr.weather.isNone():
		trouble, place = "fault "+tr.weather.kind, fmt.Sprint(tr.weather.operation, tr.weather.region, tr.weather.nth)
	case !tr.blow.isNone():
		trouble, place = "cancel", fmt.Sprint(tr.blow.call)
		if tr.blow.kill {
			trouble = "kill"
		}
	}
	key := fmt.Sprintf("%-24s %-18s", tr.flow.name, trouble)
	if tb.rows == nil {
		tb.rows = map[string]*row{}
	}
	r := tb.rows[key]
	if r == nil {
		r = &row{held: map[layer]int{}, seen: map[string]bool{}}
		tb.rows[key] = r
		tb.order = append(tb.order, key)
	}
	r.cases++
	if !r.seen[place] {
		r.seen[place] = true
		r.calls++
	}
	r.held[f.held]++
	r.toGitHub += f.toGitHub
	r.toBake += f.toBake
	if f.swept {
		r.swept++
	}
	r.left += min(len(f.left), 1)
	r.wrong += min(len(f.wrong), 1)
	if f.wronged != "" {
		r.wronged++
	}
}

func (tb *table) cases() int {
	n := 0
	for _, r := range tb.rows {
		n += r.cases
	}
	return n
}

// String formats the table. "left" and "wrongly ended" must be 0; "to GitHub" are registrations that never had a
// machine and that a sweep only lists: GitHub removes them. "to bake" are images and snapshots of a bake without a post
// step: the next bake prunes them. "volumes" are trials in which a volume outlived its machine because a fault kept the
// start from reading the image: a sweep deleted it.
func (tb *table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s %-18s %6s %6s %5s %7s |", "flow", "trouble", "calls", "cases", "left", "wrongly")
	for _, l := range columns {
		fmt.Fprintf(&b, " %8s", l)
	}
	fmt.Fprintf(&b, " %9s %7s %7s\n", "to GitHub", "to bake", "volumes")
	sum := row{held: map[layer]int{}}
	line := func(key string, r *row) {
		fmt.Fprintf(&b, "%s %6d %6d %5d %7d |", key, r.calls, r.cases, r.left, r.wronged)
		for _, l := range columns {
			fmt.Fprintf(&b, " %8d", r.held[l])
		}
		fmt.Fprintf(&b, " %9d %7d %7d\n", r.toGitHub, r.toBake, r.swept)
	}
	slices.Sort(tb.order)
	for _, key := range tb.order {
		r := tb.rows[key]
		line(key, r)
		sum.calls, sum.cases, sum.left, sum.wronged, sum.toGitHub = sum.calls+r.calls, sum.cases+r.cases, sum.left+
			r.left,
			sum.wronged+r.wronged, sum.toGitHub+r.toGitHub
		sum.toBake, sum.swept = sum.toBake+r.toBake, sum.swept+r.swept
		for l, n := range r.held {
			sum.held[l] += n
		}
	}
	line(fmt.Sprintf("%-24s %-18s", "all", ""), &sum)
	return b.String()
}
