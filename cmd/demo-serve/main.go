// Command demo-serve shows scale sets to a newcomer, without an AWS account and without a token: it runs the real
// ec2-github-runner-serve with two sets against a simulated EC2 and GitHub on loopback, queues twenty jobs, and shows
// what the program decides until all are done.
//
// It fails when a job is not done or anything is left over at the end, so it is a test as well.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/marqo-ai/ec2-github-runner/cmd/demo/frame"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const (
	speed   = 6 // how much faster than the real ones the simulated clouds are
	timeout = 60 * time.Second
)

func main() {
	binary := flag.String("binary", "bin/ec2-github-runner-serve", "the program to run")
	flag.Parse()
	config := simulator.Defaults()
	config.Speed = speed
	frame.Main("demo-serve", timeout, config, func(ctx context.Context, stage *frame.Stage) error {
		return run(ctx, stage, *binary)
	})
}

func run(ctx context.Context, stage *frame.Stage, binary string) error {
	frame.Title("The file")
	fmt.Print(sets(stage.Server.EC2URL))
	s := &show{out: os.Stdout, begun: time.Now()}
	program, err := start(binary, stage.Folder, stage.Server.EC2URL, s)
	if err != nil {
		return err
	}
	defer program.kill()
	frame.Title("Twenty jobs come and go")
	if err := workload(ctx, stage.World, s); err != nil {
		return err
	}
	frame.Title("The program is told to end")
	if err := program.end(ctx); err != nil {
		return err
	}
	frame.Title("What is left")
	return left(stage, s)
}
