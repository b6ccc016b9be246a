package main

import (
	"compress/gzip"
	"io"
	"os"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
)

// sizes tells how large the program, its image and its user data are.
func (b *bench) sizes() error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.add("Sizes", "program", "MB", 0, megabytes(info.Size()), false)
	if b.image != "" {
		size, err := compressed(b.image)
		if err != nil {
			return err
		}
		b.add("Sizes", "container image, compressed", "MB", 5.5, megabytes(size), false)
	}
	spec := bootstrap.Spec{
		URL: "https://github.com/demo-org/demo", Name: "ec2-bench", Labels: []string{"bench"}, Token: "AABBCCDDEEFFGGHHIIJJKKLLMMNNO",
		RegistrationTimeout: 8 * time.Minute, MaxLifetime: 120 * time.Hour,
	}
	data, err := spec.UserData()
	if err != nil {
		return err
	}
	b.add("Sizes", "user data without inputs, compressed", "KB", 6, float64(len(data))/1024, false)
	return nil
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// compressed is how large a file is behind gzip, as a registry would keep it.
func compressed(path string) (int64, error) {
	file, err := os.Open(path) //nolint:gosec // named on the command line
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // only read
	var size counter
	zip := gzip.NewWriter(&size)
	if _, err := io.Copy(zip, file); err != nil {
		return 0, err
	}
	err = zip.Close()
	return int64(size), err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
