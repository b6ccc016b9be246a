// Package guide follows docs/guide.md as a newcomer does, as far as that needs no account: its commands run in one
// shell, with the AWS CLI on moto; the workflow that they write is linted, and its check is run by the real program on
// what the CloudFormation template has created. Shellcheck reads all commands, also those that need GitHub or the
// internet.
//
// The package also runs the scripts of the reusable workflow. Run it with scripts/test-real guide.
package guide

import (
	"fmt"
	"regexp"
	"strings"
)

// step is one block of commands of the guide.
type step struct {
	line    int
	run     bool // otherwise it needs an account and is only checked
	command string
}

var (
	marked = regexp.MustCompile("(?m)^<!-- (run|account) -->\n```sh\n((?s).*?)^```$")
	blocks = regexp.MustCompile("(?m)^```(\\w*)$")
)

// steps returns the command blocks of a guide in order. A mark before each must say whether it can be run here.
func steps(guide string) ([]step, error) {
	var list []step
	for _, at := range marked.FindAllStringSubmatchIndex(guide, -1) {
		list = append(list, step{
			line:    1 + strings.Count(guide[:at[0]], "\n"),
			run:     guide[at[2]:at[3]] == "run",
			command: guide[at[4]:at[5]],
		})
	}
	opened := 0
	for _, fence := range blocks.FindAllStringSubmatch(guide, -1) {
		if fence[1] != "" {
			opened++
		}
	}
	if opened != len(list) {
		return nil, fmt.Errorf("read guide: %d blocks of code, and %d are commands that say whether they can be run: "+
			"put <!-- run --> or <!-- account --> before ```sh", opened, len(list))
	}
	return list, nil
}

// script returns a shell script with some or all of the steps.
func script(list []step, all bool) string {
	var b strings.Builder
	b.WriteString("#!/usr/bin/env bash\nset -euo pipefail\n")
	for _, s := range list {
		if all || s.run {
			fmt.Fprintf(&b, "# line %d\n%s", s.line, s.command)
		}
	}
	return b.String()
}
