// Package tags says what is ours and whose: names, tags and client tokens, and what they tell of instances and
// registrations. Tags are the database: stop, post and sweep find everything by them. It makes no call.
package tags

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// Run is the workflow run that a runner is started for.
type Run struct {
	Repository string // owner/repo
	ID         string // GITHUB_RUN_ID, a number
	Attempt    string // GITHUB_RUN_ATTEMPT
	RunnerName string // RUNNER_NAME of the job that runs this
}

// Identity is what makes the things of one start recognisable. It is fixed before anything is created.
type Identity struct {
	Run   Run
	Scope string
	Nonce string // nonceLength of [0-9a-z], new in each process: the legs of a matrix share everything else
	Label string // of the first runner
}

const nonceLength = 8

const letters = "0123456789abcdefghijklmnopqrstuvwxyz"

// RandomText returns n characters of [0-9a-z].
func RandomText(n int) string {
	text := make([]byte, 0, n)
	for len(text) < n {
		var raw [32]byte
		_, _ = rand.Read(raw[:]) // never fails, see crypto/rand
		for _, b := range raw {
			if b < 252 && len(text) < n { // 252 is the last multiple of 36 in a byte: no letter is likelier
				text = append(text, letters[b%36])
			}
		}
	}
	return string(text)
}

// RandomLabel returns a label without "ew": where a secret is JSON over several lines, GitHub masks a brace, in base64
// too, which is that, and drops outputs that contain it. (actions/runner, ValueEncoders.cs)
func RandomLabel() string {
	for {
		if label := RandomText(5); !strings.Contains(label, "ew") {
			return label
		}
	}
}

// NewIdentity fixes the identity of a start. An empty label becomes five random characters, as machulav's do.
func NewIdentity(run Run, scope, label string) Identity {
	if label == "" {
		label = RandomLabel()
	}
	return Identity{Run: run, Scope: scope, Nonce: RandomText(nonceLength), Label: label}
}

// ClientToken names one attempt to launch: the readable key that finds an instance whose tags were refused or whose
// launch got no answer. EC2 takes 64 ASCII characters; a label takes part as a hash, so that stop can find it by label.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
func (id Identity) ClientToken(label string, slot, offering, try int) string {
	return fmt.Sprintf("%s%s-%s-%d-%d-%d", tokenOfRun(id.Run, id.Scope), ShortHash(label, 6), id.Nonce, slot, offering,
		try)
}

// TokenOfScope is the beginning of every client token of a repository's starts. A runner of another scope than the
// repository itself is told apart: who may not see that scope must not judge its machines.
func TokenOfScope(repository, scope string) string {
	hashed := strings.ToLower(repository)
	if scope = strings.ToLower(scope); scope != "" && scope != hashed {
		hashed += " " + scope
	}
	return "egr-" + ShortHash(hashed, 8) + "-"
}

// tokenOfRun is the beginning of every client token of a workflow run, over all its attempts.
func tokenOfRun(run Run, scope string) string {
	id := cmp.Or(run.ID, "0")
	return TokenOfScope(run.Repository, scope) + id + "-"
}

// TokenPattern finds the client tokens of a run, of one label of it (label may be empty for all).
func TokenPattern(run Run, scope, label string) string {
	if label == "" {
		return tokenOfRun(run, scope) + "*"
	}
	return tokenOfRun(run, scope) + ShortHash(label, 6) + "-*"
}

// ShortHash returns the first n hexadecimal digits of a text's SHA-256.
func ShortHash(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:n]
}

// NamePrefix begins the name of every runner, as machulav's names begin.
const NamePrefix = "ec2-"

// MaxName is the longest runner name that GitHub takes.
const MaxName = 64

// NameOf is the name of the runner with a label: ec2-<label>, with what GitHub refuses in a name made to hyphens
// and a name that is too long cut, with a hash at its end so that it stays one of its own.
func NameOf(label string) string {
	name := NamePrefix + strings.Map(func(r rune) rune {
		if strings.ContainsRune(`":<>/\|*?`, r) {
			return '-'
		}
		return r
	}, label)
	return CutTo(name, MaxName)
}

// CutTo cuts a name to so many characters, with a hash at its end so that it stays one of its own.
func CutTo(name string, most int) string {
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	hash := "-" + ShortHash(name, 8)
	runes := []rune(name)
	return string(runes[:most-len(hash)]) + hash
}

// MaxIndexedName is the longest base of names that get a launch index: "-1.999" and "-199" must still fit.
const MaxIndexedName = MaxName - len("-49.9999") - len("-199")

// IndexedName is the name that the machine with a launch index gives itself.
func IndexedName(base string, index int) string { return fmt.Sprintf("%s-%d", base, index) }

// OtherName is the name of a runner whose own name another start's runner has.
func (id Identity) OtherName(name string) string { return id.OtherBase(name, MaxName) }

// OtherBase is otherName for names that go on behind it: it is at most so long.
func (id Identity) OtherBase(name string, most int) string {
	runes := []rune(name)
	suffix := "-" + id.Nonce[:4]
	return string(runes[:min(len(runes), most-len(suffix))]) + suffix
}

// Tags are those of one runner of a start. runnerID is 0 while it is not known; due is when the machine gives up if it
// has not registered; expires is zero where nothing ends it.
func (id Identity) Tags(slot int, label, name string, runnerID int64, due, expires time.Time) map[string]string {
	tags := map[string]string{
		key.Scope:      id.Scope,
		key.Repository: id.Run.Repository,
		key.RunID:      id.Run.ID,
		key.RunAttempt: id.Run.Attempt,
		key.Slot:       strconv.Itoa(slot),
		key.Nonce:      id.Nonce,
		key.Label:      Value(label),
		key.RunnerName: name,
		key.Mode:       ModeStart,
		key.DueAt:      due.UTC().Format(time.RFC3339),
	}
	if id.Run.RunnerName != "" {
		tags[key.StartedBy] = Value(id.Run.RunnerName)
	}
	if runnerID != 0 {
		tags[key.RunnerID] = strconv.FormatInt(runnerID, 10)
	}
	if !expires.IsZero() {
		tags[key.ExpiresAt] = expires.UTC().Format(time.RFC3339)
	}
	return tags
}

// Value cuts a value to the 256 characters that EC2 takes.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
func Value(text string) string {
	runes := []rune(text)
	if len(runes) > 256 {
		return string(runes[:256])
	}
	return text
}
