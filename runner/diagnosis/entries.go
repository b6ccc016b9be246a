package diagnosis

import (
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// This file lists the hints for failed starts. Each hint has an entry in docs/troubleshooting.md; a test compares the
// two. A message says what is wrong, a hint what to do.

// troubleshooting is the page with the entries.
const troubleshooting = "troubleshooting.md"

// entry is an entry of the page: its anchor, and the beginning of the hints that lead to it.
type entry struct{ anchor, begins string }

// entries are in the order of the page.
var entries = slices.Concat(topics(refusal.Topics), topics(github.Topics), []entry{
	// Causes that the machine shows: causes.go.
	{"no-internet-access", hintNoWayOut},
	{"dns", hintDNS},
	{"private-ca", hintPrivateCA},
	{"no-cloud-init", hintNoCloudInit},
	{"user-data-not-run", hintNoUserData},
	{"noexec", hintNoExec},
	{"user-data-unreadable", hintValues},
	{"error-status", hintStatus},
	{"proxy", hintProxy},
	{"cut-off", hintCutOff},
	{"launch-template", hintTemplate},
	{"too-little-memory", hintMemory},
	{"libicu", hintLibICU},
	{"runner-version-refused", hintVersion},
	{"registration-refused", hintRegistration},
	{"disk-full", hintDiskFull},
	{"wrong-architecture", hintArchitecture},
	{"checksum", hintChecksum},
	{"processor-too-old", HintProcessor},
	{"kernel-panic", HintPanic},
	{"node-does-not-run", hintNode},
	{"pre-runner-script", hintScript},
	{"slow-setup", hintSlowSetup},
	{"no-such-user", hintUser},
	{"timeout", HintTimeout},
	// EC2's reasons about an instance: diagnose.go, wait_cloud.go.
	{"spot-reclaimed", "the spot instance was reclaimed"},
	{"volume-limit", "the account's limit for EBS volumes"},
	{"image-does-not-start", "EC2 could not start the machine from this image"},
	{"ended-from-inside", "the machine was ended from inside or by a user"},
	{"ended-by-ec2", "see the reason that EC2 gives"},
	{"ended-by-others", "something else terminated it"},
	{"stays-pending", "look at the instance's state in the EC2 console"},
	// Existing machines: existing.go.
	{"no-such-machine", HintNoMachine},
	{"machine-without-runner", HintNoRunner},
	{"machines-in-use", HintNotTaken},
	{"machines-not-allowed", HintMayNotTake},
	{"runner-never-came", HintNeverCame},
	{"stop-not-allowed", HintMayNotStop},
	// EC2's refusals of a launch.
	{"no-capacity", "there is no capacity or quota for this type here"},
	{"launch-not-allowed", "allow ec2:RunInstances"},
	{"not-found-in-region", "an image, subnet or group exists in one region only"},
	{"instance-profile", "iam-role-name is the name of an instance profile"},
	{"launch-refused", "correct the inputs that EC2 names"},
	{"aws-credentials", "check the AWS credentials"},
	{"aws-not-allowed", "the AWS credentials do not allow this call"},
	{"region-gives-no-answer", HintSilent},
	{"action-not-allowed", "allow "}, // followed by the permission that EC2 names
	// Refused sign-ins.
	{"id-token-permission", HintIDToken},
	{"id-token-refused", HintIDTokenRefused},
	{"id-token-service", HintIDTokenSilent},
	// GitHub's refusals.
	{"token-not-valid", "the github-token is not valid"},
	{"token-may-not", "the github-token may not manage runners"},
	{"single-sign-on", "authorize the github-token for the organization's single sign-on"},
	{"ip-allow-list", "the organization accepts calls only from addresses on its IP allow list"},
	{"classic-tokens-refused", "the organization refuses classic tokens"},
	{"token-policy", "the organization's policy refuses this token"},
	{"token-does-not-reach", "the fine-grained token does not reach this place"},
	{"runners-turned-off", "self-hosted runners are turned off for this repository"},
	{"workflow-token", "an installation token without the permission"},
	{"proxy-answered", "something between this step and GitHub answered"},
	{"not-found-at-github", "either there is no such "},
	{"rate-limit", "too many calls were made with this token"},
	{"github-does-not-answer", "GitHub did not answer"},
	{"name-taken", "give each start a label of its own"},
	{"registration-gone", "somebody or something removes runners that are offline"},
})

// topics makes entries from the map of anchors that a package declares.
func topics(begins map[string]string) []entry {
	var list []entry
	for anchor, begin := range begins {
		list = append(list, entry{anchor, begin})
	}
	return list
}

// See returns the address of a hint's entry on the troubleshooting page; "" for a hint that needs none.
func See(hint string) string {
	for _, e := range entries {
		if strings.HasPrefix(hint, e.begins) {
			return bootstrap.Page(troubleshooting) + "#" + e.anchor
		}
	}
	return ""
}
