package bootstrap

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// TestCodeParses: whichever chapters are left out, bash can parse the code, and every function that is called
// unconditionally is defined.
func TestCodeParses(t *testing.T) {
	for name, s := range map[string]Spec{"everything": full(), "by token": {Token: "a"}, "by JIT": {JITConfig: "a"},
		"warm": warm(), "setup": {Token: "a", Machine: machine.Machine{SetupScript: "a"}},
		"script": {Token: "a", Machine: machine.Machine{PreRunnerScript: "a"}}} {
		for _, tight := range []bool{false, true} {
			plain := s.plain(tight)
			cmd := exec.Command("bash", "-n")
			cmd.Stdin = bytes.NewReader(append(bytes.Clone(plain.jit), plain.code...))
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s, tight %v: %v\n%s", name, tight, err, out)
			}
			for _, c := range chapters {
				if c.spare == "" {
					continue
				}
				function, _, _ := strings.Cut(c.spare, "(")
				if !bytes.Contains([]byte(s.long(tight)), []byte("\n"+function+"() {")) &&
					(c.needed == nil || c.needed(s)) {
					t.Errorf("%s, tight %v: there is no %s", name, tight, function)
				}
			}
		}
	}
}

// TestConstantsAreTheCodes: the constants of this package are those of the shell code.
func TestConstantsAreTheCodes(t *testing.T) {
	code := full().code(false)
	for _, want := range []string{PreinstalledDir + "/" + PreinstalledMark, `"` + ConsolePrefix + `$text`} {
		if !strings.Contains(code, want) {
			t.Errorf("the code does not hold %q", want)
		}
	}
	if want := "egr_log '" + strings.TrimPrefix(WarmReady, ConsolePrefix) + "'\n"; !strings.Contains(warm().long(false),
		want) {
		t.Errorf("the code of a warm-up does not hold %q", want)
	}
	if strings.Contains(code, "\n#") {
		t.Error("comments take room in the user data")
	}
}

// TestShorten: functions and variables get short names; values, the variable that an image sets, and names that only
// look similar do not.
func TestShorten(t *testing.T) {
	const code = `egr_debug() { [ "$egr_debug" != true ] || egr_say "${egr_say}" egr_says; }
egr_say() { egr_debug && ! egr_debug || (egr_say) "${!egr_@}" "$egr_name" | egr_debug; }
EGR_UPTIME=1 read -r EGR_URL <<<"${EGR_UPTIME%.*} ${EGR_AFTER-none}" "$MY_EGR_UP"
trap egr_say EXIT
`
	const want = `egr1() { [ "$egr_debug" != true ] || egr2 "${egr_say}" egr_says; }
egr2() { egr1 && ! egr1 || (egr2) "${!egr_@}" "$egr_name" | egr1; }
egr3=1 read -r egr4 <<<"${egr3%.*} ${EGR_AFTER-none}" "$MY_EGR_UP"
trap egr2 EXIT
`
	if got := shorten(code); got != want {
		t.Errorf("got\n%s", got)
	}
}
