//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// registrationFiles are the files of a registration. Each of the first two counts as one.
var registrationFiles = []string{".runner", ".runner_migrated", ".credentials", ".credentials_migrated",
	".credentials_rsaparams"}

// configured reports whether there is a registration.
func configured(home string) bool {
	for _, name := range registrationFiles[:2] {
		if _, err := os.Stat(filepath.Join(home, name)); err == nil {
			return true
		}
	}
	return false
}

// forget is config.sh remove --local, which the listener also does once a single-use runner has done its job.
func (r *runner) forget() error {
	for _, name := range registrationFiles {
		_ = os.Remove(filepath.Join(r.home, name))
	}
	return nil
}

// configure is the part of config.sh that calls GitHub.
func (r *runner) configure(args []string) error {
	if configured(r.home) {
		return exit(exitTerminated, "Cannot configure the runner because it is already configured. To reconfigure "+
			"the runner, run 'config.cmd remove' or './config.sh remove' first.")
	}
	ask := map[string]string{}
	for i := 0; i < len(args); i++ {
		switch key := strings.TrimPrefix(args[i], "--"); key {
		case "unattended", "replace", "ephemeral", "disableupdate", "no-default-labels":
			ask[key] = "true"
		case "url", "token", "labels", "name", "runnergroup", "work":
			i++
			ask[key] = args[i]
		default:
			// The real one warns and goes on.
			fmt.Printf("Unrecognized command-line input arguments for command configure: '%s'.\n", args[i])
		}
	}
	var id bytes.Buffer
	if err := post("/register", ask, &id); err != nil {
		return exit(exitTerminated, "register: "+err.Error())
	}
	text, err := json.Marshal(settings{
		AgentID: id.String(), AgentName: ask["name"], Ephemeral: ask["ephemeral"] == "true",
		DisableUpdate: ask["disableupdate"] == "true", WorkFolder: "_work",
	})
	if err != nil {
		return err
	}
	for _, name := range []string{".runner", ".credentials", ".credentials_rsaparams"} {
		if err := os.WriteFile(filepath.Join(r.home, name), text, 0o600); err != nil {
			return err
		}
	}
	fmt.Println("√ Runner successfully added")
	return r.writeServiceScript(ask)
}

// writeServiceScript makes svc.sh from its template.
func (r *runner) writeServiceScript(ask map[string]string) error {
	template, err := os.ReadFile(filepath.Join(r.home, "bin", "systemd.svc.sh.template"))
	if err != nil {
		return err
	}
	scope := strings.ReplaceAll(strings.TrimPrefix(ask["url"], "https://github.com/"), "/", "-")
	text := strings.NewReplacer(
		"{{SvcNameVar}}", "actions.runner."+scope+"."+ask["name"]+".service",
		"{{SvcDescription}}", "GitHub Actions Runner ("+scope+"."+ask["name"]+")",
	).Replace(string(template))
	return os.WriteFile(filepath.Join(r.home, "svc.sh"), []byte(text), 0o755)
}
