package ami

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// recipe returns a recipe with every field set.
func recipe(architecture string) Recipe {
	return Recipe{
		Machine: machine.Machine{Architecture: architecture, SetupScript: "#!/bin/bash\r\napt-get install -y tox\r\n",
			CACertificates: "-----BEGIN CERTIFICATE-----\n"},
		Software: bootstrap.Software{Architecture: "x64", URL: "https://example.com/x64.tar.gz",
			SHA256: strings.Repeat("0123456789ABCDEF", 4), Version: "2.330.0"},
		DownloadToken: "secret", Nonce: "k3x9a",
	}
}

// unpacked returns what cloud-init runs.
func unpacked(t rapid.TB, data []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// TestUserData pins the user data of each architecture's builder.
func TestUserData(t *testing.T) {
	for _, architecture := range Architectures {
		t.Run(architecture, func(t *testing.T) {
			data, err := recipe(architecture).UserData()
			if err != nil {
				t.Fatal(err)
			}
			got := unpacked(t, data)
			file := filepath.Join("testdata", architecture+".golden")
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

// TestCodeParses: bash parses the code, and every listed step is defined.
func TestCodeParses(t *testing.T) {
	for _, architecture := range Architectures {
		code := Recipe{Machine: machine.Machine{Architecture: architecture}}.code()
		for name, text := range map[string]string{architecture: code, "early": text("early")} {
			cmd := exec.Command("bash", "-n")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
		_, steps, _ := strings.Cut(code, "EGR_STEPS='")
		steps, _, _ = strings.Cut(steps, "'")
		if len(strings.Fields(steps)) < 8 {
			t.Errorf("%s: the steps are %q", architecture, steps)
		}
		for _, step := range strings.Fields(steps) {
			if function := "\negr_step_" + strings.ReplaceAll(step, "-", "_") + "() {\n"; !strings.Contains(code,
				function) {
				t.Errorf("%s: there is no function for step %s", architecture, step)
			}
		}
	}
}

// TestRoomForTheScript: half of the 16 KB, about 25 KB of ordinary shell code, is left for setup-script.
func TestRoomForTheScript(t *testing.T) {
	for _, architecture := range Architectures {
		r := recipe(architecture)
		r.SetupScript, r.CACertificates = "", ""
		data, err := r.UserData()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", architecture, len(data))
		if len(data) > 8*1024 {
			t.Errorf("%s: own part is %d bytes, want at most 8 KB", architecture, len(data))
		}
	}
}

func TestTooLong(t *testing.T) {
	r := recipe("amd64")
	var b strings.Builder
	for i := range uint32(6000) {
		fmt.Fprintf(&b, "echo %x\n", i*2654435761)
	}
	r.SetupScript = b.String()
	_, err := r.UserData()
	var tooLarge *bootstrap.TooLargeError
	if !errors.As(err, &tooLarge) || tooLarge.Parts[0].Name != "setup-script" {
		t.Fatalf("got %v", err)
	}
}

func TestBadRecipes(t *testing.T) {
	for want, change := range map[string]func(*Recipe){
		`make user data: there is no recipe for the architecture "riscv64": use one of ` +
			`amd64, arm64, cuda`: func(r *Recipe) { r.Architecture = "riscv64" },
		`make user data: not a nonce: "a b"`:                   func(r *Recipe) { r.Nonce = "a b" },
		`make user data: a NUL byte, which no shell can carry`: func(r *Recipe) { r.SetupScript = "a\x00" },
		`make user data: not a runner download: {Architecture:x64 URL:a b SHA256: Version:1}`: func(r *Recipe) {
			r.Software = bootstrap.Software{Architecture: "x64", URL: "a b", Version: "1"}
		},
	} {
		r := recipe("amd64")
		change(&r)
		if _, err := r.UserData(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// anyRecipe draws valid recipes.
func anyRecipe(t *rapid.T) Recipe {
	texts := rapid.StringMatching(`[^\x00]{0,20}`)
	return Recipe{
		Machine: machine.Machine{Architecture: rapid.SampledFrom(Architectures).Draw(t, "architecture"),
			SetupScript:    texts.Draw(t, "script"),
			CACertificates: texts.Draw(t, "certificates")},
		DownloadToken: texts.Draw(t, "token"), Nonce: rapid.StringMatching(`[a-z0-9-]{1,20}`).Draw(t, "nonce"),
		Software: bootstrap.Software{Architecture: "x64", URL: "https://example.com/" +
			rapid.StringMatching(`[a-z]{3}`).Draw(t, "url"), Version: "2.330.0"},
	}
}

// TestHash: two recipes have the same hash exactly if what determines the image is the same.
func TestHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyRecipe(t), anyRecipe(t)
		if rapid.Bool().Draw(t, "alike") {
			b.Architecture, b.SetupScript, b.CACertificates = a.Architecture, a.SetupScript, a.CACertificates
		}
		alike := a.Architecture == b.Architecture && a.setupScript() == b.setupScript() &&
			a.CACertificates == b.CACertificates
		if got := a.Hash() == b.Hash(); got != alike {
			t.Errorf("same hash %v, want %v", got, alike)
		}
		other := a
		other.Nonce, other.DownloadToken, other.Software = b.Nonce, b.DownloadToken, b.Software
		if one, two := a.Hash(), other.Hash(); one != two || len(one) != 64 {
			t.Errorf("with another nonce, token and runner %q is %q", one, two)
		}
	})
}

// TestSecretStandsApart: the token is only above the line at which the machine divides the user data.
func TestSecretStandsApart(t *testing.T) {
	data, err := recipe("amd64").UserData()
	if err != nil {
		t.Fatal(err)
	}
	secrets, rest, ok := strings.Cut(unpacked(t, data), "# end of secrets\n")
	const token = "c2VjcmV0" // "secret" in base64
	if !ok || !strings.Contains(secrets, "egr_download_token="+token+"\n") || strings.Contains(rest, token) {
		t.Errorf("secrets are %q", secrets)
	}
}
