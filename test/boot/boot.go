// Package boot boots the user data of package bootstrap for real: under systemd and cloud-init, in a container that
// simulates the EC2 instance. Nothing in the user data knows about it.
//
// Inside the container a program of the test (folder machine) is the world around the instance: the metadata service on
// 169.254.169.254, and a GitHub over TLS that serves the runner's tarball at a given rate, with faults if a case needs
// them. The tarball contains a stand-in runner (folder standin and the same program under other names), which behaves
// like the real one as far as the boot script can tell and needs no GitHub: modelled.go lists each behaviour with its
// place in actions/runner, and a test checks them all. Events in the container go, with times, to a file that the test
// reads from outside.
//
// Recipes of package ami run in the same way, from a stock machine to an image, with the vendors' repositories replaced
// by local ones that serve packages of the same names (standin/vendors.sh); and the image is booted.
//
// The package needs Linux, root and a container engine, so it has a build tag:
//
//	scripts/engine with go test -tags boottest -timeout 30m -parallel 12 -skip 'ImageSpeed|WarmSpeed' ./test/boot -v
//
// Most cases wait most of the time, so twelve run in parallel; few of their machines start up at a time, and only as
// many are on as the kernel has inotify instances for (admit.go). Tests that measure times need the machine for
// themselves, and run afterwards.
//
// The speed alone, compared with a bare boothook and machulav's user data, in five interleaved rounds:
//
//	scripts/engine with go test -tags boottest ./test/boot -v -run Speed -pairs 5
package boot
