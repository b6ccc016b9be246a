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

// The tags on images and on their snapshots, beside those of Identity and those by which a start finds them: by these a
// bake tells whether there is anything new to bake.
const (
	tagRunnerSHA256 = key.Prefix + "runner-sha256"
	tagBaseImage    = key.Prefix + "base-image"
	tagRecipe       = key.Prefix + "recipe" // a hash
	tagBakedAt      = key.Prefix + "baked-at"
	tagSource       = key.Prefix + "source"
	tagFamily       = key.Prefix + "family" // what the names of the images that follow one another have in common
)

// Request is what to bake.
type Request struct {
	Identity
	Source     string            // repository and run, for people
	Region     string            // empty: the home region
	Builders   []machine.Machine // one for each image, on the bake's own base
	BaseImages []string          // of which each architecture takes the first that fits; empty: the newest Ubuntu LTS
	ImageName  string            // empty: with architecture and time
	Keep       int               // how many images of a family stay, the new one included; 0: all
	Force      bool              // bake although nothing has changed
	Timeout    time.Duration
	Copies     Copies

	Software      []bootstrap.Software // the runner, for each kind of processor
	DownloadToken string
}

// Identity is what makes the things of one bake recognisable.
type Identity struct {
	Nonce string
	Ours  map[string]string // tags of everything that this repository bakes
	Mine  map[string]string // tags that nothing but this bake's builders and images carries
	// Builder gives the tags of a builder, which is to be gone at a time; Ours and Mine are among them.
	Builder func(architecture string, expires time.Time) map[string]string
	// KeepTag is the key of a tag on a builder's volumes, as ec2.LaunchSpec has it.
	KeepTag string
	// Token names one attempt to launch a builder, the same each time it is asked again; at most 64 ASCII characters.
	Token func(architecture string, offering, try int) string
	// CopyToken names one attempt to copy an image into a region, in the same way.
	CopyToken func(architecture, region string, try int) string
}

// CheckUserData reports whether a builder's user data will fit, before it is known what else goes into it.
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

// Journal is told what must be known before it can be lost, so that the post step finds what a killed bake left behind.
type Journal interface {
	// Asking is called before each RunInstances call.
	Asking(token, region string) error
	// Imaging is called before an image is begun, and Baked when it can be used: from then on it stays.
	Imaging(Begun) error
	Baked(Baked) error
}

// Begun is an image that may have been begun.
type Begun struct {
	Architecture string `json:"architecture"`
	Region       string `json:"region"`
	// Snapshots is how many snapshots a copy makes, which show late; 0: it is no copy.
	Snapshots int `json:"snapshots,omitempty"`
}

// Baker bakes images.
type Baker struct {
	Cloud *ec2.Client
	// Fresh returns a client of its own for the clean-up: the first one's connections may hang.
	Fresh   func() *ec2.Client
	Journal Journal
	Log     *slog.Logger
	// Web asks the vendors' repositories what they have; nil where they cannot be asked.
	Web *http.Client
}

// Baked is one image of a bake, as far as it came.
type Baked struct {
	Architecture  string
	Region        string
	ImageID       string // empty where there is none
	Name          string
	BaseImage     string
	BaseName      string
	RunnerVersion string
	Builder       string // instance id
	InstanceType  string
	CopyOf        string // the image in the bake's region that this is a copy of; empty: it is that image
	Unchanged     bool   // an earlier image holds the same
	Steps         []Took
	Pruned        []string // images removed
	Failure       *FailedError
	Left          []string // what could not be removed, each with how to remove it; a failure has it too
}

// Took is how long a step took.
type Took struct {
	Step  string
	Begun time.Duration // since the beginning of the bake
	Took  time.Duration
}

// Result is what a bake made, complete or partial, in the order of the request.
type Result struct {
	Images   []Baked
	Took     time.Duration
	Warnings []string
}

// FailedError is why one image was not made.
type FailedError struct {
	Architecture string
	Region       string // of a copy; empty: of the image itself
	Step         string
	Message      string
	Hint         string
	Console      []string // the builder's last lines
	Left         []string // what could not be removed, each with how to remove it
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

// familyOf is what a name has in common with those of earlier and later bakes: names that differ in numbers alone
// (dates, run ids) are of one family.
func familyOf(name string) string { return digits.ReplaceAllString(name, "#") }

// imageName is the name of an image. Several images of one bake need names of their own.
func (r Request) imageName(architecture string, now time.Time) string {
	switch {
	case r.ImageName == "":
		return "github-runner-" + architecture + "-" + now.UTC().Format("20060102-150405")
	case len(r.Builders) > 1 && !strings.Contains(r.ImageName, architecture):
		return r.ImageName + "-" + architecture
	}
	return r.ImageName
}
