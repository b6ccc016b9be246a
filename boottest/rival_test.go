//go:build boottest

package boottest

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
