package ami

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

var family = map[string]string{key.Architecture: "amd64", tagFamily: "tests-#", key.Prefix + "repository": "a/b"}

// TestSurplus: whatever images exist, only images of the family are removed, never the current one, one of the newest,
// a pending or a used one; and the right number is kept.
func TestSurplus(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var images []ec2.Image
		uses := map[string]string{}
		for n := range rapid.IntRange(0, 12).Draw(t, "images") {
			tags := map[string]string{}
			for key, value := range family {
				tags[key] = rapid.SampledFrom([]string{value, value, value, "other"}).Draw(t, "tag")
				if rapid.IntRange(0, 9).Draw(t, "without") == 0 {
					delete(tags, key)
				}
			}
			image := ec2.Image{
				ID: fmt.Sprintf("ami-%d", n), Tags: tags, Created: fmt.Sprintf("2026-11-%02dT00:00:00.000Z",
					rapid.IntRange(1, 28).Draw(t, "day")),
				State: rapid.SampledFrom([]string{ec2.ImageAvailable, ec2.ImageAvailable, ec2.ImagePending,
					ec2.ImageFailed}).Draw(t, "state"),
			}
			if rapid.Bool().Draw(t, "used") {
				uses[image.ID] = "instance i-1"
			}
			images = append(images, image)
		}
		keep, current := rapid.IntRange(0, 4).Draw(t, "keep"), fmt.Sprintf("ami-%d", rapid.IntRange(0, 12).Draw(t,
			"current"))
		old := surplus(images, family, keep, current)
		free, used := unused(old, uses)
		if len(free)+len(used) != len(old) {
			t.Fatalf("%d free and %d used of %d", len(free), len(used), len(old))
		}
		goes := func(id string) bool { return slices.ContainsFunc(free, func(i ec2.Image) bool { return i.ID == id }) }
		newer := func(a, b ec2.Image) bool { return a.Created > b.Created || (a.Created == b.Created && a.ID > b.ID) }
		for _, image := range images {
			if !goes(image.ID) {
				continue
			}
			before := 0
			for _, other := range images {
				if other.State == ec2.ImageAvailable && isOurs(other.Tags, family) && other.ID != current &&
					newer(other, image) {
					before++
				}
			}
			switch {
			case !isOurs(image.Tags, family), image.ID == current, uses[image.ID] != "",
				image.State == ec2.ImagePending:
				t.Fatalf("%+v must not go", image)
			case image.State == ec2.ImageAvailable && (keep == 0 || before < keep-1):
				t.Fatalf("%+v is one of the newest %d", image, keep)
			}
		}
	})
}

func TestStrays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	snapshot := func(id string, age time.Duration, change func(map[string]string)) ec2.Snapshot {
		tags := map[string]string{tagBakedAt: now.Add(-age).Format(time.RFC3339)}
		for key, value := range family {
			tags[key] = value
		}
		change(tags)
		return ec2.Snapshot{ID: id, Tags: tags}
	}
	same := func(map[string]string) {}
	got := strays([]ec2.Snapshot{
		snapshot("held", 48*time.Hour, same), snapshot("young", time.Hour, same), snapshot("lost", 48*time.Hour, same),
		snapshot("others", 48*time.Hour, func(tags map[string]string) { tags[tagFamily] = "lint-#" }),
		snapshot("undated", 48*time.Hour, func(tags map[string]string) { delete(tags, tagBakedAt) }),
	}, []ec2.Image{{Snapshots: []string{"held"}}}, family, now)
	if !slices.Equal(got, []string{"lost"}) {
		t.Errorf("got %v", got)
	}
	if isOurs(map[string]string{"a": "b"}, nil) {
		t.Error("without a family everything is ours")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 14, 2, 3, 0, time.UTC)
	one, two := []machine.Machine{{Architecture: "amd64"}}, []machine.Machine{{Architecture: "amd64"},
		{Architecture: "arm64"}}
	for _, c := range []struct {
		given string
		of    []machine.Machine
		want  string
	}{
		{"", one, "github-runner-amd64-20261125-140203"}, {"tests", one, "tests"}, {"tests", two, "tests-amd64"},
		{"my-amd64", two, "my-amd64"},
	} {
		if got := (Request{ImageName: c.given, Builders: c.of}).imageName("amd64", now); got != c.want {
			t.Errorf("%q: got %q, want %q", c.given, got, c.want)
		}
	}
	if a, b := familyOf("tests-4711-20261125"), familyOf("tests-4712-20261201"); a != b || a != "tests-#-#" {
		t.Errorf("families %q and %q", a, b)
	}
}

// TestEveryHintHasAnEntry: docs/troubleshooting.md has an entry for each hint.
func TestEveryHintHasAnEntry(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range anchors {
		title := strings.ReplaceAll(a.name, "-", " ")
		_, section, found := strings.Cut(string(raw), "### "+strings.ToUpper(title[:1])+title[1:]+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		if !found || !strings.Contains(section, "> hint: "+a.hint) {
			t.Errorf("docs/troubleshooting.md has no entry %q that quotes %q", a.name, a.hint)
		}
		if See(a.hint) != bootstrap.Page(troubleshooting)+"#"+a.name {
			t.Errorf("%q leads to %q", a.hint, See(a.hint))
		}
	}
}
