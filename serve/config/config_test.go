package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// folder is a directory with a token, private keys, a script and a certificate.
func folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"token": {"ghp_demo\n", 0o600}, "open-token": {"ghp_demo", 0o644}, "empty": {" \n", 0o600},
		"two-words": {"a secret", 0o600}, "app.pem": {appKey, 0o600}, "bad.pem": {"SHA256:abc=", 0o600},
		"setup.sh": {"apt-get install -y jq\r\n", 0o644}, "ca.pem": {"no certificate", 0o644},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), file.mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// readText reads a text as the file sets.yml of a directory, whose path is cut out of what is said.
func readText(t testing.TB, dir, text string) (file File, warnings, problems []Problem) {
	t.Helper()
	path := filepath.Join(dir, "sets.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, warnings, err := Read(path)
	invalid, isInvalid := errors.AsType[*InvalidError](err)
	if err != nil && !isInvalid {
		t.Fatalf("error %v is no InvalidError", err)
	}
	if invalid != nil {
		problems = invalid.Problems
	}
	short := strings.NewReplacer(dir+"/", "")
	for _, list := range [][]Problem{warnings, problems} {
		for i := range list {
			list[i].File = short.Replace(list[i].File)
			list[i].Message, list[i].Hint = short.Replace(list[i].Message), short.Replace(list[i].Hint)
		}
	}
	return file, warnings, problems
}

const good = `github:
  url: https://github.com/demo-org
  token-file: token
region: eu-west-1
scale-sets:
  - name: ec2-amd64
    labels: [ec2-amd64, big]
    runner-group: builders
    max: 10
    min: 2
    warm: 3
    machine:
      ec2-image-id: ami-0123456789abcdef0
      ec2-instance-type: [m7i.xlarge, m6i.xlarge]
      subnet-id: subnet-1, subnet-2
      security-group-id: sg-1
      setup-script: setup.sh
      packages: [jq]
      aws-resource-tags: [{Key: team, Value: 1.10}]
      launch-parameters: {KeyName: my-key}
      job-report: true
  - name: gpu
    max: 1
    machine: {architecture: cuda, subnet-id: subnet-1, security-group-id: sg-1, region: us-east-1, market-type: spot}
`

func TestRead(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	got, warnings, problems := readText(t, dir, good)
	if len(warnings)+len(problems) > 0 {
		t.Fatalf("warnings %v, problems %v", warnings, problems)
	}
	m := machine.Machine{
		RunnerVersion: "latest", InstanceTypes: []string{"m7i.xlarge", "m6i.xlarge"},
		Markets: []string{machine.OnDemand},
		Placements: []machine.Placement{
			machine.NewPlacement("eu-west-1", "ami-0123456789abcdef0", "subnet-1", "sg-1"),
			machine.NewPlacement("eu-west-1", "ami-0123456789abcdef0", "subnet-2", "sg-1"),
		},
		Tags: []machine.Tag{{Key: "team", Value: "1.10"}}, Packages: []string{"jq"},
		SetupScript: "apt-get install -y jq", JobReport: true,
	}
	if overlay := &got.Sets[0].Machine.Overlay; overlay.Has("KeyName") { // the rest is EC2's own type
		*overlay = ""
	} else {
		t.Errorf("launch-parameters are %s", *overlay)
	}
	want := File{
		GitHub: GitHub{URL: "https://github.com/demo-org", TokenFile: filepath.Join(dir, "token")}, Region: "eu-west-1",
		Listen: "127.0.0.1:9810",
		Sets: []Set{
			{Name: "ec2-amd64", Labels: []string{"ec2-amd64", "big"}, RunnerGroup: "builders", Max: 10, Min: 2, Warm: 3,
				Machine: m, Line: 6},
			{Name: "gpu", Labels: []string{"gpu"}, Max: 1, Line: 22, Machine: machine.Machine{
				RunnerVersion: "latest", Architecture: "cuda", InstanceTypes: []string{"g4dn.xlarge"},
				TypesOfArchitecture: true, Markets: []string{machine.Spot},
				Root:       machine.RootVolume{GiB: machine.UsualGiB},
				Placements: []machine.Placement{machine.NewPlacement("us-east-1", "", "subnet-1", "sg-1")},
			}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

// TestGolden: everything that is wrong with a file is said at once, each with its line and a hint.
func TestGolden(t *testing.T) {
	t.Parallel()
	inputs, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(inputs) < 3 {
		t.Fatal(inputs, err)
	}
	dir := folder(t)
	for _, input := range inputs {
		text, err := os.ReadFile(input)
		if err != nil {
			t.Fatal(err)
		}
		_, warnings, problems := readText(t, dir, string(text))
		var said strings.Builder
		for _, problem := range problems {
			fmt.Fprintf(&said, "%s\n  hint: %s\n", problem, problem.Hint)
		}
		for _, warning := range warnings {
			fmt.Fprintf(&said, "warning: %s\n  hint: %s\n", warning, warning.Hint)
		}
		golden := strings.TrimSuffix(input, ".yml") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(said.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), said.String()); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", golden, diff)
		}
	}
}

// FuzzRead: whatever a file holds, it is read or refused, and what is read can be served.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		good, "", "---\n---\n", "a", "[]", "{a: &a [*a]}", "scale-sets: [null]", "scale-sets:\n- &a {name: x}\n- *a\n",
		"github: &g {url: https://github.com/o}\nscale-sets: [{<<: *g, name: 1}]", "? [a]\n: b\n", "a: 1\na: 2\n",
		"github: {<<: [a, {url: 1}]}", "scale-sets: [{name: x, max: 1, machine: {<<: {packages: {a: b}}}}]", "\t",
		"scale-sets: [{name: x, labels: [[a], ~, 1], max: 99999999999999999999, machine: [1]}]", "github: !!binary x",
		"github: {ca-certificates: ../../../etc/hostname, token-file: /dev/null}", "&a a: *a", "{<<: *b}",
	} {
		f.Add(seed)
	}
	dir := folder(f)
	f.Fuzz(func(t *testing.T, text string) {
		file, _, problems := readText(t, dir, text)
		for _, problem := range problems {
			if problem.Message == "" || problem.Hint == "" || problem.Line < 0 || problem.Line > strings.Count(text,
				"\n")+2 {
				t.Fatalf("problem %+v", problem)
			}
		}
		if len(problems) > 0 {
			return
		}
		if len(file.Sets) == 0 || file.GitHub.URL == "" || file.GitHub.Scope().String() == "" ||
			(file.GitHub.TokenFile == "") == (file.GitHub.AppID == "") {
			t.Fatalf("read %+v", file)
		}
		names := map[string]bool{}
		for _, set := range file.Sets {
			if set.Name == "" || names[strings.ToLower(set.Name)] || len(set.Labels) == 0 || set.Max < 1 ||
				set.Min < 0 || set.Min > set.Max || set.Warm < 0 || set.Warm > set.Max ||
				len(set.Machine.Placements) == 0 || len(set.Machine.InstanceTypes) == 0 {
				t.Fatalf("read %+v", set)
			}
			names[strings.ToLower(set.Name)] = true
		}
	})
}

// TestListen: metrics and the page are shown to the host itself, unless the file says otherwise.
func TestListen(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for line, want := range map[string]struct {
		listen   string
		warnings int
	}{
		"": {DefaultListen, 0}, "listen: off\n": {"", 0}, "listen: 127.0.0.1:9000\n": {"127.0.0.1:9000", 0},
		"listen: '[::1]:9000'\n": {"[::1]:9000", 0}, "listen: 0.0.0.0:9000\n": {"0.0.0.0:9000", 1},
	} {
		file, warnings, problems := readText(t, dir, line+small)
		if file.Listen != want.listen || len(warnings) != want.warnings || len(problems) > 0 {
			t.Errorf("%q: got %q, warnings %v, problems %v", line, file.Listen, warnings, problems)
		}
	}
}

// TestHosts: the names by which the page may be asked for are one or a list.
func TestHosts(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for line, want := range map[string][]string{
		"": nil, "hosts: serve\n": {"serve"}, "hosts: [runners.example.com, my_serve]\n": {"runners.example.com",
			"my_serve"},
	} {
		file, _, problems := readText(t, dir, line+small)
		if !slices.Equal(file.Hosts, want) || len(problems) > 0 {
			t.Errorf("%q: got %q, problems %v", line, file.Hosts, problems)
		}
	}
}

// TestHugeFile: a file with far too much in it is refused at once, and not with as many problems.
func TestHugeFile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	lines := func(count int, form string) string {
		var text strings.Builder
		for n := range count {
			fmt.Fprintf(&text, form, n)
		}
		return text.String()
	}
	sets := strings.Replace(small, "    machine:\n", "    machine: &m\n", 1)
	begun := time.Now()
	for text, want := range map[string]string{
		sets + lines(1000, "  - {name: s%d, max: 1, machine: "+
			"*m}\n"): "has 1001 scale sets, and one process serves 1000",
		sets + lines(25_000, "  - {name: s%d, max: 1, machine: *m}\n"): "a list has more than 5000 entries",
		lines(50_000, "k%d: 1\n"):                                      "a mapping has more than 5000 entries",
	} {
		if _, _, problems := readText(t, dir, text); len(problems) != 1 || !strings.Contains(problems[0].Message,
			want) {
			t.Errorf("got %d problems, want %s", len(problems), want)
		}
	}
	_, _, problems := readText(t, dir, lines(4000, "k%d: 1\n"))
	if len(problems) != maxProblems+1 || !strings.Contains(problems[maxProblems].Message, "not shown") {
		t.Errorf("got %d problems", len(problems))
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}
