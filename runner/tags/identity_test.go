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

// anyLabel draws a valid label: any characters but commas and control characters.
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

// TestClientToken: a token has at most 64 characters of printable ASCII for any run, label and number; the patterns of
// its run and its label match it, the pattern of another label does not.
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
			t.Fatalf("two attempts have the token %s", again)
		}
	})
}

// TestMatrixLegs: the legs of a matrix share everything but the nonce, and still have distinct tokens.
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

// TestRandomLabel: five characters of [0-9a-z], as in machulav's action.
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

// TestRunnerName: GitHub accepts the name; it is a function of the label; two long labels have different names.
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
			t.Fatalf("label %q: got name %q, want ec2-<label> as in machulav's action", label, NameOf(label))
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

// TestTags: EC2 accepts the values, the expiry can be read back, and an unknown runner id is left out.
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
			t.Fatal("an unknown runner id has a tag")
		}
		if never := id.Tags(3, label, "", 7, at, time.Time{}); never[key.RunnerID] != "7" ||
			never[key.ExpiresAt] != "" {
			t.Fatalf("tags %v", never)
		}
	})
}

// TestRandomLabelArrives: a random label contains nothing that GitHub masks if a secret is JSON over several lines:
// "ew" is a brace in base64. One in 320 random labels would contain it.
func TestRandomLabelArrives(t *testing.T) {
	t.Parallel()
	for range 20_000 {
		label := NewIdentity(Run{}, "", "").Label
		if strings.Contains(label, "ew") {
			t.Fatalf("the label is %q", label)
		}
	}
}
