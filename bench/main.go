// Command bench measures what the program costs its users: it runs the built binary as GitHub runs a step, against a
// simulated EC2 and GitHub with the published latencies and limits.
//
// It prints a table with medians and spreads and writes the same as JSON, from which `-report` generates
// docs/performance.md. With -image it also runs the container image with docker. With -against it runs another action
// with the same inputs in the same run, in pairs, and prints the ratios. bench/aws measures the real services.
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
	flag.StringVar(&out, "json", "bench/results.json", "write the results to this file")
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
