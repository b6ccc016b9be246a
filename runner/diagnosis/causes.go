package diagnosis

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// Evidence is what a machine that did not become a runner has left on its console, and EC2's reason.
type Evidence struct {
	console   string   // without escape sequences
	words     string   // the console without the boot script's lines about earlier phases
	Said      []string // the boot script's errors
	LastPhase string   // the boot script's last phase: "downloading runner 2.335.0 (4.1 s)"
	state     string   // EC2's state reason, if the machine has ended
	template  bool     // whether a launch template was used
}

// Read parses a console. state is EC2's state reason; template reports whether a launch template was used.
func Read(console, state string, template bool) Evidence {
	e := Evidence{console: Printable(console), state: state, template: template, Said: Said(console)}
	var words strings.Builder
	for line := range strings.Lines(e.console) {
		_, ours, found := strings.Cut(strings.TrimSpace(line), bootstrap.ConsolePrefix)
		if found && !strings.HasPrefix(ours, "| ") && !strings.HasPrefix(ours, "error: ") && !strings.HasPrefix(ours,
			"powering off: ") {
			e.LastPhase = ours
		} else {
			words.WriteString(line)
		}
	}
	e.words = words.String() + e.LastPhase
	return e
}

// booted reports whether the boot script has started.
func (e Evidence) booted() bool { return strings.Contains(e.console, bootstrap.ConsolePrefix) }

// alone reports whether nothing but the machine itself ended it: only then the phase it reached explains the failure.
func (e Evidence) alone() bool {
	return e.state == "" || strings.Contains(e.state, "InstanceInitiatedShutdown")
}

// The hints for causes that a machine can show.
const (
	hintNoWayOut = "the machine cannot reach GitHub: give its subnet a route to a NAT gateway, or to an internet " +
		"gateway together with a public address, and allow outbound port 443 in its security group"
	hintDNS = "the machine cannot resolve DNS names: enable DNS resolution for the VPC (enableDnsSupport), or " +
		"correct the servers of its DHCP options"
	hintPrivateCA = "the machine does not trust the server's certificate: give the private CA's certificate in " +
		"ca-certificates, also that of a proxy that inspects TLS"
	hintNoCloudInit = "the image does not run cloud-init, which reads the user data: use an image of Amazon Linux, " +
		"Ubuntu or Debian, or install cloud-init in yours"
	hintNoUserData = "the image runs cloud-init, but it did not run this action's user data: keep the metadata " +
		"service enabled (HttpEndpoint: enabled) and the image's Ec2 data source unchanged"
	hintTemplate = "the launch template prevents the start: EC2 uses this action's user data instead of the " +
		"template's, so move its commands to pre-runner-script, and keep the metadata service enabled in the template"
	hintMemory = "the machine has too little memory to install packages: use an instance type with at least 1 GB, or " +
		"an image that already has libicu and the packages"
	hintLibICU = "the runner needs libicu, which could not be installed: install it in the image, or allow the " +
		"machine to reach its package repositories"
	hintVersion = "GitHub refuses this version of the runner: bake the image again, or omit runner-home-dir and " +
		"runner-version so that the newest is downloaded"
	hintRegistration = "GitHub refuses the registration: the registration token had expired (it is valid for an " +
		"hour) or the registration was removed meanwhile; run the job again, and look for clean-up jobs that remove " +
		"offline runners"
	hintNoExec = "the image mounts /var with noexec, where cloud-init stores and runs the user data: remove that " +
		"option from /var in the image, or mount /var/lib/cloud without it"
	hintValues = "the machine cannot decode its user data: its base64 command does not work, or the user data was " +
		"changed on its way"
	hintStatus = "the runner's download fails with an HTTP error: check GitHub's status and any proxy or mirror on " +
		"the way; if runner-version is set, check that this version exists"
	hintProxy = "the proxy refuses the connection: correct https_proxy in the image or pre-runner-script, and allow " +
		"github.com and githubusercontent.com in the proxy"
	hintCutOff = "the runner's download is interrupted repeatedly: look for a proxy or firewall that closes long " +
		"connections"
	hintDiskFull     = "the machine's disk is full: set a larger ec2-volume-size"
	hintArchitecture = "the runner in the image is for another architecture than the machine: use an instance type " +
		"of the image's architecture, or omit runner-home-dir"
	hintChecksum  = "the runner's download does not match GitHub's checksum: look for a proxy or mirror that changes it"
	hintScript    = "correct pre-runner-script or setup-script; the boot script's messages name the line that failed"
	hintSlowSetup = "the setup takes longer than the start waits: raise startup-timeout-minutes, or bake an image in " +
		"which packages and the work of pre-runner-script are already done"
	hintUser      = "create the user of run-runner-as-user in the image, or in pre-runner-script"
	HintProcessor = "the image needs a newer processor than the instance type has: Amazon Linux 2023 needs Graviton " +
		"2, so use t4g, m6g, c7g or newer types instead of a1, or an image of Ubuntu or Debian"
	HintPanic = "the kernel of the image panicked on this machine: use another instance type, or rebuild the image; " +
		"the console's last lines show the reason"
	hintNode = "the runner's own node does not run on this image, so no JavaScript action does: the image's C " +
		"library is too old (Amazon Linux 2 has glibc 2.26, and 2.28 is needed); use Amazon Linux 2023, " +
		"Ubuntu or Debian"
	HintTimeout = "the console's last lines below show how far the boot proceeded"
)

// cause is one reason why a machine did not become a runner, and how to recognize it.
type cause struct {
	hint string
	fits func(Evidence) bool
}

