package config

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// appKey is a private key as GitHub hands it out.
var appKey = func() string {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}()

// small has everything that a file must have; each line can be replaced.
const small = `github:
  url: https://github.com/demo-org/demo
  token-file: token
scale-sets:
  - name: one
    max: 2
    machine:
      ec2-image-id: ami-1
      ec2-instance-type: t3.xlarge
      subnet-id: subnet-1
      security-group-id: sg-1
`

// TestFields: each field that is wrong has one message, with its line.
func TestFields(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	long := strings.Repeat("é", 257)
	for _, c := range []struct{ old, new, want string }{
		// GitHub
		{"  url: https://github.com/demo-org/demo\n", "", `1: github has no url`},
		{"https://github.com/demo-org/demo", "demo-org/demo",
			`2: github has the url "demo-org/demo", which is not that of ` +
				`a repository, an organization or an enterprise`},
		{"demo-org/demo", "a/b/c",
			`2: github has the url "https://github.com/a/b/c", which is not that of a repository, ` +
				`an organization or an enterprise`},
		{"demo-org/demo", "demo.git",
			`2: github has the url "https://github.com/demo.git", which is that of a Git repository`},
		{"github.com/", "u:hidden@github.com/", `2: github has a url with a password in it`},
		{"token-file: token", "token-file: gone",
			`3: github has token-file gone, which cannot be read: no such file or directory`},
		{"token-file: token", "token-file: .", `3: github has token-file ` + "DIR" +
			`, which cannot be read: it is not a file`},
		{"token-file: token", "token-file: empty", `3: github has a token-file that is empty`},
		{"token-file: token", "token-file: two-words",
			`3: github has a token-file with a blank or a line break within, which no token has`},
		{"token-file: token", "github-token: ghp_demo", "1: github does not say who signs in\n" +
			`3: github has no key "github-token"`},
		{"token-file: token", "tokenfile: token", "1: github does not say who signs in\n" +
			`3: github has no key "tokenfile"`},
		{"token-file: token", "token-file: [token]", "1: github does not say who signs in\n" +
			`3: github has a list as its token-file, and one value is wanted`},
		{"  token-file: token\n", "", `1: github does not say who signs in`},
		{"token-file: token", "token-file: token\n  app-client-id: Iv23li",
			`3: github has token-file and the keys of an App, and signs in once`},
		{"token-file: token", "app-client-id: Iv23li", `3: github has app-client-id and no app-private-key-file`},
		{"token-file: token", "app-private-key-file: app.pem", `1: github has keys of an App and no app-client-id`},
		{"token-file: token", "app-client-id: a b\n  app-private-key-file: app.pem",
			`3: github has app-client-id "a b", which is neither a client id nor an App id`},
		{"token-file: token", "app-client-id: Iv23li\n  app-private-key-file: bad.pem", `4: github has an ` +
			`app-private-key-file that cannot be used: the App's private key holds the fingerprint of a ` +
			`key, not the key`},
		{"token-file: token", "app-client-id: Iv23li\n  app-private-key-file: app.pem\n  app-installation-id: x",
			`5: github has app-installation-id "x", which is no number`},
		{"token-file: token", "token-file: token\n  ca-certificates: ca.pem",
			`4: github has ca-certificates that hold no certificate that can be read`},
		{"token-file: token", "token-file: token\n  ca-certificates: gone.pem",
			`4: github has ca-certificates "gone.pem", which cannot be read: no such file or directory`},
		{"scale-sets:\n", "region: Ireland\nscale-sets:\n", `4: the file has the region "Ireland", which is not a ` +
			`valid region name`},
		{"scale-sets:\n", "listen: 9810\nscale-sets:\n", `4: the file has listen "9810", which is not an IP ` +
			`address with a port`},
		{"scale-sets:\n", "listen: localhost:9810\nscale-sets:\n", `4: the file has listen "localhost:9810", which ` +
			`is not an IP address with a port`},
		{"scale-sets:\n", "listen: 127.0.0.1:0\nscale-sets:\n", `4: the file has listen "127.0.0.1:0", which is ` +
			`not an IP address with a port`},
		{"scale-sets:\n", "hosts: ['*.example.com']\nscale-sets:\n", `4: the file has the host "*.example.com", ` +
			`which is not a host's name`},
		{"scale-sets:\n", "hosts: https://example.com\nscale-sets:\n", `4: the file has the host ` +
			`"https://example.com", which is not a host's name`},
		{"scale-sets:\n", "hosts: serve:9810\nscale-sets:\n", `4: the file has the host "serve:9810", which is not a ` +
			`host's name`},
		{"scale-sets:\n", "hosts: 10.1.2.3\nscale-sets:\n", `4: the file has the IP address "10.1.2.3" in hosts`},
		// a set
		{"- name: one\n    max", "- max", `5: scale set 1 has no name`},
		{"name: one", "name: one two",
			`5: scale set 1 has the name "one two", which is not 1 to 45 letters, digits, hyphens, ` +
				`dots and underscores that begin with a letter or a digit`},
		{"name: one", "name: " + strings.Repeat("n", 46), `5: scale set 1 has the name ` +
			`"` + strings.Repeat("n", 46) + `", which is not 1 to 45 letters, digits, hyphens, dots and underscores ` +
			`that begin with a letter or a digit`},
		{"max: 2", "max: ten", `6: scale set "one" has max "ten", which is not a whole number from 1 to 10000`},
		{"max: 2", "max: 0", `6: scale set "one" has max "0", which is not a whole number from 1 to 10000`},
		{"    max: 2\n", "", `5: scale set "one" has no max, the number of machines at the same time`},
		{"max: 2", "max: 2\n    min: 3", `7: scale set "one" has min 3, which is more than its max 2`},
		{"max: 2", "max: 2\n    warm: 3", `7: scale set "one" has warm 3, which is more than its max 2`},
		{"max: 2", "max: 2\n    min: -1",
			`7: scale set "one" has min "-1", which is not a whole number from 0 to 10000`},
		{"max: 2", "max: 2\n    labels: [a, A]",
			`7: scale set "one" has the label "A" twice; case makes no difference`},
		{"max: 2", "max: 2\n    labels: [" + long + "]",
			`7: scale set "one" has a label of 257 characters, and GitHub takes 256`},
		{"max: 2", "max: 2\n    labels: ['a,b']",
			`7: scale set "one" has the label "a,b", which contains a comma or a control ` +
				`character: GitHub would create several labels from it`},
		{"max: 2", "max: 2\n    labels: [' a']",
			`7: scale set "one" has the label " a", which is empty or has blanks around it`},
		{"max: 2", "max: 2\n    labels: []", `7: scale set "one" has no labels`},
		{"max: 2", "max: 2\n    labels: [{a: b}]",
			`7: scale set "one" has a mapping in its labels, and single values are wanted`},
		{"max: 2", "max: 2\n    runner-group: builders",
			`7: scale set "one" has the runner-group "builders", and a repository has none but the default one`},
		{"max: 2", "max: 2\n    max: 3", `7: mapping key "max" already defined at line 6`},
		{"max: 2", "maximum: 2\n    max: 2", `6: scale set "one" has no key "maximum"`},
		{"max: 2", "max: 2\n    subnet-id: a", `7: scale set "one" has no key "subnet-id"`},
		{small[strings.Index(small, "    machine:"):], "", `5: scale set "one" has no machine`},
		{"  - name: one", "  - max: 1\n    name: One\n    machine: {architecture: amd64, subnet-id: s, " +
			"security-group-id: g}\n" +
			"  - name: one", `8: two scale sets are named "one", the other in line 5`},
		// a machine
		{"subnet-id: subnet-1", "subnet: subnet-1",
			`8: scale set "one"'s machine: Either provide 'availability-zones-config' or all of ` +
				"the following: 'ec2-image-id', 'subnet-id', 'security-group-id'\n" +
				`10: scale set "one"'s machine has no key "subnet"`},
		{"      subnet-id: subnet-1\n", "",
			`8: scale set "one"'s machine: Either provide 'availability-zones-config' or all of ` +
				`the following: 'ec2-image-id', 'subnet-id', 'security-group-id'`},
		{"      ec2-instance-type: t3.xlarge\n", "",
			`7: scale set "one"'s machine: The 'ec2-instance-type' input is required for a scale set.`},
		{"t3.xlarge", "mac2.metal",
			`9: scale set "one"'s machine: The 'ec2-instance-type' input is "mac2.metal", which runs macOS only.`},
		{"sg-1", "sg-1\n      ec2-volume-size: big",
			`12: scale set "one"'s machine: The 'ec2-volume-size' input is "big", which ` +
				`is not a size in GiB from 1 to 65536.`},
		{"sg-1", "sg-1\n      launch-parameters: {KeyNam: a}", `12: scale set "one"'s machine: Failed to parse ` +
			`launch-parameters: KeyNam is not a parameter that EC2 knows`},
		{"sg-1", "sg-1\n      launch-parameters: {InstanceInitiatedShutdownBehavior: stop}",
			`12: scale set "one"'s machine has ` +
				`launch-parameters with InstanceInitiatedShutdownBehavior, which a scale set sets itself`},
		{"sg-1", "sg-1\n      setup-script: ci/gone.sh", `12: scale set "one"'s machine: The 'setup-script' input is ` +
			`"ci/gone.sh", which is taken as a file in the directory of sets.yml: no such file or directory.`},
		{"sg-1", "sg-1\n      job-report: yes",
			`12: scale set "one"'s machine: The 'job-report' input is "yes", which is neither true nor false.`},
		{"sg-1", "sg-1\n      ephemeral: true", `12: scale set "one"'s machine has no key "ephemeral"`},
		{"sg-1", "sg-1\n      run-runner-as-service: true",
			`12: scale set "one"'s machine has no key "run-runner-as-service"`},
		{"sg-1", "sg-1\n      max: 2", `12: scale set "one"'s machine has no key "max"`},
		{"max: 2\n", "max: 2\n    warm: 1\n", ""},
		{small[strings.Index(small, "scale-sets:"):], "", `1: the file has no scale sets`},
		{small[strings.Index(small, "scale-sets:"):], "scale-sets: {}\n",
			`4: the file has a mapping as scale-sets, and a list is wanted`},
		{small[:strings.Index(small, "scale-sets:")], "", `1: the file does not say which GitHub to serve`},
		{small, "", `the file is empty`},
		{small, "\tx", `found character that cannot start any token`},
		{small, small + "---\na: b\n", `12: the file has a second YAML document`},
		{"github:\n", "github: &a [*a]\nx:\n", `anchor 'a' value contains itself`},
	} {
		if !strings.Contains(small, c.old) {
			t.Fatalf("%q is not in the file", c.old)
		}
		_, _, problems := readText(t, dir, strings.Replace(small, c.old, c.new, 1))
		var got []string
		for _, problem := range problems {
			got = append(got, strings.TrimSpace(strings.TrimPrefix(strings.ReplaceAll(problem.String(), dir, "DIR"),
				"sets.yml:")))
			if problem.Hint == "" {
				t.Errorf("%q has no hint", problem)
			}
			if strings.Contains(problem.String()+problem.Hint, "hidden") {
				t.Errorf("a secret is shown: %v", problem)
			}
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%q for %q:\n got %q\nwant %q", c.new, c.old, got, c.want)
		}
	}
}

