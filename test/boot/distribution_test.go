//go:build boottest

package boot

import (
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// whoami is a job that prints its user and folders, and whether it is free of limits.
const whoami = `id -un; pwd; echo "$HOME"; [ "$(ulimit -n)" = "$(ulimit -Hn)" ] && echo high; touch here && stat -c ` +
	`%U here; echo ${ACTIONS_RUNNER_INPUT_JITCONFIG-unset}`

// seeding delays cloud-init's config stage as on stock Ubuntu: cloud-config.service is ordered after it, which the next
// Debian's is not. https://github.com/canonical/cloud-init/blob/main/systemd/cloud-config.service
const seeding = `printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep ` +
	`6\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/snapd.seeded.service
ln -sf /etc/systemd/system/snapd.seeded.service /etc/systemd/system/multi-user.target.wants/
mkdir -p /etc/systemd/system/cloud-config.service.d
printf '[Unit]\nAfter=snapd.seeded.service\n' >/etc/systemd/system/cloud-config.service.d/seeding.conf
`

// unsourced is an image whose package sources cloud-init writes in its config stage. On Debian 13 it does not: its
// package sets preserve_sources_list.
const unsourced = "grep -q preserve_sources_list: /etc/cloud/cloud.cfg || [ -e /unsourced ] || rm -f " +
	"/etc/apt/sources.list; touch /unsourced\n"

// deepLearning simulates a Deep Learning AMI according to its documentation: an Ubuntu with docker, the container
// toolkit and NVIDIA's driver, all of which start with the machine, docker some seconds after everything else.
// https://docs.aws.amazon.com/dlami/latest/devguide/overview-base.html
const deepLearning = `[ -e /usr/bin/nvidia-smi ] || {
ln -s /boottest/machine /usr/bin/nvidia-smi; groupadd docker; printf '' >/usr/bin/dockerd; chmod +x /usr/bin/dockerd
rm -f /etc/os-release; printf ` +
	`'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n' ` +
	`>/etc/os-release
printf '[Unit]\nAfter=network-online.target\n[Service]\nExecStart=/boottest/machine docker ` +
	`12s\n[Install]\nWantedBy=multi-user.target\n' >/etc/systemd/system/docker.service
ln -s /etc/systemd/system/docker.service /etc/systemd/system/multi-user.target.wants/
}
`

// TestDeepLearningImage: docker and the driver are installed already; a job can use both in its first step.
func TestDeepLearningImage(t *testing.T) {
	both := job(`nvidia-smi | cut -d : -f 1; [ -S /run/docker.sock ] && [ -w /run/docker.sock ] && id -nG | tr ' ' ` +
		`'\n' | grep docker || id -un; echo "$A"`)
	runAll(t, []scenario{
		{name: "by JIT", jit: true, before: deepLearning, plan: both, check: says("GPU 0\nroot")},
		{
			name: "by token, with packages, a script and a user", before: deepLearning, plan: both,
			check: says("GPU 0\ndocker\narrived"),
			spec:  allThree,
		},
	})
}

// apt is a job that installs a package in its first step.
const apt = `(sudo apt-get -q update; sudo apt-get -qy install egr-sample) >/tmp/apt 2>&1 || cat /tmp/apt; cat ` +
	`/usr/share/egr-sample/file; systemctl is-active cloud-config.service`

// TestDistributions: the main cases on each Debian. The oldest has systemd 247, cloud-init 20.4 and a curl like images
// in use; the newest one's cloud-init has other units.
func TestDistributions(t *testing.T) {
	t.Parallel()
	asUser := func(s *bootstrap.Spec) { s.User = "debian" }
	ofImage := "id debian 2>/dev/null || useradd -m -s /bin/bash debian; echo 'debian ALL=(ALL) NOPASSWD:ALL' " +
		">/etc/sudoers.d/debian\n"
	asRoot, asDebian := "root\n/actions-runner/_work\n/root\nhigh\nroot\nunset",
		"debian\n/actions-runner/_work\n/home/debian\nhigh\ndebian\nunset"
	for _, d := range []struct {
		name  string
		image string
	}{{"Debian 11", parts.bullseye}, {"Debian 12", parts.bookworm}, {"Debian 13", parts.trixie}} {
		t.Run(d.name, func(t *testing.T) {
			runAll(t, []scenario{
				{name: "by token", image: d.image, plan: job(whoami), check: says(asRoot)},
				{name: "by JIT", image: d.image, jit: true, plan: job(whoami), check: says(asRoot)},
				{
					name: "as a user that cloud-init makes", image: d.image, spec: asUser, plan: job(whoami),
					check: says(asDebian),
				},
				{
					name: "as a user of the image, by JIT", image: d.image, spec: asUser, jit: true, before: ofImage,
					plan: job(whoami), check: says(asDebian),
				},
				{
					name: "a script and packages, as a user", image: d.image, before: unsourced,
					spec: allThree,
					plan: job("echo $A; id -un"), check: says("arrived\ndebian"),
				},
				{
					name: "a job that uses apt at once", image: d.image, jit: true, before: unsourced + seeding,
					plan: job(apt), check: says("arrived\nactive"),
				},
				{
					name: "a job that uses apt at once, as a user", image: d.image, before: unsourced + seeding,
					spec: asUser,
					plan: job(apt), check: says("arrived\nactive"),
				},
			})
		})
	}
}
