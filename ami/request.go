package ami

import (
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// The tags on images and their snapshots besides those of Identity and those by which a start finds them. From these a
// bake sees whether there is anything new to bake.
const (
	tagRunnerSHA256 = key.Prefix + "runner-sha256"
	tagBaseImage    = key.Prefix + "base-image"
	tagRecipe       = key.Prefix + "recipe" // a hash
	tagBakedAt      = key.Prefix + "baked-at"
	tagSource       = key.Prefix + "source"
	tagFamily       = key.Prefix + "family" // the common part of the names of successive images
)

// Request describes what to bake.
type Request struct {
	Identity
	Source     string            // repository and run, for descriptions
	Region     string            // empty: the home region
	Builders   []machine.Machine // one for each image
	BaseImages []string          // each architecture uses the first that fits; empty: the newest Ubuntu LTS
	ImageName  string            // empty: a name with architecture and time
	Keep       int               // how many images of a family to keep, including the new one; 0: all
	Force      bool              // bake although nothing has changed
	Timeout    time.Duration
	Copies     Copies

	Software      []bootstrap.Software // the runner for each kind of processor
	DownloadToken string
}

// Identity identifies the resources of one bake.
type Identity struct {
	Nonce string
	Ours  map[string]string // tags of everything that this repository bakes
	Mine  map[string]string // tags that only this bake's builders and images have
	// Builder returns the tags of a builder that expires at a time, including Ours and Mine.
	Builder func(architecture string, expires time.Time) map[string]string
	// KeepTag is the key of a tag on a builder's volumes, see ec2.LaunchSpec.
	KeepTag string
	// Token returns the client token of an attempt to launch a builder, the same each time; at most 64 ASCII
	// characters.
	Token func(architecture string, offering, try int) string
	// CopyToken returns the client token of an attempt to copy an image into a region.
	CopyToken func(architecture, region string, try int) string
}

// CheckUserData returns an error if a builder's user data would be too large, whatever is added to it later.
func CheckUserData(builder machine.Machine) error {
	_, err := Recipe{
		Machine: builder, Nonce: "00000000",
		Software: bootstrap.Software{
			Architecture: "arm64", Version: "2.999.9", SHA256: strings.Repeat("0123456789abcdef", 4),
			URL: "https://github.com/actions/runner/releases/download/v2.999.9/" +
				"actions-runner-linux-arm64-2.999.9.tar.gz",
		},
	}.UserData()
	return err
}

// Journal records what the post step of a killed bake needs, before it can be lost.
type Journal interface {
	// Asking is called before each RunInstances call.
	Asking(token, region string) error
	// Imaging is called before an image is created, and Baked once it can be used: from then on it is kept.
	Imaging(Begun) error
	Baked(Baked) error
}

// Begun is an image that EC2 may have been asked to create.
type Begun struct {
	Architecture string `json:"architecture"`
	Region       string `json:"region"`
	// Snapshots is how many snapshots a copy has, which EC2 shows late; 0: not a copy.
	Snapshots int `json:"snapshots,omitempty"`
}

// Baker bakes images.
type Baker struct {
	Cloud *ec2.Client
	// Fresh returns another client for the clean-up: the connections of the first may hang.
	Fresh   func() *ec2.Client
	Journal Journal
	Log     *slog.Logger
	// Web is the client for the vendors' repositories; nil: they are not asked.
	Web *http.Client
}

// Baked is the result for one image of a bake.
type Baked struct {
	Architecture  string
	Region        string
	ImageID       string // empty if there is none
	Name          string
	BaseImage     string
	BaseName      string
	RunnerVersion string
	Builder       string // instance id
	InstanceType  string
	CopyOf        string // the image that this is a copy of; empty: not a copy
	Unchanged     bool   // an earlier image has the same content
	Steps         []Took
	Pruned        []string // images removed
	Failure       *FailedError
	Left          []string // what could not be removed, and how to remove it; also in Failure
}

// Took is the duration of a step.
type Took struct {
	Step  string
	Begun time.Duration // since the start of the bake
	Took  time.Duration
}

// Result is what a bake made, in the order of the request.
type Result struct {
	Images   []Baked
	Took     time.Duration
	Warnings []string
}

// FailedError is why an image was not made.
type FailedError struct {
	Architecture string
	Region       string // of a copy; empty: not a copy
	Step         string
	Message      string
	Hint         string
	Console      []string // the builder's last lines
	Left         []string // what could not be removed, and how to remove it
	Refused      bool     // the request is wrong, and nothing was made
	Err          error
}

func (e *FailedError) Error() string {
	what := e.Architecture
	if e.Region != "" {
		what += " in " + e.Region
	}
	return "bake " + what + ": " + e.Step + ": " + e.Message
}

func (e *FailedError) Unwrap() error { return e.Err }

var digits = regexp.MustCompile(`[0-9]+`)

// familyOf returns the part of a name that is common to earlier and later bakes: names that differ only in numbers
// (dates, run ids) are of one family.
func familyOf(name string) string { return digits.ReplaceAllString(name, "#") }

// imageName returns the name of an image. Several images of one bake get different names.
func (r Request) imageName(architecture string, now time.Time) string {
	switch {
	case r.ImageName == "":
		return "github-runner-" + architecture + "-" + now.UTC().Format("20060102-150405")
	case len(r.Builders) > 1 && !strings.Contains(r.ImageName, architecture):
		return r.ImageName + "-" + architecture
	}
	return r.ImageName
}
