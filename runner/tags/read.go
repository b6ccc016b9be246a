package tags

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// The modes that an instance of ours can have in its tag. Whatever else stands there is a user's to end.
const (
	ModeStart = "start"
	ModeBake  = "bake"
	ModePool  = "pool"
	// ModeExisting is a machine that the user keeps.
	ModeExisting = "existing"
)

// KeptUntil states until when a failed machine stays for inspection: stop and sweep leave it alone until then.
const KeptUntil = Prefix + "kept-until"

// IsKept reports whether an instance is kept for inspection now.
func IsKept(i ec2.Instance, now time.Time) bool { return now.Before(TimeOf(i, KeptUntil)) }

// MaxIndexedName is the longest base of names that get a launch index: "-1.999" and "-199" must still fit.
const MaxIndexedName = MaxName - len("-49.9999") - len("-199")

// IndexedName is the name that the machine with a launch index gives itself.
func IndexedName(base string, index int) string { return fmt.Sprintf("%s-%d", base, index) }

// IsTagged reports whether an instance carries our tags.
func IsTagged(i ec2.Instance) bool { return i.Tags[Scope] != "" }

// ModeOf is the mode that launched or took an instance.
func ModeOf(i ec2.Instance) string {
	if !IsTagged(i) {
		return ModeStart // nothing else launches without tags
	}
	return i.Tags[Mode]
}

// RunOf is the id of the run that an instance was launched by, empty where it is not known.
func RunOf(i ec2.Instance) string {
	if IsTagged(i) {
		return i.Tags[RunID]
	}
	token, _ := ParseToken(i.ClientToken)
	return token.Run
}

// RegisteredName is the name under which an instance registers. Those launched together carry the beginning of it, and
// their launch index is the rest; an entry of a pool registers as itself.
func RegisteredName(i ec2.Instance) string {
	if IsEntry(i) {
		return EntryName(i.ID)
	}
	return indexed(i, i.Tags[RunnerName])
}

// RunnerIDOf is the runner id that an instance's own tag names, 0 for none.
func RunnerIDOf(i ec2.Instance) int64 {
	id, err := strconv.ParseInt(i.Tags[RunnerID], 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// TimeOf is Time of an instance.
func TimeOf(i ec2.Instance, key string) time.Time { return Time(i.Tags, key) }

// Time reads a time in a tag, zero where there is none that can be read.
func Time(tags map[string]string, key string) time.Time {
	at, err := time.Parse(time.RFC3339, tags[key])
	if err != nil {
		return time.Time{}
	}
	return at
}

// Stamp writes a time as tags have it.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// LaunchedWith selects what a call with a client token has launched. The token itself is not enough: nobody has seen
// whether spot instances show theirs.
func LaunchedWith(token string) ec2.Selector {
	return ec2.Selector{ClientToken: token, TokenTag: ClientToken}
}

// EscapeFilter makes the wildcards of EC2's filters plain characters.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html#advanced-filtering
func EscapeFilter(value string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(value)
}
