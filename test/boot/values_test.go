//go:build boottest

package boot

import (
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// TestValues: a machine that cannot decode its user data ends, and is not left without limits.
func TestValues(t *testing.T) {
	base64 := func(script string) string {
		return "[ -e /usr/bin/base64.real ] || mv /usr/bin/base64 /usr/bin/base64.real\ncat >/usr/bin/base64 <<'SH'\n" +
			"#!/bin/bash\n" + script + "\nSH\nchmod +x /usr/bin/base64\n"
	}
	runAll(t, []scenario{
		{
			name: "values that cannot be decoded", before: base64("echo 'base64: invalid input' >&2; exit 1"),
			spec:  func(s *bootstrap.Spec) { s.RegistrationTimeout, s.KeepFailed = time.Hour, time.Hour },
			check: fails("error: the user data cannot be decoded", "powering off: the user data cannot be decoded"),
		},
		{
			name: "padding in mid-stream is refused, as by uutils 0.2, for a user with a script and packages",
			before: base64(`input=$(cat; echo .); [[ ${input%.} != *=$'\n'*[A-Za-z0-9]* ]] || { echo 'base64: ` +
				`error: invalid ` +
				`input' >&2; exit 1; }
base64.real "$@" <<<"${input%.}"`),
			spec: func(s *bootstrap.Spec) {
				s.User, s.Packages, s.PreRunnerScript = "debian", []string{"egr-sample"}, "export A='x y'\n"
			},
			plan: job("echo $(id -un) $A"), check: says("debian x y"),
		},
	})
}
