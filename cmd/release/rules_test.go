package main

import (
	"os"
	"strings"
	"testing"
)

const goodImage = "ghcr.io/marqo-ai/ec2-github-runner@sha256:" +
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestVersions(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"v2.7.0", "v0.0.0", "v10.20.30"} {
		v, err := parseVersion(text)
		if err != nil || v.String() != text {
			t.Errorf("%s: got %s, %v", text, v, err)
		}
	}
	for _, text := range []string{"", "2.7.0", "v2.7", "v2", "v2.7.0-rc1", "v2.7.0+1", "v02.7.0", "v2.7.0\n", " v2.7.0",
		"v2.7.x", "V2.7.0", "v2.7.0.1", "v2.7.1234567", "v2.7.0;id", "--help", "../v2.7.0"} {
		if v, err := parseVersion(text); err == nil || !strings.Contains(err.Error(), "v2.7.0") {
			t.Errorf("%q: got %s, %v, want a refusal that shows a good version", text, v, err)
		}
	}
	ascending := []version{{1, 9, 9}, {2, 0, 0}, {2, 7, 0}, {2, 7, 1}, {2, 10, 0}}
	for i := range ascending {
		for j := range ascending {
			if got := ascending[i].before(ascending[j]); got != (i < j) {
				t.Errorf("%s before %s: %t", ascending[i], ascending[j], got)
			}
		}
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	if err := checkImage(goodImage, origin); err != nil {
		t.Error(err)
	}
	for _, image := range []string{
		"", "ghcr.io/a/b", "ghcr.io/a/b:latest", "ghcr.io/a/b@sha256:123", strings.Replace(goodImage, "ghcr.io",
			"docker.io", 1), goodImage + "0", goodImage + "\n",
		strings.ToUpper(goodImage), strings.Replace(goodImage, "sha256", "sha512", 1), strings.Replace(goodImage,
			"/ec2", "/ ec2", 1), strings.TrimPrefix(goodImage, "ghcr.io/"),
		strings.Replace(goodImage, "@", ":v2@", 1), "docker://" + goodImage,
	} {
		if checkImage(image, origin) == nil {
			t.Errorf("%q was taken", image)
		}
	}
}

// TestWithImage rewrites the real action.yml: exactly one line changes.
func TestWithImage(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	before := string(raw)
	after, err := withImage(before, goodImage)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(before, "\n  image: Dockerfile\n", "\n  image: docker://"+goodImage+"\n",
		1); after != want {
		t.Error("more than the one line has changed")
	}
	for name, text := range map[string]string{
		"released already":   after,
		"no such line":       strings.Replace(before, "image: Dockerfile", "image: ./Dockerfile", 1),
		"twice":              before + "\n  image: Dockerfile\n",
		"of something else":  "runs:\n  using: docker\nother:\n  image: Dockerfile\n",
		"not a container":    "runs:\n  using: node20\n  image: Dockerfile\n",
		"not YAML any more":  "runs: [\n  image: Dockerfile\n",
		"windows line's end": strings.Replace(before, "image: Dockerfile\n", "image: Dockerfile\r\n", 1),
	} {
		if _, err := withImage(text, goodImage); err == nil {
			t.Errorf("%s: was rewritten", name)
		}
	}
}

func TestSection(t *testing.T) {
	t.Parallel()
	changelog := "# Changelog\n\n## [Unreleased]\n\n## [2.7.0] - 2026-11-25\n\n### Added\n\n- a thing " +
		"[see](#x)\n\n## [2.7.00] - 2026-01-01\nno\n## [2.6.0]\nundated\n## [2.5.0] - soon\nx\n" +
		"## [2.4.0] - 2026-01-01\n\n## [2.3.0] - 2026-01-01\na\n## [2.3.0] - 2026-01-02\nb\n"
	got, err := section(changelog, version{2, 7, 0})
	if err != nil || got != "### Added\n\n- a thing [see](#x)\n" {
		t.Errorf("got %q, %v", got, err)
	}
	for v, want := range map[version]string{
		{2, 8, 0}: "no section", {2, 6, 0}: "must end with its date", {2, 5, 0}: "must end with its date",
		{2, 4, 0}: "is empty", {2, 3, 0}: "2 sections",
	} {
		if _, err := section(changelog, v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", v, err, want)
		}
	}
}

// TestNotesOfTheFirstRelease: the project's own changelog is valid for a release.
func TestNotesOfTheFirstRelease(t *testing.T) {
	t.Parallel()
	text, err := repository{dir: "../.."}.notes(version{2, 7, 0})
	if err != nil || !strings.Contains(text, "machulav") {
		t.Errorf("got %q, %v", text, err)
	}
}
