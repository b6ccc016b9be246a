package serve_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// Limits of a process that has nothing to do.
const (
	maxIdleMemory = 40   // MiB at its peak
	maxIdleCPU    = 0.5  // percent of a core
	clockTick     = 0.01 // seconds: USER_HZ, which is 100 on all machines that Go runs on
	idleSets      = 50   // of one file
	idleFor       = 2 * time.Minute
	idleStart     = time.Minute // for all sessions
)

// TestIdleProcess measures the real program with fifty sets that have no jobs, at the simulator over HTTP.
func TestIdleProcess(t *testing.T) {
	if !*wholeDay {
		t.Skip("it takes two minutes: run it with -day")
	}
	t.Parallel()
	world := simulator.New(simulator.Defaults())
	server, err := simulator.Listen(world)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	program := startIdle(t, server.EC2URL)
	for deadline := time.Now().Add(idleStart); listened(world) < idleSets; <-time.After(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d sets are listened to after %s", listened(world), idleSets, idleStart)
		}
	}
	before, begun := program.cpu(t), time.Now()
	<-time.After(idleFor)
	cpu := 100 * (program.cpu(t) - before) / time.Since(begun).Seconds()
	memory := float64(program.status(t, "VmHWM:")) / 1024
	t.Logf("%d idle sets: %.1f MiB at the peak, %.3f %% of a core", idleSets, memory, cpu)
	if memory > maxIdleMemory || cpu > maxIdleCPU {
		t.Errorf("at most %d MiB and %.1f %% are allowed", maxIdleMemory, maxIdleCPU)
	}
	record(t, "idle", map[string]float64{"sets": idleSets, "memory": memory, "cpu": cpu})
}

func listened(world *simulator.World) (count int) {
	for _, set := range world.ScaleSets() {
		if set.Owner != "" {
			count++
		}
	}
	return count
}

// idleProcess is the program under way.
type idleProcess struct{ proc string }

// startIdle builds the program and starts it; it ends with the test.
func startIdle(t *testing.T, address string) idleProcess {
	t.Helper()
	dir := t.TempDir()
	var sets strings.Builder
	fmt.Fprintf(&sets, "github:\n  url: %s/demo-org/demo\n  token-file: token\nregion: us-east-1\nlisten: off\n"+
		"scale-sets:\n", address)
	for i := range idleSets {
		fmt.Fprintf(&sets, "  - name: set-%02d\n    max: 5\n    machine: {ec2-image-id: ami-0aaaaaaaaaaaaaaa1, "+
			"ec2-instance-type: t3.xlarge, subnet-id: subnet-0aaaaaaaaaaaaaaa1, security-group-id: "+
			"sg-0aaaaaaaaaaaaaaa1}\n", i)
	}
	for name, text := range map[string]string{"sets.yml": sets.String(), "token": "ghp_demo\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "ec2-github-runner-serve")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/serve").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	command := exec.Command(binary, filepath.Join(dir, "sets.yml"))
	command.Env = []string{"AWS_ACCESS_KEY_ID=AKIADEMO", "AWS_SECRET_ACCESS_KEY=demo-secret-key",
		"AWS_ENDPOINT_URL=" + address, "AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=127.0.0.1", "HOME=" + dir}
	var log lines
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
		if t.Failed() {
			t.Logf("its log:\n%s", &log)
		}
	})
	return idleProcess{fmt.Sprintf("/proc/%d", command.Process.Pid)}
}

// cpu is the processor time that the program has used, in seconds.
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func (p idleProcess) cpu(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile(p.proc + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	sum := 0
	for _, field := range fields[11:13] { // utime and stime, the 14th and 15th of the line
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return float64(sum) * clockTick
}

// status is a number of /proc/PID/status, in KiB.
func (p idleProcess) status(t *testing.T, key string) int {
	t.Helper()
	text, err := os.ReadFile(p.proc + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == key {
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s/status has no %s", p.proc, key)
	return 0
}
