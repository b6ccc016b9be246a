// Command ec2-github-runner-serve launches machines for GitHub's runner scale sets: one machine for each job that
// GitHub has assigned, until it is told to end. docs/scale-sets.md is its page.
//
//	ec2-github-runner-serve CONFIG.yml
//	ec2-github-runner-serve check CONFIG.yml
//	ec2-github-runner-serve delete [-dry-run] SET CONFIG.yml
//	ec2-github-runner-serve -version
//
// It is only the process edge: signals cancel a context, and package serve does the work. Problems of the file are
// printed like a compiler's, one a line with its position. Everything else is logged as JSON on standard error.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// As PID 1 of its container the program must handle signals itself: the kernel ignores those it does not.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE) // a log that nobody reads would kill it, and leave its sessions until they lapse
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	code := run(ctx, edge{args: os.Args[1:], stdout: os.Stdout, stderr: os.Stderr, reload: reload})
	stop()
	os.Exit(code)
}
