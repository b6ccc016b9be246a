package main

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// machines are the architectures of the program that native/launch.js runs.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// programName returns the file name that native/launch.js looks for.
func programName(architecture string) string { return "ec2-github-runner-linux-" + architecture }

// readPrograms reads the program of each architecture from dir, by its name in the release's tree. It refuses programs
// that a job could not run.
func readPrograms(dir string) (map[string][]byte, error) {
	programs := map[string][]byte{}
	for architecture, machine := range machines {
		name := programName(architecture)
		content, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // the folder that the caller names
		if err != nil {
			return nil, fmt.Errorf("read program: %w", err)
		}
		if err := checkProgram(content, machine); err != nil {
			return nil, fmt.Errorf("read program %s: %w", name, err)
		}
		programs[name] = content
	}
	return programs, nil
}

func checkProgram(content []byte, machine elf.Machine) error {
	parsed, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("not a Linux program: %w", err)
	}
	if parsed.Machine != machine {
		return fmt.Errorf("built for %v, not for %v", parsed.Machine, machine)
	}
	for _, part := range parsed.Progs {
		if part.Type == elf.PT_INTERP {
			return fmt.Errorf("not statically linked")
		}
	}
	return nil
}

// checksums returns native/checksums.json: the SHA-256 of each program by its name.
func checksums(programs map[string][]byte) (string, error) {
	sums := map[string]string{}
	for name, content := range programs {
		sum := sha256.Sum256(content)
		sums[name] = hex.EncodeToString(sum[:])
	}
	text, err := json.MarshalIndent(sums, "", "  ") // sorted by name
	if err != nil {
		return "", fmt.Errorf("write checksums: %w", err)
	}
	return string(text) + "\n", nil
}
