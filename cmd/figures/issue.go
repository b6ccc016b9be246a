package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/token"
	"io"
	"os/exec"
	"path"
	"strings"
)

// printIssue prints how many statements each commit of an issue added to the action, newest first, and the sum. Other
// programs do not count, so that the sums of all revisions can be compared.
func printIssue(ctx context.Context, w io.Writer, root string, issue int) error {
	commits, err := commitsOf(ctx, root, issue)
	if err != nil {
		return err
	}
	counts := map[string]int{} // by revision, since a commit is often the next one's parent
	sum := 0
	for _, c := range commits {
		before, err := statementsAt(ctx, root, c.parent, counts)
		if err != nil {
			return err
		}
		after, err := statementsAt(ctx, root, c.hash, counts)
		if err != nil {
			return err
		}
		sum += after - before
		fmt.Fprintf(w, "%+6d  %.7s  %s\n", after-before, c.hash, c.subject)
	}
	fmt.Fprintf(w, "%+6d  statements of the action in %d commits of issue %d\n", sum, len(commits), issue)
	return nil
}

type commit struct{ hash, parent, subject string }

// commitsOf returns the commits of HEAD's history whose messages have a line "Issue: N".
func commitsOf(ctx context.Context, root string, issue int) ([]commit, error) {
	line := fmt.Sprintf("--grep=^Issue: %d$", issue)
	log, err := git(ctx, root, "log", "--no-merges", "-E", line, "--format=%H%x09%P%x09%s")
	if err != nil {
		return nil, err
	}
	var commits []commit
	for line := range strings.Lines(string(log)) {
		fields := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		if len(fields) != 3 || fields[1] == "" {
			return nil, fmt.Errorf("git log: %q is not a commit with a parent", line)
		}
		commits = append(commits, commit{fields[0], fields[1], fields[2]})
	}
	return commits, nil
}

func statementsAt(ctx context.Context, root, revision string, counts map[string]int) (int, error) {
	if n, ok := counts[revision]; ok {
		return n, nil
	}
	src, err := readRevision(ctx, root, revision)
	if err != nil {
		return 0, err
	}
	pkgs, err := shipping(token.NewFileSet(), src, action)
	if err != nil {
		return 0, fmt.Errorf("revision %s: %w", revision, err)
	}
	n := 0
	for _, pkg := range pkgs {
		n += statements(pkg)
	}
	counts[revision] = n
	return n, nil
}

// readRevision reads the Go source of a revision.
func readRevision(ctx context.Context, root, revision string) (source, error) {
	archive, err := git(ctx, root, "archive", "--format=tar", revision, "--", ":(glob)**/*.go")
	if err != nil {
		return nil, err
	}
	src := source{}
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return src, nil
		}
		if err != nil {
			return nil, fmt.Errorf("git archive %s: %w", revision, err)
		}
		if path.Ext(header.Name) == ".go" {
			if src[header.Name], err = io.ReadAll(files); err != nil {
				return nil, fmt.Errorf("git archive %s: %w", revision, err)
			}
		}
	}
}

func git(ctx context.Context, root string, args ...string) ([]byte, error) {
	args = append([]string{"-C", root}, args...)
	command := exec.CommandContext(ctx, "git", args...) //nolint:gosec // a developer's own repository
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[2], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
