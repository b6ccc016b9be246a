package action

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
)

// with returns the environment of a valid start in which some inputs differ.
func with(pairs ...string) func(string) string {
	env := map[string]string{
		"GITHUB_REPOSITORY": "demo-org/demo", "GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": "1",
		"INPUT_MODE": "start", "INPUT_GITHUB-TOKEN": "ghp_demo", "INPUT_EC2-IMAGE-ID": "ami-1",
		"INPUT_EC2-INSTANCE-TYPE": "t3.xlarge",
		"INPUT_SUBNET-ID":         "subnet-1", "INPUT_SECURITY-GROUP-ID": "sg-1",
	}
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i]
		if !strings.HasPrefix(name, "GITHUB_") {
			name = inputEnv(name)
		}
		env[name] = pairs[i+1]
	}
	return func(name string) string { return env[name] }
}

// problems returns the messages of a refusal.
func problems(err error) []string {
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	var list []string
	for _, problem := range invalid.Problems {
		list = append(list, problem.Message)
	}
	return list
}

// TestRefused: each refused value has one message that names the input and says what is wrong.
func TestRefused(t *testing.T) {
	t.Parallel()
	const either = "Either provide 'availability-zones-config' or all of the following: 'ec2-image-id', 'subnet-id', " +
		"'security-group-id'"
	for _, c := range []struct {
		pairs []string
		want  string
	}{
		{[]string{"mode", ""}, "The 'mode' input is not specified"},
		{[]string{"mode", "START"}, "Wrong mode. Allowed values: " + strings.Join(modes, ", ") + "."},
		{[]string{"github-token", " \t"}, "The 'github-token' input is not specified"},
		{[]string{"ec2-instance-type", ""}, "The 'ec2-instance-type' input is required for the 'start' mode."},
		{[]string{"ec2-image-id", ""}, either},
		{[]string{"subnet-id", " "}, either},
		{[]string{"security-group-id", "", "availability-zones-config", "[]"}, either},
		{[]string{"availability-zones-config", `"x"`},
			"Failed to parse availability-zones-config: availability-zones-config must be a JSON array"},
		{[]string{"availability-zones-config", `[{"imageId":"a","securityGroupId":"b"}]`},
			"Failed to parse availability-zones-config: Missing subnetId in availability-zones-config at index 0"},
		{[]string{"availability-zones-config", `[{"imageId":{},"subnetId":"c","securityGroupId":"b"}]`},
			"Failed to parse availability-zones-config: expected a single value, not {} at index 0"},
		{[]string{"use-jit", "true", "run-runner-as-service", "true"},
			"The 'use-jit' and 'run-runner-as-service' inputs are incompatible. JIT runners are single-use and " +
				"cannot run as a service."},
		{[]string{"ephemeral", "true", "run-runner-as-service", "true"},
			"The 'ephemeral' and 'run-runner-as-service' inputs are incompatible. Ephemeral runners are single-use " +
				"and cannot run as a service."},
		{[]string{"label", "a,b"},
			`The 'label' input is "a,b", which contains a comma or a control character: GitHub would ` +
				`create several labels from it.`},
		{[]string{"label", "a\x00b"},
			`The 'label' input is "a\x00b", which contains a comma or a control character: GitHub would ` +
				`create several labels from it.`},
		{[]string{"region", "us-east-1a"}, `The 'region' input is "us-east-1a", which is not a valid region name.`},
		{[]string{"ec2-volume-size", "0"},
			`The 'ec2-volume-size' input is "0", which is not a size in GiB from 1 to 65536.`},
		{[]string{"startup-timeout-minutes", "-2"},
			"The 'startup-timeout-minutes' input is -2, which leaves no time to wait."},
		{[]string{"aws-resource-tags", `[1]`},
			"Failed to parse aws-resource-tags: expected an object, not 1 at index 0"},
		{[]string{"own-tags", "True"}, `The 'own-tags' input is "True", which is neither true nor false.`},
		{[]string{"idle-timeout-minutes", "1h"},
			`The 'idle-timeout-minutes' input is "1h", which is not a number of minutes from 0 to 1000000.`},
		{[]string{"runner-version", "2.330"},
			`The 'runner-version' input is "2.330", which is neither 'latest' nor a version.`},
		{[]string{"ec2-instance-type", "mac2.metal"},
			`The 'ec2-instance-type' input is "mac2.metal", which runs macOS only.`},
		{[]string{"GITHUB_REPOSITORY", "a/b/c"}, `GITHUB_REPOSITORY is "a/b/c", which is not of the form owner/repo`},
		{[]string{"mode", "stop"}, "The 'ec2-instance-id' input is required for the 'stop' mode."},
		{[]string{"mode", "stop", "ec2-instance-id", "0123"},
			`The 'ec2-instance-id' input is "0123", which is not an instance id.`},
	} {
		request, err := Parse(with(c.pairs...))
		if got := problems(err); !cmp.Equal(got, firstOf(got, c.want)) || len(got) == 0 {
			t.Errorf("%v: %q, want %q", c.pairs, got, c.want)
		}
		if len(request.Warnings) > 0 {
			t.Errorf("%v: warnings %q", c.pairs, request.Warnings)
		}
	}
}

