package diagnosis

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
)

var heading = regexp.MustCompile(`(?m)^### (.*)$`)

// TestEveryHintHasAnEntry: docs/troubleshooting.md has one entry for each hint, which quotes it, and no entry without a
// hint.
func TestEveryHintHasAnEntry(t *testing.T) {
	raw, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	found := heading.FindAllStringSubmatchIndex(string(raw), -1)
	for i, at := range found {
		end := len(raw)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		sections[strings.ReplaceAll(strings.ToLower(string(raw[at[2]:at[3]])), " ", "-")] = string(raw[at[1]:end])
	}
	for _, e := range entries {
		section, exists := sections[e.anchor]
		if !exists {
			t.Errorf("no entry %q", e.anchor)
		}
		if !strings.Contains(section, "> hint: "+e.begins) {
			t.Errorf("entry %q does not quote its hint: %s", e.anchor, e.begins)
		}
		delete(sections, e.anchor)
	}
	for anchor := range sections {
		if strings.HasPrefix(anchor, "bake-") {
			continue // package ami has a test of its own for its entries
		}
		t.Errorf("entry %q belongs to no hint", anchor)
	}
}

// TestEveryHintLeadsToItsEntry produces every hint and looks up its entry.
func TestEveryHintLeadsToItsEntry(t *testing.T) {
	var hints []string
	for _, c := range causes {
		hints = append(hints, c.hint)
	}
	for class := github.Other; class <= github.Intercepted; class++ {
		hints = append(hints, Hint(&github.CallError{Class: class}))
	}
	for _, refusal := range []string{"", "single-sign-on", "ip-allow-list", "classic-tokens-refused", "token-policy",
		"token-does-not-reach", "runners-turned-off", "workflow-token"} {
		hints = append(hints, Hint(&github.CallError{Class: github.Forbidden, Refusal: refusal}))
	}
	// Existing machines.
	hints = append(hints, HintNoMachine, HintNoRunner, HintNotTaken, HintMayNotTake, HintNeverCame, HintMayNotStop)
	hints = append(hints, HintSilent)
	hints = append(hints, HintIDToken, HintIDTokenRefused, HintIDTokenSilent)
	for _, begins := range []map[string]string{refusal.Topics, github.Topics} { // hints that only these packages have
		hints = slices.AppendSeq(hints, maps.Values(begins))
	}
	hints = append(hints, Hint(github.ErrNameTaken), LaunchHint(nil))
	for _, code := range []string{"AuthFailure", "UnauthorizedOperation", "InvalidAMIID.NotFound",
		"InsufficientInstanceCapacity", "VcpuLimitExceeded", "Odd"} {
		call := &refusal.CallError{Code: code}
		hints = append(hints, Hint(call), LaunchHint([]error{call}))
	}
	for code, message := range map[string]string{
		"AuthFailure.ServiceLinkedRoleCreationNotPermitted": "", "PendingVerification": "", "Blocked": "",
		"AMIQuotaExceeded": "", "IdempotentInstanceTerminated": "",
		"InvalidParameterCombination": "The specified instance type is not eligible for Free Tier.",
		"OptInRequired": "In order to use this AWS Marketplace product you need to accept terms and " +
			"subscribe.",
		"UnsupportedOperation": "The instance configuration for this AWS Marketplace product is not supported.",
		"AuthFailure":          "Not authorized for images: [ami-1]",
		"UnauthorizedOperation": "User: u is not authorized to perform: ec2:RunInstances on resource: " +
			"arn:aws:ec2:r:1:instance/* with an explicit deny in a service control policy",
		"AccessDenied": "User: u is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/x " +
			"because no identity-based policy allows the iam:PassRole action",
	} {
		hints = append(hints, LaunchHint([]error{&refusal.CallError{Code: code, Message: message}}))
	}
	hints = append(hints, LaunchHint([]error{&refusal.CallError{Code: "OptInRequired",
		Message: "You are not subscribed to this service."}}))
	hints = append(hints, LaunchHint([]error{&refusal.CallError{Code: "InvalidParameterValue",
		Message: "Invalid IAM Instance Profile name"}}))
	for _, reason := range []string{"Server.SpotInstanceTermination", "Client.VolumeLimitExceeded",
		"Client.InternalError",
		"Client.UserInitiatedShutdown", "?"} {
		hints = append(hints, StateHint(reason))
	}
	var seen []string
	for _, hint := range hints {
		page := See(hint)
		if hint != "" && page == "" {
			t.Errorf("no entry for %q", hint)
		}
		seen = append(seen, page)
	}
	// Hints of the waiting itself, which name what it waits for.
	elsewhere := []string{"timeout", "ended-by-others", "stays-pending", "registration-gone"}
	for _, e := range entries {
		if !slices.Contains(elsewhere, e.anchor) && !slices.Contains(seen, bootstrap.Page(troubleshooting)+"#"+
			e.anchor) {
			t.Errorf("no hint leads to %q", e.anchor)
		}
	}
}

