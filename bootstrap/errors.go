package bootstrap

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// TooLargeError reports whether user data does not fit, and what takes the room.
type TooLargeError struct {
	// Size in bytes, compressed; Limit is how many are allowed.
	Size, Limit int
	// Parts are what takes the room, the largest first.
	Parts []Part
}

// Part is one part of user data: its name as the user knows it (an input's, mostly), and roughly how
// many bytes it takes when compressed.
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

// Removal leaves a part out of user data.
type Removal struct {
	Name   string
	Remove func()
}

// TooLarge measures what takes the room in user data: a part takes what its removal saves, and rest names what is left.
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

// check refuses what no machine could use, all of it at once.
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

// Check refuses what is no download of a runner.
func (s Software) Check() error {
	known := s.Architecture == "x64" || s.Architecture == "arm64"
	if !known || !oneWord.MatchString(s.URL) || !oneWord.MatchString(s.Version) || !sha256Hex.MatchString(s.SHA256) {
		return fmt.Errorf("make user data: not a runner download: %+v", s)
	}
	return nil
}

// checkSecret: a runner registers by one secret, and a warm-up does not register.
func (s Spec) checkSecret() error {
	switch {
	case s.Warm && (s.Token != "" || s.JITConfig != ""):
		return errors.New("make user data: a warm-up registers nothing: give neither a registration token nor a " +
			"JIT configuration")
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
