package bootstrap_test

import (
	"testing"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

func TestReadPanic(t *testing.T) {
	t.Parallel()
	const (
		begin = "[    0.000000] Linux version 6.12.0 (gcc) #1 SMP\r\n"
		glibc = "Fatal glibc error: This version of Amazon Linux requires a newer ARM64 processor\r\n                " +
			"   compliant with at least ARM architecture 8.2-a\r\n"
		words = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00"
		end   = "[    1.581422] " + words + "\r\n[    1.6] ---[ end " + words + " ]---\r\n"
	)
	for name, c := range map[string]struct {
		console  string
		want     bootstrap.Panic
		panicked bool
	}{
		"nothing":                   {"", bootstrap.Panic{}, false},
		"it boots":                  {begin + "ip login:", bootstrap.Panic{}, false},
		"a panic":                   {begin + end, bootstrap.Panic{Line: words}, true},
		"without the kernel's time": {begin + words + "\n", bootstrap.Panic{Line: words}, true},
		"a processor too old":       {begin + glibc + end, bootstrap.Panic{Line: words, Processor: true}, true},
		"an illegal instruction": {begin +
			"[    1.069460] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000004\n",
			bootstrap.Panic{Line: "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000004",
				Processor: true},
			true},
		"a later boot goes well": {begin + end + begin + "ip login:", bootstrap.Panic{}, false},
		"a container's processor": {begin + "[   30.1] cloud-init[612]: " + glibc, bootstrap.Panic{Processor: true},
			false},
		"a script quotes it": {begin + "[   30.1] cloud-init[612]: " + words + "\n", bootstrap.Panic{},
			false},
		"our own log quotes it":        {begin + "ec2-github-runner: | " + words + "\n", bootstrap.Panic{}, false},
		"the beginning is lost, 64 KB": {end, bootstrap.Panic{Line: words}, true},
	} {
		if got, panicked := bootstrap.ReadPanic(c.console); got != c.want || panicked != c.panicked {
			t.Errorf("%s: got %+v, %t", name, got, panicked)
		}
	}
}
