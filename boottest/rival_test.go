//go:build boottest

package boottest

import (
	"testing"
	"time"
)

// machulav is user data of the shape that machulav/ec2-github-runner sends for a preinstalled runner in
// that folder, started by JIT: cloud-init writes a script in its config stage and runs it in its final one.
// https://github.com/machulav/ec2-github-runner/blob/main/src/aws.js
func machulav(home string) string {
	return `#cloud-config
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
      cd "` + home + `"
      source /tmp/pre-runner-script.sh
      export RUNNER_ALLOW_RUNASROOT=1
      rm -f .runner .credentials .credentials_rsaparams
      ./run.sh --jitconfig ` + jit + `
runcmd:
  - nohup /opt/runner-setup.sh &
`
}

// imageShare is how long, at most, an image of ours may take to a runner that listens, as a share of what
// machulav's user data takes on a stock machine with a runner in it. Both by JIT.
const imageShare = 0.6

// speedOf boots both in pairs, one after the other, and compares within each pair: what else the machine is
// at weighs on both. A rival of NoCloud's is faster than one of Ec2's, so it gets that.
func speedOf(t *testing.T, image string) {
	t.Helper()
	one := func(l launch) time.Duration {
		l.plan = ordinary()
		l.plan.Connecting = time.Second
		i := boot(t, l)
		e := i.wait("online", soon)
		took := e.At - i.start
		t.Logf("%.2f s: %s", took.Seconds(), i.phases())
		// Its clean-up is at the test's end, and it would be at work until then.
		_, err := engine("kill", i.name)
		must(t, err)
		return took
	}
	var ours, theirs []time.Duration
	var shares []float64
	for range max(*pairs, 5) {
		theirs = append(theirs, one(launch{image: parts.preinstalled, userData: []byte(machulav("/opt/runner"))}))
		ours = append(ours, one(launch{image: image, source: "Ec2", userData: userData(t, byJIT()), before: anew}))
		n := len(ours) - 1
		shares = append(shares, ours[n].Seconds()/theirs[n].Seconds())
	}
	share := median(shares)
	t.Logf("an image of ours %.2f s, machulav's user data %.2f s, median of the shares %.2f", median(ours).Seconds(), median(theirs).Seconds(), share)
	if share > imageShare {
		t.Errorf("an image of ours takes %.2f of machulav's time, want at most %.2f", share, imageShare)
	}
}
