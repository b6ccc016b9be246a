// Command aws measures starts in a real AWS account and on github.com: it starts runners of several variants in
// parallel, each for one job of its own workflow run, and reads the phases from the start's job summary and GitHub's
// list of jobs.
//
// .github/workflows/bench-aws.yml runs it in three jobs: `-plan` prints the labels, for which the jobs of a matrix
// wait; the measurement starts their runners; `-clean` terminates what is left, also after a cancelled run. It runs the
// program itself with the inputs of a workflow. Nothing is left behind, see session.clean.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

func main() {
	s := &session{getenv: os.Getenv, environ: os.Environ(), cloud: ec2.Load}
	var variants, results string
	var planOnly, cleanOnly bool
	flag.StringVar(&s.binary, "binary", "bin/ec2-github-runner", "the program to measure")
	flag.StringVar(&variants, "variants", "stock,ephemeral", "what to measure: stock, baked, warm, ephemeral, spot")
	flag.IntVar(&s.runs, "runs", 10, "how many starts of each variant")
	flag.IntVar(&s.atOnce, "at-once", 5, "how many starts of a variant run in parallel")
	flag.StringVar(&s.launch.image, "image", "", "the stock image")
	flag.StringVar(&s.launch.baked, "baked-image", "", "an image of mode bake")
	flag.StringVar(&s.launch.instanceType, "type", "t3.xlarge", "the instance type")
	flag.StringVar(&s.launch.subnet, "subnet", "", "the subnet")
	flag.StringVar(&s.launch.group, "group", "", "the security group")
	flag.DurationVar(&s.patience, "patience", 10*time.Minute, "how long to wait for a job's first step, and for a pool")
	flag.DurationVar(&s.every, "every", 2*time.Second, "how often to look at GitHub's jobs")
	flag.StringVar(&results, "json", "", "write the results to this file")
	flag.BoolVar(&planOnly, "plan", false, "only print the labels as JSON")
	flag.BoolVar(&cleanOnly, "clean", false, "only terminate what this run has started")
	flag.Parse()
	s.variants = strings.FieldsFunc(variants, func(r rune) bool { return r == ',' || r == ' ' })
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, s, results, planOnly, cleanOnly)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/aws:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s *session, results string, planOnly, cleanOnly bool) error {
	if err := s.check(cleanOnly); err != nil {
		return err
	}
	switch {
	case planOnly:
		raw, err := json.Marshal(s.labels())
		fmt.Println(string(raw))
		return err
	case cleanOnly:
		return s.clean(ctx)
	}
	starts, err := s.measure(ctx)
	text := report(s.variants, starts)
	fmt.Print(text)
	if summary := os.Getenv("GITHUB_STEP_SUMMARY"); summary != "" {
		if err := appendTo(summary, text); err != nil {
			return err
		}
	}
	if results != "" {
		raw, failed := json.MarshalIndent(starts, "", "  ")
		if failed != nil {
			return failed
		}
		if failed := os.WriteFile(results, append(raw, '\n'), 0o644); failed != nil { //nolint:gosec // a public file
			return failed
		}
	}
	return err
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // GitHub's file
	if err != nil {
		return err
	}
	if _, err := file.WriteString(text); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
