package bootstrap

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// TooLargeError is returned if user data exceeds Limit.
type TooLargeError struct {
	// Size is the compressed size and Limit the allowed size, in bytes.
	Size, Limit int
	// Parts are the parts that take up room, the largest first.
	Parts []Part
}

// Part is a part of user data: its name as the user knows it, mostly that of an input, and its approximate compressed
// size in bytes.
type Part struct {
	Name string
	Size int
}

func (e *TooLargeError) Error() string {
	var parts []string
	for _, p := range e.Parts {
		parts = append(parts, fmt.Sprintf("%s %d", p.Name, p.Size))
	}
	return fmt.Sprintf("user data takes %d bytes compressed and EC2 allows %d: %s", e.Size, e.Limit,
		strings.Join(parts, ", "))
}

// Removal is a part and how to remove it from the user data.
type Removal struct {
	Name   string
	Remove func()
}

// TooLarge measures the parts of user data: the size of a part is what its removal saves, and rest names what remains.
func TooLarge(rest string, size func() int, parts ...Removal) *TooLargeError {
	left := size()
	e := &TooLargeError{Size: left, Limit: Limit}
	for _, p := range parts {
		p.Remove()
		now := size()
		if left-now > 64 {
			e.Parts = append(e.Parts, Part{p.Name, left - now})
		}
		left = now
	}
	e.Parts = append(e.Parts, Part{rest, left})
	slices.SortStableFunc(e.Parts, func(a, b Part) int { return cmp.Compare(b.Size, a.Size) })
	return e
}

func (s Spec) tooLarge() error {
	return TooLarge("the boot script", func() int { return len(compress(s.plain(true))) },
		Removal{"pre-runner-script", func() { s.PreRunnerScript = "" }},
		Removal{"setup-script", func() { s.SetupScript = "" }},
		Removal{"packages", func() { s.Packages = nil }},
		Removal{"ca-certificates", func() { s.CACertificates = "" }},
		Removal{"job-report", func() { s.JobReport = false }},
		Removal{"labels", func() { s.Labels = nil }},
		Removal{"the JIT configuration", func() {
			if s.JITConfig != "" {
				s.JITConfig, s.Token = "", "-"
			}
		}})
}

var (
	sha256Hex = regexp.MustCompile(`^([0-9a-fA-F]{64})?$`)
	oneWord   = regexp.MustCompile(`^[!-~]+$`)
)

// check refuses a Spec that no machine can use, with all problems in one error.
func (s Spec) check() error {
	errs := []error{s.checkSecret()}
	if strings.Contains(fmt.Sprint(s), "\x00") {
		errs = append(errs, errors.New("make user data: a NUL byte, which no shell can carry"))
	}
	for _, one := range s.Software {
		errs = append(errs, one.Check())
	}
	return errors.Join(errs...)
}

// Check refuses values that do not describe a download of a runner.
func (s Software) Check() error {
	known := s.Architecture == "x64" || s.Architecture == "arm64"
	if !known || !oneWord.MatchString(s.URL) || !oneWord.MatchString(s.Version) || !sha256Hex.MatchString(s.SHA256) {
		return fmt.Errorf("make user data: not a runner download: %+v", s)
	}
	return nil
}

// checkSecret makes sure that a runner has exactly one secret to register with, and a warm-up none.
func (s Spec) checkSecret() error {
	switch {
	case s.Warm && (s.Token != "" || s.JITConfig != ""):
		return errors.New("make user data: a warm-up registers nothing: set neither a registration token nor a JIT " +
			"configuration")
	case s.Warm && s.PreRunnerScript != "":
		return errors.New("make user data: a warm-up runs no pre-runner-script: its exports must reach the job")
	case s.Warm && s.RegistrationTimeout <= 0:
		return errors.New("make user data: a warm-up needs a registration timeout, after which the machine " +
			"powers itself off")
	case !s.Warm && (s.Token == "") == (s.JITConfig == ""):
		return errors.New("make user data: give a registration token or a JIT configuration, one of the two")
	}
	return nil
}
