package runner

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// TagPrefix is the beginning of every tag of ours.
const TagPrefix = "ec2-github-runner:"

// The tags of ours. They are the database: stop, post and sweep find everything by them.
const (
	TagScope      = TagPrefix + "scope"
	TagRepository = TagPrefix + "repository"
	TagRunID      = TagPrefix + "run-id"
	TagRunAttempt = TagPrefix + "run-attempt"
	TagSlot       = TagPrefix + "slot"
	TagSlots      = TagPrefix + "slots" // how many were launched together; each one's number is its launch index
	TagNonce      = TagPrefix + "nonce"
	TagLabel      = TagPrefix + "label"
	// TagClientToken holds the client token of the launch: a spot instance may not show its own.
	TagClientToken = TagPrefix + "client-token"
	TagRunnerName  = TagPrefix + "runner-name"
	// TagOtherName is the name under which the machine registers where another start's runner has TagRunnerName.
	TagOtherName = TagPrefix + "other-name"
	TagRunnerID  = TagPrefix + "runner-id"
	// TagRunnerIDs stands on machines that were launched together, with the ids of all: "21-70,75".
	TagRunnerIDs = TagPrefix + "runner-ids"
	TagMode      = TagPrefix + "mode"
	TagExpiresAt = TagPrefix + "expires-at"
	// TagDueAt is when the machine itself gives up if it has not registered: until then it is on its way.
	TagDueAt = TagPrefix + "due-at"
	// TagKeepVolumes stands on volumes alone: whether a mapping of the user's asked to keep some of this launch's volumes.
	// One that carries no "false" may have been kept for somebody.
	TagKeepVolumes = TagPrefix + "keep-volumes"
	// TagSuspectSince is the mark of a sweep's first look.
	TagSuspectSince = TagPrefix + "suspect-since"
)

// Run is the workflow run that a runner is started for.
type Run struct {
	Repository string // owner/repo
	ID         string // GITHUB_RUN_ID, a number
	Attempt    string // GITHUB_RUN_ATTEMPT
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

// randomText returns n characters of [0-9a-z].
func randomText(n int) string {
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

// randomLabel returns a label without "ew": where a secret is JSON over several lines, GitHub masks a brace, in base64
// too, which is that, and drops outputs that contain it. (actions/runner, ValueEncoders.cs)
func randomLabel() string {
	for {
		if label := randomText(5); !strings.Contains(label, "ew") {
			return label
		}
	}
}

// NewIdentity fixes the identity of a start. An empty label becomes five random characters, as machulav's do.
func NewIdentity(run Run, scope, label string) Identity {
	if label == "" {
		label = randomLabel()
	}
	return Identity{Run: run, Scope: scope, Nonce: randomText(nonceLength), Label: label}
}

// clientToken names one attempt to launch: the readable key that finds an instance whose tags were refused or whose
// launch got no answer. EC2 takes 64 ASCII characters; a label takes part as a hash, so that stop can find it by label.
// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
func (id Identity) clientToken(label string, slot, offering, try int) string {
	return fmt.Sprintf("%s%s-%s-%d-%d-%d", tokenOfRun(id.Run, id.Scope), shortHash(label, 6), id.Nonce, slot, offering,
		try)
}

// tokenOfScope is the beginning of every client token of a repository's starts. A runner of another scope than the
// repository itself is told apart: who may not see that scope must not judge its machines.
func tokenOfScope(repository, scope string) string {
	hashed := strings.ToLower(repository)
	if scope = strings.ToLower(scope); scope != "" && scope != hashed {
		hashed += " " + scope
	}
	return "egr-" + shortHash(hashed, 8) + "-"
}

// tokenOfRun is the beginning of every client token of a workflow run, over all its attempts.
func tokenOfRun(run Run, scope string) string {
	id := run.ID
	if id == "" {
		id = "0"
	}
	return tokenOfScope(run.Repository, scope) + id + "-"
}

// tokenPattern finds the client tokens of a run, of one label of it (label may be empty for all).
func tokenPattern(run Run, scope, label string) string {
	if label == "" {
		return tokenOfRun(run, scope) + "*"
	}
	return tokenOfRun(run, scope) + shortHash(label, 6) + "-*"
}

func shortHash(text string, n int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:n]
}

// namePrefix begins the name of every runner, as machulav's names begin.
const namePrefix = "ec2-"

// mostName is the longest runner name that GitHub takes.
const mostName = 64

// RunnerName is the name of the runner with a label: ec2-<label>, with what GitHub refuses in a name made to hyphens
// and a name that is too long cut, with a hash at its end so that it stays one of its own.
func RunnerName(label string) string {
	name := namePrefix + strings.Map(func(r rune) rune {
		if strings.ContainsRune(`":<>/\|*?`, r) {
			return '-'
		}
		return r
	}, label)
	return cutTo(name, mostName)
}

func cutTo(name string, most int) string {
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	hash := "-" + shortHash(name, 8)
	runes := []rune(name)
	return string(runes[:most-len(hash)]) + hash
}

// otherName is the name of a runner whose own name another start's runner has.
func (id Identity) otherName(name string) string { return id.otherBase(name, mostName) }

// otherBase is otherName for names that go on behind it: it is at most so long.
func (id Identity) otherBase(name string, most int) string {
	runes := []rune(name)
	suffix := "-" + id.Nonce[:4]
	return string(runes[:min(len(runes), most-len(suffix))]) + suffix
}

// tags are those of one runner of a start. runnerID is 0 while it is not known; due is when the machine gives up if it
// has not registered; expires is zero where nothing ends it.
func (id Identity) tags(slot int, label, name string, runnerID int64, due, expires time.Time) map[string]string {
	tags := map[string]string{
		TagScope:      id.Scope,
		TagRepository: id.Run.Repository,
		TagRunID:      id.Run.ID,
		TagRunAttempt: id.Run.Attempt,
		TagSlot:       strconv.Itoa(slot),
		TagNonce:      id.Nonce,
		TagLabel:      tagValue(label),
		TagRunnerName: name,
		TagMode:       instanceOfStart,
		TagDueAt:      due.UTC().Format(time.RFC3339),
	}
	if runnerID != 0 {
		tags[TagRunnerID] = strconv.FormatInt(runnerID, 10)
	}
	if !expires.IsZero() {
		tags[TagExpiresAt] = expires.UTC().Format(time.RFC3339)
	}
	return tags
}

// tagValue cuts a value to the 256 characters that EC2 takes.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
func tagValue(text string) string {
	runes := []rune(text)
	if len(runes) > 256 {
		return string(runes[:256])
	}
	return text
}
