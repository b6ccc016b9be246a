// Command release does the steps of a release other than the image: it refuses what cannot be released before anything
// is built, creates the commit whose action.yml names the image by digest and whose native/ contains the image's
// program, tags it once, and moves the major tag.
//
//	go run ./cmd/release check v2.7.0
//	go run ./cmd/release tag v2.7.0 marqo-ai/ec2-github-runner ghcr.io/marqo-ai/ec2-github-runner@sha256:… PROGRAMS
//	go run ./cmd/release notes v2.7.0
//
// The workflow release.yml runs it. It reads the tags of the remote origin, since local ones may be old, and changes
// neither the work tree nor the branch. See docs/adr/0010-release.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// timeout is longer than any push takes, and shorter than a job's limit.
const timeout = 5 * time.Minute

var errUsage = errors.New("usage: release check VERSION | release tag VERSION OWNER/NAME IMAGE@DIGEST PROGRAMS | " +
	"release notes VERSION, with a version such as v2.7.0 and a folder PROGRAMS of the programs by architecture")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	err := run(ctx, ".", os.Args[1:], os.Stdout)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run runs one command in the repository at dir.
func run(ctx context.Context, dir string, args []string, out io.Writer) error {
	if len(args) < 2 {
		return errUsage
	}
	v, err := parseVersion(args[1])
	if err != nil {
		return err
	}
	r := repository{dir: dir}
	switch {
	case args[0] == "check" && len(args) == 2:
		return check(ctx, r, v, out)
	case args[0] == "tag" && len(args) == 5:
		rel := release{version: v, repository: args[2], image: args[3]}
		if err := checkImage(rel.image, rel.repository); err != nil {
			return err
		}
		if rel.programs, err = readPrograms(args[4]); err != nil {
			return err
		}
		return tag(ctx, r, rel, out)
	case args[0] == "notes" && len(args) == 2:
		text, err := r.notes(v)
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, text)
		return err
	}
	return errUsage
}

// check refuses what cannot be released. It runs before anything is built.
func check(ctx context.Context, r repository, v version, out io.Writer) error {
	tags, err := r.releasable(ctx, v)
	if err != nil {
		return err
	}
	if commit, taken := tags[v.String()]; taken {
		return fmt.Errorf("tag %s: it exists at %s, and a release is tagged once: take the next version, or, if only "+
			"a later job of its run failed, run the failed jobs again", v, commit)
	}
	if err := r.workflowsAreCurrent(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s can be released\n", v)
	return err
}

// tag creates the release's commit and sets both tags on it by one atomic push. With the same image it creates the same
// commit, so a run with a lost response can be repeated.
func tag(ctx context.Context, r repository, rel release, out io.Writer) error {
	v := rel.version
	tags, err := r.releasable(ctx, v)
	if err != nil {
		return err
	}
	commit, err := r.releaseCommit(ctx, rel)
	if err != nil {
		return err
	}
	switch tags[v.String()] {
	case "":
	case commit:
		_, err := fmt.Fprintf(out, "%s is at %s already\n", v, commit)
		return err
	default:
		return fmt.Errorf("tag %s: it exists at %s, which is not this source with this image, and it is never moved",
			v, tags[v.String()])
	}
	size, err := r.tarball(ctx, commit)
	if err != nil {
		return err
	}
	if size > maxTarball {
		return fmt.Errorf("tag %s: its tarball has %d bytes, more than %d, and each job downloads it", v, size,
			maxTarball)
	}
	if err := r.workflowsAreCurrent(ctx); err != nil {
		return err
	}
	if err := r.push(ctx, commit, v, tags[v.major()]); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s and %s are at %s, a tarball of %d bytes\n", v, v.major(), commit, size)
	return err
}
