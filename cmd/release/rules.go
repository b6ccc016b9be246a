package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// version is a release's version. There are no pre-releases: a tag that a user can name is a release.
type version [3]int

var versionForm = regexp.MustCompile(`^v(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)

func parseVersion(text string) (version, error) {
	parts := versionForm.FindStringSubmatch(text)
	if parts == nil {
		return version{}, fmt.Errorf("version %q: it must be of the form v2.7.0", text)
	}
	var v version
	for i := range v {
		v[i], _ = strconv.Atoi(parts[i+1]) // at most six digits
	}
	return v, nil
}

func (v version) String() string { return fmt.Sprintf("v%d.%d.%d", v[0], v[1], v[2]) }

// major returns the tag that moves, such as v2.
func (v version) major() string { return fmt.Sprintf("v%d", v[0]) }

// before reports whether v is older than w.
func (v version) before(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

// imageForm matches an image in GitHub's registry by digest; a tag could be moved.
var imageForm = regexp.MustCompile(`^ghcr\.io/[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9._-]*@sha256:[0-9a-f]{64}$`)

// repositoryForm matches OWNER/NAME, as in GITHUB_REPOSITORY.
var repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`)

// checkImage refuses an image that is not the repository's own: a fork's release runs the fork's image.
func checkImage(image, repository string) error {
	if !repositoryForm.MatchString(repository) {
		return fmt.Errorf("repository %q: it must be of the form OWNER/NAME", repository)
	}
	if !imageForm.MatchString(image) {
		return fmt.Errorf("image %q: it must be of the form ghcr.io/OWNER/NAME@sha256: and 64 hexadecimal digits",
			image)
	}
	if name, _, _ := strings.Cut(strings.TrimPrefix(image, "ghcr.io/"), "@"); name != strings.ToLower(repository) {
		return fmt.Errorf("image %q: it is not the image of %s", image, repository)
	}
	return nil
}

// source matches the line of action.yml on main that builds the image from the tree.
var source = regexp.MustCompile(`(?m)^  image: Dockerfile$`)

// withImage returns action.yml with the image instead of the Dockerfile, and otherwise unchanged.
func withImage(action, image string) (string, error) {
	if n := len(source.FindAllString(action, -1)); n != 1 {
		return "", fmt.Errorf("rewrite action.yml: found %d lines \"  image: Dockerfile\", and one is to be replaced",
			n)
	}
	text := source.ReplaceAllLiteralString(action, "  image: docker://"+image)
	var contract struct {
		Runs struct {
			Using string `yaml:"using"`
			Image string `yaml:"image"`
		} `yaml:"runs"`
	}
	if err := yaml.Unmarshal([]byte(text), &contract); err != nil {
		return "", fmt.Errorf("rewrite action.yml: %w", err)
	}
	if contract.Runs.Using != "docker" || contract.Runs.Image != "docker://"+image {
		return "", fmt.Errorf("rewrite action.yml: the line is not runs.image, which is %q", contract.Runs.Image)
	}
	return text, nil
}

// sectionHead matches the heading of a release in CHANGELOG.md: ## [2.7.0] - 2026-11-25.
var sectionHead = regexp.MustCompile(`(?m)^## \[([^\]]+)\](.*)$`)

// section returns the section of a version in CHANGELOG.md, without its heading.
func section(changelog string, v version) (string, error) {
	heads := sectionHead.FindAllStringSubmatchIndex(changelog, -1)
	name := strings.TrimPrefix(v.String(), "v")
	var found []string
	for i, head := range heads {
		if changelog[head[2]:head[3]] != name {
			continue
		}
		date, dated := strings.CutPrefix(changelog[head[4]:head[5]], " - ")
		if _, err := time.Parse(time.DateOnly, date); !dated || err != nil {
			return "", fmt.Errorf("read CHANGELOG.md: the heading of %s must end with its date, as in ## "+
				"[%s] - 2026-11-25", name, name)
		}
		end := len(changelog)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		found = append(found, strings.TrimSpace(changelog[head[1]:end]))
	}
	switch {
	case len(found) == 0:
		return "", fmt.Errorf("read CHANGELOG.md: it has no section ## [%s] - DATE: write down what changed, on main, "+
			"before the release", name)
	case len(found) > 1:
		return "", fmt.Errorf("read CHANGELOG.md: it has %d sections of %s", len(found), name)
	case found[0] == "":
		return "", fmt.Errorf("read CHANGELOG.md: the section of %s is empty", name)
	}
	return found[0] + "\n", nil
}
