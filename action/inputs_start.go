package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner"
)

// Defaults of the machine's own end. Five days is GitHub's own limit for a job.
// https://docs.github.com/en/actions/reference/limits
const (
	defaultMaxLifetime   = 5 * 24 * time.Hour
	defaultEphemeralIdle = time.Hour
)

func (r *reader) start(request Request) *runner.StartRequest {
	start := &runner.StartRequest{
		Run: request.Run, Scope: request.Scope, WebURL: webURL(r.getenv("GITHUB_SERVER_URL"), request.Scope),
		JIT: r.flag("use-jit"), Ephemeral: r.ownFlag("ephemeral"), OwnTags: r.ownFlag("own-tags"), Debug: r.flag("runner-debug"),
		Waiting: r.waiting(), RunnerVersion: r.runnerVersion(),
	}
	slot := r.slot(request)
	start.Groups = []runner.Group{slot}
	switch {
	case start.JIT && slot.Service:
		r.refuse("The 'use-jit' and 'run-runner-as-service' inputs are incompatible. JIT runners are single-use and cannot run as a service.", "")
	case start.Ephemeral && slot.Service:
		r.refuse("The 'ephemeral' and 'run-runner-as-service' inputs are incompatible. Ephemeral runners are single-use and cannot run as a service.", "")
	}
	start.JIT = start.JIT || start.Ephemeral
	if start.JIT {
		start.GroupID = r.groupID()
	}
	start.IdleTimeout, start.MaxLifetime, start.MaxLifetimeHard = r.lifetimes(start.Ephemeral)
	if len(r.invalid.Problems) == 0 {
		r.checkUserData(*start)
	}
	return start
}

func (r *reader) lifetimes(ephemeral bool) (idle, life time.Duration, hard bool) {
	idle, given := r.minutes("idle-timeout-minutes")
	if !given && ephemeral {
		idle = defaultEphemeralIdle
	}
	life, hard = r.minutes("max-lifetime-minutes")
	if !hard {
		life = defaultMaxLifetime
	}
	return idle, life, hard && life > 0
}

var versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

func (r *reader) runnerVersion() string {
	version := strings.TrimPrefix(r.text("runner-version"), "v")
	if version != "latest" && !versionForm.MatchString(version) {
		r.refuse(fmt.Sprintf("The 'runner-version' input is %q, which is neither 'latest' nor a version.", version), "for example runner-version: 2.330.0")
	}
	return version
}

// groupID reads the runner group, which only a JIT configuration names.
func (r *reader) groupID() int64 {
	value := r.text("runner-group-id")
	id, ok, exact := leadingNumber(value)
	if !ok {
		r.refuse(fmt.Sprintf("The 'runner-group-id' input is %q, which is not a number.", value), "for example runner-group-id: 1, the default group")
	} else if !exact {
		r.warn("The 'runner-group-id' input is %q, of which %d is taken", value, id)
	}
	return id
}

// checkUserData refuses what would not fit into EC2's 16 KB.
func (r *reader) checkUserData(start runner.StartRequest) {
	if err := start.CheckUserData(); err != nil {
		r.refuse("The machine's user data is too large: "+err.Error()+".", "make pre-runner-script shorter: let it fetch the rest, or bake it into the image")
	}
}

func (r *reader) slot(request Request) runner.Group {
	slot := runner.Group{
		Label: r.label(), Profile: r.text("iam-role-name"),
		HomeDir: r.text("runner-home-dir"), User: r.text("run-runner-as-user"), Service: r.flag("run-runner-as-service"),
		PreRunnerScript: strings.ReplaceAll(r.text("pre-runner-script"), "\r\n", "\n"),
		Packages:        r.packages(), Tags: r.tags(), Markets: r.markets(), InstanceTypes: r.instanceTypes(),
	}
	slot.Placements = r.placements(request.Region)
	slot.Root = r.rootVolume()
	var err error
	if slot.Devices, err = runner.ParseBlockDevices(r.text("block-device-mappings")); err != nil {
		r.refuse("Failed to parse block-device-mappings: "+err.Error(), `for example [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 100, "VolumeType": "gp3"}}]`)
	}
	if slot.Metadata, err = runner.ParseMetadataOptions(r.text("metadata-options")); err != nil {
		r.refuse("Failed to parse metadata-options: "+err.Error(), `for example {"HttpTokens": "required", "HttpPutResponseHopLimit": 2}`)
	}
	return slot
}

func (r *reader) packages() []string {
	list, err := readList[loose](r.text("packages"))
	if err != nil {
		r.refuse("Failed to parse packages: "+err.Error(), `for example ["git", "docker.io"]`)
	}
	var packages []string
	for i, name := range list {
		if strings.TrimSpace(string(name)) == "" {
			r.refuse(fmt.Sprintf("Failed to parse packages: the name at index %d is empty", i), `for example ["git", "docker.io"]`)
		}
		packages = append(packages, string(name))
	}
	return packages
}

func (r *reader) instanceTypes() []string {
	value := r.text("ec2-instance-type")
	if value == "" {
		r.refuse("The 'ec2-instance-type' input is required for the 'start' mode.", "for example ec2-instance-type: t3.xlarge")
		return nil
	}
	if strings.HasPrefix(value, "mac") && strings.HasSuffix(value, ".metal") {
		r.refuse(fmt.Sprintf("The 'ec2-instance-type' input is %q, which runs macOS only.", value), "macOS instances are not supported: take a Linux type such as t3.xlarge")
	}
	return []string{value}
}

// tellIfJSON names the place of a JSON error.
func tellIfJSON(text string, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%w%s", err, place(text, err))
	}
	return err
}
