// Package docs holds the pages for users; its tests hold them to what they point at.
package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// link is a Markdown link or image; the second group is its target.
var link = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)

// heading is a line that GitHub gives an anchor.
var heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)

// fence is a block of code, in which nothing is a link or a heading.
var fence = regexp.MustCompile("(?ms)^ *```.*?^ *```$|`[^`\n]*`")

// TestLinks: every link of one page to another names a file that is there, and an anchor that it has.
func TestLinks(t *testing.T) {
	t.Parallel()
	found := 0
	for _, page := range pages(t) {
		for _, target := range links(read(t, page)) {
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			found++
			if err := follow(t, page, target); err != nil {
				t.Errorf("%s: link to %s: %v", page, target, err)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d links between the pages were found", found)
	}
}

// TestDecisionsAreListed: the index of the decisions links each of them.
func TestDecisionsAreListed(t *testing.T) {
	t.Parallel()
	index := read(t, "docs/adr/README.md")
	listed := 0
	for _, page := range pages(t) {
		dir, name := path.Split(page)
		if dir != "docs/adr/" || name == "README.md" {
			continue
		}
		listed++
		if !strings.Contains(index, "]("+name+")") {
			t.Errorf("docs/adr/README.md does not list %s", name)
		}
	}
	if listed < 29 {
		t.Errorf("only %d decisions were found", listed)
	}
}

// maxDecisionWords is how long a decision may be: what fits on a page, for the few that describe a whole mode.
const maxDecisionWords = 1050

// TestPagesAreFound: README links each page for users, and no decision is longer than a page.
func TestPagesAreFound(t *testing.T) {
	t.Parallel()
	readme, looked := links(read(t, "README.md")), 0
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "docs/adr/0") {
			if words := len(strings.Fields(read(t, page))); words > maxDecisionWords {
				t.Errorf("%s has %d words, and may have %d", page, words, maxDecisionWords)
			}
		}
		if dir, _ := path.Split(page); dir != "docs/" && dir != "docs/questions/" {
			continue
		}
		looked++
		if !slices.Contains(readme, page) {
			t.Errorf("README.md does not link %s", page)
		}
	}
	if looked < 25 {
		t.Errorf("only %d pages were found", looked)
	}
}

// TestLinksAreFollowed proves that the look at a link tells a good one from a bad one.
func TestLinksAreFollowed(t *testing.T) {
	t.Parallel()
	for target, good := range map[string]bool{
		"docs/check.md": true, "docs": true, "#inputs": true, "docs/permissions.md#mode-sweep": true,
		"docs/nothing.md": false, "#nothing": false, "docs/check.md#nothing": false, "../../outside.md": false,
		"docs/check.md/": true,
	} {
		if err := follow(t, "README.md", target); (err == nil) != good {
			t.Errorf("%s: got %v, want good %t", target, err, good)
		}
	}
	text := "[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n![g](h.png)"
	if got := strings.Join(links(text), " "); got != "b.md h.png" {
		t.Errorf("links are %q", got)
	}
	for title, want := range map[string]string{"mode: `sweep`": "mode-sweep", "What it does": "what-it-does",
		"A & B, C": "a--b-c", "[Guide](docs/guide.md) first": "guide-first"} {
		if got := anchor(title); got != want {
			t.Errorf("the anchor of %q is %q, want %q", title, got, want)
		}
	}
}

// follow returns what is wrong with a link from a page of the project.
func follow(t *testing.T, page, target string) error {
	t.Helper()
	name, fragment, _ := strings.Cut(target, "#")
	file := page
	if name != "" {
		file = path.Join(path.Dir(page), name)
	}
	if strings.HasPrefix(file, "..") {
		return fmt.Errorf("it leads out of the project")
	}
	info, err := os.Stat(filepath.Join("..", file))
	if err != nil {
		return err
	}
	if fragment == "" {
		return nil
	}
	if info.IsDir() {
		return fmt.Errorf("a directory has no anchors")
	}
	for _, match := range heading.FindAllStringSubmatch(withoutBlocks(read(t, file)), -1) {
		if anchor(match[1]) == fragment {
			return nil
		}
	}
	return fmt.Errorf("%s has no heading with this anchor", file)
}

// links are the targets of a page's links, those in code aside.
func links(text string) []string {
	var list []string
	for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		list = append(list, match[2])
	}
	return list
}

// withoutBlocks keeps code within a line, since headings have some.
func withoutBlocks(text string) string {
	return fence.ReplaceAllStringFunc(text, func(code string) string {
		if strings.Contains(code, "```") {
			return ""
		}
		return code
	})
}

// anchor is what GitHub makes of a heading: lower case, blanks to hyphens, everything but letters, digits, hyphens and
// underscores dropped; of a link only its text counts.
func anchor(title string) string {
	title = link.ReplaceAllString(title, "$1")
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case r == ' ':
			b.WriteRune('-')
		case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r > 127:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// pages are the Markdown files that the project ships.
func pages(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "-C", "..", "ls-files", "-co", "--exclude-standard", "--", "*.md").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, file := range strings.Fields(string(out)) {
		if _, err := os.Stat(filepath.Join("..", file)); err == nil {
			list = append(list, file)
		}
	}
	return list
}

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