// firstOf returns the problems if they include the wanted message.
func firstOf(got []string, want string) []string {
	if len(got) > 0 && got[0] == want {
		return got
	}
	return []string{want}
}

// TestReadOtherwise: values that machulav's action reads differently from how they are written are read as it does,
// with one warning.
func TestReadOtherwise(t *testing.T) {
	t.Parallel()
	second := func(n int) *time.Duration { d := time.Duration(n) * time.Second; return &d }
	for _, c := range []struct {
		name, value string
		want        runner.Waiting
		warned      bool
	}{
		{"startup-quiet-period-seconds", "10s", runner.Waiting{QuietPeriod: second(10)}, true},
		{"startup-quiet-period-seconds", "0", runner.Waiting{QuietPeriod: second(0)}, false},
		{"startup-quiet-period-seconds", "45", runner.Waiting{QuietPeriod: second(45)}, false},
		{"startup-quiet-period-seconds", "soon", runner.Waiting{QuietPeriod: second(30)}, true},
		{"startup-quiet-period-seconds", "1.9", runner.Waiting{QuietPeriod: second(1)}, true},
		{"startup-quiet-period-seconds", "", runner.Waiting{}, false},
		{"startup-retry-interval-seconds", "0", runner.Waiting{RetryInterval: second(10)}, true},
		{"startup-retry-interval-seconds", "7", runner.Waiting{RetryInterval: second(7)}, false},
		{"startup-retry-interval-seconds", "x7", runner.Waiting{RetryInterval: second(10)}, true},
		{"startup-timeout-minutes", "0", runner.Waiting{}, true},
		{"startup-timeout-minutes", "", runner.Waiting{}, false},
		{"startup-timeout-minutes", "never", runner.Waiting{}, true},
		{"startup-timeout-minutes", "12 minutes", runner.Waiting{Timeout: 12 * time.Minute}, true},
		{"startup-timeout-minutes", "+3", runner.Waiting{Timeout: 3 * time.Minute}, false},
	} {
		request, err := Parse(with(c.name, c.value))
		if err != nil {
			t.Errorf("%s=%q: %v", c.name, c.value, err)
			continue
		}
		if c.want.Timeout == 0 {
			c.want.Timeout = 5 * time.Minute
		}
		if diff := cmp.Diff(c.want, request.Start.Waiting); diff != "" {
			t.Errorf("%s=%q: %s", c.name, c.value, diff)
		}
		if warned := len(request.Warnings) == 1; warned != c.warned || (warned && !strings.Contains(request.Warnings[0],
			"'"+c.name+"'")) {
			t.Errorf("%s=%q: warnings %q", c.name, c.value, request.Warnings)
		}
	}
	for _, name := range []string{"use-jit", "run-runner-as-service", "runner-debug"} {
		for value, warned := range map[string]bool{"true": false, "false": false, "": false, "True": true, "1": true,
			"yes": true} {
			request, err := Parse(with(name, value))
			if err != nil || (len(request.Warnings) == 1) != warned {
				t.Errorf("%s=%q: %v, warnings %q", name, value, err, request.Warnings)
				continue
			}
			is := map[string]bool{"use-jit": request.Start.JIT,
				"run-runner-as-service": request.Start.Groups[0].Service,
				"runner-debug":          request.Start.Debug}[name]
			if is != (value == "true") {
				t.Errorf("%s=%q is read as %t", name, value, is)
			}
		}
	}
}

