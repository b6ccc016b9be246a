//go:build real

package act

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "native")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, ".")
	build.Dir, build.Env = project, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return os.ReadFile(file)
})

// release puts into a folder native what cmd/release puts into the tagged commit.
func release(t *testing.T, dir string) {
	t.Helper()
	content, err := program()
	if err != nil {
		t.Fatal(err)
	}
	name := "ec2-github-runner-linux-" + runtime.GOARCH
	write(t, filepath.Join(dir, name), content, 0o755)
	sums, err := json.Marshal(map[string]string{name: fmt.Sprintf("%x", sha256.Sum256(content))})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "checksums.json"), sums, 0o644)
}

// launcher copies native/ as main has it.
func launcher(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"launch.js", "main.js", "post.js"} {
		text, err := os.ReadFile(filepath.Join(project, "native", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), text, 0o644)
	}
	return dir
}

// node runs a file of the launcher as GitHub's runner does, and returns the process, whose streams come in one text.
func node(t *testing.T, file string, env ...string) (*exec.Cmd, *watch) {
	t.Helper()
	must(t, 5*time.Minute, project, "scripts/need", "node", "nodejs")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "node", file)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	out := &watch{marker: regexp.MustCompile(`is launched|Successfully started`), seen: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

func TestNativeRefusals(t *testing.T) {
	without, damaged, whole := launcher(t), launcher(t), launcher(t)
	release(t, damaged)
	release(t, whole)
	name := filepath.Join(damaged, "ec2-github-runner-linux-"+runtime.GOARCH)
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, bytes.Replace(content, []byte("mode"), []byte("mood"), 1), 0o755)
	for dir, want := range map[string]struct {
		exit int
		text string
	}{
		without: {1, "::error::native: this commit does not hold ec2-github-runner-linux-" + runtime.GOARCH},
		damaged: {1, "the download of the action is damaged"},
		whole:   {2, "::error::The 'mode' input is not specified"},
	} {
		cmd, out := node(t, filepath.Join(dir, "main.js"))
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want.exit || !strings.Contains(out.text(), want.text) {
			t.Errorf("exit code %d, want %d, and %q in\n%s", got, want.exit, want.text, out.text())
		}
	}
	// The post step of a start that wrote no state does nothing: the program knows by its name which of the two it is.
	cmd, out := node(t, filepath.Join(whole, "post.js"), "INPUT_MODE=start")
	if err := cmd.Run(); err != nil || out.text() != "" {
		t.Errorf("post: %v: %s", err, out.text())
	}
}

// nativeStep is the environment of a start that waits for a machine which never registers.
func (c *clouds) nativeStep(t *testing.T) (env []string, state string) {
	t.Helper()
	dir := t.TempDir()
	github := serve(t, c.world.GitHubHandler())
	env = []string{
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example", "AWS_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + c.ec2.URL, "GITHUB_API_URL=" + github, "GITHUB_SERVER_URL=https://github.com",
		"GITHUB_REPOSITORY=demo-org/demo", "GITHUB_RUN_ID=1", "GITHUB_RUN_ATTEMPT=1",
		"INPUT_MODE=start", "INPUT_GITHUB-TOKEN=ghp_demo", "INPUT_EC2-INSTANCE-TYPE=t3.micro", "INPUT_EC2-IMAGE-ID=" +
			image().ID,
		"INPUT_SUBNET-ID=" + subnet().ID, "INPUT_SECURITY-GROUP-ID=" + simulator.Defaults().SecurityGroups[0].ID,
	}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		file := filepath.Join(dir, name)
		write(t, file, nil, 0o600)
		env = append(env, name+"="+file)
	}
	return env, filepath.Join(dir, "GITHUB_STATE")
}

// A cancelled step: GitHub's runner signals node alone, which passes it on, so the program rolls back and its exit code
// is kept.
func TestNativeCancelledStart(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		c := openClouds(t, simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverRegisters}}})
		dir := launcher(t)
		release(t, dir)
		env, state := c.nativeStep(t)
		cmd, out := node(t, filepath.Join(dir, "main.js"), env...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-out.seen
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != 130 {
			t.Errorf("%v: exit code %d, want 130:\n%s", signal, got, out.text())
		}
		c.settled(t)
		c.post(t, dir, env, state)
	}
}

// A start that is killed outright, as with its machine, leaves what its post step removes.
func TestNativeKilledStart(t *testing.T) {
	c := openClouds(t, simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverRegisters}}})
	dir := launcher(t)
	release(t, dir)
	env, state := c.nativeStep(t)
	cmd, out := node(t, filepath.Join(dir, "main.js"), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-out.seen
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if instances, _ := c.world.Leftovers(); len(instances) != 1 {
		t.Errorf("the killed start left %v, want one instance", instances)
	}
	c.post(t, dir, env, state)
}

