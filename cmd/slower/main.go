// Command slower decides whether a change makes hot code slower: it reads the output of `benchstat -format csv` for two
// runs of the Go benchmarks, and fails if a benchmark got worse by more than machines differ.
//
// benchstat itself only decides whether a difference is significant. scripts/benchstat runs both.
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

// most is how much a benchmark may increase, in percent by unit. Times on shared machines differ by a quarter without a
// reason, even if both sides alternate and benchstat calls it significant. Allocations are the same on every machine,
// so an increase by a tenth is caused by the change.
var most = map[string]float64{"sec/op": 40, "B/op": 25, "allocs/op": 10}

// judge reads benchstat's tables: a line of configurations ("pkg: …"), two header lines, and a line for each benchmark.
// https://pkg.go.dev/golang.org/x/perf/cmd/benchstat
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
			continue // not a benchmark that both runs have
		}
		compared++
		if cells[5] == "~" { // not significant
			continue
		}
		change, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(cells[5], "+"), "%"), 64)
		if err != nil {
			return worse, compared, fmt.Errorf("read the change of %s: %w", cells[0], err)
		}
		if change > limit {
			worse = append(worse, fmt.Sprintf("%s %s: %s by %s (%s); at most +%g%% is allowed", pkg, cells[0], unit,
				cells[5], cells[6], limit))
		}
	}
	return worse, compared, lines.Err()
}
