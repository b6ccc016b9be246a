// Package boot boots the user data of package bootstrap for real: under systemd and cloud-init, in
// a container that plays the EC2 instance. Nothing in the user data knows of it.
//
// Inside the container a program of the test's own (folder machine) is the world around the instance:
// the metadata service on 169.254.169.254, and a GitHub over TLS that serves the runner's tarball
// at a set rate, with bad weather where a case asks for it. The tarball holds a stand-in runner (folder
// standin and the same program under other names), which behaves like the real one as far as the boot
// script can tell, and which needs no GitHub: modelled.go names each behaviour with its place in actions/runner, and a
// test tries them all. What happens in there goes, with times, to a file that
// the test reads from outside.
//
// Recipes of package ami run in the same way, from a stock machine to an image, with the vendors' repositories
// replaced by local ones that serve packages of the same names (standin/vendors.sh); and the image is booted.
//
// It needs Linux, root and an engine, so it stands behind a build tag:
//
//	scripts/engine with go test -tags boottest -timeout 30m -parallel 12 -skip 'ImageSpeed|WarmSpeed' ./test/boot -v
//
// Most of it is waiting, so twelve cases run side by side; few of their machines start up at a time, and as many are on
// as the kernel has inotify instances for (admit.go). What takes times wants the machine for itself, and runs after
// them.
//
// Speed alone, against a bare boothook and machulav's user data, five interleaved rounds:
//
//	scripts/engine with go test -tags boottest ./test/boot -v -run Speed -pairs 5
package boot
