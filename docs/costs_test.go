package docs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// between is what stands between two marks of a page.
func between(t *testing.T, page, mark string) string {
	t.Helper()
	_, rest, opened := strings.Cut(read(t, page), "<!-- "+mark+" -->\n")
	text, _, closed := strings.Cut(rest, "<!-- /"+mark+" -->")
	if !opened || !closed {
		t.Fatalf("%s has no marks for %s", page, mark)
	}
	return text
}

// TestCostsAddUp: the examples of docs/costs.md follow from its prices by its formula.
func TestCostsAddUp(t *testing.T) {
	t.Parallel()
	prices := map[string]float64{}
	for _, row := range regexp.MustCompile("(?m)^\\| `?([^`|]+?)`?(?: \\([^)]*\\))? \\| ([0-9.]+) "+
		"\\|").FindAllStringSubmatch(between(t, "docs/costs.md", "prices"), -1) {
		price, err := strconv.ParseFloat(row[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		prices[row[1]] = price
	}
	const hoursOfMonth, volumeGB, jobMinutes, aroundMinutes, startMinutes = 730, 50, 10, 1, 1
	hourly := volumeGB*prices["gp3 volume"]/hoursOfMonth + prices["public IPv4 address"]
	start := startMinutes * prices["GitHub: Linux, 2 cores"]
	want := "| machine | machine, volume, address | start job | together | GitHub's larger runner, same cores |\n| " +
		"--- " +
		"| " +
		"--- | --- | --- | --- |\n"
	for _, row := range [][2]string{{"t3.xlarge", "x64"}, {"t4g.xlarge", "arm64"}, {"g4dn.xlarge", "GPU"}} {
		machine := (jobMinutes + aroundMinutes) / 60.0 * (prices[row[0]] + hourly)
		larger := jobMinutes * prices["GitHub: larger Linux, 4 cores, "+row[1]]
		want += fmt.Sprintf("| `%s` | %.3f | %.3f | %.3f | %.3f |\n", row[0], machine, start, machine+start, larger)
	}
	if got := between(t, "docs/costs.md", "jobs"); got != want {
		t.Errorf("the examples are\n%s\nand the prices make\n%s", got, want)
	}
	text := read(t, "docs/costs.md")
	for what, value := range map[string]float64{
		"a NAT gateway's month":  prices["NAT gateway"] * hoursOfMonth,
		"a warm machine's month": volumeGB * prices["gp3 volume"],
		"a sweep's month":        4 * 730 * prices["GitHub: Linux, 2 cores"],
		"an image's month":       10 * prices["snapshot of an image"],
		"nine images' month":     90 * prices["snapshot of an image"],
		"a lost machine's month": prices["t3.xlarge"] * hoursOfMonth,
		"a scale set's server": (prices["t4g.nano"]+prices["public IPv4 address"])*hoursOfMonth +
			8*prices["gp3 volume"],
		"the same on Fargate": (prices["Fargate, arm64: vCPU"]/4 + prices["Fargate, arm64: memory"]/2 +
			prices["public IPv4 address"]) * hoursOfMonth,
	} {
		if amount := fmt.Sprintf("%.2f", value); value == 0 || !strings.Contains(text, amount) {
			t.Errorf("%s is %s, and the page does not say so", what, amount)
		}
	}
}
