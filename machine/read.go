package machine

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// defaults are the inputs that a machine is read from, each with its default.
var defaults = map[string]string{
	"architecture": "", "availability-zones-config": "", "aws-resource-tags": "[]", "block-device-mappings": "",
	"ca-certificates": "", "ec2-device-name": "", "ec2-image-id": "", "ec2-instance-type": "", "ec2-volume-size": "",
	"ec2-volume-type": "", "iam-role-name": "", "job-report": "false", "launch-parameters": "", "market-type": "",
	"metadata-options": "", "packages": "[]", "pre-runner-script": "", "region": "", "run-runner-as-service": "false",
	"run-runner-as-user": "", "runner-home-dir": "", "runner-version": "latest", "security-group-id": "",
	"setup-script": "", "spot-max-price": "", "subnet-id": "",
}

// Names returns the sorted names of the inputs that Inputs.Machine reads.
func Names() []string { return slices.Sorted(maps.Keys(defaults)) }

// Default returns the default of an input.
func Default(name string) string { return defaults[name] }

// Machine reads the machine of a start or of a pool. home is the region of placements that name none.
func (in Inputs) Machine(home string) Machine {
	m := Machine{
		RunnerVersion: in.runnerVersion(), Architecture: in.architecture(),
		HomeDir: in.Text("runner-home-dir"), User: in.Text("run-runner-as-user"),
		Service: in.Flag("run-runner-as-service"), PreRunnerScript: unixLines(in.Text("pre-runner-script")),
		SetupScript: in.setupScript(), Packages: in.packages(), Tags: in.tags(), Markets: in.markets(),
		SpotMax: in.spotMaxPrice(), Overlay: in.overlay(), JobReport: in.OwnFlag("job-report"),
	}
	m.InstanceTypes = in.instanceTypes(m)
	m.TypesOfArchitecture = m.Architecture != "" && len(in.List("ec2-instance-type")) == 0
	m.Placements = in.placements(home, m)
	in.common(&m)
	if m.Architecture != "" && m.Root == (RootVolume{}) && m.Devices == "" {
		m.Root.GiB = UsualGiB
	}
	return m
}

// common reads the fields that every mode that launches reads in the same way.
func (in Inputs) common(m *Machine) {
	m.Profile, m.CACertificates = in.Text("iam-role-name"), in.Text("ca-certificates")
	m.Root, m.Devices, m.Metadata = in.rootVolume(), in.devices(), in.metadata()
}

// typesOf are the instance types of each architecture, used if no other types are given.
var typesOf = map[string][]string{
	"amd64": {"t3.xlarge"},
	"arm64": {"a1.xlarge", "t4g.xlarge"},
	"cuda":  {"g4dn.xlarge"},
}

// UsualGiB is the default size of the root volume if an architecture is given.
const UsualGiB = 50

// UsualTypes returns the types of all architectures: "t3.xlarge, a1.xlarge or t4g.xlarge, or g4dn.xlarge".
func UsualTypes() string {
	var list []string
	for _, architecture := range []string{"amd64", "arm64", "cuda"} {
		list = append(list, strings.Join(typesOf[architecture], " or "))
	}
	return strings.Join(list[:2], ", ") + ", or " + list[2]
}

func (in Inputs) architecture() string {
	value := in.Text("architecture")
	if typesOf[value] == nil && value != "" {
		in.Refuse(fmt.Sprintf("The 'architecture' input is %q, which is none of amd64, arm64 and cuda.", value),
			"for example architecture: amd64")
		return ""
	}
	return value
}

func (in Inputs) instanceTypes(m Machine) []string {
	types := in.List("ec2-instance-type")
	switch {
	case len(types) > 0:
	case m.Architecture != "":
		types = typesOf[m.Architecture]
	case m.Overlay.Has("LaunchTemplate", "InstanceType"):
		return []string{""}
	default:
		in.Refuse("The 'ec2-instance-type' input is required for "+in.Words.Consumer+".",
			"for example ec2-instance-type: t3.xlarge")
	}
	for _, name := range types {
		if strings.HasPrefix(name, "mac") && strings.HasSuffix(name, ".metal") {
			in.Refuse(fmt.Sprintf("The 'ec2-instance-type' input is %q, which runs macOS only.", name),
				"macOS instances are not supported: use a type that runs Linux, such as t3.xlarge")
		}
	}
	return types
}

// markets reads the market as machulav's action does: spot only if the input is exactly "spot". Lists are this action's
// own, and read strictly.
func (in Inputs) markets() []string {
	value, list := in.Text("market-type"), in.List("market-type")
	if len(list) < 2 {
		switch value {
		case Spot:
			return []string{Spot}
		case "", OnDemand:
		default:
			in.Warn("The 'market-type' input is %q, which is read as on-demand; write spot or on-demand", value)
		}
		return []string{OnDemand}
	}
	for _, market := range list {
		if market != Spot && market != OnDemand {
			in.Refuse(fmt.Sprintf("The 'market-type' input holds %q, which is neither spot nor on-demand.", market),
				"for example market-type: spot,on-demand")
		}
	}
	return list
}

var priceForm = regexp.MustCompile(`^[0-9]*\.?[0-9]+$`)

func (in Inputs) spotMaxPrice() string {
	value := in.Text("spot-max-price")
	if value != "" && !priceForm.MatchString(value) {
		in.Refuse(fmt.Sprintf("The 'spot-max-price' input is %q, which is not a price in USD an hour.", value),
			"for example spot-max-price: 0.08")
	}
	return value
}

// rootVolume reads the size, type and device of the root volume.
func (in Inputs) rootVolume() RootVolume {
	volume := RootVolume{Device: in.Text("ec2-device-name"), Type: in.Text("ec2-volume-type")}
	if value := in.Text("ec2-volume-size"); value != "" {
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 1 || n > 65536 {
			in.Refuse(fmt.Sprintf("The 'ec2-volume-size' input is %q, which is not a size in GiB from 1 to 65536.",
				value), "for example ec2-volume-size: 50")
			return volume
		}
		volume.GiB = int32(n)
	}
	return volume
}

// looksLikeFile matches a single word with a slash or a script's extension in it: as a script, it would run a file that
// the machine does not have.
var looksLikeFile = regexp.MustCompile(`^[\w@%+=:,./-]*(/[\w@%+=:,.-]+|\.(sh|bash))$`)

// setupScript reads setup-script: a script, or the path of one.
func (in Inputs) setupScript() string {
	text := unixLines(in.Text("setup-script"))
	if !looksLikeFile.MatchString(text) {
		return text
	}
	script, err := in.File(text)
	if err != nil {
		in.Refuse(fmt.Sprintf("The 'setup-script' input is %q, which is taken as a file in %s: %v.", text,
			in.Words.Folder, err),
			in.Words.FileHint+", or write the script itself, for example setup-script: apt-get install -y jq")
		return ""
	}
	return strings.TrimSpace(unixLines(script))
}

var versionForm = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)

func (in Inputs) runnerVersion() string {
	version := strings.TrimPrefix(in.Text("runner-version"), "v")
	if version != "latest" && !versionForm.MatchString(version) {
		in.Refuse(fmt.Sprintf("The 'runner-version' input is %q, which is neither 'latest' nor a version.", version),
			"for example runner-version: 2.330.0")
	}
	return version
}

func unixLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