// onConsole returns a cause that the console states.
func onConsole(hint, pattern string) cause {
	expression := regexp.MustCompile(pattern)
	return cause{hint, func(e Evidence) bool { return expression.MatchString(e.words) }}
}

// inPhase returns a cause that follows from the phase in which the boot script was last.
func inPhase(hint string, phases ...string) cause {
	return cause{hint, func(e Evidence) bool {
		return e.alone() && slices.ContainsFunc(phases,
			func(phase string) bool { return strings.HasPrefix(e.LastPhase, phase) })
	}}
}

// curlExit returns a cause that shows in curl's exit code, while the download of the runner is retried or after it has
// failed. https://curl.se/libcurl/c/libcurl-errors.html
func curlExit(hint string, codes ...int) cause {
	return cause{hint, func(e Evidence) bool {
		lines := append(slices.Clone(e.Said), e.LastPhase)
		return e.alone() && slices.ContainsFunc(codes, func(code int) bool {
			words := fmt.Sprintf(": curl: (%d) ", code)
			return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, words) })
		})
	}}
}

// killedInstaller is the boot script's message that the kernel killed a package manager.
const killedInstaller = `was killed: too little memory`

var (
	// kernelKilled is the kernel's own message, also that of Amazon Linux 2.
	// https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c
	kernelKilled = regexp.MustCompile(`Out of memory: Kill(ed)? process \d+ `)
	killedForICU = regexp.MustCompile(`warning: package libicu is not installed: .*` + killedInstaller)
	missingICU   = regexp.MustCompile(`Libicu's dependencies|valid ICU package`)
)

// causes are tried in this order; the first match decides. Causes that the console states come before those that are
// only inferred.
var causes = []cause{
	// EC2's reason decides, see StateHint.
	{"", func(e Evidence) bool { return strings.Contains(e.state, "SpotInstance") }},
	{HintProcessor, func(e Evidence) bool {
		p, panicked := bootstrap.ReadPanic(e.console)
		return panicked && p.Processor && e.alone()
	}},
	{HintPanic, func(e Evidence) bool { _, panicked := bootstrap.ReadPanic(e.console); return panicked && e.alone() }},
	onConsole(hintDiskFull, `No space left on device`),
	onConsole(hintArchitecture, `Exec format error|there is no runner for the architecture`),
	onConsole(hintMemory, killedInstaller),
	{hintMemory, func(e Evidence) bool {
		return e.alone() && strings.HasPrefix(e.LastPhase, "installing ") && kernelKilled.MatchString(e.console)
	}},
	// The phase is over, but what it left out is missing now.
	{
		hintMemory,
		func(e Evidence) bool { return missingICU.MatchString(e.words) && killedForICU.MatchString(e.console) },
	},
	{hintLibICU, func(e Evidence) bool { return missingICU.MatchString(e.words) }},
	onConsole(hintVersion, `is deprecated and cannot receive messages|[Rr]unner version .* is (deprecated|refused)|`+
		`runner ended with exit 7 `),
	onConsole(hintChecksum, `its SHA-256 is `),
	onConsole(hintValues, `the user data cannot be decoded`),
	// https://github.com/canonical/cloud-init/blob/main/cloudinit/handlers/boot_hook.py
	onConsole(hintNoExec, `Boothooks script \S+ execution error|Permission denied: b?'?/var/lib/cloud/`),
	onConsole(hintStatus, `GET \S+: HTTP 4\d\d`),
	curlExit(hintProxy, 5, 97),
	onConsole(hintProxy, `CONNECT tunnel failed|Received HTTP code \d+ from proxy|Proxy CONNECT aborted`),
	onConsole(hintPrivateCA, `SSL certificate problem|certificate verify failed`),
	onConsole(hintRegistration, `Http response code: (NotFound|Unauthorized|Forbidden)|`+
		`status code does not indicate success: 40[134]|registration .*(does not exist|has been deleted|expired)|`+
		`config\.sh: .*token`),
	onConsole(hintDNS, `Could not resolve host|Temporary failure in name resolution`),
	onConsole(hintNoWayOut, `Connection timed out|Network is unreachable|No route to host|Failed to connect to |`+
		`Could not connect to server`),
	onConsole(hintUser, `run-runner-as-user: there is no user`),
	onConsole(hintScript, `(pre-runner|setup)-script failed with exit`),
	// Only a warning: it is the cause if nothing else is, as with a service, which uses that node.
	onConsole(hintNode, "own node does not run|version .GLIBC_2\\.[0-9]+' not found"),
	inPhase(hintSlowSetup, "running pre-runner-script", "running setup-script", "installing "),
	curlExit(hintDNS, 6),
	curlExit(hintPrivateCA, 35, 60, 77),
	curlExit(hintStatus, 22),
	curlExit(hintNoWayOut, 7, 28),
	curlExit(hintCutOff, 16, 18, 52, 55, 56, 92),
	inPhase(hintNoWayOut, "downloading runner", "waiting for the network"),
	{hintTemplate, func(e Evidence) bool { return e.template && e.alone() && !e.booted() }},
	{hintNoUserData, func(e Evidence) bool {
		return strings.Contains(e.console, "cloud-init") && e.alone() && !e.booted()
	}},
	{
		hintNoCloudInit,
		func(e Evidence) bool { return strings.Contains(e.console, "login:") && e.alone() && !e.booted() },
	},
}

// Hint returns the hint of the first matching cause, or "".
func (e Evidence) Hint() string {
	for _, c := range causes {
		if c.fits(e) {
			return c.hint
		}
	}
	return ""
}
