package script

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// buildServe builds the second program next to the first, when a script first needs it.
var buildServe = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(strings.Split(os.Getenv("PATH"), string(os.PathListSeparator))[0],
		"ec2-github-runner-serve")
	args := []string{"build", "-o", binary}
	if raceDetector {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "./cmd/serve")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
})

// server is an ec2-github-runner-serve that runs in the background of a script.
type server struct {
	process *exec.Cmd
	ended   chan error

	mu     sync.Mutex
	log    bytes.Buffer
	unread bool // nobody reads its log any more
}

// Write implements io.Writer: the program's log.
func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unread {
		return 0, io.ErrClosedPipe // package exec then closes its end of the pipe
	}
	return s.log.Write(p)
}

// leaveUnread closes the reading end of a server's log pipe.
func leaveUnread(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve-unread NAME")
	}
	s := sceneOf(ts).server(ts, args[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = true
}

func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// serve starts a server with a file, in which ${world_NAME} are replaced.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve NAME FILE")
	}
	scene := sceneOf(ts)
	if scene.servers[args[0]] != nil {
		ts.Fatalf("the server %s is already running", args[0])
	}
	binary, err := buildServe()
	ts.Check(err)
	listenAt(ts)
	file := ts.MkAbs(args[0] + "-" + filepath.Base(args[1]))
	ts.Check(os.WriteFile(file, []byte(filledIn(ts, args[1])), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("token"), []byte("ghp_demo\n"), 0o600))
	if scene.policies != nil {
		scene.world.SetPolicy(simulator.Policy{Document: scene.policies["serve"]})
	}
	s := &server{process: exec.Command(binary, file), ended: make(chan error, 1)}
	s.process.Dir, s.process.Env = ts.MkAbs("."), environment(ts)
	s.process.Stdout, s.process.Stderr = s, s
	ts.Check(s.process.Start())
	go func() { s.ended <- s.process.Wait() }()
	if scene.servers == nil {
		scene.servers = map[string]*server{}
	}
	scene.servers[args[0]] = s
	ts.Defer(func() {
		if scene.servers[args[0]] == s {
			_ = s.process.Process.Kill()
			<-s.ended
			ts.Logf("the log of server %s:\n%s", args[0], s.said())
		}
	})
}

// endServer waits for the end of a server, after sending a signal if one is given.
func endServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: serve-end NAME EXIT-CODE [SIGNAL]")
	}
	s := sceneOf(ts).server(ts, args[0])
	if len(args) == 3 {
		ts.Check(s.process.Process.Signal(signals[args[2]]))
	}
	began := time.Now()
	var err error
	select {
	case err = <-s.ended:
	case <-time.After(20 * time.Second):
		ts.Fatalf("the server %s did not end", args[0])
	}
	delete(sceneOf(ts).servers, args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".log"), []byte(s.said()), 0o600))
	ts.Logf("the server %s ended after %s; its log:\n%s", args[0], time.Since(began).Round(10*time.Millisecond),
		s.said())
	if took := time.Since(began); len(args) == 3 && took > 5*time.Second {
		ts.Fatalf("the server %s ended %s after its signal, which is more than 5 s", args[0], took)
	}
	code := 0
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exited.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != number(ts, args[1]) {
		ts.Fatalf("the server %s ended with exit code %d, want %s", args[0], code, args[1])
	}
	sceneOf(ts).secrets.checkServerLog(ts, s.said())
}

// reloadServer replaces a server's file by another file of the script, or deletes it, and makes the server reload.
func reloadServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: serve-reload NAME FILE|none [COUNT]")
	}
	s, count := sceneOf(ts).server(ts, args[0]), 1
	if len(args) == 3 {
		count = number(ts, args[2])
	}
	if file := s.process.Args[1]; args[1] == "none" {
		ts.Check(os.Remove(file))
	} else {
		ts.Check(os.WriteFile(file, []byte(filledIn(ts, args[1])), 0o600))
	}
	for range count {
		ts.Check(s.process.Process.Signal(syscall.SIGHUP))
		<-time.After(time.Millisecond) // Linux merges signals that are pending at the same time
	}
}

// showPage prints a server's answer: the page, the metrics or a health check. A status other than 200 is printed first,
// and nothing is printed while the server does not answer. The host is what a browser has in its address bar.
func showPage(ts *testscript.TestScript, args []string) string {
	if len(args) < 1 || len(args) > 2 || !strings.HasPrefix(args[0], "/") {
		ts.Fatalf("usage: page PATH [HOST]")
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+ts.Getenv("world_listen")+args[0], nil)
	ts.Check(err)
	if len(args) == 2 {
		request.Host = args[1]
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		return response.Status + "\n" + string(text)
	}
	return string(text)
}

// listenAt sets ${world_listen} to a free address.
func listenAt(ts *testscript.TestScript) {
	if ts.Getenv("world_listen") != "" {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("world_listen", listener.Addr().String())
	ts.Check(listener.Close())
}

// filledIn returns a file of the script with ${world_NAME} replaced.
func filledIn(ts *testscript.TestScript, file string) string {
	return placeholder.ReplaceAllStringFunc(ts.ReadFile(file), func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		return ts.Getenv(parts[1] + "_" + parts[2])
	})
}

