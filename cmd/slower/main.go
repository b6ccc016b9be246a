// Command slower decides whether a change makes the hot parts slower: it reads what `benchstat -format csv` says of two
// runs of the Go benchmarks, and fails for what got worse by more than machines differ.
//
// benchstat itself tells only whether a difference is one. scripts/benchstat runs both.
package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	worse, compared, err := judge(os.Stdin)
	if err == nil && compared == 0 {
		err = fmt.Errorf("no benchmark was compared")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "slower:", err)
		os.Exit(2)
	}
	for _, each := range worse {
		fmt.Println("slower:", each)
	}
	if len(worse) > 0 {
		os.Exit(1)
	}
	fmt.Printf("slower: none of %d comparisons is beyond its limit\n", compared)
}

// most is how much more of each unit a change may need, in percent. Times on shared machines differ by a quarter for no
// reason, even where both sides take turns and benchstat calls it significant; allocations are the same on every
// machine, so there a tenth is a decision that somebody took.
var most = map[string]float64{"sec/op": 40, "B/op": 25, "allocs/op": 10}

// judge reads tables as benchstat writes them: a line of configurations ("pkg: …"), two lines of header, a line a
// benchmark. https://pkg.go.dev/golang.org/x/perf/cmd/benchstat
func judge(from io.Reader) (worse []string, compared int, err error) {
	pkg, unit := "", ""
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "pkg: "); ok {
			pkg = name
			continue
		}
		cells, err := csv.NewReader(strings.NewReader(lines.Text())).Read()
		if err != nil || len(cells) < 6 {
			continue
		}
		if cells[0] == "" {
			unit = cells[1]
			continue
		}
		limit, known := most[unit]
		if !known || cells[0] == "geomean" || cells[5] == "" {
			continue // no row of a benchmark that both have
		}
		compared++
		if cells[5] == "~" { // no difference that is one
			continue
		}
		change, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(cells[5], "+"), "%"), 64)
		if err != nil {
			return worse, compared, fmt.Errorf("read the change of %s: %w", cells[0], err)
		}
		if change > limit {
			worse = append(worse, fmt.Sprintf("%s %s: %s by %s (%s); at most +%g%% is let through", pkg, cells[0], unit,
				cells[5], cells[6], limit))
		}
	}
	return worse, compared, lines.Err()
}
