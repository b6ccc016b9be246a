// Command ec2-github-runner starts and stops GitHub Actions runners on EC2.
//
// It is the process edge alone: signals become a cancelled context, action.Run does the work, and its code becomes the
// exit code. Under a name that ends in "-post" the same binary is the post step.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/marqo-ai/ec2-github-runner/action"
)

func main() {
	// As PID 1 of its container the program must handle signals itself: the kernel ignores those it does not. The first
	// begins the roll-back, later ones do not cut it short.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := action.Run(ctx, action.World{Name: os.Args[0], Getenv: os.Getenv, Environ: os.Environ, Stdout: os.Stdout})
	stop()
	os.Exit(code)
}
