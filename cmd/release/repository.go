package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const remote = "origin"

// repository is a clone whose remote origin has the releases.
type repository struct{ dir string }

// git runs git and returns its output without the final newline. No shell is involved.
func (r repository) git(ctx context.Context, env []string, stdin string, args ...string) (string, error) {
	var out strings.Builder
	if err := r.run(ctx, env, stdin, &out, args...); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

func (r repository) run(ctx context.Context, env []string, stdin string, out io.Writer, args ...string) error {
	command := exec.CommandContext(ctx, "git", args...) //nolint:gosec // arguments, not a shell
	command.Dir = r.dir
	command.Env = append(os.Environ(), append([]string{"GIT_TERMINAL_PROMPT=0", "LC_ALL=C"}, env...)...)
	command.Stdin = strings.NewReader(stdin)
	command.Stdout = out
	var said strings.Builder
	command.Stderr = &said
	if err := command.Run(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return nil
}

// releasable refuses a tree or a version that cannot be released, and returns the remote's tags.
func (r repository) releasable(ctx context.Context, v version) (map[string]string, error) {
	status, err := r.git(ctx, nil, "", "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if status != "" {
		return nil, fmt.Errorf("release %s: the work tree has uncommitted changes:\n%s", v, status)
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
			return nil, fmt.Errorf("release %s: %s is out already, and %s never moves back: take a higher version", v,
				other, v.major())
		}
	}
	return tags, nil
}

// onMain refuses a commit that is not on main: only what was reviewed and tested is released.
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

// tags returns the remote's tags and the commits that they point to.
func (r repository) tags(ctx context.Context) (map[string]string, error) {
	out, err := r.git(ctx, nil, "", "ls-remote", "--tags", remote)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for line := range strings.Lines(out) {
		commit, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		name := strings.TrimPrefix(ref, "refs/tags/")
		// An annotated tag is listed twice; the second line, with ^{}, has the commit.
		tags[strings.TrimSuffix(name, "^{}")] = commit
	}
	return tags, nil
}

// notes returns the release notes: the version's section of CHANGELOG.md.
func (r repository) notes(v version) (string, error) {
	text, err := os.ReadFile(filepath.Join(r.dir, "CHANGELOG.md"))
	if err != nil {
		return "", fmt.Errorf("read CHANGELOG.md: %w", err)
	}
	return section(string(text), v)
}

// workflowsAreCurrent refuses a commit whose workflow files differ from those of the remote's main, which onMain has
// fetched. The workflow's token may not push a tag to a commit with workflow files that no branch has at its tip:
// GitHub responds "refusing to allow a GitHub App to create or update workflow … without `workflows` permission", and
// no permission of a job allows it.
func (r repository) workflowsAreCurrent(ctx context.Context) error {
	changed, err := r.git(ctx, nil, "", "diff", "--name-only", "HEAD", "FETCH_HEAD", "--", ".github/workflows")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("release: main has other workflow files by now, and GitHub refuses a tag on a commit with "+
			"old ones: start the workflow release again, on main as it is "+
			"now (changed: %s)", strings.ReplaceAll(changed, "\n",
			", "))
	}
	return nil
}

// push sets the version's tag and the major tag on the commit, both or none: the first must not exist, and the second
// must not have moved meanwhile, so that of two concurrent releases one is refused.
func (r repository) push(ctx context.Context, commit string, v version, majorWas string) error {
	exact, major := "refs/tags/"+v.String(), "refs/tags/"+v.major()
	_, err := r.git(ctx, nil, "", "push", "--quiet", "--atomic",
		"--force-with-lease="+exact+":", "--force-with-lease="+major+":"+majorWas,
		remote, commit+":"+exact, commit+":"+major)
	if err != nil {
		return fmt.Errorf("push tags %s and %s, of which neither has changed: %w\n"+
			"run the failed jobs again; if main has changed its workflow files meanwhile, start the workflow "+
			"release again on main", v, v.major(), err)
	}
	return nil
}
