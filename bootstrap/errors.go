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

func (s Spec) tooLarge() error {
	without := func(change func(*Spec)) int {
		change(&s)
		return len(compress(s.plain(true)))
	}
	left := without(func(*Spec) {})
	e := &TooLargeError{Size: left, Limit: Limit}
	for _, p := range []struct {
		name   string
		change func(*Spec)
	}{
		{"pre-runner-script", func(s *Spec) { s.PreRunnerScript = "" }},
		{"setup-script", func(s *Spec) { s.SetupScript = "" }},
		{"packages", func(s *Spec) { s.Packages = nil }},
		{"ca-certificates", func(s *Spec) { s.CACertificates = "" }},
		{"job-report", func(s *Spec) { s.JobReport = false }},
		{"labels", func(s *Spec) { s.Labels = nil }},
		{"the JIT configuration", func(s *Spec) {
			if s.JITConfig != "" {
				s.JITConfig, s.Token = "", "-"
			}
		}},
	} {
		rest := without(p.change)
		if left-rest > 64 {
			e.Parts = append(e.Parts, Part{p.name, left - rest})
		}
		left = rest
	}
	e.Parts = append(e.Parts, Part{"the boot script", left})
	slices.SortStableFunc(e.Parts, func(a, b Part) int { return cmp.Compare(b.Size, a.Size) })
	return e
}

var (
	sha256Hex = regexp.MustCompile(`^([0-9a-fA-F]{64})?$`)
	oneWord   = regexp.MustCompile(`^[!-~]+$`)
)

// check refuses what no machine could use, all of it at once.
func (s Spec) check() error {
	errs := []error{s.checkSecret()}
	all := slices.Concat([]string{s.URL, s.Name, s.Group, s.Token, s.JITConfig, s.HomeDir, s.PreRunnerScript,
		s.SetupScript, s.User, s.DownloadToken, s.CACertificates}, s.Labels, s.Packages)
	if slices.ContainsFunc(all, func(text string) bool { return strings.Contains(text, "\x00") }) {
		errs = append(errs, errors.New("make user data: a NUL byte, which no shell can carry"))
	}
	for _, one := range s.Software {
		known := one.Architecture == "x64" || one.Architecture == "arm64"
		if !known || !oneWord.MatchString(one.URL) || !oneWord.MatchString(one.Version) ||
			!sha256Hex.MatchString(one.SHA256) {
			errs = append(errs, fmt.Errorf("make user data: not a runner download: %+v", one))
		}
	}
	return errors.Join(errs...)
}

// checkSecret: a runner registers by one secret, and a warm-up does not register.
func (s Spec) checkSecret() error {
	switch {
	case s.Warm && (s.Token != "" || s.JITConfig != ""):
		return errors.New("make user data: a warm-up registers nothing: give neither a registration token nor a JIT " +
			"configuration")
	case s.Warm && s.PreRunnerScript != "":
		return errors.New("make user data: a warm-up runs no pre-runner-script: its exports must reach the job")
	case s.Warm && s.RegistrationTimeout <= 0:
		return errors.New("make user data: a warm-up needs a registration timeout, after which the machine powers itself off")
	case !s.Warm && (s.Token == "") == (s.JITConfig == ""):
		return errors.New("make user data: give a registration token or a JIT configuration, one of the two")
	}
	return nil
}
