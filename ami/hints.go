package ami

import (
	"errors"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// This file lists the hints for failed bakes. Each has an entry in docs/troubleshooting.md, which a test checks.

// The hints, by what they are about.
const (
	hintSetup = "correct setup-script; the builder's messages below show which command failed"
	hintApt   = "the builder cannot reach the package repositories: give its subnet a route to a NAT gateway, or to " +
		"an internet gateway together with a public address, and allow outbound ports 80 and 443 in its security group"
	hintGPU = "bake cuda on a type with an NVIDIA GPU of Turing or newer, such as g4dn.xlarge, g5.xlarge or " +
		"g6.xlarge (ec2-instance-type)"
	hintNitro = "bake on a Nitro type, such as t3.xlarge, m5.large, t4g.xlarge or g4dn.xlarge (ec2-instance-type)"
	hintProof = "the image was set up but failed its test; check in the builder's messages below what setup-script " +
		"or the base image changed about docker or the runner"
	hintStep = "the builder's messages below show what failed; bake again, and if it fails again, use another base " +
		"image (base-image-id)"
	hintSilence = "the builder ran, but its user data did not: use a base image with cloud-init (Ubuntu, Debian, " +
		"Amazon Linux 2023), and keep the metadata service enabled (HttpEndpoint: enabled)"
	hintProcessor = "the base image needs a newer processor than the builder's type has: Amazon Linux 2023 needs " +
		"Graviton 2, so use t4g, m6g, c7g or newer types instead of a1 " +
		"(ec2-instance-type), or a base of Ubuntu or Debian"
	hintPanic = "the kernel of the base image panicked on this machine: use another ec2-instance-type or " +
		"another base-image-id"
	hintTimeout = "check in the builder's messages below what it waits for; raise bake-timeout-minutes if it " +
		"only needs more time"
	hintEnded = "something else has stopped or terminated the builder: look for clean-up jobs in the account, " +
		"and at EC2's reason"
	hintRoom = "there is no capacity or quota for a builder here: give more types by ec2-instance-type or more " +
		"subnets by subnet-id, or bake later; types with a GPU have a quota of their own, which is 0 in a new account"
	hintTags = "allow ec2:CreateTags on RunInstances and CreateImage: without this action's tags, builders and " +
		"images could not be found again"
	hintRefused = "correct the inputs that EC2 names"
	hintAllowed = "the AWS credentials do not allow this call: docs/permissions.md has the policy for mode: bake"
	hintExpired = "the AWS credentials are refused or have expired: set role-to-assume and aws-region, so that the " +
		"action renews its session; it cannot renew that of an earlier step"
	hintImage = "bake again; if it fails again, check the account's quotas for snapshots and images, and the key " +
		"that encrypts the volume"
	hintRegion = "enable these regions for the account and allow ec2:DescribeImages there, or leave them out of regions"
	hintCopy   = "bake again: only the copies that are missing are made; if it fails again, check that the key that " +
		"encrypts it exists in that region and that the credentials may use it"
	hintCopyTimeout = "bake again, since only the copies that are missing are made; raise copy-timeout-minutes if " +
		"copies of this size need more time"
	hintNoAnswer = "EC2 did not answer: bake again"
)

// hintOf returns what to do about an error of EC2.
func hintOf(err error) string {
	switch class, topic := refusal.ClassOf(err), refusal.TopicOf(err); {
	case refusal.IsSignIn(err), class == refusal.Account, class == refusal.Ended, topic == "image-quota",
		topic == "explicit-deny":
		return refusal.HintOf(err)
	}
	switch refusal.ClassOf(err) {
	case refusal.Denied:
		return hintAllowed
	case refusal.Credentials:
		return hintExpired
	case refusal.Capacity, refusal.Misfit:
		return hintRoom
	case refusal.Unknown, refusal.Throttle:
		if call, ok := errors.AsType[*refusal.CallError](err); ok && call != nil {
			return hintNoAnswer
		}
	case refusal.Tagging:
		return hintTags
	}
	if _, ok := errors.AsType[*refusal.CallError](err); ok {
		return hintRefused
	}
	return ""
}

// launchHint returns what to do if every offering was refused. What the user can correct takes precedence over what can
// only be waited for.
func launchHint(causes []error) string {
	for _, class := range []refusal.Class{refusal.Credentials, refusal.Account, refusal.Denied, refusal.Tagging,
		refusal.Other, refusal.NotFound,
		refusal.Profile, refusal.Capacity, refusal.Misfit, refusal.Ended, refusal.Unknown, refusal.Throttle} {
		i := slices.IndexFunc(causes, func(err error) bool { return refusal.ClassOf(err) == class })
		if i < 0 {
			continue
		}
		return hintOf(causes[i])
	}
	return ""
}

// stepHint returns what to do about a failed step of the builder.
func stepHint(v Verdict) string {
	if strings.Contains(v.Reason, "base-image-id") { // the reason says what to do
		return ""
	}
	switch v.Step {
	case "setup-script":
		return hintSetup
	case "packages", "docker":
		return hintApt
	case "driver", "toolkit":
		return hintGPU
	case "prove":
		return hintProof
	}
	return hintStep
}

// troubleshooting is the page with the entries.
const troubleshooting = "troubleshooting.md"

// anchors are the hints' anchors in the troubleshooting page, in its order.
var anchors = []struct{ name, hint string }{
	{"bake-setup-script", hintSetup},
	{"bake-packages", hintApt},
	{"bake-gpu", hintGPU},
	{"bake-nitro", hintNitro},
	{"bake-proof", hintProof},
	{"bake-step", hintStep},
	{"bake-silence", hintSilence},
	{"bake-processor-too-old", hintProcessor},
	{"bake-kernel-panic", hintPanic},
	{"bake-timeout", hintTimeout},
	{"bake-builder-ended", hintEnded},
	{"bake-no-capacity", hintRoom},
	{"bake-tags", hintTags},
	{"bake-image-failed", hintImage},
	{"bake-copy-failed", hintCopy},
	{"bake-copy-timeout", hintCopyTimeout},
	{"bake-not-allowed", hintAllowed},
	{"bake-credentials", hintExpired},
}

// See returns the address of a hint's entry in the troubleshooting page, or "".
func See(hint string) string {
	for _, a := range anchors {
		if a.hint == hint {
			return bootstrap.Page(troubleshooting) + "#" + a.name
		}
	}
	return ""
}