// TestHints: a key at the wrong place is told where it belongs, one that is misspelt what was meant, and an input that
// has no meaning for a scale set why.
func TestHints(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, c := range []struct{ old, new, want string }{
		{"name: one", "naem: one\n    name: one", `did you mean "name"?`},
		{"max: 2", "max: 2\n    subnet-id: a", "it belongs to the machine of a set: write it under machine:"},
		{"max: 2", "max: 2\n    job-report: true", "it belongs to the machine of a set: write it under machine:"},
		{"sg-1", "sg-1\n      max: 2", "it belongs to the set, beside machine:"},
		{"sg-1", "sg-1\n      label: x", "write labels, for example labels: [ec2-amd64]"},
		{"sg-1", "sg-1\n      ec2-instance-typ: x", `did you mean "ec2-instance-type"?`},
		{"sg-1", "sg-1\n      ephemeral: true", singleUse},
		{"sg-1", "sg-1\n      ca-certificates: x", "it is a key of github:, and every machine gets it"},
		{"github:\n", "mode: start\ngithub:\n", ofStep},
		{"github:\n", "url: x\ngithub:\n", "it is a key of github:"},
		{"github:\n", "scalesets: x\ngithub:\n", `did you mean "scale-sets"?`},
		{"github:\n", "max: 1\ngithub:\n", "it belongs to a set in the list scale-sets:"},
		{"github:\n", "zzzzzz: 1\ngithub:\n", "its keys are github, region, listen, hosts, scale-sets"},
		{"  token-file: token", "  github-token: x\n  token-file: token",
			"secrets do not stand in this file: write it " +
				"into a file of its own, for example token-file: /etc/ec2-github-runner/token"},
	} {
		_, _, problems := readText(t, dir, strings.Replace(small, c.old, c.new, 1))
		if len(problems) != 1 || problems[0].Hint != c.want {
			t.Errorf("%q: got %+v, want the hint %q", c.new, problems, c.want)
		}
	}
}

