package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// sizes measures the program, its image and its user data, once.
func (b *bench) sizes(ctx context.Context) error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.add(groupSizes, row{"program", "MB", 0}, megabytes(info.Size()), 0, false)
	if b.image != "" {
		if err := b.imageSizes(ctx); err != nil {
			return fmt.Errorf("measure image %s: %w", b.image, err)
		}
	}
	spec := bootstrap.Spec{
		URL: "https://github.com/demo-org/demo", Name: "ec2-bench", Labels: []string{"bench"},
		Token:               "AABBCCDDEEFFGGHHIIJJKKLLMMNNO",
		RegistrationTimeout: 8 * time.Minute, MaxLifetime: 120 * time.Hour,
	}
	data, err := spec.UserData()
	if err != nil {
		return err
	}
	b.add(groupSizes, row{"user data without inputs, compressed", "KB", 6}, float64(len(data))/1024, 0, false)
	return nil
}

// imageSizes measures an image: its size as docker lists it, and compressed as in a registry.
func (b *bench) imageSizes(ctx context.Context) error {
	//nolint:gosec // the image that the caller names
	listed, err := exec.CommandContext(ctx, "docker", "image", "inspect", "--format", "{{.Size}}", b.image).Output()
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(strings.TrimSpace(string(listed)), 10, 64)
	if err != nil {
		return err
	}
	save := exec.CommandContext(ctx, "docker", "save", b.image) //nolint:gosec // the image that the caller names
	var complaint bytes.Buffer
	save.Stderr = &complaint
	archive, err := save.StdoutPipe()
	if err != nil {
		return err
	}
	if err := save.Start(); err != nil {
		return err
	}
	packed, err := compressed(archive)
	if err != nil {
		return err
	}
	if err := save.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, complaint.String())
	}
	b.add(groupSizes, row{"container image", "MB", 0}, megabytes(size), 0, false)
	b.add(groupSizes, row{imagePacked, "MB", 5.5}, megabytes(packed), 0, false)
	return nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// compressed returns the gzip-compressed size.
func compressed(from io.Reader) (int64, error) {
	var size counter
	zip := gzip.NewWriter(&size)
	if _, err := io.Copy(zip, from); err != nil {
		return 0, err
	}
	err := zip.Close()
	return int64(size), err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
