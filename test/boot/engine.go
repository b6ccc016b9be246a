//go:build boottest

package boot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// engine runs one docker command and returns its output.
func engine(args ...string) (string, error) {
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w\n%s", strings.Join(args[:min(3, len(args))], " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// engineClient connects to the engine's socket. It is used for frequent requests: each docker command is a process of
// 40 MB, and many waiting cases would keep a processor busy with them.
var engineClient = sync.OnceValue(func() *http.Client {
	socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 8}}
})

// engineGet makes one GET request to the engine's API.
func engineGet(path string, query url.Values) ([]byte, error) {
	return engineAsk(http.MethodGet, path, query)
}

// engineAsk makes one request to the engine's API. https://docs.docker.com/reference/api/engine/
func engineAsk(method, path string, query url.Values) ([]byte, error) {
	req, err := http.NewRequest(method, "http://engine"+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := engineClient().Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, body)
	}
	return body, err
}

// has reports whether the instance, which must be on, has a file. It reads from outside, since a program inside would
// be one more process each time.
func (i *instance) has(file string) bool {
	body, err := engineGet("/containers/"+i.name+"/json", nil)
	var answer struct{ State struct{ Pid int } }
	if err != nil || json.Unmarshal(body, &answer) != nil || answer.State.Pid == 0 {
		return false
	}
	_, err = os.Lstat(fmt.Sprintf("/proc/%d/root%s", answer.State.Pid, file))
	return err == nil
}

// off reports whether the instance is switched off.
func (i *instance) off() bool {
	body, err := engineGet("/containers/"+i.name+"/json", nil)
	var answer struct{ State struct{ Running bool } }
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	return err == nil && !answer.State.Running
}

// listeners counts the runner's listener processes on the instance.
func (i *instance) listeners() (n int, err error) {
	body, err := engineGet("/containers/"+i.name+"/top", url.Values{"ps_args": {"-eo pid,comm"}})
	var answer struct{ Processes [][]string }
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	for _, process := range answer.Processes {
		// The kernel keeps the first 15 letters of a name: all of Runner.Listener.
		if process[len(process)-1] == "Runner.Listener" {
			n++
		}
	}
	return n, err
}

// logs returns the container's terminal output since the instance was last switched on.
func (i *instance) logs(timestamps bool) string {
	query := url.Values{"stdout": {"1"}, "stderr": {"1"}, "since": {unixNano(i.startWall)}}
	if timestamps {
		query.Set("timestamps", "1")
	}
	body, err := engineGet("/containers/"+i.name+"/logs", query)
	if err != nil {
		return "no console: " + err.Error()
	}
	return string(body)
}

// console returns the instance's console output since it was last switched on.
func (i *instance) console() string { return strings.ReplaceAll(i.logs(false), "\r", "") }

// unixNano formats a time for the engine's API: seconds with a fraction.
func unixNano(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }
