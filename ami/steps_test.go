package ami

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// builder runs a recipe's code in a folder, with the test's steps, until there is a verdict.
type builder struct {
	t   *testing.T
	dir string
}

// newBuilder returns a builder with the steps, and the code of their functions.
func newBuilder(t *testing.T, script, steps, code string) builder {
	t.Helper()
	b := builder{t, t.TempDir()}
	if err := os.MkdirAll(filepath.Join(b.dir, "state"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := Recipe{Machine: machine.Machine{Architecture: "amd64", SetupScript: script}, Nonce: "k3x9a"}
	s := r.script()
	s.Code = bootstrap.Chapters("log", "tail", "values", "exit") + text("common") + text("packages") + text("setup") +
		code + "\nEGR_STEPS='" + steps + "'\n" + text("verbs")
	// Only the folder and the console differ from the machine's.
	all := strings.ReplaceAll(unpacked(t, s.Pack()), "/run/ec2-github-runner", b.dir)
	all = strings.NewReplacer("/dev/console", b.dir+"/console", "cd /root", "cd "+b.dir, "sleep 5",
		"sleep 0.05").Replace(all)
	_, boot, _ := strings.Cut(all, "# end of secrets\n")
	// Each verdict is written with a console of its own there; a real one is no file.
	boot = strings.ReplaceAll(boot, ">"+b.dir+"/console", ">>"+b.dir+"/console")
	if err := os.WriteFile(filepath.Join(b.dir, "boot"), []byte(boot), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// bake is one boot: it runs until there is a verdict or, as in a reboot, the bake ends without one.
func (b builder) bake() Verdict {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", filepath.Join(b.dir, "boot"), "bake")
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ended:
			return b.read()
		case <-look.C:
			if v := b.read(); v.Done {
				cancel()
				<-ended
				return v
			}
		}
	}
}

func (b builder) read() Verdict {
	console, err := os.ReadFile(filepath.Join(b.dir, "console"))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	return ReadVerdict(string(console), "k3x9a")
}

func (b builder) file(name string) string {
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestStepsFail: the verdict names the step and the reason.
func TestStepsFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ script, code, reason string }{
		"a command": {code: "egr_step_b() { true; ls /nowhere/$((1 + 1)); true; }",
			reason: "ls /nowhere/$((1 + 1)): exit 2"},
		"a command in a function": {code: "f() { false; }\negr_step_b() { f; true; }", reason: "false: exit 1"},
		"apt's own words": {code: "apt() { echo 'E: no such package'; return 100; }\negr_step_b() { apt get; }",
			reason: "return 100: exit 100: E: no such package"},
		"a known reason": {code: "egr_step_b() { egr_fail 'it has no GPU'; }", reason: "it has no GPU"},
		"a known reason, deeper": {code: "egr_step_b() { local a; a=$(egr_fail 'it has no GPU'); }",
			reason: "it has no GPU"},
		"killed": {code: "egr_step_b() { kill -9 $$; }", reason: "it ended with exit 137"},
		"no success in the end": {code: "egr_step_b() { egr_retry_times 3 test -e /nowhere; }",
			reason: "test -e /nowhere: exit 1"},
		"odd letters": {code: "egr_step_b() { egr_fail $'a\\nb\\e[31m\\xff'; }", reason: "a b [31m"},
		"a script's command": {script: "echo a\r\n\r\nfalse | true\r\nls /nowhere\r\n",
			reason: "exit 2 at line 4: ls /nowhere"},
		"a script's exit": {script: "f() {\n  exit 3\n}\nf\n", reason: "exit 3 at line 2: exit 3"},
		"a script's syntax": {script: "echo a\nif then\n",
			reason: "exit 2 at line 2: syntax error near unexpected token `then'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := "b"
			if c.script != "" {
				step = "setup-script"
			}
			b := newBuilder(t, c.script, "a "+step+" c", "egr_step_a() { true; }\negr_step_c() { true; }\n"+c.code)
			v := b.bake()
			if v.Step != step || v.OK || v.Reason != c.reason {
				t.Errorf("got %+v, want %s: %s\n%s", v, step, c.reason, b.file("bake.log"))
			}
			// A reboot from outside does not make it better.
			if err := os.Remove(filepath.Join(b.dir, "console")); err != nil {
				t.Fatal(err)
			}
			if again := b.bake(); again.OK || again.Reason != v.Reason {
				t.Errorf("after a reboot: %+v", again)
			}
		})
	}
}

// TestStepsGoOn: each step runs once, in order, across a reboot.
func TestStepsGoOn(t *testing.T) {
	t.Parallel()
	b := newBuilder(t, "echo script >>done-by\nexport A=1\nexit 0\n", "a b setup-script c",
		"egr_step_a() { echo a >>done-by; }\negr_step_b() { if [ -e booted ]; then echo b >>done-by; else touch "+
			"booted; kill -9 $PPID; fi; }\negr_step_c() { echo \"c$A\" >>done-by; }")
	if v := b.bake(); v.Done || v.Step != "b" {
		t.Errorf("before the reboot: %+v", v)
	}
	if v := b.bake(); !v.OK {
		t.Errorf("got %+v\n%s", v, b.file("bake.log"))
	}
	if got, want := b.file("done-by"), "a\nb\nscript\nc\n"; got != want {
		t.Errorf("the steps did %q, want %q", got, want)
	}
}
