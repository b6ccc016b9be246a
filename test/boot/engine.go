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

// engine runs one docker command and returns what it printed.
func engine(args ...string) (string, error) {
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w\n%s", strings.Join(args[:min(3, len(args))], " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// engineClient speaks to the engine's socket. What is asked several times a second is asked here: each docker command
// is a process of 40 MB, and as many cases as wait side by side would keep a processor busy with them.
var engineClient = sync.OnceValue(func() *http.Client {
	socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 8}}
})

// engineGet is one GET of the engine's API. https://docs.docker.com/reference/api/engine/
func engineGet(path string, query url.Values) ([]byte, error) {
	ask := "http://engine" + path + "?" + query.Encode()
	resp, err := engineClient().Get(ask)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return body, err
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

// listeners counts the runner's listeners on the instance.
func (i *instance) listeners() (n int, err error) {
	body, err := engineGet("/containers/"+i.name+"/top", url.Values{"ps_args": {"-eo pid,comm"}})
	var answer struct{ Processes [][]string }
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	for _, process := range answer.Processes {
		// What the kernel keeps of a name is its first 15 letters: all of Runner.Listener.
		if process[len(process)-1] == "Runner.Listener" {
			n++
		}
	}
	return n, err
}

// logs is what the container wrote to its terminal since the instance was switched on (last).
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

// console is what the instance wrote to its console since it was switched on (last).
func (i *instance) console() string { return strings.ReplaceAll(i.logs(false), "\r", "") }

// unixNano is a time as the engine's API has it: seconds with a fraction.
func unixNano(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }
