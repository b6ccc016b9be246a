package survey

import (
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

func TestOutgrown(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ web, version, created, want string }{
		{"https://github.com/a/b", "2.335.0", "2026-11-01T00:00:00.000Z", ""},
		{"https://github.com/a/b", "2.328.9", "2026-11-20T00:00:00.000Z", "no longer accepts"},
		{"https://github.com/a/b", "2.335.0", "2026-09-01T00:00:00.000Z", "is 85 days old"},
		{"https://github.com/a/b", "2.335.0", "", ""},
		{"https://github.example.com/a/b", "2.300.0", "2026-01-01T00:00:00.000Z", ""},
	} {
		sv := &Survey{WebURL: c.web}
		got := sv.outdatedImage(ec2.Image{ID: "ami-1", Created: c.created}, c.version, now)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) ||
			(got != "" && !strings.Contains(got, "bake again")) {
			t.Errorf("%+v: got %q", c, got)
		}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{"2.329.0", "2.329.0", false}, {"2.99.0", "2.329.0", true}, {"3.0.0", "2.329.0", false},
		{"2.329", "2.329.1", true},
		{"odd", "2.329.0", true}} {
		if got := tags.IsOlder(c.a, c.b); got != c.want {
			t.Errorf("%s older than %s: got %t", c.a, c.b, got)
		}
	}
}
