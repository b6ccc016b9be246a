package bootstrap

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// full is a Spec with every field set.
func full() Spec {
	return Spec{
		URL: "https://github.com/owner/repo", Name: "ec2-k3x9a", NameByIndex: true,
		Labels: []string{"k3x9a", "gpu"}, Group: "a group", Token: "AABBCC",
		Machine: machine.Machine{HomeDir: "/opt/runner",
			PreRunnerScript: "echo hello\r\nexport A=1\n", Packages: []string{"git", "docker.io"},
			SetupScript: "make tools\n", User: "ubuntu",
			CACertificates: "-----BEGIN CERTIFICATE-----\n", JobReport: true}, Debug: true,
		Software: []Software{
			{Architecture: "x64", URL: "https://example.com/x64.tar.gz", SHA256: sum, Version: "2.330.0"},
			{Architecture: "arm64", URL: "https://example.com/arm64.tar.gz", Version: "2.330.0"},
		},
		DownloadToken: "secret",
		Ephemeral:     true, RegistrationTimeout: 450 * time.Second, IdleTimeout: time.Hour,
		MaxLifetime: 120 * time.Hour, MaxLifetimeHard: true, KeepFailed: 1500 * time.Millisecond,
	}
}

// warm is a warm-up that uses every feature.
func warm() Spec {
	s := full()
	s.Warm, s.Token, s.PreRunnerScript = true, "", ""
	return s
}

const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestValues pins the lines before the code and the data after it, which others read.
func TestValues(t *testing.T) {
	jit := Spec{URL: "https://github.com/o/r", Name: "ec2-a", JITConfig: "eyJhIjoiYiJ9Cg=="}
	for name, spec := range map[string]Spec{"full": full(), "jit": jit, "warm": warm()} {
		t.Run(name, func(t *testing.T) {
			plain := spec.plain(false)
			values, _, ok := strings.Cut(string(plain.code), "# end of values\n")
			if !ok {
				t.Fatal("values have no end")
			}
			got := string(plain.jit) + values + "--- code ---\n" + string(plain.texts)
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