// TestNativeSignsIn: GitHub hands the variables for OIDC to a JavaScript action, and the launcher passes them on to the
// program. (actions/runner: NodeScriptActionHandler.cs)
func TestNativeSignsIn(t *testing.T) {
	c := openClouds(t, simulator.Config{})
	dir := launcher(t)
	release(t, dir)
	env, _ := c.nativeStep(t)
	env = slices.DeleteFunc(env, func(each string) bool {
		return strings.HasPrefix(each, "AWS_ACCESS_KEY_ID=") || strings.HasPrefix(each, "AWS_SECRET_ACCESS_KEY=") ||
			strings.HasPrefix(each, "INPUT_")
	})
	env = append(env, "INPUT_MODE=sweep", "INPUT_GITHUB-TOKEN=ghp_demo", "INPUT_ROLE-TO-ASSUME="+role,
		"INPUT_AWS-REGION=us-east-1")
	cmd, out := node(t, filepath.Join(dir, "main.js"), append(env, c.tokenEndpoint()...)...)
	if err := cmd.Run(); err != nil {
		t.Errorf("%v:\n%s", err, out.text())
	}
	if diff := cmp.Diff(map[string]int{"AssumeRoleWithWebIdentity": 1},
		c.count("AssumeRoleWithWebIdentity")); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	c.settled(t)
}

// post runs the post step with the states that main saved, and demands that nothing is left.
func (c *clouds) post(t *testing.T, dir string, env []string, state string) {
	t.Helper()
	for name, value := range states(t, state) {
		env = append(env, "STATE_"+name+"="+value)
	}
	cmd, out := node(t, filepath.Join(dir, "post.js"), env...)
	if err := cmd.Run(); err != nil {
		t.Errorf("post: %v:\n%s", err, out.text())
	}
	c.settled(t)
}

func TestNativeWorkflowStartsRunsAndStops(t *testing.T) {
	c := openClouds(t, simulator.Config{})
	out := c.actText(t, natively(t, "start-stop.yml"), "act-runner")
	if out.code != 0 {
		t.Fatalf("act's exit code is %d", out.code)
	}
	want := map[string]string{"start": "succeeded", "job": "succeeded", "stop": "succeeded"}
	if diff := cmp.Diff(want, results(out.text)); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	instances := c.world.Snapshot().Instances
	if len(instances) != 1 {
		t.Fatalf("%d instances were launched, want 1", len(instances))
	}
	if want := "job on " + instances[0].ID + " says 42"; !strings.Contains(out.text, want) {
		t.Errorf("the log lacks the job's line %q", want)
	}
	if strings.Contains(out.text, "ghp_demo") {
		t.Error("the log shows the token")
	}
	c.settled(t)
}

// natively is a workflow of testdata by the action without Docker.
func natively(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(text, []byte("uses: ./\n")) < 1 {
		t.Fatalf("%s does not use the action", name)
	}
	return bytes.ReplaceAll(text, []byte("uses: ./\n"), []byte("uses: ./native\n"))
}

// TestNativeWorkflowCancelled: act hands Ctrl+C on to the step's process, whose roll-back ends the machine; then act
// runs the post step with the saved state, which finds nothing more to do.
func TestNativeWorkflowCancelled(t *testing.T) {
	c := openClouds(t, simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverRegisters}}})
	out := c.actCancelled(t, natively(t, "start-alone.yml"), `Successfully started AWS EC2 instance`)
	if !regexp.MustCompile(`(?m)Post .*native`).MatchString(out.text) {
		t.Error("the post step did not run")
	}
	c.settledSoon(t)
}

// TestWorkflowCancelled: act kills the container of a cancelled step and hands no state to the post step of a container
// action, so here the machine stays until the stop job of a later run ends it. GitHub does both otherwise: the scripts
// hold that.
func TestWorkflowCancelled(t *testing.T) {
	c := openClouds(t, simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestNeverRegisters}}})
	text, err := os.ReadFile(filepath.Join("testdata", "start-alone.yml"))
	if err != nil {
		t.Fatal(err)
	}
	out := c.actCancelled(t, text, `Successfully started AWS EC2 instance`)
	if !regexp.MustCompile(`(?m)Post .*\./`).MatchString(out.text) {
		t.Error("the post step did not run")
	}
	if n := c.count("RunInstances")["RunInstances"]; n != 1 {
		t.Errorf("RunInstances was called %d times, want once: a post step must not start a machine", n)
	}
	if out := c.act(t, "stop-all.yml"); out.code != 0 {
		t.Errorf("act's exit code is %d", out.code)
	}
	c.settledSoon(t)
}
