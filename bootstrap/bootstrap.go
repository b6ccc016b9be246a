// Package bootstrap makes the user data that turns a Linux machine with cloud-init into a GitHub Actions runner, and
// that powers the machine off when it is no longer needed.
//
// The user data is one compressed shell script that begins with cloud-init's `#cloud-boothook` and consists of values,
// code and texts. Values are lines `egr_KEY=BASE64`, so that no byte of a value means anything to a shell. The code is
// that of shell/*.sh; it is the same for every machine, except that chapters that a machine does not need are left out.
// Texts (the user's scripts, package names, certificates) follow the last line of code, which exits, and are extracted
// by offset and length. The shell never parses values or texts, so neither can inject code.
//
// Each phase is one line on the console, which EC2's GetConsoleOutput returns:
//
//	ec2-github-runner: downloaded runner 2.330.0 (4.1 s)
//
// with the seconds since boot. Errors begin with "error: ". Lines that begin with "| " are the end of the log, printed
// with an error.
package bootstrap

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// Limit is EC2's limit for user data in bytes, before base64.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
const Limit = 16 * 1024

// ConsolePrefix begins each line that this package's code writes to the console.
const ConsolePrefix = "ec2-github-runner: "

// WarmReady begins the last line of a successful warm-up.
const WarmReady = ConsolePrefix + "warm: ready"

// PreinstalledDir is where images made by mode bake have the runner's software. It is used only if it contains a file
// PreinstalledMark, so that a runner that somebody else installed there is not touched.
const (
	PreinstalledDir  = "/opt/actions-runner"
	PreinstalledMark = ".ec2-github-runner"
)

// KeptUntilTag is the tag with the time until which a machine stays after its runner has ended, in RFC 3339.
const KeptUntilTag = "ec2-github-runner:kept-until"

// MinimumVersion is the oldest runner version that github.com accepts.
// https://github.blog/changelog/2025-08-26-minimum-version-enforcement-for-self-hosted-runners/
const MinimumVersion = "2.329.0"

// Spec is what a machine needs to know to become a runner. Every string is data and may contain any byte but NUL.
// Durations are rounded up to whole seconds; zero means never.
type Spec struct {
	machine.Machine
	// URL is the web address of the scope, such as https://github.com/owner/repo.
	URL string
	// Name is the runner's name. With NameByIndex the machine appends "-" and its launch index.
	Name        string
	NameByIndex bool
	// OtherName is the name that the machine registers if another machine has registered Name; the launch index is
	// appended as to Name. Only this machine may use it: a registration of that name is replaced. If it is empty, the
	// same holds for Name.
	OtherName string
	// Labels are passed to config.sh; a JIT configuration contains its own.
	Labels []string
	// Group is the name of the runner group for config.sh; empty means the default group.
	Group string

	// Token is a registration token. Exactly one of Token and JITConfig must be set, and neither with Warm.
	Token string
	// JITConfig is an encoded just-in-time configuration.
	JITConfig string

	// Debug copies the whole log to the console.
	Debug bool

	// Software is what GitHub offers for download. If it is empty, the machine looks for the newest release.
	Software []Software
	// DownloadToken is sent to the host of Software's URLs, if GitHub Enterprise Server requires it.
	DownloadToken string

	// Warm makes the user data of a warm-up. The machine trusts CACertificates, installs Packages, runs SetupScript,
	// installs the runner and its libraries, reads its files once, prints WarmReady and powers itself off. It also
	// powers itself off if that fails, with an error on the console, or takes longer than RegistrationTimeout. It
	// registers nothing, holds no secret except DownloadToken, and runs no PreRunnerScript, whose exports must reach
	// the job. Name, Labels, Group, Service, Ephemeral, KeepFailed and the other limits are ignored. After its user
	// data is replaced (same instance, Ec2 data source), the next boot is a new start, which does only what is still
	// missing.
	Warm bool

	// Ephemeral is a runner for one job: the machine powers itself off when the runner ends.
	Ephemeral bool
	// KeepEnded is how long the machine stays after its runner has ended for good, for example because its registration
	// was removed. Zero means not at all for an ephemeral runner, and until MaxLifetime for others. If the instance
	// metadata contains the instance's tags, the time in KeptUntilTag replaces it.
	KeepEnded time.Duration
	// RegistrationTimeout powers the machine off if no runner is online this long after boot.
	RegistrationTimeout time.Duration
	// IdleTimeout powers the machine off after this time without a job.
	IdleTimeout time.Duration
	// MaxLifetime powers the machine off at this age as soon as no job runs or, with MaxLifetimeHard, even during a
	// job.
	MaxLifetime     time.Duration
	MaxLifetimeHard bool
	// KeepFailed is how long a machine stays up, for inspection, after its setup failed.
	KeepFailed time.Duration
}

// Software is one download of the Actions runner.
// https://docs.github.com/en/rest/actions/self-hosted-runners#list-runner-applications-for-a-repository
type Software struct {
	// Architecture is "x64" or "arm64".
	Architecture string
	// URL is the address of a gzip-compressed tar archive.
	URL string
	// SHA256 is the checksum of the archive in hex; empty if GitHub does not publish it.
	SHA256 string
	// Version is the version of the runner, such as 2.330.0.
	Version string
}
