package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const remote = "origin"

// The release's commit is GitHub's bot's; its mail address is how GitHub knows it.
// https://api.github.com/users/github-actions%5Bbot%5D
const (
	botName = "github-actions[bot]"
	botMail = "41898282+github-actions[bot]@users.noreply.github.com"
)

// repository is a clone whose remote origin holds the releases.
type repository struct{ dir string }

// git runs git and gives what it prints, without the last line's end. Nothing goes through a shell.
func (r repository) git(ctx context.Context, env []string, stdin string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...) //nolint:gosec // arguments, not a shell
	command.Dir = r.dir
	command.Env = append(os.Environ(), append([]string{"GIT_TERMINAL_PROMPT=0", "LC_ALL=C"}, env...)...)
	command.Stdin = strings.NewReader(stdin)
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// releasable refuses a tree or a version that cannot be released, and gives the remote's tags.
func (r repository) releasable(ctx context.Context, v version) (map[string]string, error) {
	status, err := r.git(ctx, nil, "", "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if status != "" {
		return nil, fmt.Errorf("release %s: the work tree is not what is committed:\n%s", v, status)
	}
	if _, err := r.notes(v); err != nil {
		return nil, err
	}
	action, err := r.git(ctx, nil, "", "show", "HEAD:action.yml")
	if err != nil {
		return nil, err
	}
	if _, err := withImage(action, "none"); err != nil {
		return nil, err
	}
	if err := r.onMain(ctx); err != nil {
		return nil, err
	}
	tags, err := r.tags(ctx)
	if err != nil {
		return nil, err
	}
	for name := range tags {
		if other, err := parseVersion(name); err == nil && other[0] == v[0] && v.before(other) {
			return nil, fmt.Errorf("release %s: %s is out already, and %s never moves back: take a higher version", v, other, v.major())
		}
	}
	return tags, nil
}

// onMain refuses a commit that main does not have: a release is something that was reviewed and tested there.
func (r repository) onMain(ctx context.Context) error {
	if _, err := r.git(ctx, nil, "", "fetch", "--quiet", "--no-tags", remote, "refs/heads/main"); err != nil {
		return err
	}
	if _, err := r.git(ctx, nil, "", "merge-base", "--is-ancestor", "HEAD", "FETCH_HEAD"); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 1 {
			return errors.New("release: the commit is not on the remote's main: release what has landed there")
		}
		return err
	}
	return nil
}

// tags are the remote's tags and the commits that they lead to.
func (r repository) tags(ctx context.Context) (map[string]string, error) {
	out, err := r.git(ctx, nil, "", "ls-remote", "--tags", remote)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for line := range strings.Lines(out) {
		commit, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		name := strings.TrimPrefix(ref, "refs/tags/")
		// An annotated tag comes twice; the second line, with ^{}, has the commit.
		tags[strings.TrimSuffix(name, "^{}")] = commit
	}
	return tags, nil
}

// notes are the release notes: what CHANGELOG.md says of the version.
func (r repository) notes(v version) (string, error) {
	text, err := os.ReadFile(filepath.Join(r.dir, "CHANGELOG.md"))
	if err != nil {
		return "", fmt.Errorf("read CHANGELOG.md: %w", err)
	}
	return section(string(text), v)
}

// releaseCommit makes the commit of a release beside every branch: its parent is HEAD, and only action.yml differs. It is made of
// HEAD, version and image alone, with HEAD's date, so that the same release is the same commit whenever it is made.
func (r repository) releaseCommit(ctx context.Context, v version, image string) (string, error) {
	scratch, err := os.MkdirTemp("", "release")
	if err != nil {
		return "", fmt.Errorf("make release commit: %w", err)
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // a folder for temporary files
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(scratch, "index")}
	action, err := r.git(ctx, nil, "", "show", "HEAD:action.yml")
	if err != nil {
		return "", err
	}
	text, err := withImage(action, image)
	if err != nil {
		return "", err
	}
	blob, err := r.git(ctx, nil, text+"\n", "hash-object", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	if _, err := r.git(ctx, index, "", "read-tree", "HEAD"); err != nil {
		return "", err
	}
	if _, err := r.git(ctx, index, "", "update-index", "--cacheinfo", "100644,"+blob+",action.yml"); err != nil {
		return "", err
	}
	tree, err := r.git(ctx, index, "", "write-tree")
	if err != nil {
		return "", err
	}
	date, err := r.git(ctx, nil, "", "show", "--no-patch", "--format=%cI", "HEAD")
	if err != nil {
		return "", err
	}
	who := []string{
		"GIT_AUTHOR_NAME=" + botName, "GIT_AUTHOR_EMAIL=" + botMail, "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=" + botName, "GIT_COMMITTER_EMAIL=" + botMail, "GIT_COMMITTER_DATE=" + date,
	}
	message := fmt.Sprintf("Release %s\n\naction.yml names the image that was built from the parent of this commit.\n", v)
	return r.git(ctx, who, message, "commit-tree", "--no-gpg-sign", "-p", "HEAD", tree)
}

// push puts the version's tag and the major tag on the commit, both or none: the first must not exist and the second must
// still be where it was seen, so that of two releases at once one is refused.
func (r repository) push(ctx context.Context, commit string, v version, majorWas string) error {
	exact, major := "refs/tags/"+v.String(), "refs/tags/"+v.major()
	_, err := r.git(ctx, nil, "", "push", "--quiet", "--atomic", "--force-with-lease="+exact+":", "--force-with-lease="+major+":"+majorWas,
		remote, commit+":"+exact, commit+":"+major)
	return err
}
