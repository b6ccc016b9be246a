package main

import (
	"context"
	"fmt"
	"os"

	"github.com/marqo-ai/ec2-github-runner/serve"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// deleteSet deletes a scale set at the GitHub of a file, and ends what it has left; with -dry-run it only shows that.
func deleteSet(ctx context.Context, e edge, args []string) int {
	dry := args[0] == "-dry-run" || args[0] == "--dry-run"
	if dry {
		args = args[1:]
	}
	if len(args) != 2 || !config.IsName(args[0]) {
		fmt.Fprint(e.stderr, usage)
		return exitInvalid
	}
	set, name := args[0], args[1]
	file, _, err := config.Read(name)
	if err != nil {
		e.print(err)
		return exitInvalid
	}
	host, _ := os.Hostname() // for the session's owner, which has a name for a host without one
	err = serve.Delete(ctx, file, set, dry, serve.Options{Log: jsonLog(e.stderr), Version: versionOf(), Host: host})
	if ctx.Err() != nil {
		return exitAbort
	}
	return e.exitOf(name, err)
}
