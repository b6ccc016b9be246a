//go:build boottest

package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBakeByDnf: what a recipe installs on Amazon Linux, by a real dnf. There curl-minimal replaces curl, which it
// provides and conflicts with.
func TestBakeByDnf(t *testing.T) {
	t.Parallel()
	recipes, err := filepath.Abs("../../ami/recipes")
	must(t, err)
	const begin = `set -e
mkdir -p /etc/yum.repos.d /run/ec2-github-runner; printf ` +
		`'[amazonlinux]\nname=a\nbaseurl=file:///vendors/cdn.amazonlinux.com/al2023\ngpgcheck=0\n' ` +
		`>/etc/yum.repos.d/a.repo
rm /usr/bin/apt-get; dnf -qy install curl-minimal
EGR_LOG=/tmp/log; egr_log() { echo "$@"; }; sleep() { :; }
. /recipes/common.sh; . /recipes/packages.sh
exec >$EGR_LOG 2>&1
`
	for _, c := range []struct{ name, script, want string }{
		{
			"beside what is there",
			"egr_install curl egr-sample; cat /usr/share/egr-sample/file >&3; rpm -q curl-minimal >&3",
			"arrived\ncurl-minimal-1.0-1.noarch",
		},
		{
			"a package that does not exist",
			"egr_install egr-nowhere egr-sample || cat /run/ec2-github-runner/because >&3",
			"dnf -y install -- egr-nowhere egr-sample: exit 1: Error: Unable to find a match: egr-nowhere",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			script := filepath.Join(t.TempDir(), "script")
			must(t, os.WriteFile(script, []byte("exec 3>&1\n"+begin+c.script+"\n"), 0o600))
			out, err := engine("run", "--rm", "--network", "none", "-v", recipes+":/recipes:ro", "-v",
				filepath.Join(parts.dir,
					parts.vendors)+":/vendors:ro",
				"-v", script+":/script:ro", parts.dnf, "bash", "/script")
			must(t, err)
			if !strings.HasSuffix(out, c.want) {
				t.Errorf("got %q, want %q", out, c.want)
			}
		})
	}
}
