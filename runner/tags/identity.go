// Package tags defines names, tags and client tokens, and decides by them which instances and registrations belong to
// this action and to which run. Tags are the only database: stop, post and sweep find everything by them. The package
// makes no API calls.
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

// Run identifies the workflow run that a runner is started for.
type Run struct {
	Repository string // owner/repo
	ID         string // GITHUB_RUN_ID, a number
	Attempt    string // GITHUB_RUN_ATTEMPT
	RunnerName string // RUNNER_NAME of the job that runs this action
}

// Identity identifies everything that one start creates. It is fixed before anything is created.
type Identity struct {
	Run   Run
	Scope string
	Nonce string // nonceLength of [0-9a-z], new in each process; the legs of a matrix share all else
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
			if b < 252 && len(text) < n { // 252 = 7*36: every letter is equally likely
				text = append(text, letters[b%36])
			}
		}
	}
	return string(text)
}

// RandomLabel returns five random characters that do not contain "ew". If a secret is JSON over several lines, GitHub
// masks each line, a lone brace too, and its base64 form, which is "ew"; it then drops every job output that contains a
// masked text. https://github.com/actions/runner/blob/main/src/Sdk/DTLogging/Logging/ValueEncoders.cs
func RandomLabel() string {
	for {
		if label := RandomText(5); !strings.Contains(label, "ew") {
			return label
		}
	}
}

// NewIdentity fixes the identity of a start. An empty label is replaced by five random characters, as in machulav's
// action.
func NewIdentity(run Run, scope, label string) Identity {
	if label == "" {
		label = RandomLabel()
	}
	return Identity{Run: run, Scope: scope, Nonce: RandomText(nonceLength), Label: label}
}

// ClientToken returns the client token of one attempt to launch. By it an instance can be found whose tags were refused
// or whose launch was not answered. EC2 allows 64 ASCII characters, so the label is hashed; stop can still search by
// label. https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
func (id Identity) ClientToken(label string, slot, offering, try int) string {
	return fmt.Sprintf("%s%s-%s-%d-%d-%d", tokenOfRun(id.Run, id.Scope), ShortHash(label, 6), id.Nonce, slot, offering,
		try)
}

// TokenOfScope returns the prefix of every client token of a repository's starts. A scope other than the repository
// itself is part of the hash, so that a token without access to that scope does not judge its machines.
func TokenOfScope(repository, scope string) string {
	hashed := strings.ToLower(repository)
	if scope = strings.ToLower(scope); scope != "" && scope != hashed {
		hashed += " " + scope
	}
	return "egr-" + ShortHash(hashed, 8) + "-"
}

// tokenOfRun returns the prefix of every client token of a workflow run, across all its attempts.
func tokenOfRun(run Run, scope string) string {
	id := cmp.Or(run.ID, "0")
	return TokenOfScope(run.Repository, scope) + id + "-"
}

// TokenPattern returns a filter pattern for the client tokens of a run: of one label, or of all if label is empty.
func TokenPattern(run Run, scope, label string) string {
	if label == "" {
		return tokenOfRun(run, scope) + "*"
	}
	return tokenOfRun(run, scope) + ShortHash(label, 6) + "-*"
}

// ShortHash returns the first n hexadecimal digits of the SHA-256 of text.
func ShortHash(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:n]
}

// NamePrefix begins the name of every runner, as in machulav's action.
const NamePrefix = "ec2-"

// MaxName is the longest runner name that GitHub accepts, in characters.
const MaxName = 64

// NameOf returns the name of the runner with a label: ec2-<label>. Characters that GitHub refuses in names become
// hyphens; a name over MaxName is cut and ends in a hash that keeps it unique.
func NameOf(label string) string {
	name := NamePrefix + strings.Map(func(r rune) rune {
		if strings.ContainsRune(`":<>/\|*?`, r) {
			return '-'
		}
		return r
	}, label)
	return CutTo(name, MaxName)
}

// CutTo cuts a name to at most limit characters; a name that was cut ends in a hash that keeps it unique.
func CutTo(name string, limit int) string {
	if utf8.RuneCountInString(name) <= limit {
		return name
	}
	hash := "-" + ShortHash(name, 8)
	runes := []rune(name)
	return string(runes[:limit-len(hash)]) + hash
}

// MaxIndexedName is the longest base name for machines launched together: the longest suffixes, "-49.9999" and "-199",
// still fit.
const MaxIndexedName = MaxName - len("-49.9999") - len("-199")

// IndexedName returns the name that the machine with a launch index registers under.
func IndexedName(base string, index int) string { return fmt.Sprintf("%s-%d", base, index) }

// OtherName returns the name to use if another start's runner has the given one.
func (id Identity) OtherName(name string) string { return id.OtherBase(name, MaxName) }

// OtherBase is OtherName for a name that gets a suffix; it returns at most limit characters.
func (id Identity) OtherBase(name string, limit int) string {
	runes := []rune(name)
	suffix := "-" + id.Nonce[:4]
	return string(runes[:min(len(runes), limit-len(suffix))]) + suffix
}

// Tags returns the tags of one runner of a start. runnerID is 0 while it is unknown; due is when the machine gives up
// if it has not registered; a zero expires means no limit.
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

// Value cuts a tag value to the 256 characters that EC2 accepts.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
func Value(text string) string {
	runes := []rune(text)
	if len(runes) > 256 {
		return string(runes[:256])
	}
	return text
}
