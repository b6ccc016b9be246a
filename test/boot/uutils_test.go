//go:build boottest

package boot

import (
	"testing"
)

// uutils are the coreutils of Ubuntu since 25.10, in place of GNU's: those of Debian's package, which are older, but
// for base64, which is as strict as in their release 0.2: it refuses padding in mid-stream.
// https://github.com/uutils/coreutils/blob/0.2.2/src/uu/base32/src/base_common.rs
const uutils = `for each in /usr/lib/cargo/bin/coreutils/*; do ln -sf "$each" /usr/bin/; done
cat >/usr/local/bin/base64 <<'SH'
#!/bin/bash
text=$(tr -d '\n')
[[ $text != *=[^=]* ]] || { echo 'base64: error: invalid input' >&2; exit 1; }
printf %s "$text" | exec /usr/lib/cargo/bin/coreutils/base64 "$@"
SH
chmod +x /usr/local/bin/base64
`

// TestUutils: the boot script with tools that GNU has not written.
func TestUutils(t *testing.T) {
	runAll(t, []scenario{
		{name: "by JIT", image: parts.trixie, jit: true, before: uutils, plan: job("echo ok"), check: says("ok")},
		{
			name: "by token, with packages, a script and a user", image: parts.trixie, before: uutils,
			plan: job(sayAllThree), check: says(arrivedThree),
			spec: allThree,
		},
	})
}
