package ec2

import (
	"regexp"
	"strings"
)

// System is an operating system, such as Ubuntu 24.04. Both fields are empty if it is not known.
type System struct{ Name, Version string }

// The names of known systems.
const (
	ubuntu      = "Ubuntu"
	debian      = "Debian"
	amazonLinux = "Amazon Linux" // its versions are 2 and 2023
	fedora      = "Fedora"
	centOS      = "CentOS Stream"
	rhel        = "RHEL"
)

// systemNames are patterns of publishers' image names; a group matches the version. Copies in other accounts have the
// same name by default, so the owner is not checked. Deep Learning AMIs and EKS nodes have the name of the system that
// they are based on.
var systemNames = []struct {
	name, version string
	pattern       *regexp.Regexp
}{
	// https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
	{ubuntu, "", regexp.MustCompile(`^ubuntu[a-z-]*/images[a-z-]*/.*/?ubuntu-[a-z]+-([0-9]{2}\.[0-9]{2})-`)},
	{ubuntu, "", regexp.MustCompile(`\(Ubuntu ([0-9]{2}\.[0-9]{2})\)`)},
	// https://wiki.debian.org/Cloud/AmazonEC2Image
	{debian, "", regexp.MustCompile(`^debian-([0-9]+)-`)},
	// https://docs.aws.amazon.com/linux/al2023/ug/ec2.html
	{amazonLinux, "2023", regexp.MustCompile(`^al2023-ami-|^amazon-eks-node-al2023-|\(Amazon Linux 2023\)`)},
	{amazonLinux, "2", regexp.MustCompile(`^amzn2-ami-|^amazon-eks-node-[0-9]|\(Amazon Linux 2\)`)},
	{fedora, "", regexp.MustCompile(`^Fedora-Cloud-`)},
	{centOS, "", regexp.MustCompile(`^CentOS[ -]Stream(?:-ec2)?[ -]([0-9]+)`)},
	{rhel, "", regexp.MustCompile(`^RHEL[A-Z_]*-([0-9]+(?:\.[0-9]+)*)`)},
}

// System returns the image's operating system according to the tag with the given key or, without it, the image's name.
func (i Image) System(tag string) System {
	if text := i.Tags[tag]; text != "" {
		return parseSystem(text)
	}
	for _, s := range systemNames {
		found := s.pattern.FindStringSubmatch(i.Name)
		switch {
		case found == nil:
			continue
		case s.version == "" && len(found) > 1:
			return System{s.name, found[1]}
		}
		return System{s.name, s.version}
	}
	return System{}
}

// String returns name and version, the form that parseSystem reads.
func (s System) String() string { return strings.TrimSpace(s.Name + " " + s.Version) }

func parseSystem(text string) System {
	if name, version, found := cutLast(text, " "); found && version != "" && version[0] >= '0' && version[0] <= '9' {
		return System{name, version}
	}
	return System{Name: text}
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// TooOldForNode reports whether the system's C library is older than 2.28, which the runner's own node needs, so that
// JavaScript actions do not run: Amazon Linux 2 has 2.26.
// https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html
func (s System) TooOldForNode() bool { return s == System{amazonLinux, "2"} }

// Untested reports whether the system is in use but not tested by this project.
func (s System) Untested() bool { return s.Name == fedora || s.Name == centOS || s.Name == rhel }

// Verdict is what is known about whether a system boots on a type.
type Verdict int

// The verdicts.
const (
	Runs Verdict = iota
	notKnown
	RunsNot
)

// OnType reports whether the system boots on a type, as far as processors of the same architecture differ. The a1 types
// have Graviton 1, an ARMv8.0. Amazon Linux 2023 is compiled for ARMv8.2, and its kernel panics there; Ubuntu up to
// 24.04, Debian and Amazon Linux 2 are compiled for ARMv8.0. For others it is not known.
// https://docs.aws.amazon.com/linux/al2023/ug/system-requirements.html
func (s System) OnType(instanceType string) Verdict {
	if !strings.HasPrefix(instanceType, "a1.") {
		return Runs
	}
	switch {
	case s == System{amazonLinux, "2023"}:
		return RunsNot
	case s.Name == ubuntu && s.Version <= "24.04", s.Name == debian, s == System{amazonLinux, "2"}:
		return Runs
	}
	return notKnown
}
