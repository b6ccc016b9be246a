package simulator

import "strings"

// newerProcessor is what the C library of Amazon Linux 2023 says on a processor that is too old for it, as users
// have it on their consoles: https://github.com/aws/aws-parallelcluster/pull/7599
// https://github.com/zalando-incubator/kubernetes-on-aws/pull/9234
const newerProcessor = `Fatal glibc error: This version of Amazon Linux requires a newer ARM64 processor
                   compliant with at least ARM architecture 8.2-a with Cryptographic
                   extensions. On EC2 this is Graviton 2 or later.`

// newArm reports whether the image needs Graviton 2:
// https://docs.aws.amazon.com/linux/al2023/ug/system-requirements.html
func (i *Image) newArm() bool {
	return i.NewArm || i.Architecture == "arm64" && strings.HasPrefix(i.Name, "al2023-ami-")
}

// panics reports whether the instance's processor is too old for its image. EC2 launches it all the same.
func (i *instance) panics() bool { return i.image.newArm() && strings.HasPrefix(i.kind.Name, "a1.") }

// panic is the end of a kernel whose init ended. Nothing restarts it, and the instance stays running: only its
// console says so.
func (g *guest) panic() {
	for line := range strings.Lines(g.rule.Message) {
		g.print("%s", strings.TrimSuffix(line, "\n"))
	}
	g.print("[    1.581422] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00")
	g.print("[    1.584409] CPU: 0 PID: 1 Comm: init Not tainted 6.12.0-simulated #1")
	g.print("[    1.596752] ---[ end Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00 ]---")
}
