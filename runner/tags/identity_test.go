package tags

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// anyLabel draws what a label may hold: everything but commas and control characters.
func anyLabel() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.OneOf(rapid.SampledFrom([]rune(`abcXYZ019-_. :"<>/\|*?`)), rapid.Rune()), 1, 200,
		-1).Filter(func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { return r == ',' || r < ' ' || (r >= 0x7f && r < 0xa0) })
	})
}

func anyRun() *rapid.Generator[Run] {
	return rapid.Custom(func(t *rapid.T) Run {
		return Run{
			Repository: rapid.StringMatching(`[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}`).Draw(t, "repository"),
			ID:         strconv.FormatInt(rapid.Int64Range(0, 1<<62).Draw(t, "run"), 10),
			Attempt:    strconv.Itoa(rapid.IntRange(1, 99).Draw(t, "attempt")),
		}
	})
}

// TestClientToken: at most 64 characters of printable ASCII, whatever runs, labels and numbers there are; found by the
// pattern of its run and of its label, and by no other label's.
func TestClientToken(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		run, label, other := anyRun().Draw(t, "run"), anyLabel().Draw(t, "label"), anyLabel().Draw(t, "other")
		id := NewIdentity(run, run.Repository, label)
		token := id.ClientToken(label, rapid.IntRange(0, 999).Draw(t, "slot"), rapid.IntRange(0, 999).Draw(t,
			"offering"),
			rapid.IntRange(0, 9).Draw(t, "try"))
		if len(token) > 64 || !regexp.MustCompile(`^[!-~]+$`).MatchString(token) {
			t.Fatalf("token %q has %d bytes", token, len(token))
		}
		for pattern, want := range map[string]bool{
			TokenPattern(run, run.Repository, ""): true, TokenPattern(run, run.Repository, label): true,
			TokenPattern(run, run.Repository, other):                                label == other,
			TokenPattern(Run{Repository: run.Repository + "x", ID: run.ID}, "", ""): false,
			TokenPattern(Run{Repository: run.Repository, ID: run.ID + "1"}, "", ""): false,
		} {
			if found, err := path.Match(pattern, token); err != nil || found != want {
				t.Fatalf("pattern %s finds %s: %t, want %t: %v", pattern, token, found, want, err)
			}
		}
		if again := id.ClientToken(label, 0, 0, 0); again != id.ClientToken(label, 0, 0, 0) ||
			again == id.ClientToken(label,
				0, 0, 1) || again == id.ClientToken(label, 0, 1, 0) || again == id.ClientToken(label, 1, 0, 0) {
			t.Fatalf("tokens do not tell attempts apart: %s", again)
		}
	})
}

// TestMatrixLegs: what the legs of a matrix share does not make one identity.
func TestMatrixLegs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := NewIdentity(Run{Repository: "a/b", ID: "1", Attempt: "1"}, "a/b", "same")
		token := id.ClientToken("same", 0, 0, 0)
		if seen[token] {
			t.Fatalf("two starts have the token %s", token)
		}
		seen[token] = true
	}
}

// TestRandomLabel: five characters of [0-9a-z], as machulav makes them.
func TestRandomLabel(t *testing.T) {
	t.Parallel()
	used := map[rune]bool{}
	for range 400 {
		label := NewIdentity(Run{}, "", "").Label
		if !regexp.MustCompile(`^[0-9a-z]{5}$`).MatchString(label) {
			t.Fatalf("label %q", label)
		}
		for _, c := range label {
			used[c] = true
		}
	}
	if len(used) != 36 {
		t.Errorf("%d different characters in 2,000", len(used))
	}
}

// TestRunnerName: a name that GitHub takes, the same for the same label, another one for another long label.
func TestRunnerName(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		label := anyLabel().Draw(t, "label")
		id := NewIdentity(Run{}, "", label)
		for _, name := range []string{NameOf(label), id.OtherName(NameOf(label))} {
			if n := utf8.RuneCountInString(name); n > 64 || strings.ContainsAny(name, `":<>/\|*?`) ||
				!strings.HasPrefix(name,
					"ec2-") {
				t.Fatalf("label %q: name %q of %d characters", label, name, n)
			}
		}
		if !strings.ContainsAny(label, `":<>/\|*?`) && utf8.RuneCountInString(label) <= 60 && NameOf(label) != "ec2-"+
			label {
			t.Fatalf("label %q: name %q, and machulav's is ec2-<label>", label, NameOf(label))
		}
		if long := strings.Repeat("x", 60) + label; utf8.ValidString(label) && NameOf(long) == NameOf(long+"y") {
			t.Fatalf("two long labels have the name %s", NameOf(long))
		}
	})
	for label, want := range map[string]string{
		"x7k2p": "ec2-x7k2p", `a"b:c<d>e/f\g|h*i?j`: "ec2-a-b-c-d-e-f-g-h-i-j", "Grüße 日本": "ec2-Grüße 日本",
		strings.Repeat("é", 60): "ec2-" + strings.Repeat("é", 60),
	} {
		if got := NameOf(label); got != want {
			t.Errorf("label %q: name %q, want %q", label, got, want)
		}
	}
}

// TestTags: values that EC2 takes, an end that can be read back, no id that is not known.
func TestTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		run, label := anyRun().Draw(t, "run"), anyLabel().Draw(t, "label")
		id := NewIdentity(run, run.Repository, label)
		at := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0)
		tags := id.Tags(3, label, NameOf(label), 0, at, at)
		for name, value := range tags {
			if !strings.HasPrefix(name, key.Prefix) || utf8.RuneCountInString(name) > 128 ||
				utf8.RuneCountInString(value) > 256 {
				t.Fatalf("tag %s=%q", name, value)
			}
		}
		if back, err := time.Parse(time.RFC3339, tags[key.ExpiresAt]); err != nil || !back.Equal(at) {
			t.Fatalf("expires at %s, want %s: %v", tags[key.ExpiresAt], at, err)
		}
		if _, known := tags[key.RunnerID]; known {
			t.Fatal("a runner id that nobody knows")
		}
		if never := id.Tags(3, label, "", 7, at, time.Time{}); never[key.RunnerID] != "7" ||
			never[key.ExpiresAt] != "" {
			t.Fatalf("tags %v", never)
		}
	})
}

// TestRandomLabelArrives: a random label has no part that GitHub masks where a secret is JSON over several lines: "ew"
// is a brace in base64. One in 320 labels of any five characters has it.
func TestRandomLabelArrives(t *testing.T) {
	t.Parallel()
	for range 20_000 {
		label := NewIdentity(Run{}, "", "").Label
		if strings.Contains(label, "ew") {
			t.Fatalf("the label is %q", label)
		}
	}
}
