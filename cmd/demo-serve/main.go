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
	"os/signal"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// timeout is how long the demo may take.
const timeout = 60 * time.Second

func main() {
	binary := flag.String("binary", "bin/ec2-github-runner-serve", "the program to run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	err := run(ctx, *binary)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo-serve:", err)
		os.Exit(1)
	}
}

// speed is how much faster than the real ones the simulated clouds are.
const speed = 6

func run(ctx context.Context, binary string) error {
	config := simulator.Defaults()
	config.Speed = speed
	world := simulator.New(config)
	server, err := simulator.Listen(world)
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the process ends
	folder, err := os.MkdirTemp("", "ec2-github-runner-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a folder for temporary files

	fmt.Printf("EC2 and GitHub are simulated, %d times as fast as the real ones; the program is real.\n", speed)
	title("The file")
	fmt.Print(sets(server.EC2URL))
	s := &show{out: os.Stdout, begun: time.Now()}
	program, err := start(binary, folder, server.EC2URL, s)
	if err != nil {
		return err
	}
	defer program.kill()
	title("Twenty jobs come and go")
	if err := workload(ctx, world, s); err != nil {
		return err
	}
	title("The program is told to end")
	if err := program.end(ctx); err != nil {
		return err
	}
	title("What is left")
	return left(world, s)
}

func title(text string) { fmt.Printf("\n\x1b[1m── %s ──\x1b[0m\n", text) }
