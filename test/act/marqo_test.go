//go:build real

package act

import (
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// pipeline is examples/marqo as a repository of its own, whose workflows run as they are: the actions that they name
// are found in folders of this machine, ours being the released form of the real image.
type pipeline struct {
	*clouds
	repository string
	shelf      string // what the jobs' containers see as /shelf
	actions    []string
}

// openPipeline makes the repository, with a branch "other", and a world with an image of each architecture.
func openPipeline(t *testing.T) *pipeline {
	t.Helper()
	var cfg simulator.Config
	for name, architecture := range map[string]string{"amd64": "x86_64", "arm64": "arm64", "cuda": "x86_64"} {
		cfg.More.Images = append(cfg.More.Images, simulator.Image{
			ID: fmt.Sprintf("ami-%017x", 0xe0+len(cfg.More.Images)), Region: "us-east-1", Name: "runner-" + name,
			Owner:        "self",
			Architecture: architecture,
			RootDevice:   "/dev/sda1", Created: "2026-11-20T06:00:00.000Z",
			Tags: map[string]string{"ec2-github-runner:architecture": name, "ec2-github-runner:system": "Ubuntu 24.04"},
		})
	}
	p := &pipeline{clouds: openClouds(t, cfg), repository: t.TempDir(), shelf: t.TempDir()}
	example := filepath.Join(project, "examples", "marqo")
	for _, file := range strings.Split(must(t, time.Minute, example, "git", "ls-files", "-co", "--exclude-standard",
		"."),
		"\n") {
		text, err := os.ReadFile(filepath.Join(example, file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(p.repository, file), adapted(t, file, text), 0o755)
	}
	p.git(t, "init", "--quiet", "--initial-branch=main")
	p.git(t, "remote", "add", "origin", p.github.URL+"/demo-org/demo.git")
	p.commit(t)
	p.git(t, "branch", "other")
	p.stock(t)
	return p
}

func (p *pipeline) git(t *testing.T, args ...string) {
	t.Helper()
	must(t, time.Minute, p.repository, "git",
		append([]string{"-c", "user.name=test", "-c", "user.email=test@example.com"},
			args...)...)
}

func (p *pipeline) commit(t *testing.T) {
	t.Helper()
	p.git(t, "add", "--all")
	p.git(t, "commit", "--quiet", "--message=test")
}

// adapted is a file of the example as this engine can run it. It knows the machine of a job by the label alone, so that
// of a start is fixed; and its own list of replaced actions may not be read and written at once, so a matrix goes one
// by one.
func adapted(t *testing.T, file string, text []byte) []byte {
	t.Helper()
	label := map[string]string{".github/workflows/tox_on_ec2.yml": "act-${{ inputs.architecture }}",
		".github/workflows/run_all.yml": "act"}[file]
	if label == "" {
		return text
	}
	const start = "          mode: start\n"
	if strings.Count(string(text), start) != 1 {
		t.Fatalf("%s has not one start", file)
	}
	return []byte(strings.NewReplacer(start, start+"          label: "+label+"\n", "      fail-fast: false\n",
		"      fail-fast: false\n      max-parallel: 1\n").Replace(string(text)))
}

// stock lays out what a job would have from the internet: the actions, a Python package, a base image, and a GPU.
func (p *pipeline) stock(t *testing.T) {
	t.Helper()
	p.layOut(t)
	must(t, 5*time.Minute, p.repository, "python3", "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps",
		"--dest", filepath.Join(p.shelf, "wheels"), "-r", "requirements.txt")
	must(t, time.Minute, "testdata/cuda", "gcc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
		filepath.Join(p.shelf, "libcuda.so.1"), "libcuda.c")
	must(t, time.Minute, project, "docker", "tag", baseImage(t, "act"), "python:3.13-slim")
}

// layOut lays out the simulated GitHub's certificate and the actions: ours, and stand-ins for those of others.
func (p *pipeline) layOut(t *testing.T) {
	t.Helper()
	write(t, filepath.Join(p.shelf, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
		Bytes: p.github.Certificate().Raw}), 0o644)
	standins, err := filepath.Abs("testdata/standins")
	if err != nil {
		t.Fatal(err)
	}
	p.actions = []string{"--local-repository", "marqo-ai/ec2-github-runner@v2=" + p.released(t)}
	for _, uses := range p.uses(t) {
		action, _, _ := strings.Cut(uses, "@")
		if action != "marqo-ai/ec2-github-runner" {
			folder := filepath.Join(standins, filepath.Base(action))
			if theirs := filepath.Join(realActions, filepath.Base(action)); realActions != "" && exists(theirs) {
				folder = theirs
			}
			p.actions = append(p.actions, "--local-repository", uses+"="+folder)
		}
	}
}

// uses are all actions that the repository's workflows name, with their versions.
func (p *pipeline) uses(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.repository, ".github", "workflows", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the example has no workflows: %v", err)
	}
	seen := map[string]bool{}
	var list []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)uses: ([^.\s]\S*)`).FindAllStringSubmatch(string(text), -1) {
			if !seen[match[1]] {
				seen[match[1]] = true
				list = append(list, match[1])
			}
		}
	}
	return list
}

// released is the action as a release has it: action.yml with the name of a built image.
func (p *pipeline) released(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(project, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var action map[string]any
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	action["runs"].(map[string]any)["image"] = "docker://" + build(t, runtime.GOARCH)
	made, err := yaml.Marshal(action)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "action.yml"), made, 0o644)
	return dir
}

// run runs a workflow of the repository, whose jobs on runners have these labels.
func (p *pipeline) run(t *testing.T, labels []string, args ...string) output {
	t.Helper()
	words := p.command(t, labels, args...)
	out := run(t, 6*time.Minute, p.repository, words[0], words[1:]...)
	logOnFailure(t, out)
	return out
}

// command is act with what such a run needs.
func (p *pipeline) command(t *testing.T, labels []string, args ...string) []string {
	t.Helper()
	machine := baseImage(t, "act")
	act := must(t, 10*time.Minute, project, "scripts/tool", "--build", "act")
	act = act[strings.LastIndex(act, "\n")+1:]
	for _, label := range append([]string{"ubuntu-latest"}, labels...) {
		args = append(args, "--platform", label+"="+machine)
	}
	return append(append(append([]string{act}, args...), p.actions...),
		"--github-instance", strings.TrimPrefix(p.github.URL, "https://"),
		"--var", "AWS_REGION=us-east-1", "--var", "RUNNER_SUBNETS="+subnet().ID, "--var", "RUNNER_SECURITY_GROUP="+
			simulator.Defaults().SecurityGroups[0].ID, "--var", "RUNNER_IMAGE="+image().ID,
		"--env", "AWS_ENDPOINT_URL="+p.ec2.URL, "--env", "SSL_CERT_FILE=/shelf/ca.pem", "--env",
		"NODE_EXTRA_CA_CERTS=/shelf/ca.pem", "--env", "SSL_CERT_DIR=/none",
		"--env", "PIP_NO_INDEX=1", "--env", "PIP_FIND_LINKS=/shelf/wheels", "--env", "LD_LIBRARY_PATH=/shelf",
		"--env", "EXPECTED_MACHINE="+machineName(t), "--env", "DOCKER_BUILDKIT=0", "--env", "S2SEARCH_STANDIN=1",
		"--container-options", "--volume "+p.shelf+":/shelf:ro --volume "+p.repository+":/repository:ro",
		"--container-daemon-socket", os.Getenv("DOCKER_HOST"),
		"--concurrent-jobs", "1",
		"--network", "host", "--pull=false", "--no-cache-server", "--rm", "--no-recurse")
}

// machineName is what the kernel calls this machine, where the ARM tests must run too.
func machineName(t *testing.T) string { return must(t, time.Minute, project, "uname", "-m") }

var byKeys = []string{"--secret", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "--secret", "AWS_SECRET_ACCESS_KEY=example",
	"--secret", "RUNNER_TOKEN=ghp_demo"}

// says demands that each of the expressions matches a line of the log, so often.
func says(t *testing.T, log string, wants map[string]int) {
	t.Helper()
	for want, times := range wants {
		if got := len(regexp.MustCompile(`(?m)\| +`+want+`$`).FindAllString(log, -1)); got != times {
			t.Errorf("the jobs say %q %d times, want %d", want, got, times)
		}
	}
}

// succeeded counts the jobs that did, by the last part of their names.
func succeeded(log string) map[string]int {
	done := map[string]int{}
	for _, match := range regexp.MustCompile(`(?m)^\[[^\]]*/([a-z0-9_-]+?)(?:-[0-9]+)? *\].*Job `+
		`succeeded`).FindAllStringSubmatch(log, -1) {
		done[match[1]]++
	}
	return done
}

// launched counts the machines by their types.
func (p *pipeline) launched() map[string]int {
	types := map[string]int{}
	for _, i := range p.world.Snapshot().Instances {
		types[i.Type]++
	}
	return types
}

// A merge to main: the unit tests by OIDC and a GitHub App's token, from start to stop.
func TestMarqoUnitTests(t *testing.T) {
	p := openPipeline(t)
	out := p.run(t, []string{"act-amd64"}, append([]string{"push", "--workflows", ".github/workflows/unit_test_CI.yml"},
		p.byOIDC(t)...)...)
	if out.code != 0 {
		t.Errorf("act's exit code is %d", out.code)
	}
	says(t, out.text, map[string]int{`Ran 13 tests in .*`: 1, `  py3-local_os_unit_tests_w_requirements: OK .*`: 1})
	p.signedIn(t, out.text, 2)
	if diff := cmp.Diff(map[string]int{"start": 1, "test": 1, "stop": 1}, succeeded(out.text)); diff != "" {
		t.Errorf("jobs that succeeded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"t3.xlarge": 1}, p.launched()); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	p.settled(t)
}

// By hand for a branch, on ARM, by plain keys.
func TestMarqoARM(t *testing.T) {
	p := openPipeline(t)
	p.git(t, "checkout", "--quiet", "other")
	text, err := os.ReadFile(filepath.Join(p.repository, "tests/integration/test_machine.py"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.repository, "tests/integration/test_machine.py"),
		append(text, "\n    def test_of_the_branch(self):\n        pass\n"...), 0o644)
	p.commit(t)
	p.git(t, "checkout", "--quiet", "main")
	out := p.run(t, []string{"act-arm64"}, append([]string{"workflow_dispatch", "--input", "ref=other", "--workflows",
		".github/workflows/arm64_local_os.yml"}, byKeys...)...)
	if out.code != 0 {
		t.Errorf("act's exit code is %d", out.code)
	}
	says(t, out.text, map[string]int{
		`checked out other`: 1, `test_of_the_branch \(.*\) \.\.\. ok`: 1,
		`Ran 5 tests in .*`: 1, `  py3-arm64_local_os: OK .*`: 1,
	})
	if diff := cmp.Diff(map[string]int{"start": 1, "test": 1, "stop": 1}, succeeded(out.text)); diff != "" {
		t.Errorf("jobs that succeeded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"a1.xlarge": 1}, p.launched()); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	if strings.Contains(out.text, "ghp_demo") {
		t.Error("the log shows the token")
	}
	p.settled(t)
}

// All at once: one step starts six machines of three architectures, each runs its environment, one step stops them all.
func TestMarqoRunAll(t *testing.T) {
	p := openPipeline(t)
	out := p.run(t, []string{"act-amd64", "act-arm64", "act-cuda"}, append([]string{"workflow_dispatch", "--workflows",
		".github/workflows/run_all.yml"}, p.byOIDC(t)...)...)
	if out.code != 0 {
		t.Errorf("act's exit code is %d", out.code)
	}
	wants := map[string]int{`on stand-in GPU`: 1, `Ran 13 tests in .*`: 1,
		`test_without_the_right_key \(.*\) \.\.\. ok`: 1}
	jobs := map[string]int{"start": 1, "stop": 1}
	for _, environment := range []string{"local_os_unit_tests_w_requirements", "local_os", "dind_os", "s2search",
		"arm64_local_os", "cuda_local_os"} {
		wants[`  py3-`+environment+`: OK .*`] = 1
		jobs["py3-"+environment] = 1
	}
	says(t, out.text, wants)
	if diff := cmp.Diff(jobs, succeeded(out.text)); diff != "" {
		t.Errorf("jobs that succeeded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"t3.xlarge": 4, "a1.xlarge": 1, "g4dn.xlarge": 1}, p.launched()); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"RunInstances": 6}, p.count("RunInstances")); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	p.settled(t)
}

// Where there is no GPU the tests on it fail and say why, and the machine is stopped all the same.
func TestMarqoWithoutGPU(t *testing.T) {
	p := openPipeline(t)
	if err := os.Remove(filepath.Join(p.shelf, "libcuda.so.1")); err != nil {
		t.Fatal(err)
	}
	out := p.run(t, []string{"act-cuda"}, append([]string{"push", "--workflows", ".github/workflows/cuda_local_os.yml"},
		p.byOIDC(t)...)...)
	if out.code == 0 {
		t.Error("act's exit code is 0, want a failure")
	}
	if want := "sample_search.cuda.NoGPU: load NVIDIA's driver: libcuda.so.1"; !strings.Contains(out.text, want) {
		t.Errorf("the log lacks %q", want)
	}
	if diff := cmp.Diff(map[string]int{"start": 1, "stop": 1}, succeeded(out.text)); diff != "" {
		t.Errorf("jobs that succeeded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"RunInstances": 1}, p.count("RunInstances")); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	p.settled(t)
}

// The tests of the managed backend fail where it is not set, and take a stand-in only when asked to.
func TestMarqoManagedBackend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"nothing":  {nil, "RuntimeError: S2SEARCH_URL and S2SEARCH_KEY must be set"},
		"no key":   {[]string{"S2SEARCH_URL=http://backend.test"}, "RuntimeError: S2SEARCH_KEY must be set"},
		"both":     {[]string{"S2SEARCH_URL=http://backend.test", "S2SEARCH_KEY=k"}, "backend at http://backend.test"},
		"stand-in": {[]string{"S2SEARCH_STANDIN=1"}, "backend at http://127.0.0.1:"},
	} {
		command := append(append([]string{"BACKEND=managed", "PYTHONPATH=src"}, c.env...), "python3", "-B", "-c",
			"from tests.integration.backends import backend\nwith backend() as b: print('backend at', b[0])")
		out := run(t, time.Minute, filepath.Join(project, "examples", "marqo"), "env", command...)
		if !strings.Contains(out.text, c.want) || (out.code == 0) != strings.HasPrefix(c.want, "backend") {
			t.Errorf("%s: exit code %d, want %q\n%s", name, out.code, c.want, out.text)
		}
	}
}
