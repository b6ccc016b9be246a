package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// sets returns the file of the demo, for a GitHub at an address.
func sets(address string) string {
	return `github:
  url: ` + address + `/demo-org/demo
  token-file: token
region: us-east-1
scale-sets:
  - name: ec2-amd64
    max: 4
    machine: &machine
      ec2-image-id: ami-0aaaaaaaaaaaaaaa1
      ec2-instance-type: t3.xlarge
      subnet-id: subnet-0aaaaaaaaaaaaaaa1
      security-group-id: sg-0aaaaaaaaaaaaaaa1
  - name: ec2-big
    max: 3
    machine:
      <<: *machine
      ec2-instance-type: m5.xlarge
      market-type: spot,on-demand
`
}

// program is the running server.
type program struct {
	command *exec.Cmd
	ended   chan error
}

// start writes the file and starts the program with it. What it logs goes to s.
func start(binary, folder, address string, s *show) (*program, error) {
	file := filepath.Join(folder, "sets.yml")
	for name, text := range map[string]string{file: sets(address), filepath.Join(folder, "token"): "ghp_demo\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	// Not by a context: it is told to end by a signal, and by that alone.
	command := exec.Command(binary, file) //nolint:gosec,noctx // named on the command line
	command.Env = []string{
		"AWS_ACCESS_KEY_ID=AKIADEMO", "AWS_SECRET_ACCESS_KEY=demo-secret-key", "AWS_ENDPOINT_URL=" + address,
		"AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=127.0.0.1", "HOME=" + folder,
	}
	command.Stdout, command.Stderr = s, s
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &program{command: command, ended: make(chan error, 1)}
	go func() { p.ended <- command.Wait() }()
	return p, nil
}

// end sends SIGTERM to the program and waits until it has ended.
func (p *program) end(ctx context.Context) error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("the program: %w", err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *program) kill() { _ = p.command.Process.Kill() } // it has ended, or the demo has failed
