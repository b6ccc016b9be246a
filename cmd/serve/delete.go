package main

import (
	"context"
	"os"

	"github.com/marqo-ai/ec2-github-runner/serve"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// deleteSet deletes a scale set at the GitHub of a file.
func deleteSet(ctx context.Context, e edge, set, name string) int {
	file, _, err := config.Read(name)
	if err != nil {
		e.print(err)
		return exitInvalid
	}
	host, _ := os.Hostname() // for the session's owner, which has a name for a host without one
	err = serve.Delete(ctx, file, set, serve.Options{Log: jsonLog(e.stderr), Version: versionOf(), Host: host})
	if ctx.Err() != nil {
		return exitAbort
	}
	return e.exitOf(name, err)
}
