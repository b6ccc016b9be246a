package action

import (
	"fmt"
	"strings"
)

// problemSummary returns the job summary of a step that failed without a result.
func problemSummary(list []Problem) string {
	var b strings.Builder
	b.WriteString("### The EC2 runner step failed\n\n")
	for _, problem := range list {
		fmt.Fprintf(&b, "> [!CAUTION]\n> %s\n\n", plain(problem.Message))
		if problem.Hint != "" {
			fmt.Fprintf(&b, "> [!TIP]\n> %s\n\n", plain(problem.Hint))
		}
	}
	return b.String()
}
