package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// maxScript is how much of a script's file is read, in bytes: user data is far smaller.
const maxScript = 1 << 20

// machine reads the machine of a set by the names of the action's inputs.
func (f *findings) machine(s section, file File) machine.Machine {
	if s.wrong {
		return machine.Machine{}
	}
	s.only(MachineKeys(), besideMachine)
	given := map[string]string{keyCA: file.GitHub.CACertificates}
	for _, name := range MachineKeys() {
		node, ok := s.value[name]
		if !ok {
			continue
		}
		value, err := machine.ReadNode(node)
		if err != nil {
			s.problem(s.at[name], fmt.Sprintf("has a %s that cannot be read: %v", name, err), "see docs/inputs.md")
			continue
		}
		given[name] = strings.TrimSpace(machine.Text(name, value))
	}
	in := machine.Inputs{
		Text: func(name string) string {
			if text := given[name]; text != "" {
				return text
			}
			return machine.Default(name)
		},
		Own:    func(name string) bool { _, own := s.value[name]; return own },
		File:   func(path string) (string, error) { return readFile(inDir(filepath.Dir(f.name), path), maxScript) },
		Check:  ec2.CheckParameter,
		Refuse: func(message, hint string) { f.refuse(s.lineNamed(message), s.about+": "+message, hint) },
		Warn: func(format string, args ...any) {
			message := fmt.Sprintf(format, args...)
			f.warn(s.lineNamed(message), s.about+": "+message, "")
		},
		Words: machine.Words{
			Consumer: "a scale set", Folder: "the directory of " + filepath.Base(f.name),
			FileHint: "give the path from that directory",
		},
	}
	m := in.Machine(file.Region)
	s.overlay(m)
	return m
}

var word = regexp.MustCompile(`[a-z][a-z0-9-]*`)

// lineNamed returns the line of the first key that a message names, or of the section if it names none.
func (s section) lineNamed(message string) int {
	for _, name := range word.FindAllString(message, -1) {
		if line, ok := s.at[name]; ok {
			return line
		}
	}
	return s.line
}

// overlay refuses launch-parameters that would let a machine outlive its job.
func (s section) overlay(m machine.Machine) {
	const name = "InstanceInitiatedShutdownBehavior"
	if m.Overlay.Has(name) {
		s.problem(s.lineOf("launch-parameters"), "has launch-parameters with "+name+", which a scale set sets itself",
			"take it out: a machine powers itself off after its job, and is terminated by that")
	}
}

// warmMachine refuses settings that do not go with warm machines, or warns of them.
func (s section) warmMachine(set Set) {
	if set.Warm == 0 {
		return
	}
	if set.Machine.Overlay.Has("InstanceMarketOptions") {
		s.problem(s.at[keyWarm], "keeps warm machines, and its launch-parameters set InstanceMarketOptions",
			"take that out: EC2 cannot stop a spot instance and start it again later")
	}
	if slices.Contains(set.Machine.Markets, machine.Spot) {
		s.warn(s.at[keyWarm], s.about+" keeps warm machines, which are on-demand, and its market-type names spot",
			"leave warm out if all machines are to be spot: EC2 cannot stop a spot instance and start it again later")
	}
}
