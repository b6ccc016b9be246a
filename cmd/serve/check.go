package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/doctor"
	"github.com/marqo-ai/ec2-github-runner/serve"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// checkFile examines what the sets of a file need, and prints what it finds: one line each, and below it what to do.
func checkFile(ctx context.Context, e edge, name string) int {
	file, warnings, err := config.Read(name)
	if err != nil {
		e.print(err)
		return exitInvalid
	}
	for _, warning := range warnings {
		fmt.Fprintf(e.stdout, "%-11s  %s\n", doctor.Warning, warning)
		e.hint(warning.Hint)
	}
	server, err := serve.New(ctx, file, serve.Options{Log: slog.New(slog.DiscardHandler), Version: versionOf()})
	if err != nil {
		return e.exitOf(name, err)
	}
	findings := server.Check(ctx)
	if ctx.Err() != nil {
		return exitAbort
	}
	count := map[doctor.Result]int{doctor.Warning: len(warnings)}
	for _, f := range findings {
		count[f.Result]++
		of := "" // what is so for all sets names none
		if len(f.Sets) < len(file.Sets) {
			of = " [" + strings.Join(f.Sets, ", ") + "]"
		}
		fmt.Fprintf(e.stdout, "%-11s  %s%s: %s\n", f.Result, strings.TrimSpace(f.Check+" "+f.About), of, f.Reason)
		e.hint(f.Fix)
	}
	fmt.Fprintf(e.stdout, "%d ok, %d failed, %d warnings, %d not checked\n", count[doctor.OK], count[doctor.Failed],
		count[doctor.Warning], count[doctor.Unchecked])
	if count[doctor.Failed] > 0 {
		return exitUnfit
	}
	return exitDone
}

func (e edge) hint(text string) {
	if text != "" {
		fmt.Fprintln(e.stdout, "  hint: "+text)
	}
}
