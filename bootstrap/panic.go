package bootstrap

import (
	"regexp"
	"strings"
)

// kernelPanic is the kernel's last word. It stands at the beginning of a line, behind the kernel's clock at most: a
// program that quotes it has its own name in front. https://github.com/torvalds/linux/blob/master/kernel/panic.c
var kernelPanic = regexp.MustCompile(`^(?:\[ *[0-9]+\.[0-9]+\] *)?(Kernel panic - not syncing.*)`)

// kernelBegins is the kernel's first word of a boot.
var kernelBegins = regexp.MustCompile(`^(?:\[ *0\.0+\] *)?(?:Booting Linux on physical CPU|Linux version )`)

// tooOldProcessor is what is said where the image needs a newer processor than the type has: by the C library of
// Amazon Linux 2023, or, in its first releases, by nobody but the signal for an illegal instruction.
// https://github.com/aws/aws-parallelcluster/pull/7599 https://github.com/amazonlinux/amazon-linux-2023/issues/50
var tooOldProcessor = regexp.MustCompile(`requires a newer ARM64 processor|Attempted to kill init! exitcode=0x00000004`)

// Panic is the end of a machine whose kernel panicked. EC2 calls it running.
type Panic struct {
	Line string // the kernel's: "Kernel panic - not syncing: …"
	// Processor reports that the image needs a newer processor: no machine of this type will boot it.
	Processor bool
}

// ReadPanic reads a console, without escape sequences, and reports whether its last boot ended in a panic.
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
