// Package bootstrap makes the user data that turns a Linux machine with cloud-init into a GitHub
// Actions runner and that ends the machine when nothing needs it any more.
//
// The user data is one shell script behind cloud-init's `#cloud-boothook` mark, compressed, in three
// parts: values, code, texts. Values are lines `egr_KEY=BASE64`, so that no byte in them can mean
// anything to a shell. The code stands in shell/*.sh and is the same for every machine, but for
// chapters that a machine does not need. Texts (the user's script, package names, certificates) follow
// the last line of code, which ends the shell, and are cut out by their lengths: nothing ever parses
// them on the way. Values and code never mix with them, so nothing can be injected.
//
// On the console, where EC2's GetConsoleOutput reads it, each phase is one line:
//
//	ec2-github-runner: downloaded runner 2.330.0 (4.1 s)
//
// with the seconds since boot. Errors begin with "error: ", and lines that begin with "| " are the
// end of the log that goes with them.
package bootstrap

import (
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// Limit is the most bytes that EC2 takes as user data, before base64.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
const Limit = 16 * 1024

// ConsolePrefix begins each line of ours on the machine's console.
const ConsolePrefix = "ec2-github-runner: "

// WarmReady begins the last line of a warm-up that did all it should.
const WarmReady = ConsolePrefix + "warm: ready"

// PreinstalledDir is where images of ours keep the runner's software. It is used only if a file
// PreinstalledMark is in it: a runner that somebody else put there is not ours to touch.
const (
	PreinstalledDir  = "/opt/actions-runner"
	PreinstalledMark = ".ec2-github-runner"
)

// KeptUntilTag is the tag that says until when a machine stays whose runner has ended, as RFC 3339.
const KeptUntilTag = "ec2-github-runner:kept-until"

// MinimumVersion is the oldest runner that github.com still registers.
// https://github.blog/changelog/2025-08-26-minimum-version-enforcement-for-self-hosted-runners/
const MinimumVersion = "2.329.0"

// Spec is all that a machine needs to know to become a runner. Every string is data and may hold any
// byte but NUL. Durations count in whole seconds, rounded up; zero means never.
type Spec struct {
	machine.Machine
	// URL is the web address of the scope, such as https://github.com/owner/repo.
	URL string
	// Name is the runner's name. With NameByIndex the machine appends "-" and its launch index.
	Name        string
	NameByIndex bool
	// OtherName is the name that the machine takes where another machine has registered under Name, with
	// its launch index appended as to Name. It must be this machine's alone: a registration of that name is
	// replaced. Empty says that Name itself is.
	OtherName string
	// Labels go to config.sh; a JIT configuration brings its own.
	Labels []string
	// Group is the name of the runner group for config.sh; empty means the default one.
	Group string

	// Token is a registration token. Either it or JITConfig must be given, and neither with Warm.
	Token string
	// JITConfig is an encoded just-in-time configuration.
	JITConfig string

	// Debug copies the whole log to the console.
	Debug bool

	// Software is what GitHub offers to download; if it is empty the machine asks for the newest.
	Software []Software
	// DownloadToken is sent to the host of Software's URLs, where GitHub Enterprise Server wants one.
	DownloadToken string

	// Warm makes user data of a warm-up: the machine trusts CACertificates, installs Packages, runs
	// SetupScript, puts the runner and its libraries on the disk, reads its files once, says WarmReady and
	// powers itself off; so it does when that fails, which the console tells as any error, or takes longer
	// than RegistrationTimeout. It registers nothing, holds no secret (but DownloadToken, if there is one)
	// and runs no PreRunnerScript, whose exports must reach the job. Name, Labels, Group, Service, Ephemeral,
	// KeepFailed and the other limits mean nothing to it. Once its user data is replaced (same instance, Ec2
	// data source) the machine's next boot is a new start that finds all this done, or does what is missing.
	Warm bool

	// Ephemeral is a runner for one job: the machine powers itself off when that ends.
	Ephemeral bool
	// KeepEnded is how long the machine stays once its runner has ended for good, as one does whose registration is
	// removed. Zero: an ephemeral one not at all, any other for as long as it may live. Where the instance's tags are
	// in its metadata, the time in KeptUntilTag takes its place.
	KeepEnded time.Duration
	// RegistrationTimeout powers the machine off when no runner is online so long after boot.
	RegistrationTimeout time.Duration
	// IdleTimeout powers the machine off when it had no job for so long.
	IdleTimeout time.Duration
	// MaxLifetime powers the machine off when it is that old and no job runs; with MaxLifetimeHard
	// even then.
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
	// URL of a gzip-compressed tar archive.
	URL string
	// SHA256 of that archive in hex; empty if GitHub does not say.
	SHA256 string
	// Version such as 2.330.0.
	Version string
}
