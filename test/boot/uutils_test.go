//go:build boottest

package boot

import (
	"testing"
)

// uutils replaces GNU's coreutils by those of Ubuntu since 25.10: the older ones of Debian's package, and a base64 that
// is as strict as in release 0.2: it refuses padding in mid-stream.
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

// TestUutils: the boot script with coreutils other than GNU's.
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
