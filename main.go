// Command ec2-github-runner starts and stops GitHub Actions runners on EC2.
//
// It only connects the process to package action: signals cancel the context, action.Run does the work, and its result
// is the exit code. Under a name that ends in "-post" the same binary is the post step.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/marqo-ai/ec2-github-runner/action"
)

func main() {
	// As PID 1 of its container the program must handle signals itself: the kernel does not apply their default actions
	// to PID 1. The first signal starts the roll-back; later ones do not interrupt it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := action.Run(ctx, action.World{Name: os.Args[0], Getenv: os.Getenv, Environ: os.Environ, Stdout: os.Stdout})
	stop()
	os.Exit(code)
}
