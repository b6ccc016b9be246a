package ami

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const boot = `[    0.000000] Linux version 6.14.0-1012-aws
cloud-init[512]: Cloud-init v. 25.1 running 'init'
ec2-github-runner: bake k3x9a: packages (21.4 s)
ec2-github-runner: downloading runner 2.330.0 (30.0 s)
ec2-github-runner: bake k3x9a: docker (33.1 s)
`

func TestReadVerdict(t *testing.T) {
	const ok, failed = "ec2-github-runner: bake k3x9a: ok\n",
		"ec2-github-runner: bake k3x9a: failed: setup-script: exit 3 at line 2: exit 3\n"
	for name, c := range map[string]struct {
		console string
		want    Verdict
	}{
		"nothing yet": {"", Verdict{}},
		"others only": {"[    0.000000] Linux\nec2-github-runner: starting runner (3.1 s)\n", Verdict{}},
		"under way":   {boot, Verdict{Step: "docker"}},
		"done":        {boot + ok + ok, Verdict{Step: "docker", Done: true, OK: true}},
		"failed": {boot + failed, Verdict{Step: "setup-script", Done: true,
			Reason: "exit 3 at line 2: exit 3"}},
		"carriage returns": {strings.ReplaceAll(boot+failed, "\n", "\r\n"), Verdict{Step: "setup-script",
			Done: true, Reason: "exit 3 at line 2: exit 3"}},
		"another bake's":          {strings.ReplaceAll(boot+ok, "k3x9a", "k3x9"), Verdict{}},
		"another bake's, longer":  {strings.ReplaceAll(boot+ok, "k3x9a", "k3x9a-2"), Verdict{}},
		"another bake's and ours": {strings.ReplaceAll(boot+ok, "k3x9a", "old") + boot, Verdict{Step: "docker"}},
		"behind what the kernel says": {boot + "[   44.1] eth0: link " + ok, Verdict{Step: "docker", Done: true,
			OK: true}},
		"cut by what the kernel says": {boot + "ec2-github-runner: bake k3x9a: o[   44.1] eth0: link\nk\n",
			Verdict{Step: "docker"}},
		"cut, and then whole": {boot + "ec2-github-runner: bake k3x9a: fai[   44.1] link\nled: " +
			"docker: x\n" + failed, Verdict{Step: "setup-script", Done: true, Reason: "exit 3 at line 2: exit 3"}},
		"the window begins in a line": {"runner: bake k3x9a: docker (3 s)\n" + ok, Verdict{Done: true, OK: true}},
		"the window ends in a step":   {boot + "ec2-github-runner: bake k3x9a: run", Verdict{Step: "docker"}},
		"the window ends in a reason": {boot + failed + failed[:len(failed)-8], Verdict{Step: "setup-script",
			Done:   true,
			Reason: "exit 3 at line 2: exit 3"}},
		"the window ends in the first": {boot + failed[:len(failed)-8], Verdict{Step: "setup-script", Done: true,
			Reason: "exit 3 at line 2:"}},
		"ok without an end of line":     {boot + strings.TrimSpace(ok), Verdict{Step: "docker", Done: true, OK: true}},
		"a log that quotes a verdict":   {boot + "ec2-github-runner: | echo " + ok, Verdict{Step: "docker"}},
		"a log that quotes, with blank": {boot + "ec2-github-runner: | " + ok, Verdict{Step: "docker"}},
		"no good word": {boot + "ec2-github-runner: bake k3x9a: okay\nec2-github-runner: bake k3x9a: " +
			"failed\nec2-github-runner: bake k3x9a: failed: \n", Verdict{Step: "docker"}},
		"colours": {boot + "\x1b[0;32m  OK  \x1b[0m" + ok, Verdict{Step: "docker", Done: true, OK: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got := ReadVerdict(c.console, "k3x9a")
			got.Lines = nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestVerdictLines: which lines of the console are logged.
func TestVerdictLines(t *testing.T) {
	console := boot + "\n\x1b[31mred\x1b[0m\r\n" + strings.Repeat("ec2-github-runner: bake k3x9a: failed: docker: x\n",
		50)
	want := []string{
		"[    0.000000] Linux version 6.14.0-1012-aws", "cloud-init[512]: Cloud-init v. 25.1 running 'init'",
		"ec2-github-runner: bake k3x9a: packages (21.4 s)", "ec2-github-runner: downloading runner 2.330.0 (30.0 s)",
		"ec2-github-runner: bake k3x9a: docker (33.1 s)",
		"red", "ec2-github-runner: bake k3x9a: failed: docker: x",
	}
	if diff := cmp.Diff(want, ReadVerdict(console, "k3x9a").Lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := ReadVerdict(strings.Repeat(strings.Repeat("x", 1000)+"\n", 100),
		"k3x9a").Lines; len(got) != verdictLines ||
		len(got[0]) != verdictWidth {
		t.Errorf("%d lines of %d", len(got), len(got[0]))
	}
}

// FuzzReadVerdict: whatever the console contains, a verdict at its end is read, one with another nonce is not, and the
// lines for the log are short and printable.
func FuzzReadVerdict(f *testing.F) {
	for _, seed := range []string{"", boot, "\x1b[0m\r\n", "ec2-github-runner: bake k3x9a: failed: a: b",
		"ec2-github-runner: bake k3x9a: ok\n", "\xff\x1b", "ec2-github-runner: | x"} {
		f.Add(seed, "k3x9a")
	}
	f.Fuzz(func(t *testing.T, console, nonce string) {
		v := ReadVerdict(console, nonce)
		if v.OK && (!v.Done || v.Reason != "") || v.Done && !v.OK && (v.Reason == "" || v.Step == "") {
			t.Errorf("no verdict at all: %+v", v)
		}
		if v.Done && !strings.Contains(console, nonce) {
			t.Errorf("nobody said so: %+v", v)
		}
		for _, line := range v.Lines {
			if len(line) > verdictWidth || line == "" || strings.ContainsFunc(line,
				func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("not for a log: %q", line)
			}
		}
		if len(v.Lines) > verdictLines {
			t.Errorf("%d lines", len(v.Lines))
		}
		if !nonceWord.MatchString(nonce) {
			return
		}
		line := "\nec2-github-runner: bake " + nonce + ": "
		if v := ReadVerdict(console+line+"failed: docker: why\n", nonce); !v.Done || v.OK || v.Step != "docker" ||
			v.Reason != "why" {
			t.Errorf("failed is read as %+v", v)
		}
		if v := ReadVerdict(console+line+"ok\r\n", nonce); !v.Done || !v.OK {
			t.Errorf("ok is read as %+v", v)
		}
		if other := ReadVerdict(console+line+"ok\n", nonce+"-2"); other.Done && !strings.Contains(console, nonce+"-2") {
			t.Errorf("another's is read as %+v", other)
		}
	})
}
