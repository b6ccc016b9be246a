//go:build boottest

package boot

import (
	"slices"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

// machulav is user data as machulav/ec2-github-runner sends it: cloud-init writes a script in its network stage and
// runs it in its final one. These are the script's own lines.
// https://github.com/machulav/ec2-github-runner/blob/main/src/aws.js
func machulav(lines ...string) string {
	text := `#cloud-config
write_files:
  - path: /tmp/pre-runner-script.sh
    permissions: "0755"
    content: |
      #!/bin/bash
  - path: /opt/runner-setup.sh
    permissions: "0755"
    content: |
      #!/bin/bash
      LOGFILE=/tmp/runner-setup.log
      exec > >(tee -a "$LOGFILE") 2>&1
      set -e
`
	for _, line := range lines {
		text += "      " + line + "\n"
	}
	return text + "runcmd:\n  - nohup /opt/runner-setup.sh &\n"
}

// Its lines: with a runner to download or in a folder of the image, by JIT or by token.
var (
	rivalDownload = []string{
		"mkdir actions-runner && cd actions-runner", "source /tmp/pre-runner-script.sh",
		`VERSION=$(curl -s https://api.github.com/repos/actions/runner/releases/latest | grep -o '"tag_name": ` +
			`"[^"]*"' | ` +
			`sed 's/.*"v\(.*\)"/\1/')`,
		"curl -O -L https://github.com/actions/runner/releases/download/v${VERSION}/" +
			"actions-runner-linux-x64-${VERSION}.tar.gz",
		"tar xzf ./actions-runner-linux-x64-${VERSION}.tar.gz", "export RUNNER_ALLOW_RUNASROOT=1",
	}
	rivalJIT   = []string{"./run.sh --jitconfig " + jit}
	rivalToken = []string{
		"./config.sh --unattended --url " + plan.Scope + " --token " + plan.Token + " --labels k3x9a --name " +
			jitName + " --replace",
		"./run.sh",
	}
)

func rivalIn(home string) []string {
	return []string{`cd "` + home + `"`, "source /tmp/pre-runner-script.sh", "export RUNNER_ALLOW_RUNASROOT=1",
		"rm -f .runner .credentials .credentials_rsaparams"}
}

// imageShare is the largest accepted ratio of the time from boot to a listening runner: an image of ours against
// machulav's user data on a stock machine with a runner in it. Both by JIT.
const imageShare = 0.6

// TestImageSpeed boots both in pairs, one after the other, and compares within each pair: other load on the host
// affects both. A rival with NoCloud is faster than one with Ec2, so it gets that.
func TestImageSpeed(t *testing.T) {
	builder := bake{}.boot(t)
	bakes(t, builder)
	image := builder.image(t)
	one := func(l launch) time.Duration {
		l.plan = ordinary()
		l.plan.Connecting = time.Second
		i := boot(t, l)
		e := i.wait("online", soon)
		took := e.At - i.start
		t.Logf("%.2f s: %s", took.Seconds(), i.phases())
		// The instance's clean-up comes at the end of the test; until then it would be busy.
		_, err := engine("kill", i.name)
		must(t, err)
		return took
	}
	var ours, theirs []time.Duration
	var shares []float64
	for range max(*pairs, 5) {
		theirs = append(theirs,
			one(launch{image: parts.preinstalled,
				userData: []byte(machulav(slices.Concat(rivalIn("/opt/runner"), rivalJIT)...))}))
		ours = append(ours, one(launch{image: image, source: "Ec2", userData: userData(t, byJIT()), before: anew}))
		n := len(ours) - 1
		shares = append(shares, ours[n].Seconds()/theirs[n].Seconds())
	}
	share := median(shares)
	t.Logf("an image of ours %.2f s, machulav's user data %.2f s, median of the shares %.2f", median(ours).Seconds(),
		median(theirs).Seconds(), share)
	if share > imageShare {
		t.Errorf("an image of ours takes %.2f of machulav's time, want at most %.2f", share, imageShare)
	}
}
