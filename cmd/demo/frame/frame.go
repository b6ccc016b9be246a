// Package frame is shared by the demos: a simulated EC2 and GitHub on loopback, a folder for files, headings, and a
// check of what is left at the end.
package frame

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// Stage is the environment of a demo.
type Stage struct {
	World  *simulator.World
	Server *simulator.Server
	Folder string // for files, removed at the end
}

// Main runs a demo and exits the process. An interrupt or the timeout cancels the demo's context.
func Main(name string, timeout time.Duration, config simulator.Config, demo func(context.Context, *Stage) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	err := run(ctx, config, demo)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, config simulator.Config, demo func(context.Context, *Stage) error) error {
	s := &Stage{World: simulator.New(config)}
	var err error
	if s.Server, err = simulator.Listen(s.World); err != nil {
		return err
	}
	defer s.Server.Close() //nolint:errcheck // the process ends
	if s.Folder, err = os.MkdirTemp("", "ec2-github-runner-demo-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.Folder) //nolint:errcheck // a folder for temporary files
	fmt.Printf("EC2 and GitHub are simulated, %v times as fast as the real ones; the program is real.\n", config.Speed)
	return demo(ctx, s)
}

// Title prints a heading.
func Title(text string) { fmt.Printf("\n\x1b[1m── %s ──\x1b[0m\n", text) }

// Left checks that no instance and no runner is left, and that the simulator models every call that was made.
func (s *Stage) Left() error {
	if surprises := s.World.Surprises(); len(surprises) > 0 {
		return fmt.Errorf("the program made calls that the simulator does not model: %s", strings.Join(surprises, "; "))
	}
	if instances, runners := s.World.Leftovers(); len(instances)+len(runners) > 0 {
		return fmt.Errorf("%d instances and %d runners are left", len(instances), len(runners))
	}
	return nil
}
