//go:build linux

// Command machine is everything inside the test's container that the boot script does not bring: the world around the
// instance (`machine world`), and, under their own names, the programs of the stand-in runner. It is one static binary,
// so that it runs on any distribution.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch filepath.Base(args[0]) {
	case "Runner.Listener":
		return listener(args[1:])
	case "Runner.Worker":
		return worker(args[1:])
	case "node":
		return serviceHost(args[1:])
	case "nvidia-smi":
		return nvidia()
	}
	if len(args) < 2 {
		return fmt.Errorf("usage: machine world|event|remove|docker|lock")
	}
	switch args[1] {
	case "world":
		return world()
	case "event":
		return post("/event", map[string]string{"what": args[2]}, nil)
	case "remove":
		return post("/remove", map[string]string{"name": args[2]}, nil)
	case "docker":
		return dockerSocket(args[2:])
	case "lock":
		return holdLock(args[2:])
	}
	return fmt.Errorf("unknown command %s", args[1])
}
