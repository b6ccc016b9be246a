//go:build boottest

package boot

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// ask makes a request as a toolkit does and prints its status or error.
const ask = `node -e 'require("https").get("https://github.com/", r => { console.log(r.statusCode); process.exit() ` +
	`}).on("error", e => console.log(e.code))'`

// withNode returns docker's arguments for a machine with a real node.
func withNode(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("../../scripts/node").Output()
	must(t, err)
	return []string{"--volume", strings.TrimSpace(string(out)) + ":/usr/local/bin/node:ro"}
}

// TestAuthorities: ca-certificates reaches a JavaScript action, whose node does not read the system's store. It runs a
// real node in a job.
func TestAuthorities(t *testing.T) {
	with := withNode(t)
	own := func(change func(*bootstrap.Spec)) func(*bootstrap.Spec) {
		return func(s *bootstrap.Spec) {
			s.CACertificates = parts.authority
			if change != nil {
				change(s)
			}
		}
	}
	const nobodys = "sed -i '/BEGIN/,$d' /etc/ssl/certs/ca-certificates.crt\n"
	runAll(t, []scenario{
		{
			name: "without it node trusts the system's authorities no more than before", args: with, plan: job(ask),
			check: says("UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
		},
		{name: "by token", spec: own(nil), args: with, before: nobodys, plan: job(ask), check: says("404")},
		{
			name: "by JIT, as a user", jit: true, spec: own(func(s *bootstrap.Spec) { s.User = "debian" }),
			args: with, plan: job(ask), check: says("404"),
		},
		{
			name: "as a service, with a user, a script and packages", args: with, plan: job(ask), check: says("404"),
			spec: own(func(s *bootstrap.Spec) {
				s.Service, s.User, s.Packages, s.PreRunnerScript = true, "debian", []string{"egr-sample"}, ask+
					" >/node-in-script\n"
			}),
		},
	})
}
