package runner

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// mostTagValue is how long the value of a tag may be.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
const mostTagValue = 256

// runnerIDTags are the tags that hold the runner ids of machines launched together. GitHub counts up, so that most are
// spans; what one tag does not hold goes to a next one, up to nine.
func runnerIDTags(ids []int64) map[string]string {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	tags := map[string]string{}
	key, n := TagRunnerIDs, 1
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && ids[j+1] <= ids[j]+1 {
			j++
		}
		span := strconv.FormatInt(ids[i], 10)
		if j > i {
			span = fmt.Sprintf("%d-%d", ids[i], ids[j])
		}
		if value := tags[key]; value != "" && len(value)+len(span)+1 > mostTagValue {
			if n++; n > 9 {
				return tags
			}
			key = fmt.Sprintf("%s-%d", TagRunnerIDs, n)
		}
		tags[key] = strings.TrimPrefix(tags[key]+","+span, ",")
		i = j + 1
	}
	return tags
}

// namesRunner tells that the tags of a machine launched together with others name a runner id.
func namesRunner(i ec2.Instance, id int64) bool {
	for key, value := range i.Tags {
		if key != TagRunnerIDs && !strings.HasPrefix(key, TagRunnerIDs+"-") {
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
