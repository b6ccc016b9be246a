package bootstrap

import (
	"regexp"
	"strings"
)

// kernelPanic matches the kernel's panic message. It is at the beginning of a line, except for the kernel's timestamp;
// a program that quotes it prints its own name first. https://github.com/torvalds/linux/blob/master/kernel/panic.c
var kernelPanic = regexp.MustCompile(`^(?:\[ *[0-9]+\.[0-9]+\] *)?(Kernel panic - not syncing.*)`)

// kernelBegins matches the first message of a kernel at boot.
var kernelBegins = regexp.MustCompile(`^(?:\[ *0\.0+\] *)?(?:Booting Linux on physical CPU|Linux version )`)

// tooOldProcessor matches the message that the image needs a newer processor: from the C library of Amazon Linux 2023
// or, in its first releases, only the signal for an illegal instruction.
// https://github.com/aws/aws-parallelcluster/pull/7599 https://github.com/amazonlinux/amazon-linux-2023/issues/50
var tooOldProcessor = regexp.MustCompile(`requires a newer ARM64 processor|Attempted to kill init! exitcode=0x00000004`)

// Panic describes a kernel panic. EC2 reports such an instance as running.
type Panic struct {
	Line string // as in "Kernel panic - not syncing: …"
	// Processor means that the image needs a newer processor, so no machine of this type boots it.
	Processor bool
}

// ReadPanic reads a console without escape sequences and reports whether the last boot on it ended in a panic.
func ReadPanic(console string) (p Panic, panicked bool) {
	for line := range strings.Lines(console) {
		line = strings.TrimSpace(line)
		found := kernelPanic.FindStringSubmatch(line)
		switch {
		case kernelBegins.MatchString(line): // a later boot
			p, panicked = Panic{}, false
		case found != nil && !panicked:
			p.Line, panicked = strings.TrimSpace(found[1]), true
		}
		p.Processor = p.Processor || tooOldProcessor.MatchString(line)
	}
	return p, panicked
}
