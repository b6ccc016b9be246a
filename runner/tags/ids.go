package tags

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
)

// maxTagValue is the longest tag value that EC2 accepts, in characters.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
const maxTagValue = 256

// RunnerIDTags returns the tags that hold the runner ids of machines launched together. GitHub numbers runners
// consecutively, so most ids fit into spans; what exceeds one tag goes into further ones, nine at most.
func RunnerIDTags(ids []int64) map[string]string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	tags := map[string]string{}
	name, n := key.RunnerIDs, 1
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && ids[j+1] <= ids[j]+1 {
			j++
		}
		span := strconv.FormatInt(ids[i], 10)
		if j > i {
			span = fmt.Sprintf("%d-%d", ids[i], ids[j])
		}
		if value := tags[name]; value != "" && len(value)+len(span)+1 > maxTagValue {
			if n++; n > 9 {
				return tags
			}
			name = fmt.Sprintf("%s-%d", key.RunnerIDs, n)
		}
		tags[name] = strings.TrimPrefix(tags[name]+","+span, ",")
		i = j + 1
	}
	return tags
}

// NamesRunner reports whether the tags of a machine that was launched together with others contain a runner id.
func (r Record) NamesRunner(id int64) bool {
	for name, value := range r.instance.Tags {
		if name != key.RunnerIDs && !strings.HasPrefix(name, key.RunnerIDs+"-") {
			continue
		}
		for span := range strings.SplitSeq(value, ",") {
			from, to, isSpan := strings.Cut(span, "-")
			if !isSpan {
				to = from
			}
			low, err := strconv.ParseInt(from, 10, 64)
			high, err2 := strconv.ParseInt(to, 10, 64)
			if err == nil && err2 == nil && low <= id && id <= high {
				return true
			}
		}
	}
	return false
}
