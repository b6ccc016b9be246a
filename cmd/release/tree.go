package main

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
)

// origin is the repository that the documents and examples of the source name.
const origin = "marqo-ai/ec2-github-runner"

// kept are the files and folders of a release's tree: what the two actions need to run, and what their users read. All
// workflows are kept: GitHub refuses a tag whose workflow files differ from the branch's.
var kept = []string{
	".github/", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "action.yml", "docs/",
	"examples/", "native/",
}

// dropped matches files that are only needed to work on the source.
var dropped = regexp.MustCompile(`_test\.go$|(^|/)testdata/`)

func isKept(name string) bool {
	if dropped.MatchString(name) {
		return false
	}
	for _, k := range kept {
		if name == k || strings.HasSuffix(k, "/") && strings.HasPrefix(name, k) {
			return true
		}
	}
	return false
}

// file is an entry of a tree; mode and blob are git's.
type file struct{ mode, blob, name string }

// files returns the files of HEAD that a release keeps.
func (r repository) files(ctx context.Context) ([]file, error) {
	out, err := r.git(ctx, nil, "", "ls-tree", "-r", "-z", "HEAD")
	if err != nil {
		return nil, err
	}
	var list []file
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		about, name, _ := strings.Cut(line, "\t")
		fields := strings.Fields(about) // mode, type, blob
		if isKept(name) {
			list = append(list, file{mode: fields[0], blob: fields[2], name: name})
		}
	}
	return list, nil
}

// document adapts texts of the source to a release.
type document struct {
	version    version
	repository string          // OWNER/NAME of the repository that releases
	commit     string          // the commit that is released
	files      map[string]bool // the files of the release's tree
}

// serveImage matches the image of ec2-github-runner-serve of a release in pages and templates.
var serveImage = regexp.MustCompile(`(ghcr\.io/` + regexp.QuoteMeta(origin) + `-serve):v\d+\.\d+\.\d+`)

// adapt returns the text of a file in the release: it names the release's own image of ec2-github-runner-serve, a
// fork's pages and examples name the fork, and links to files that the release does not contain lead to the released
// commit. Workflow files are not changed.
func (d document) adapt(name, text string) string {
	if strings.HasPrefix(name, ".github/") {
		return text
	}
	if !slices.Contains([]string{".md", ".yml", ".yaml", ".json"}, path.Ext(name)) {
		return text
	}
	text = serveImage.ReplaceAllString(text, "${1}:"+d.version.String())
	text = strings.ReplaceAll(text, "ghcr.io/"+origin, "ghcr.io/"+strings.ToLower(d.repository))
	text = strings.ReplaceAll(text, origin, d.repository)
	if path.Ext(name) == ".md" {
		text = d.relink(path.Dir(name), text)
	}
	return text
}

// relativeLink matches a Markdown link without a scheme, a host or an anchor of the same page.
var relativeLink = regexp.MustCompile(`\]\(([^)\s:#/][^)\s:#]*)(#[^)\s]*)?\)`)

func (d document) relink(dir, text string) string {
	return relativeLink.ReplaceAllStringFunc(text, func(link string) string {
		parts := relativeLink.FindStringSubmatch(link)
		target := path.Join(dir, parts[1])
		if d.holds(target) {
			return link
		}
		return "](https://github.com/" + d.repository + "/blob/" + d.commit + "/" + target + parts[2] + ")"
	})
}

// holds reports whether the release's tree contains a file or a folder of that name.
func (d document) holds(target string) bool {
	if target == "." || d.files[target] {
		return true
	}
	for name := range d.files {
		if strings.HasPrefix(name, target+"/") {
			return true
		}
	}
	return false
}
