package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var first = version{2, 7, 0}

// house is a remote and a clone of it with what a release needs, both real.
type house struct {
	remote, clone repository
}

func build(t *testing.T) *house {
	t.Helper()
	// No configuration of the machine's: no signing, no hooks, no other default branch.
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	root := t.TempDir()
	h := &house{remote: repository{filepath.Join(root, "remote")}, clone: repository{filepath.Join(root, "clone")}}
	top := repository{root}
	do(t, top, "init", "--quiet", "--bare", "--initial-branch=main", "remote")
	do(t, top, "clone", "--quiet", "remote", "clone")
	do(t, h.clone, "config", "user.name", "a")
	do(t, h.clone, "config", "user.email", "a@example.com")
	do(t, h.clone, "checkout", "--quiet", "-B", "main")
	h.write(t, "action.yml", "name: a\nruns:\n  using: docker\n  image: Dockerfile\n")
	h.write(t, "main.go", "package main\n")
	h.write(t, "CHANGELOG.md", "# Changelog\n\n## [2.8.0] - 2026-12-24\n\n- more\n\n## [2.7.0] - 2026-11-25\n\n- the first\n")
	h.land(t)
	return h
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

// must runs what must succeed.
func (h *house) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.run(t, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// refused runs what must fail with these words and must leave the remote as it is.
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

// rev is the commit that a name of the remote leads to.
func (h *house) rev(t *testing.T, name string) string {
	t.Helper()
	return do(t, h.remote, "rev-parse", name+"^{commit}")
}

func TestRelease(t *testing.T) {
	h := build(t)
	main := h.rev(t, "main")
	h.must(t, "check", "v2.7.0")
	h.must(t, "tag", "v2.7.0", goodImage)
	commit := h.rev(t, "v2.7.0")
	if h.rev(t, "v2") != commit {
		t.Error("v2 is not at the release")
	}
	if got := h.rev(t, commit+"^"); got != main || h.rev(t, "main") != main {
		t.Errorf("the release's parent is %s and main is at %s, want %s", got, h.rev(t, "main"), main)
	}
	if got := do(t, h.remote, "diff", "--name-only", main, commit); got != "action.yml" {
		t.Errorf("the release changes %q", got)
	}
	if got := do(t, h.remote, "show", commit+":action.yml"); got != "name: a\nruns:\n  using: docker\n  image: docker://"+goodImage {
		t.Errorf("the release's action.yml is\n%s", got)
	}
	if got := do(t, h.remote, "diff", "--numstat", main, commit); got != "1\t1\taction.yml" {
		t.Errorf("the change is %q", got)
	}
	// main goes on building from its Dockerfile, and the developer's clone is as it was.
	if got := do(t, h.remote, "show", "main:action.yml"); !strings.Contains(got, "image: Dockerfile") {
		t.Errorf("main's action.yml is\n%s", got)
	}
	if do(t, h.clone, "status", "--porcelain") != "" || do(t, h.clone, "rev-parse", "HEAD") != main || do(t, h.clone, "tag") != "" {
		t.Error("the clone has changed")
	}
	if got := h.must(t, "notes", "v2.7.0"); got != "- the first\n" {
		t.Errorf("the notes are %q", got)
	}
}

func TestNextReleaseMovesTheMajorTagAlone(t *testing.T) {
	h := build(t)
	do(t, h.clone, "push", "--quiet", "origin", "HEAD:refs/tags/v1", "HEAD:refs/tags/v1.9.0", "HEAD:refs/tags/nightly")
	h.must(t, "tag", "v2.7.0", goodImage)
	old, others := h.rev(t, "v2.7.0"), []string{h.rev(t, "v1"), h.rev(t, "v1.9.0"), h.rev(t, "nightly")}
	h.write(t, "main.go", "package main // more\n")
	h.land(t)
	h.must(t, "check", "v2.8.0")
	h.must(t, "tag", "v2.8.0", strings.Replace(goodImage, "0123", "4567", 1))
	if h.rev(t, "v2.7.0") != old {
		t.Error("v2.7.0 has moved")
	}
	if h.rev(t, "v2") != h.rev(t, "v2.8.0") || h.rev(t, "v2") == old {
		t.Error("v2 has not moved to v2.8.0")
	}
	if got := []string{h.rev(t, "v1"), h.rev(t, "v1.9.0"), h.rev(t, "nightly")}; strings.Join(got, " ") != strings.Join(others, " ") {
		t.Error("a tag of others has moved")
	}
	h.refused(t, "v2.8.0 is out already", "check", "v2.7.0")
	h.refused(t, "v2.8.0 is out already", "tag", "v2.7.0", goodImage)
}

func TestTagThatExists(t *testing.T) {
	h := build(t)
	h.must(t, "tag", "v2.7.0", goodImage)
	h.refused(t, "tagged once", "check", "v2.7.0")
	h.refused(t, "never moved", "tag", "v2.7.0", strings.Replace(goodImage, "0123", "4567", 1))
	h.land(t)
	h.refused(t, "never moved", "tag", "v2.7.0", goodImage)
	// A tag that a developer made by hand and annotated counts just so.
	do(t, h.clone, "tag", "--annotate", "--message", "by hand", "v2.8.0")
	do(t, h.clone, "push", "--quiet", "origin", "v2.8.0")
	do(t, h.clone, "tag", "--delete", "v2.8.0")
	h.refused(t, "tagged once", "check", "v2.8.0")
	h.refused(t, "never moved", "tag", "v2.8.0", goodImage)
}

// TestAgainAfterAHalfDoneRelease: the push took place and its answer was lost, so the job runs once more; and the same for a
// run that made its commit and did not push it.
func TestAgainAfterAHalfDoneRelease(t *testing.T) {
	h := build(t)
	unpushed, err := h.clone.releaseCommit(t.Context(), first, goodImage)
	if err != nil {
		t.Fatal(err)
	}
	h.must(t, "check", "v2.7.0")
	h.must(t, "tag", "v2.7.0", goodImage)
	if got := h.rev(t, "v2.7.0"); got != unpushed {
		t.Errorf("the second try made %s, the first %s", got, unpushed)
	}
	before := do(t, h.remote, "for-each-ref")
	if out := h.must(t, "tag", "v2.7.0", goodImage); !strings.Contains(out, "already") {
		t.Errorf("it says %q", out)
	}
	if after := do(t, h.remote, "for-each-ref"); after != before {
		t.Errorf("the remote has changed\n%s\n%s", before, after)
	}
	// Another runner, with a clone of its own, makes the same commit.
	do(t, repository{filepath.Dir(h.clone.dir)}, "clone", "--quiet", "remote", "other")
	other := repository{filepath.Join(filepath.Dir(h.clone.dir), "other")}
	if got, err := other.releaseCommit(t.Context(), first, goodImage); err != nil || got != unpushed {
		t.Errorf("another clone makes %s (%v), want %s", got, err, unpushed)
	}
}

// TestPushIsWholeOrNot: the major tag moved after it was seen, or may not be moved; then there is no version tag either.
func TestPushIsWholeOrNot(t *testing.T) {
	h := build(t)
	commit, err := h.clone.releaseCommit(t.Context(), first, goodImage)
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
	h.refused(t, "git push", "tag", "v2.7.0", goodImage)
	if got := do(t, h.remote, "tag"); got != "v2" {
		t.Errorf("the remote has the tags %q", got)
	}
}

func TestTreeThatCannotBeReleased(t *testing.T) {
	h := build(t)
	both := func(want string) {
		t.Helper()
		h.refused(t, want, "check", "v2.7.0")
		h.refused(t, want, "tag", "v2.7.0", goodImage)
	}
	h.write(t, "main.go", "package main // changed\n")
	both("the work tree is not what is committed")
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
	h.refused(t, "64 hexadecimal digits", "tag", "v2.7.0", "ghcr.io/marqo-ai/ec2-github-runner:latest")
	h.refused(t, "64 hexadecimal digits", "tag", "v2.7.0", strings.ToUpper(goodImage))
	h.refused(t, "no section ## [2.9.0]", "check", "v2.9.0")
	if out := h.must(t, "check", "v2.7.0"); !regexp.MustCompile(`^v2\.7\.0 can be released\n$`).MatchString(out) {
		t.Errorf("it says %q", out)
	}
}
