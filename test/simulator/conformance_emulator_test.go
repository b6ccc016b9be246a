package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/actions/scaleset"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// emulated is scaleset-emulator as a service, emptied. It has no machines: its control starts and ends jobs
// (src/bin/scaleset-emulator.rs of the crate scaleset 0.1.0).
func emulated(t *testing.T, address string) *setService {
	control := func(path string, in, out any) {
		t.Helper()
		emulatorControl(t, address, path, in, out)
	}
	control("reset", nil, nil)
	c := must[*scaleset.Client](t)(scaleset.NewClientWithPersonalAccessToken(
		scaleset.NewClientWithPersonalAccessTokenConfig{GitHubConfigURL: address + "/demo-org/demo",
			PersonalAccessToken: "ghp_demo"}, scaleset.WithRetryMax(1)))
	return &setService{
		client: c,
		app: func(installation int64) *scaleset.Client {
			world := simulator.New(simulator.Config{Apps: []simulator.App{demoApp}}) // for its key
			return setClientOfApp(t, world, address+"/demo-org/demo", installation, scaleset.WithRetryMax(1))
		},
		queue: func(set int) string {
			var made struct {
				ID int64 `json:"runnerRequestId"`
			}
			control("jobs", map[string]any{"scaleSetId": set}, &made)
			return fmt.Sprint(made.ID)
		},
		start: func(job, runner, _ string) {
			control("jobs/"+job+"/start", map[string]string{"runnerName": runner}, nil)
		},
		finish:            func(job string) { control("jobs/"+job+"/complete", map[string]string{}, nil) },
		expireQueueToken:  func(set int) { control(fmt.Sprintf("expire/queue-token/%d", set), nil, nil) },
		dropSession:       func(set int) { control(fmt.Sprintf("expire/session/%d", set), nil, nil) },
		expireAdminTokens: func() { control("expire/admin-tokens", nil, nil) },
	}
}

// emulatorControl asks the emulator's own interface for something.
func emulatorControl(t *testing.T, address, path string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if in == nil {
		body = nil
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/_emulator/"+path,
		bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		t.Fatalf("emulator: %s: %s: %s, %v", path, resp.Status, text, err)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatal(err)
		}
	}
}
