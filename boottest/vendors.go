//go:build boottest

package boottest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// vendorFolder makes the repositories that recipes install from, once, and returns their folder in dir.
func vendorFolder(dir, machine string) (string, error) {
	hash := sha256.New()
	for _, file := range []string{"standin/vendors.sh", "../scripts/images/workshop", machine} {
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
	_, err = engine("run", "--rm", "--network", "none", "-v", script+":/vendors.sh:ro", "-v", machine+":/machine:ro", "-v", made+":/to", workshop, "bash", "/vendors.sh", "/machine", "/to")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(made, 0o755); err != nil {
		return "", err
	}
	return name, os.Rename(made, filepath.Join(dir, name))
}
