package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
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
	start := r.startOf(request)
	if start.Existing != nil {
		r.onlyExisting(start)
	}
	if len(r.invalid.Problems) == 0 && start.Existing == nil {
		r.checkUserData(*start)
	}
	return start
}

// startOf reads a start without looking at the size of its user data.
func (r *reader) startOf(request Request) *runner.StartRequest {
	start := &runner.StartRequest{
		Run: request.Run, Scope: request.Scope, WebURL: webURL(r.getenv("GITHUB_SERVER_URL"), request.Scope),
		Labels: r.extraLabels(),
		JIT:    r.flag("use-jit"), Ephemeral: r.ownFlag("ephemeral"), DefaultLabels: request.Mode != modePool &&
			r.ownFlag("default-labels"),
		OwnTags: r.ownFlag("own-tags"), Debug: r.flag("runner-debug"),
		Waiting: r.waiting(), RunnerVersion: r.runnerVersion(), CACertificates: request.CACertificates,
	}
	start.Existing = r.existing(request)
	groups := r.groupsOf(request, start.Existing)
	start.Groups, start.MinCount = groups, r.minCount(groups)
	start.KeepFailed, _ = r.minutes("keep-failed-minutes")
	start.CapacityTimeout, _ = r.minutes("capacity-timeout-minutes")
	r.fromPool(start)
	for _, group := range groups {
		switch {
		case start.JIT && group.Service:
			r.refuse("The 'use-jit' and 'run-runner-as-service' inputs are incompatible. JIT runners are single-use and cannot "+
				"run as a service.", "")
		case start.Ephemeral && group.Service && start.Pool == "":
			r.refuse("The 'ephemeral' and 'run-runner-as-service' inputs are incompatible. Ephemeral runners are single-use "+
				"and cannot run as a service.", "")
		}
	}
	start.JIT = start.JIT || start.Ephemeral
	start.GroupID, start.GroupName = r.runnerGroup(start.JIT, request.Scope)
	start.IdleTimeout, start.MaxLifetime, start.MaxLifetimeHard = r.lifetimes(start.Ephemeral)
	if slices.ContainsFunc(groups, func(g runner.Group) bool { return g.Overlay.KeepsMachine() }) {
		r.warn("launch-parameters sets InstanceInitiatedShutdownBehavior to stop, so the machine cannot end itself: " +
			"idle-timeout-minutes, max-lifetime-minutes and ephemeral's power-off are off, and only stop removes it")
	}
	return start
}

// extraLabels reads further labels for all runners.
func (r *reader) extraLabels() []string {
	var labels []string
	for _, label := range strings.FieldsFunc(r.text("runner-labels"),
		func(c rune) bool { return c == ',' || c == '\n' || c == '\r' }) {
		if label = strings.TrimSpace(label); label != "" && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	return labels
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
		r.refuse(fmt.Sprintf("The 'runner-version' input is %q, which is neither 'latest' nor a version.", version),
			"for example runner-version: 2.330.0")
	}
	return version
}

// runnerGroup reads the runner group, by id or by name. A repository has no groups but the default one, and machulav
// reads the input for JIT runners only, so elsewhere an odd value does no harm.
func (r *reader) runnerGroup(jit bool, scope string) (id int64, name string) {
	value := r.text("runner-group-id")
	id, ok, exact := leadingNumber(value)
	isRepository := strings.Contains(scope, "/") && !strings.HasPrefix(scope, "enterprises/")
	switch {
	case isRepository && !jit:
		return 1, ""
	case ok && exact:
		return id, ""
	case isRepository && !ok:
		r.refuse(fmt.Sprintf("The 'runner-group-id' input is %q, and a repository's runners are in no group that has a name.",
			value), "for example runner-group-id: 1, the default group")
	case isRepository:
		r.warn("The 'runner-group-id' input is %q, of which %d is taken", value, id)
		return id, ""
	}
	return 0, value
}

// checkUserData refuses what would not fit into EC2's 16 KB.
func (r *reader) checkUserData(start runner.StartRequest) {
	if err := start.CheckUserData(); err != nil {
		r.refuse("The machine's user data is too large: "+err.Error()+".",
			"make pre-runner-script shorter: let it fetch the rest, or bake it into the image")
	}
}

