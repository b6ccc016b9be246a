package step_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// TestImage runs an image with a stand-in for docker: it gets the image and the names of the environment, and finds the
// values in its own environment, a secret among them, so that no list of processes shows one.
func TestImage(t *testing.T) {
	server, err := simulator.Listen(simulator.New(simulator.Defaults()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	bin := t.TempDir()
	docker := "#!/bin/sh\necho \"$@\"\ntr '\\0' '\\n' </proc/$$/environ | sed -n 's/^INPUT_GITHUB-TOKEN=/token: /p'\n"
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte(docker), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("DOCKER_HOST", "unix:///somewhere.sock")
	r := &step.Runner{Image: "action:test", Folder: t.TempDir(), Server: server, Repository: "demo-org/demo", Run: "1"}
	var log strings.Builder
	running, err := r.Start(t.Context(), "start", map[string]string{"github-token": "ghp_secret"}, &log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := running.Wait(); err != nil {
		t.Fatal(err)
	}
	command, rest, _ := strings.Cut(log.String(), "\n")
	if !strings.HasPrefix(command, "run --rm --pull never --network host ") || !strings.HasSuffix(command,
		" action:test") ||
		!strings.Contains(command, "--env INPUT_GITHUB-TOKEN ") || strings.Contains(command, "ghp_secret") ||
		strings.Contains(command, "--env PATH") {
		t.Errorf("docker is called with %q", command)
	}
	if rest != "token: ghp_secret\n" {
		t.Errorf("docker's environment has %q", rest)
	}
}
