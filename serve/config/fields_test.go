package config

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
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
