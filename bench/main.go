// Command bench measures what the program costs, as a user of it would see: the built binary runs as GitHub runs a
// step, against the simulated EC2 and GitHub, whose latencies and limits are those that are published.
//
// It prints a table with medians and the spread, and writes the same as JSON, from which `-report` makes
// docs/performance.md. With -image it runs the container image too, by docker. With -against it runs another action
// that takes the same inputs in the same run, pair by pair, and prints the ratios. bench/aws measures the real clouds.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	b := &bench{}
	var against, out, report string
	flag.StringVar(&b.binary, "binary", "bin/ec2-github-runner", "the program to measure")
	flag.StringVar(&against, "against", "",
		"the command of another action with the same inputs, such as 'node dist/index.js'")
	flag.StringVar(&b.results.Against, "against-name", "",
		"what the results call it; by default its command without folders")
	flag.StringVar(&b.image, "image", "", "the tag of a container image of the program, to be measured too")
	flag.IntVar(&b.runs, "runs", 10, "how often each is measured")
	flag.StringVar(&b.only, "only", "",
		"measure only the groups with this in their names, and keep the others of -json")
	flag.StringVar(&out, "json", "bench/results.json", "where the results go; empty for nowhere")
	flag.StringVar(&report, "report", "", "make this Markdown file from the results of -json, and measure nothing")
	flag.Parse()
	b.against = strings.Fields(against)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, b, out, report)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, b *bench, out, report string) error {
	if report != "" {
		return writeReport(out, report)
	}
	results, err := b.measure(ctx)
	if err != nil {
		return err
	}
	if b.only != "" {
		results.keep(out, b.only)
		results.sort(b.plan())
	}
	for i, f := range results.Figures {
		results.Figures[i] = f.summarize()
	}
	fmt.Print(table(results))
	if out == "" {
		return nil
	}
	raw, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(raw, '\n'), 0o644) //nolint:gosec // a public file
}