// TestWarnings: what is odd is warned of, and read.
func TestWarnings(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, c := range []struct{ old, new, want string }{
		{"token-file: token", "token-file: open-token",
			"3: github has token-file open-token with mode 0644: everybody on this machine may read it"},
		{"https://github.com", "http://ghes.example.com",
			"2: github has a url without TLS: the token travels in clear text"},
		{"https://github.com", "http://127.0.0.1:8080", ""},
		{"sg-1", "sg-1\n      market-type: cheap",
			`12: scale set "one"'s machine: The 'market-type' input is "cheap", which is ` +
				`read as on-demand; write spot or on-demand`},
		{"max: 2\n", "max: 2\n    warm: 1\n", ""},
		{"  - name: one", "  - {name: two, labels: [ONE], max: 1, machine: {architecture: amd64, subnet-id: s, " +
			"security-group-id: g}}\n  - name: one",
			`6: the scale sets "two" and "one" have the same labels: a job goes to either`},
		{"    max: 2\n    machine:\n", "    max: 2\n    warm: 1\n    machine:\n      market-type: spot\n",
			`7: scale set "one" keeps warm machines, which are on-demand, and its market-type names spot`},
	} {
		_, warnings, problems := readText(t, dir, strings.Replace(small, c.old, c.new, 1))
		if len(problems) > 0 {
			t.Errorf("%q: problems %v", c.new, problems)
		}
		var got []string
		for _, warning := range warnings {
			got = append(got, strings.TrimPrefix(warning.String(), "sets.yml:"))
		}
		if c.want == "" && len(got) > 0 || c.want != "" && !slices.Equal(got, []string{c.want}) {
			t.Errorf("%q: got %q, want %q", c.new, got, c.want)
		}
	}
}