// TestCauses: a console and EC2's reason lead to the one hint that fits.
func TestCauses(t *testing.T) {
	const ours = "ec2-github-runner: "
	// The kernel's message (mm/oom_kill.c), and the boot script's warning that it goes on without libicu.
	const outOfMemory = "[   61.203495] Out of memory: Killed process 2041 (dnf) total-vm:560524kB, " +
		"anon-rss:236236kB, file-rss:128kB, shmem-rss:0kB, UID:0 pgtables:1104kB oom_score_adj:0\r\n"
	const leftOut = "warning: package libicu is not installed: error: dnf was killed: too little memory (190.2 s)\r\n"
	for _, c := range []struct {
		name, console, state string
		template             bool
		want                 string
	}{
		{"nothing yet", "", "", false, ""},
		{"kernel only", "[    0.0] Linux version 6\r\n", "", false, ""},
		{"login prompt", "Ubuntu 24.04 ip-10-0-0-1 ttyS0\r\n\r\nip-10-0-0-1 login: ", "", false, hintNoCloudInit},
		{"cloud-init alone", "cloud-init[1]: running\nip login:", "", false, hintNoUserData},
		{"with a template", "cloud-init[1]: running\n", "", true, hintTemplate},
		{"a template that works", "cloud-init[1]: running\n" + ours + "downloading runner 2.335.0 (4.1 s)\n", "", true,
			hintNoWayOut},
		{"words before inference", ours + "downloading runner 2 (1 s)\n" + ours + "| tar: No space left on device\n",
			"",
			false, hintDiskFull},
		{"ended by a user while downloading", ours + "downloading runner 2 (1 s)\n", "Client.UserInitiatedShutdown: x",
			false,
			""},
		{"ended by itself while downloading", ours + "downloading runner 2 (1 s)\n",
			"Client.InstanceInitiatedShutdown: x",
			false, hintNoWayOut},
		{"spot beats the console", ours + "| tar: No space left on device\n", "Server.SpotInstanceTermination: x",
			false, ""},
		{"colours", "\x1b[0;32m" + ours + "error: pre-runner-script failed with exit 3\x1b[0m", "", false, hintScript},
		{"no DNS", ours + "downloading runner 2: curl: (6) Could not resolve host: github.com (9.1 s)\n", "", false,
			hintDNS},
		{"no DNS at first", ours + "downloading runner 2: curl: (6) Could not resolve host: github.com (9.1 s)\n" +
			ours +
			"downloaded runner 2 (12.1 s)\n", "", false, ""},
		{"no way out", ours +
			"downloading runner 2: curl: (28) Connection timed out after 10001 milliseconds (19.1 s)\n", "",
			false, hintNoWayOut},
		{"connection refused", ours +
			"downloading runner 2: curl: (7) Failed to connect to github.com port 443 after 1 ms (9.1 s)\n", "", false,
			hintNoWayOut},
		{"an error status", ours + "downloading runner 2: curl: (22) The requested URL returned error: 503 (9.1 s)\n",
			"",
			false, hintStatus},
		{"no such version", ours + "error: download runner: GET https://github.com/x: HTTP 404 (9.1 s)\n", "", false,
			hintStatus},
		{"a strange proxy", ours + "downloading runner 2: curl: (5) Could not resolve proxy: squid (9.1 s)\n", "",
			false,
			hintProxy},
		{"a proxy that refuses", ours +
			"downloading runner 2: curl: (56) CONNECT tunnel failed, response 403 (9.1 s)\n", "",
			false, hintProxy},
		{"cut off", ours + "downloading runner 2: curl: (56) Recv failure: Connection reset by peer (9.1 s)\n", "",
			false,
			hintCutOff},
		{"no DNS, and nobody said which", ours +
			"error: download runner: curl: (6) Could not resolve host: github.com (130.1 s)\n", "", false, hintDNS},
		{"noexec", "cloud-init[1]: util.py[WARNING]: Boothooks script " +
			"/var/lib/cloud/instances/i-1/boothooks/part-001 execution error\n", "", false, hintNoExec},
		{"values", ours + "error: the user data cannot be decoded (1.1 s)\n", "", false, hintValues},
		{"a strange authority", ours + "downloading runner 2: curl: (60) SSL certificate problem: unable to get " +
			"local issuer certificate (9.1 s)\n", "",
			false, hintPrivateCA},
		{"setup-script", ours + "error: setup-script failed with exit 3 at line 1: false (9.1 s)\n", "", false,
			hintScript},
		{"no node", ours + "warning: the runner's own node does not run, so no JavaScript action does: x (5.1 s)\n", "",
			false, hintNode},
		{"no node, and a script that fails", ours + "warning: the runner's own node does not run (5.1 s)\n" + ours +
			"error: setup-script failed with exit 3\n", "", false, hintScript},
		{"a panic", "[    1.5] Kernel panic - not syncing: x\n", "", false, HintPanic},
		{"a panic, and EC2's word", "[    1.5] Kernel panic - not syncing: x\n", "Client.InternalError: x", false, ""},
		{"a processor too old",
			"This version of Amazon Linux requires a newer ARM64 processor\n[    1.5] Kernel panic - " +
				"not syncing: x\n", "", false, HintProcessor},
		{"dnf killed, and tried again", outOfMemory + ours +
			"installing again: error: dnf was killed: too little memory (61.9 s)\n", "", false, hintMemory},
		{"dnf killed, and nothing more", ours + "installing libicu (31.2 s)\n" + outOfMemory, "", false, hintMemory},
		{"dnf killed, by an older kernel", ours + "installing 2 packages (31.2 s)\n[   61.2] Out of memory: Kill " +
			"process 2041 (yum) score 812 or sacrifice child\n",
			"", false, hintMemory},
		{"dnf killed, so libicu is missing", outOfMemory + ours + leftOut + ours +
			"error: config.sh did not register x (199.1 s)\n" +
			ours + "| Libicu's dependencies is missing for Dotnet Core 6.0\n", "", false, hintMemory},
		{"dnf killed, so the runner does not start", outOfMemory + ours + leftOut + ours +
			"starting runner (195.1 s)\n" +
			ours + "| Process terminated. Couldn't find a valid ICU package installed on the system.\n", "", false,
			hintMemory},
		{"dnf killed, and then it worked", outOfMemory + ours +
			"installing again: error: dnf was killed: too little memory (61.9 s)\n" +
			ours + "configured runner x (90.1 s)\n" + ours + "starting runner (90.2 s)\n" + ours +
			"| Http response code: NotFound from 'POST x'\n", "", false, hintRegistration},
		{"no libicu for another reason", ours +
			"warning: package libicu is not installed: Error: Timeout was reached (190.2 s)\n" +
			ours + "| Libicu's dependencies is missing for Dotnet Core 6.0\n", "", false, hintLibICU},
		{"further on", ours + "downloading runner 2 (1 s)\n" + ours + "configured runner x (9 s)\n", "", false, ""},
	} {
		if got := Read(c.console, c.state, c.template).Hint(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestReached(t *testing.T) {
	console := "ec2-github-runner: downloading runner 2 (1.0 s)\r\nec2-github-runner: error: x (2.0 s)\r\n" +
		"ec2-github-runner: | tail\r\nec2-github-runner: powering off: x (3.0 s)\r\n"
	e := Read(console, "", false)
	if got, want := fmt.Sprintf("%s|%s", e.LastPhase, e.Said), "downloading runner 2 (1.0 s)|[x (2.0 s)]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