// group reads one group of like runners.
func (r *reader) group(request Request) runner.Group {
	group := runner.Group{
		Label: r.label(), Count: r.number("count", 1, maxRunners, 1), Architecture: r.architecture(),
		Profile: r.text("iam-role-name"),
		HomeDir: r.text("runner-home-dir"), User: r.text("run-runner-as-user"), Service: r.flag("run-runner-as-service"),
		PreRunnerScript: strings.ReplaceAll(r.text("pre-runner-script"), "\r\n", "\n"), SetupScript: r.setupScript(),
		Packages: r.packages(), Tags: r.tags(), Markets: r.markets(), SpotMax: r.spotMaxPrice(),
		Overlay: r.launchParameters(),
	}
	group.InstanceTypes = r.instanceTypes(group)
	group.TypesOfArchitecture = group.Architecture != "" && len(r.list("ec2-instance-type")) == 0
	group.Placements = r.placements(request.Region, group)
	group.Root = r.rootVolume()
	group.Devices, group.Metadata = r.devices(), r.metadata()
	if group.Architecture != "" && group.Root == (runner.RootVolume{}) && group.Devices.Len() == 0 {
		group.Root.GiB = defaultVolume
	}
	return group
}

func (r *reader) packages() []string {
	const example = `for example ["git", "docker.io"]`
	var packages []string
	for i, name := range jsonList[loose](r, "packages", example) {
		if strings.TrimSpace(string(name)) == "" {
			r.refuse(fmt.Sprintf("Failed to parse packages: the name at index %d is empty", i), example)
		}
		packages = append(packages, string(name))
	}
	return packages
}

// The machines of the proposal, for each architecture: what is taken when nothing else is said.
var architectures = map[string][]string{
	"amd64": {"t3.xlarge"},
	"arm64": {"a1.xlarge", "t4g.xlarge"},
	"cuda":  {"g4dn.xlarge"},
}

// defaultVolume is the root volume for an architecture, in GiB.
const defaultVolume = 50

func (r *reader) architecture() string {
	value := r.text("architecture")
	if _, known := architectures[value]; value != "" && !known {
		r.refuse(fmt.Sprintf("The 'architecture' input is %q.", value), "it is amd64, arm64 or cuda")
		return ""
	}
	return value
}

func (r *reader) instanceTypes(group runner.Group) []string {
	types := r.list("ec2-instance-type")
	switch {
	case len(types) > 0:
	case group.Architecture != "":
		types = architectures[group.Architecture]
	case group.Overlay.Has("LaunchTemplate"), group.Overlay.Has("InstanceType"):
		return []string{""}
	default:
		r.refuse("The 'ec2-instance-type' input is required for the 'start' mode.",
			"for example ec2-instance-type: t3.xlarge")
	}
	for _, name := range types {
		if strings.HasPrefix(name, "mac") && strings.HasSuffix(name, ".metal") {
			r.refuse(fmt.Sprintf("The 'ec2-instance-type' input is %q, which runs macOS only.", name),
				"macOS instances are not supported: take a Linux type such as t3.xlarge")
		}
	}
	return types
}

// launchParameters reads RunInstances parameters, in YAML or JSON.
func (r *reader) launchParameters() runner.Parameters {
	const example = "for example launch-parameters: {KeyName: my-key, CreditSpecification: {CpuCredits: standard}}"
	text := r.text("launch-parameters")
	if text == "" {
		return runner.Parameters{}
	}
	tree, err := readYAML(text)
	if err != nil {
		r.refuse("Failed to parse launch-parameters: "+yamlError(err), example)
		return runner.Parameters{}
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		r.refuse("Failed to parse launch-parameters: "+err.Error(), example)
		return runner.Parameters{}
	}
	parameters, err := runner.ParseParameters(string(raw))
	if err != nil {
		r.refuse("Failed to parse launch-parameters: "+err.Error(), example)
	}
	return parameters
}

// tellIfJSON names the place of a JSON error.
func hintIfJSON(text string, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%w%s", err, place(text, err))
	}
	return err
}