// TestMerge: what sets have in common is written once.
func TestMerge(t *testing.T) {
	t.Parallel()
	file, _, problems := readText(t, folder(t), `github: {url: https://github.com/o, token-file: token}
scale-sets:
  - &first
    name: first
    max: 3
    machine: &machine {architecture: amd64, subnet-id: s, security-group-id: g, market-type: spot}
  - <<: *first
    name: second
    machine: {<<: *machine, architecture: arm64}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	first, second := file.Sets[0], file.Sets[1]
	if second.Name != "second" || second.Max != 3 || second.Line != 7 || !slices.Equal(second.Labels,
		[]string{"second"}) ||
		second.Machine.Architecture != "arm64" || !slices.Equal(second.Machine.Markets, []string{machine.Spot}) ||
		first.Machine.Architecture != "amd64" {
		t.Errorf("got %+v and %+v", first, second)
	}
}

// TestEveryInput: every input of the action is a key of a set's machine, or has its place or its reason.
func TestEveryInput(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]any `yaml:"inputs"`
	}
	if err := yaml.Unmarshal(raw, &action); err != nil {
		t.Fatal(err)
	}
	if len(action.Inputs) < 60 {
		t.Fatalf("action.yml has %d inputs", len(action.Inputs))
	}
	for name := range action.Inputs {
		if !slices.Contains(MachineKeys(), name) && elsewhere(name, besideMachine) == "" {
			t.Errorf("input %s is no key of a machine and has no hint", name)
		}
	}
	for name := range otherwise {
		if _, ok := action.Inputs[name]; !ok && name != "token" && name != "app-id" || slices.Contains(MachineKeys(),
			name) {
			t.Errorf("%s is no input of the action, or is a key of a machine", name)
		}
	}
}

// TestAPIURL: the address of the REST API, as GitHub's client of scale sets has it.
func TestAPIURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"https://github.com/o/r":              {"https://api.github.com", "o/r"},
		"https://github.com/enterprises/e":    {"https://api.github.com", "enterprises/e"},
		"https://octo.ghe.com/o":              {"https://api.octo.ghe.com", "o"},
		"https://ghes.example.com:8443/o":     {"https://ghes.example.com:8443/api/v3", "o"},
		"http://127.0.0.1:8080/demo-org/demo": {"http://127.0.0.1:8080/api/v3", "demo-org/demo"},
	} {
		g := GitHub{URL: address}
		if got := [2]string{g.APIURL(), g.Scope().String()}; got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}