// TestZonesWin: the list takes precedence over the single inputs, an element's region over the input, and an empty list
// is ignored.
func TestZonesWin(t *testing.T) {
	t.Parallel()
	zones := `[{"imageId":"ami-2","subnetId":"subnet-2","securityGroupId":"sg-2"},` +
		`{"imageId":"ami-3","subnetId":3,"securityGroupId":"sg-3","region":"eu-west-1","more":[]}]`
	for _, c := range []struct {
		zones string
		want  []machine.Placement
	}{
		{zones, []machine.Placement{
			{Element: 1, Region: "us-west-2", ImageID: "ami-2", SubnetID: "subnet-2",
				SecurityGroupIDs: []string{"sg-2"}},
			{Element: 2, Region: "eu-west-1", ImageID: "ami-3", SubnetID: "3", SecurityGroupIDs: []string{"sg-3"}},
		}},
		{"[]", []machine.Placement{machine.NewPlacement("us-west-2", "ami-1", "subnet-1", "sg-1")}},
		{" {} ", []machine.Placement{machine.NewPlacement("us-west-2", "ami-1", "subnet-1", "sg-1")}},
		{"null", []machine.Placement{machine.NewPlacement("us-west-2", "ami-1", "subnet-1", "sg-1")}},
	} {
		request, err := Parse(with("availability-zones-config", c.zones, "region", "us-west-2"))
		if err != nil {
			t.Errorf("%s: %v", c.zones, err)
			continue
		}
		if diff := cmp.Diff(c.want, request.Start.Groups[0].Placements); diff != "" {
			t.Errorf("%s: %s", c.zones, diff)
		}
	}
}

// TestStopReadsNoZones: only start reads availability-zones-config, so an invalid one does not prevent a stop.
func TestStopReadsNoZones(t *testing.T) {
	t.Parallel()
	request, err := Parse(with("mode", "stop", "label", "abc", "availability-zones-config", "[", "aws-resource-tags",
		"{", "packages", "git", "market-type", "?"))
	if err != nil || len(request.Warnings) > 0 || request.Start != nil || request.Stop.Label != "abc" {
		t.Errorf("%+v: %v", request, err)
	}
}

// FuzzParse: no value causes a panic; every problem is one line of text; what is accepted can be started.
func FuzzParse(f *testing.F) {
	for _, seed := range []struct{ name, value string }{
		{"availability-zones-config", `[{"imageId":"a","subnetId":"b","securityGroupId":"c"}]`},
		{"aws-resource-tags", `[{"Key":1}]`}, {"packages", `["a\u0000"]`},
		{"block-device-mappings", `[{"Ebs":{}}]`}, {"metadata-options", `{"HttpTokens":`}, {"label", "\u2028"},
		{"startup-timeout-minutes", "99999999999999999999"},
		{"pre-runner-script", "\r\n\x00"}, {"ec2-volume-size", "-0"}, {"mode", "stop"}, {"runner-group-id", "1e9"},
		{"ec2-instance-id", "i-\xff"},
	} {
		for i, known := range catalogue {
			if known.name == seed.name {
				f.Add(uint8(i), seed.value)
			}
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, value string) {
		name := catalogue[int(n)%len(catalogue)].name
		request, err := Parse(with(name, value))
		for _, text := range append(problems(err), request.Warnings...) {
			if strings.TrimSpace(text) == "" || len(text) > 4*len(value)+1000 {
				t.Errorf("%s=%q: %q", name, value, text)
			}
		}
		if (err != nil) != (len(problems(err)) > 0) {
			t.Errorf("%s=%q: %v", name, value, err)
		}
		if err == nil && request.Start != nil && (len(request.Start.Groups) == 0 ||
			request.Start.Waiting.Timeout <= 0) {
			t.Errorf("%s=%q: %+v", name, value, request.Start)
		}
	})
}
