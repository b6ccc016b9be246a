package main

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var first = version{2, 7, 0}

// house is a remote and a clone of it with what a release needs, both real.
type house struct {
	remote, clone repository
	programs      string // the folder of the programs
}

func build(t *testing.T) *house {
	t.Helper()
	// No configuration of the machine's: no signing, no hooks, no other default branch.
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	root := t.TempDir()
	h := &house{remote: repository{filepath.Join(root, "remote")}, clone: repository{filepath.Join(root, "clone")}}
	h.programs = filepath.Join(root, "programs")
	writePrograms(t, h.programs)
	top := repository{root}
	do(t, top, "init", "--quiet", "--bare", "--initial-branch=main", "remote")
	do(t, top, "clone", "--quiet", "remote", "clone")
	do(t, h.clone, "config", "user.name", "a")
	do(t, h.clone, "config", "user.email", "a@example.com")
	do(t, h.clone, "checkout", "--quiet", "-B", "main")
	h.write(t, "action.yml", "name: a\nruns:\n  using: docker\n  image: Dockerfile\n")
	h.write(t, "main.go", "package main\n")
	for _, folder := range []string{".github/workflows", "docs", "native"} {
		if err := os.MkdirAll(filepath.Join(h.clone.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.write(t, ".github/workflows/runner.yml", "name: runner\n# uses: marqo-ai/ec2-github-runner\n")
	h.write(t, "docs/page.md",
		"[code](../main.go#L1) [page](other.md) [above](../README.md) [web](https://example.com) [here](#here) "+
			"[docs](../docs)\n")
	h.write(t, "docs/other.md", "uses: marqo-ai/ec2-github-runner@v2, image ghcr.io/marqo-ai/ec2-github-runner\n")
	h.write(t, "docs/page_test.go", "package docs\n")
	h.write(t, "native/main.js", "// the launcher\n")
	h.write(t, "README.md", "# A\n")
	h.write(t, "CHANGELOG.md",
		"# Changelog\n\n## [2.8.0] - 2026-12-24\n\n- more\n\n## [2.7.0] - 2026-11-25\n\n- the first\n")
	h.land(t)
	return h
}

// writePrograms writes minimal programs for both architectures, which consist of an ELF header.
func writePrograms(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for architecture, machine := range machines {
		if err := os.WriteFile(filepath.Join(dir, programName(architecture)), elfHeader(machine), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// elfHeader returns a 64-bit little-endian ELF file without segments.
// https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
func elfHeader(machine elf.Machine) []byte {
	header := make([]byte, 64)
	copy(header, elf.ELFMAG+string([]byte{byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}))
	binary.LittleEndian.PutUint16(header[16:], uint16(elf.ET_EXEC))
	binary.LittleEndian.PutUint16(header[18:], uint16(machine))
	binary.LittleEndian.PutUint32(header[20:], uint32(elf.EV_CURRENT))
	binary.LittleEndian.PutUint16(header[52:], 64)
	return header
}

func do(t *testing.T, r repository, args ...string) string {
	t.Helper()
	out, err := r.git(t.Context(), nil, "", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (h *house) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.clone.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// land commits what was written and pushes it to the remote's main.
func (h *house) land(t *testing.T) {
	t.Helper()
	do(t, h.clone, "add", "--all")
	do(t, h.clone, "commit", "--quiet", "--allow-empty", "--message", "change")
	do(t, h.clone, "push", "--quiet", "origin", "main")
}

func (h *house) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), h.clone.dir, args, &out)
	return out.String(), err
}

// tagArgs returns the arguments that tag a version with an image.
func (h *house) tagArgs(version, image string) []string {
	return []string{"tag", version, origin, image, h.programs}
}

// release returns the first release.
func (h *house) release(t *testing.T) release {
	t.Helper()
	programs, err := readPrograms(h.programs)
	if err != nil {
		t.Fatal(err)
	}
	return release{version: first, image: goodImage, repository: origin, programs: programs}
}

// must runs a command that must succeed.
func (h *house) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.run(t, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// refused runs a command that must fail with these words and leave the remote unchanged.
func (h *house) refused(t *testing.T, want string, args ...string) {
	t.Helper()
	before := do(t, h.remote, "for-each-ref")
	if _, err := h.run(t, args...); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v: got %v, want %s", args, err, want)
	}
	if after := do(t, h.remote, "for-each-ref"); after != before {
		t.Errorf("%v: the remote has changed\n%s\n%s", args, before, after)
	}
}

// rev returns the commit that a name of the remote points to.
func (h *house) rev(t *testing.T, name string) string {
	t.Helper()
	return do(t, h.remote, "rev-parse", name+"^{commit}")
}

func TestRelease(t *testing.T) {
	h := build(t)
	main := h.rev(t, "main")
	h.must(t, "check", "v2.7.0")
	h.must(t, h.tagArgs("v2.7.0", goodImage)...)
	commit := h.rev(t, "v2.7.0")
	if h.rev(t, "v2") != commit {
		t.Error("v2 is not at the release")
	}
	if got := h.rev(t, commit+"^"); got != main || h.rev(t, "main") != main {
		t.Errorf("the release's parent is %s and main is at %s, want %s", got, h.rev(t, "main"), main)
	}
	want := strings.Fields(".github/workflows/runner.yml CHANGELOG.md README.md action.yml docs/other.md " +
		"docs/page.md native/checksums.json native/ec2-github-runner-linux-amd64 " +
		"native/ec2-github-runner-linux-arm64 native/main.js")
	if diff := cmp.Diff(want, strings.Fields(do(t, h.remote, "ls-tree", "-r", "--name-only", commit))); diff != "" {
		t.Errorf("the release's tree (-want +got):\n%s", diff)
	}
	for name, content := range h.release(t).programs {
		if mode := do(t, h.remote, "ls-tree", commit, "native/"+name); !strings.HasPrefix(mode, "100755 ") {
			t.Errorf("nobody can run %s: %s", name, mode)
		}
		if do(t, h.remote, "show", commit+":native/"+name) != string(content) {
			t.Errorf("native/%s is not the program", name)
		}
		sum := sha256.Sum256(content)
		if sums := do(t, h.remote, "show", commit+":native/checksums.json"); !strings.Contains(sums,
			fmt.Sprintf("%q: \"%x\"",
				name, sum)) {
			t.Errorf("the checksum of %s is not in\n%s", name, sums)
		}
	}
	if got := do(t, h.remote, "show", commit+
		":action.yml"); got != "name: a\nruns:\n  using: docker\n  image: docker://"+goodImage {
		t.Errorf("the release's action.yml is\n%s", got)
	}
	// A link to what the release does not hold leads to the commit that has it.
	page := "[code](https://github.com/" + origin + "/blob/" + main + "/main.go#L1) [page](other.md) " +
		"[above](../README.md) [web](https://example.com) [here](#here) [docs](../docs)"
	if got := do(t, h.remote, "show", commit+":docs/page.md"); got != page {
		t.Errorf("docs/page.md is\n%s\nwant\n%s", got, page)
	}
	if got := do(t, h.remote, "diff", "--name-only", main, commit, "--", ".github", "docs/other.md",
		"README.md"); got != "" {
		t.Errorf("the release changes %q", got)
	}
	// main goes on building from its Dockerfile, and the developer's clone is as it was.
	if got := do(t, h.remote, "show", "main:action.yml"); !strings.Contains(got, "image: Dockerfile") {
		t.Errorf("main's action.yml is\n%s", got)
	}
	if do(t, h.clone, "status", "--porcelain") != "" || do(t, h.clone, "rev-parse", "HEAD") != main ||
		do(t, h.clone, "tag") != "" {
		t.Error("the clone has changed")
	}
	if got := h.must(t, "notes", "v2.7.0"); got != "- the first\n" {
		t.Errorf("the notes are %q", got)
	}
}

func TestNextReleaseMovesTheMajorTagAlone(t *testing.T) {
	h := build(t)
	do(t, h.clone, "push", "--quiet", "origin", "HEAD:refs/tags/v1", "HEAD:refs/tags/v1.9.0", "HEAD:refs/tags/nightly")
	h.must(t, h.tagArgs("v2.7.0", goodImage)...)
	old, others := h.rev(t, "v2.7.0"), []string{h.rev(t, "v1"), h.rev(t, "v1.9.0"), h.rev(t, "nightly")}
	h.write(t, "main.go", "package main // more\n")
	h.land(t)
	h.must(t, "check", "v2.8.0")
	h.must(t, h.tagArgs("v2.8.0", strings.Replace(goodImage, "0123", "4567", 1))...)
	if h.rev(t, "v2.7.0") != old {
		t.Error("v2.7.0 has moved")
	}
	if h.rev(t, "v2") != h.rev(t, "v2.8.0") || h.rev(t, "v2") == old {
		t.Error("v2 has not moved to v2.8.0")
	}
	if got := []string{h.rev(t, "v1"), h.rev(t, "v1.9.0"), h.rev(t, "nightly")}; strings.Join(got,
		" ") != strings.Join(others, " ") {
		t.Error("a tag of others has moved")
	}
	h.refused(t, "v2.8.0 is out already", "check", "v2.7.0")
	h.refused(t, "v2.8.0 is out already", h.tagArgs("v2.7.0", goodImage)...)
}

func TestTagThatExists(t *testing.T) {
	h := build(t)
	h.must(t, h.tagArgs("v2.7.0", goodImage)...)
	h.refused(t, "tagged once", "check", "v2.7.0")
	h.refused(t, "never moved", h.tagArgs("v2.7.0", strings.Replace(goodImage, "0123", "4567", 1))...)
	h.land(t)
	h.refused(t, "never moved", h.tagArgs("v2.7.0", goodImage)...)
	// A tag that a developer made by hand and annotated counts just so.
	do(t, h.clone, "tag", "--annotate", "--message", "by hand", "v2.8.0")
	do(t, h.clone, "push", "--quiet", "origin", "v2.8.0")
	do(t, h.clone, "tag", "--delete", "v2.8.0")
	h.refused(t, "tagged once", "check", "v2.8.0")
	h.refused(t, "never moved", h.tagArgs("v2.8.0", goodImage)...)
}

// TestAgainAfterAHalfDoneRelease: the push took place and its response was lost, so the job runs again; and a run that
// created its commit and did not push it.
func TestAgainAfterAHalfDoneRelease(t *testing.T) {
	h := build(t)
	unpushed, err := h.clone.releaseCommit(t.Context(), h.release(t))
	if err != nil {
		t.Fatal(err)
	}
	h.must(t, "check", "v2.7.0")
	h.must(t, h.tagArgs("v2.7.0", goodImage)...)
	if got := h.rev(t, "v2.7.0"); got != unpushed {
		t.Errorf("the second try made %s, the first %s", got, unpushed)
	}
	before := do(t, h.remote, "for-each-ref")
	if out := h.must(t, h.tagArgs("v2.7.0", goodImage)...); !strings.Contains(out, "already") {
		t.Errorf("it says %q", out)
	}
	if after := do(t, h.remote, "for-each-ref"); after != before {
		t.Errorf("the remote has changed\n%s\n%s", before, after)
	}
	// Another runner, with a clone of its own, makes the same commit.
	do(t, repository{filepath.Dir(h.clone.dir)}, "clone", "--quiet", "remote", "other")
	other := repository{filepath.Join(filepath.Dir(h.clone.dir), "other")}
	if got, err := other.releaseCommit(t.Context(), h.release(t)); err != nil || got != unpushed {
		t.Errorf("another clone makes %s (%v), want %s", got, err, unpushed)
	}
}

// TestPushIsWholeOrNot: the major tag has moved meanwhile, or may not be moved; then there is no version tag either.
func TestPushIsWholeOrNot(t *testing.T) {
	h := build(t)
	commit, err := h.clone.releaseCommit(t.Context(), h.release(t))
	if err != nil {
		t.Fatal(err)
	}
	do(t, h.clone, "push", "--quiet", "origin", "HEAD:refs/tags/v2")
	if err := h.clone.push(t.Context(), commit, first, ""); err == nil {
		t.Error("a major tag that somebody has made meanwhile was moved")
	}
	hook := filepath.Join(h.remote.dir, "hooks", "update")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ntest \"$1\" != refs/tags/v2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.refused(t, "git push", h.tagArgs("v2.7.0", goodImage)...)
	if got := do(t, h.remote, "tag"); got != "v2" {
		t.Errorf("the remote has the tags %q", got)
	}
}

func TestTreeThatCannotBeReleased(t *testing.T) {
	h := build(t)
	both := func(want string) {
		t.Helper()
		h.refused(t, want, "check", "v2.7.0")
		h.refused(t, want, h.tagArgs("v2.7.0", goodImage)...)
	}
	h.write(t, "main.go", "package main // changed\n")
	both("the work tree has uncommitted changes")
	do(t, h.clone, "checkout", "--quiet", "main.go")
	h.write(t, "new.go", "package main\n")
	both("new.go")
	do(t, h.clone, "add", "--all")
	both("new.go")
	do(t, h.clone, "commit", "--quiet", "--message", "not landed")
	both("not on the remote's main")
	do(t, h.clone, "push", "--quiet", "origin", "main")
	h.must(t, "check", "v2.7.0")
	// An older commit of main may be released: main went on while the release was made.
	do(t, h.clone, "checkout", "--quiet", "--detach", "HEAD^")
	h.must(t, "check", "v2.7.0")
	do(t, h.clone, "checkout", "--quiet", "main")
	h.write(t, "action.yml", "runs:\n  using: docker\n  image: docker://"+goodImage+"\n")
	h.land(t)
	both("0 lines")
	do(t, h.clone, "remote", "set-url", "origin", h.remote.dir+"-gone")
	h.write(t, "action.yml", "runs:\n  using: docker\n  image: Dockerfile\n")
	do(t, h.clone, "commit", "--quiet", "--all", "--message", "back")
	both("git fetch")
}

func TestWrongArguments(t *testing.T) {
	h := build(t)
	h.refused(t, "usage", "check")
	h.refused(t, "usage")
	h.refused(t, "usage", "tag", "v2.7.0")
	h.refused(t, "usage", "check", "v2.7.0", goodImage)
	h.refused(t, "usage", "build", "v2.7.0")
	h.refused(t, "form v2.7.0", "check", "2.7.0")
	h.refused(t, "form v2.7.0", "tag", "v2.7.0;reboot", goodImage)
	h.refused(t, "64 hexadecimal digits", h.tagArgs("v2.7.0", "ghcr.io/marqo-ai/ec2-github-runner:latest")...)
	h.refused(t, "64 hexadecimal digits", h.tagArgs("v2.7.0", strings.ToUpper(goodImage))...)
	h.refused(t, "not the image of someone/else", "tag", "v2.7.0", "someone/else", goodImage, h.programs)
	h.refused(t, "of the form OWNER/NAME", "tag", "v2.7.0", "someone", goodImage, h.programs)
	h.refused(t, "no such file", "tag", "v2.7.0", origin, goodImage, h.remote.dir)
	h.refused(t, "no section ## [2.9.0]", "check", "v2.9.0")
	if out := h.must(t, "check", "v2.7.0"); !regexp.MustCompile(`^v2\.7\.0 can be released\n$`).MatchString(out) {
		t.Errorf("it says %q", out)
	}
}

// TestForkReleasesItself: a fork's release names the fork, its image and its pages.
func TestForkReleasesItself(t *testing.T) {
	h := build(t)
	image := strings.Replace(goodImage, "marqo-ai/ec2-github-runner", "some-body/ec2-runner", 1)
	h.must(t, "tag", "v2.7.0", "Some-Body/ec2-runner", image, h.programs)
	if got := do(t, h.remote, "show", "v2:action.yml"); !strings.Contains(got, "image: docker://"+image) {
		t.Errorf("action.yml is\n%s", got)
	}
	want := "uses: Some-Body/ec2-runner@v2, image ghcr.io/some-body/ec2-runner"
	if got := do(t, h.remote, "show", "v2:docs/other.md"); got != want {
		t.Errorf("the page is %q, want %q", got, want)
	}
	if got := do(t, h.remote, "show", "v2:docs/page.md"); !strings.Contains(got,
		"(https://github.com/Some-Body/ec2-runner/blob/") {
		t.Errorf("the page leads to %s", got)
	}
	// A changed workflow file would make GitHub refuse the tag.
	if got := do(t, h.remote, "diff", "--name-only", "main", "v2", "--", ".github"); got != "" {
		t.Errorf("the release changes %q", got)
	}
}

// TestReleaseNamesItsServeImage: pages and templates of a release name the image of ec2-github-runner-serve of the same
// release, even if the source names an older one. Another project's image of that form stays.
func TestReleaseNamesItsServeImage(t *testing.T) {
	h := build(t)
	h.write(t, "docs/other.md", "docker create ghcr.io/marqo-ai/ec2-github-runner-serve:v2.7.0\n")
	h.write(t, "docs/stack.yml", "Default: ghcr.io/marqo-ai/ec2-github-runner-serve:v2.7.0\n"+
		"Other: ghcr.io/another/ec2-github-runner-serve:v2.7.0\n")
	h.land(t)
	h.must(t, h.tagArgs("v2.8.0", goodImage)...)
	if got, want := do(t, h.remote, "show", "v2:docs/other.md"),
		"docker create ghcr.io/marqo-ai/ec2-github-runner-serve:v2.8.0"; got != want {
		t.Errorf("the page is %q, want %q", got, want)
	}
	if got, want := do(t, h.remote, "show", "v2:docs/stack.yml"),
		"Default: ghcr.io/marqo-ai/ec2-github-runner-serve:v2.8.0\n"+
			"Other: ghcr.io/another/ec2-github-runner-serve:v2.7.0"; got != want {
		t.Errorf("the template is %q, want %q", got, want)
	}
}

// TestWorkflowFilesChangedMeanwhile: main has other workflow files than the released commit, so GitHub would refuse the
// tag. Nothing is pushed, and a release of the current main succeeds.
func TestWorkflowFilesChangedMeanwhile(t *testing.T) {
	h := build(t)
	h.must(t, "check", "v2.7.0")
	h.write(t, ".github/workflows/runner.yml", "name: runner, changed\n")
	h.land(t)
	do(t, h.clone, "checkout", "--quiet", "--detach", "HEAD^")
	h.refused(t, "start the workflow release again", "check", "v2.7.0")
	h.refused(t, ".github/workflows/runner.yml", h.tagArgs("v2.7.0", goodImage)...)
	do(t, h.clone, "checkout", "--quiet", "main")
	h.must(t, h.tagArgs("v2.7.0", goodImage)...)
}

// TestPushThatGitHubRefuses: the error says so, and how the release continues.
func TestPushThatGitHubRefuses(t *testing.T) {
	h := build(t)
	hook := filepath.Join(h.remote.dir, "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\necho 'refusing to allow a GitHub App to create or update workflow' >&2\nexit 1\n"
	if err := os.WriteFile(hook, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	h.refused(t, "refusing to allow a GitHub App", h.tagArgs("v2.7.0", goodImage)...)
	h.refused(t, "run the failed jobs again", h.tagArgs("v2.7.0", goodImage)...)
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	h.must(t, h.tagArgs("v2.7.0", goodImage)...)
}

// TestProgramsThatNoJobCouldRun: they are refused before anything is created.
func TestProgramsThatNoJobCouldRun(t *testing.T) {
	h := build(t)
	file := filepath.Join(h.programs, programName("arm64"))
	for content, want := range map[string]string{"#!/bin/sh\n": "not a Linux program",
		string(elfHeader(elf.EM_X86_64)): "not for EM_AARCH64"} {
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		h.refused(t, want, h.tagArgs("v2.7.0", goodImage)...)
	}
}
