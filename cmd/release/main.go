// Command release does what a release is made of beside the image: it refuses what cannot be released before anything is
// built, makes the one commit whose action.yml names the image by digest, tags it once, and moves the major tag.
//
//	go run ./cmd/release check v2.7.0
//	go run ./cmd/release tag v2.7.0 ghcr.io/marqo-ai/ec2-github-runner@sha256:…
//	go run ./cmd/release notes v2.7.0
//
// The workflow release.yml runs it. It looks at the remote origin and not at local tags, which may be old, and it leaves the
// work tree and the branch as they are. docs/adr/0010-release.md says why.
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

// Longer than any push takes, shorter than a job's limit.
const patience = 5 * time.Minute

var errUsage = errors.New("usage: release check VERSION | release tag VERSION IMAGE@DIGEST | release notes VERSION, with a version such as v2.7.0")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, patience)
	err := run(ctx, ".", os.Args[1:], os.Stdout)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run does one command in the repository at dir.
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
	case args[0] == "tag" && len(args) == 3:
		return tag(ctx, r, v, args[2], out)
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
		return fmt.Errorf("tag %s: it exists at %s, and a release is tagged once: take the next version, or, if only a later job of its run failed, run the failed jobs again", v, commit)
	}
	_, err = fmt.Fprintf(out, "%s can be released\n", v)
	return err
}

// tag makes the release's commit and puts both tags on it by one push that takes place whole or not at all. Asked again with the
// same image it makes the same commit, so a run whose answer was lost can be repeated.
func tag(ctx context.Context, r repository, v version, image string, out io.Writer) error {
	if err := checkImage(image); err != nil {
		return err
	}
	tags, err := r.releasable(ctx, v)
	if err != nil {
		return err
	}
	commit, err := r.releaseCommit(ctx, v, image)
	if err != nil {
		return err
	}
	switch tags[v.String()] {
	case "":
	case commit:
		_, err := fmt.Fprintf(out, "%s is at %s already\n", v, commit)
		return err
	default:
		return fmt.Errorf("tag %s: it exists at %s, which is not this source with this image, and it is never moved", v, tags[v.String()])
	}
	if err := r.push(ctx, commit, v, tags[v.major()]); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s and %s are at %s\n", v, v.major(), commit)
	return err
}
