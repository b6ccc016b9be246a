package bootstrap

import (
	"regexp"
	"strings"
	"testing"
)

// newerBash are features of bash that are newer than 4.2, the version on Amazon Linux 2: the release, an example, and a
// pattern. https://git.savannah.gnu.org/cgit/bash.git/tree/NEWS
var newerBash = []struct {
	release, example string
	form             *regexp.Regexp
}{
	{"4.3", `local -n name=$1`, regexp.MustCompile(`\b(local|declare|typeset)\s+(-\w+\s+)*-\w*n`)},
	{"4.3", `wait -n`, regexp.MustCompile(`\bwait\s+-\w*[npf]`)},
	{"4.3", `list[-1]=a`, regexp.MustCompile(`\w\[-\d+\]`)},
	{"4.3", `unset 'list[-1]'`, regexp.MustCompile(`\[-\d+\]`)},
	{"4.3", `shopt -s globasciiranges`,
		regexp.MustCompile(`\bshopt\b.*\b(globasciiranges|direxpand|assoc_expand_once|inherit_errexit|` +
			`localvar_\w+|progcomp_alias|patsub_replacement)\b`)},
	{"4.3", `[[ -v list[1] ]]`, regexp.MustCompile(`-v\s+['"]?\w+\[`)},
	{"4.4", `echo "${name@Q}"`, regexp.MustCompile(`\$\{[\w!]+(\[[^]]*\])?@[A-Za-z]\}`)},
	{"4.4", `mapfile -d '' list`, regexp.MustCompile(`\b(mapfile|readarray)\s+(-\w+\s+)*-\w*d`)},
	{"4.4", `local -`, regexp.MustCompile(`\blocal\s+-(\s|;|$)`)},
	{"4.4", `set -- "${BASH_ARGV0}"`,
		regexp.MustCompile(
			`\bBASH_ARGV0\b|\bEPOCH(SECONDS|REALTIME)\b|\bSRANDOM\b|\bBASH_(MONOSECONDS|TRAPSIG|COMPAT)\b`,
		)},
	{"4.4", `history -d 1-3`, regexp.MustCompile(`\bhistory\s+-d\s+\d+-`)},
	{"5.1", `echo "${name@U}"`, regexp.MustCompile(`@[ULuKk]\}`)},
	{"5.2", `read -E line`, regexp.MustCompile(`\bread\s+(-\w+\s+)*-\w*E`)},
	{"5.3", `x=${ date; }`, regexp.MustCompile(`\$\{[\s|]`)},
}

func newer(code string) (found []string) {
	for line := range strings.Lines(code) {
		for _, n := range newerBash {
			if n.form.MatchString(line) {
				found = append(found, n.release+": "+strings.TrimSpace(line))
			}
		}
	}
	return found
}

// TestBash42: the code needs no newer bash than 4.2. The old bash itself is not available here.
func TestBash42(t *testing.T) {
	for _, n := range newerBash {
		if len(newer(n.example)) == 0 {
			t.Errorf("%s of bash %s is not found", n.example, n.release)
		}
	}
	for name, s := range map[string]Spec{"everything": full(), "warm": warm(), "ordinary": ordinary()} {
		for _, tight := range []bool{false, true} {
			for _, each := range newer(s.code(tight)) {
				t.Errorf("%s, tight %v: bash %s", name, tight, each)
			}
		}
	}
}
