package bootstrap

import (
	"strings"
	"testing"
)

// BenchmarkUserData makes the user data of an ordinary machine, with a token, with a JIT configuration, and with a
// script of 10,000 bytes.
func BenchmarkUserData(b *testing.B) {
	jit, script := ordinary(), ordinary()
	jit.Token, jit.JITConfig = "", jitConfig()
	script.PreRunnerScript = strings.Repeat("apt-get install --yes build-essential # and more\n", 200)
	for _, c := range []struct {
		name string
		spec Spec
	}{{"token", ordinary()}, {"jit", jit}, {"script", script}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.spec.UserData(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
