package config

import (
	"slices"
	"strings"
	"testing"
)

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
