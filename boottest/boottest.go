// Package boottest boots the user data of package bootstrap for real: under systemd and cloud-init, in
// a container that plays the EC2 instance. Nothing in the user data knows of it.
//
// Inside the container a program of the test's own (folder machine) is the world around the instance:
// the metadata service on 169.254.169.254, and a GitHub over TLS that serves the runner's tarball
// at a set rate, with bad weather where a case asks for it. The tarball holds a stand-in runner (folder
// standin and the same program under other names), which behaves like the real one as far as the boot
// script can tell, and which needs no GitHub. What happens in there goes, with times, to a file that
// the test reads from outside.
//
// Recipes of package ami run in the same way, from a stock machine to an image, with the vendors' repositories
// replaced by local ones that serve packages of the same names (standin/vendors.sh); and the image is booted.
//
// It needs Linux, root and an engine, so it stands behind a build tag:
//
//	scripts/engine with go test -tags boottest -timeout 40m ./boottest -v
//
// Most of it is waiting: on an idle machine with two cores -parallel 4 is twice as fast.
//
// Speed alone, and against another's user data, five interleaved pairs:
//
//	scripts/engine with go test -tags boottest ./boottest -v -run Speed -pairs 5 -against FILE
//
// FILE must use the token and JIT configuration that the stand-in GitHub takes (Token and JIT in
// world.go), the scope https://github.com/owner/repo, and the runner in /opt/runner where it wants a
// preinstalled one.
package boottest
