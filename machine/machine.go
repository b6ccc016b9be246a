// Package machine describes what is to be launched as one value, and reads it from text: from the inputs or from an
// element of `runners`. Start, pool, bake and check pass it on as a whole (runner.Group, ec2.LaunchSpec, bootstrap.Spec
// and ami.Recipe embed it), so that a new field is declared and read here and used where it has its effect. A pool's
// fingerprint is a hash of every field that is not set by the start that claims the machine. test/machine clears each
// field in turn, and fails if the request to EC2 stays the same.
package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Machine is an instance to launch and what is set up on it.
type Machine struct {
	Architecture        string // amd64, arm64 or cuda: its image is used where a placement names none
	Placements          []Placement
	InstanceTypes       []string // in the order in which to ask for them; "" where Overlay has one
	TypesOfArchitecture bool     // the types are the architecture's own, of which the image decides the order
	Markets             []string // OnDemand, Spot
	SpotMax             string   // the maximum price of a spot instance in USD an hour; empty: the on-demand price
	Profile             string   // name or ARN of the instance profile
	Tags                []Tag    // the user's
	Devices             JSON     // block-device-mappings; if not empty it replaces Root
	Root                RootVolume
	Metadata            JSON // metadata-options
	Overlay             JSON // launch-parameters, which override all of this

	// CACertificates are PEM blocks that the machine is to trust.
	CACertificates string
	// RunnerVersion is the runner to download: "latest", or one such as 2.330.0.
	RunnerVersion string
	// HomeDir is where the image has a runner; empty means /actions-runner, or the directory of an image of this
	// action.
	HomeDir string
	// Packages are installed by the system's package manager before the scripts run.
	Packages []string
	// SetupScript is the setup that needs no job: run by bash as root, after the packages and before PreRunnerScript,
	// once for a machine, in a shell of its own. A start that claims a warm machine gives the same one: it runs then
	// only if the warm-up did not bring it to its end. So a job finds the same on a warm machine as on one that was
	// launched cold.
	SetupScript string
	// PreRunnerScript is sourced by bash in the runner's directory before download and configuration.
	PreRunnerScript string
	// User is whom the runner runs as; empty means root.
	User string
	// Service installs the runner by its own svc.sh.
	Service bool
	// JobReport samples what the machine has and uses, and reports on each job: in the job's own log, by a hook of the
	// runner's, and on the console. A spot machine's notice stands there too.
	JobReport bool
}

// Placement is where an instance is launched and from which image: one element of availability-zones-config.
type Placement struct {
	Element          int    // of availability-zones-config, from 1; 0 where the single inputs give it
	Region           string // empty: the home region
	ImageID          string
	SubnetID         string
	SecurityGroupIDs []string // all on one instance
}

// NewPlacement returns a placement.
func NewPlacement(region, image, subnet string, groups ...string) Placement {
	return Placement{Region: region, ImageID: image, SubnetID: subnet, SecurityGroupIDs: groups}
}

// Tag is one tag of the user's, in the order given.
type Tag struct{ Key, Value string }

// RootVolume replaces the root volume's size or type; each may be left out.
type RootVolume struct {
	Device string // empty: the image's own root device, else /dev/sda1
	GiB    int32
	Type   string
}

// The markets.
const (
	OnDemand = "on-demand"
	Spot     = "spot"
)

// StopsOnPowerOff reports whether the machine is to stop, instead of being terminated, when it powers itself off.
func (m Machine) StopsOnPowerOff() bool {
	return string(m.Overlay.value("InstanceInitiatedShutdownBehavior")) == `"stop"`
}

// ShowsTags reports whether the instance's metadata has its tags.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
func (m Machine) ShowsTags() bool {
	const name = "InstanceMetadataTags"
	for _, options := range []JSON{JSON(m.Overlay.value("MetadataOptions")), m.Metadata} {
		if options.Has(name) {
			return strings.EqualFold(string(options.value(name)), `"enabled"`)
		}
	}
	return false
}

// Fingerprint is a hash of what a machine is launched with at a placement and of what is set up on it before there is a
// job: everything but what a start decides for a machine that is warm already.
func (m Machine) Fingerprint(at Placement, instanceType string) string {
	at.Element = 0
	m.Placements, m.InstanceTypes, m.TypesOfArchitecture = []Placement{at}, []string{instanceType}, false
	m.Markets, m.SpotMax = nil, ""                                    // the machines of a pool are on-demand
	m.Tags, m.PreRunnerScript, m.User, m.Service = nil, "", "", false // of the start that claims it
	m.JobReport = false
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", m))
	return hex.EncodeToString(sum[:8])
}
