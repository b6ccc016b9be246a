//go:build boottest

package boot

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// vendorFolder makes the repositories that machines install from, once, and returns their folder in dir.
func vendorFolder(dir string) (string, error) {
	hash := sha256.New()
	for _, file := range []string{"standin/vendors.sh", "../../scripts/images/workshop"} {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		hash.Write(text)
	}
	name := "vendors-" + hex.EncodeToString(hash.Sum(nil))[:12]
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		return name, nil
	}
	workshop, err := baseImage("workshop")
	if err != nil {
		return "", err
	}
	script, err := filepath.Abs("standin/vendors.sh")
	if err != nil {
		return "", err
	}
	made, err := os.MkdirTemp(dir, "making")
	if err != nil {
		return "", err
	}
	_, err = engine("run", "--rm", "--network", "none", "-v", script+":/vendors.sh:ro", "-v", made+":/to", workshop,
		"bash", "/vendors.sh", "/to")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(made, 0o755); err != nil {
		return "", err
	}
	err = os.Rename(made, filepath.Join(dir, name))
	if _, there := os.Stat(filepath.Join(dir, name)); err != nil && there == nil {
		// Another run was faster.
		err = os.RemoveAll(made)
	}
	return name, errors.Join(err, forgetVendors(dir))
}

// forgetVendors removes folders that other versions of the test made more than a day ago: each is as large as docker.
func forgetVendors(dir string) error {
	all, err := filepath.Glob(filepath.Join(dir, "vendors-*"))
	if err != nil {
		return err
	}
	for _, each := range all {
		if info, err := os.Stat(each); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			if err := os.RemoveAll(each); err != nil {
				return err
			}
		}
	}
	return nil
}