func (s *scene) server(ts *testscript.TestScript, name string) *server {
	found := s.servers[name]
	if found == nil {
		ts.Fatalf("the server %s is not running", name)
	}
	return found
}

// secretField matches a secret in an answer of the scale-set service.
var secretField = regexp.MustCompile(`"(?:token|messageQueueAccessToken|encodedJITConfig)":"([^"]+)"`)

// learnScaleSets records tokens and JIT configurations from an answer of the scale-set service.
func (s *secrets) learnScaleSets(answer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, found := range secretField.FindAllSubmatch(answer, -1) {
		s.ofSets = append(s.ofSets, string(found[1]))
	}
}

// checkServerLog checks that a server's log contains no secret.
func (s *secrets) checkServerLog(ts *testscript.TestScript, log string) {
	s.mu.Lock()
	ofSets := slices.Clone(s.ofSets)
	s.mu.Unlock()
	if len(ofSets) == 0 && sceneOf(ts).emulator == nil && strings.Contains(log, "machine launched") {
		ts.Fatalf("no secret of the scale sets was seen, so the log cannot be checked")
	}
	for _, secret := range append(slices.Concat(s.all(), ofSets), "ghp_demo", "demo-secret-key") {
		if strings.Contains(log, secret) {
			ts.Fatalf("the log contains a secret: %s", secret)
		}
	}
	for line := range strings.Lines(log) {
		if !json.Valid([]byte(line)) && strings.HasPrefix(line, "{") {
			ts.Fatalf("a line of the log is not JSON: %s", line)
		}
	}
}

// showServerLog prints a server's log so far.
func showServerLog(ts *testscript.TestScript, args []string) string {
	if len(args) != 1 {
		ts.Fatalf("usage: serve-log NAME")
	}
	return sceneOf(ts).server(ts, args[0]).said()
}

// queueJobs queues jobs for a scale set.
func queueJobs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: queue SET COUNT DURATION")
	}
	takes, err := time.ParseDuration(args[2])
	ts.Check(err)
	scene := sceneOf(ts)
	for range number(ts, args[1]) {
		if scene.emulator != nil {
			scene.emulator.queue(ts, args[0], takes)
			continue
		}
		scene.world.QueueScaleSetJob(args[0], simulator.ScaleSetJob{Duration: takes})
	}
}

// deleteSet deletes a scale set as on GitHub's pages.
func deleteSet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || !sceneOf(ts).world.DeleteScaleSet(args[0]) {
		ts.Fatalf("usage: delete-set SET, and the set must exist")
	}
}

// dropSession ends a set's session without notifying its holder.
func dropSession(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: drop-session SET")
	}
	scene := sceneOf(ts)
	if scene.emulator != nil {
		scene.emulator.ofSet(ts, args[0], "expire/session/%d")
	} else if !scene.world.DropSession(args[0]) {
		ts.Fatalf("the set %s has no session", args[0])
	}
}

// endTokens expires the token of a set's session, or the admin tokens of all, ahead of time.
func endTokens(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: end-tokens SET|-admin")
	}
	scene, set := sceneOf(ts), args[0]
	switch {
	case scene.emulator != nil && set == "-admin":
		ts.Check(scene.emulator.control(context.Background(), http.MethodPost, "expire/admin-tokens", nil, nil))
	case scene.emulator != nil:
		scene.emulator.ofSet(ts, set, "expire/queue-token/%d")
	case set == "-admin":
		scene.world.RevokeScaleSetTokens()
	case !scene.world.ExpireQueueToken(set):
		ts.Fatalf("the set %s has no session", set)
	}
}

// showJobs prints one line for each state of the jobs of scale sets, by set.
func showJobs(ts *testscript.TestScript, _ []string) string {
	scene, count := sceneOf(ts), map[string]int{}
	if scene.emulator != nil {
		scene.emulator.countJobs(ts, count)
	} else {
		for _, j := range scene.world.Jobs() {
			if j.ID != "" {
				count[j.Label+" "+j.State]++
			}
		}
	}
	var b strings.Builder
	for _, line := range sorted(count) {
		fmt.Fprintf(&b, "%s %d\n", line, count[line])
	}
	return b.String()
}

// showSets prints the scale sets by name, with the sessions' holders.
func showSets(ts *testscript.TestScript, _ []string) string {
	scene := sceneOf(ts)
	if scene.emulator != nil {
		return scene.emulator.showSets(ts)
	}
	var b strings.Builder
	sets := scene.world.ScaleSets()
	slices.SortFunc(sets, func(a, b simulator.ScaleSet) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range sets {
		fmt.Fprintf(&b, "set %s labels=%s held=%t runners=%d\n", s.Name, strings.Join(s.Labels, ","), s.Owner != "",
			s.Registered)
	}
	return b.String()
}
