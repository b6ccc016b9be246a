package action

import (
	"fmt"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/runner/stop"
)

// keptSummary describes how to log in to the machines that a stop has kept, and how to terminate them at once.
func keptSummary(stopped []stop.Stopped) string {
	var b strings.Builder
	for _, s := range stopped {
		if s.State != stop.StateKept {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("### Machines kept for you to look at\n\n")
		}
		fmt.Fprintf(&b, "%s is kept until %s and terminates itself by %s at the latest. To log in, and to "+
			"end it at once:\n\n", code(s.InstanceID), clockUTC(s.Kept.Until), clockUTC(s.Kept.End))
		fmt.Fprintf(&b, "```sh\naws ssm start-session --target %s --region %s\n", s.InstanceID, s.Region)
		fmt.Fprintf(&b, "aws ec2 terminate-instances --instance-ids %s --region %s\n```\n\n", s.InstanceID, s.Region)
	}
	if b.Len() > 0 {
		b.WriteString("Session Manager needs its plugin for the AWS CLI, the SSM agent on the machine (Amazon Linux " +
			"2023 and Ubuntu have it) and an instance profile (`iam-role-name`) with the policy " +
			"AmazonSSMManagedInstanceCore. The setup's log is /tmp/runner-setup.log, and jobs' files are in the " +
			"runner's folder `_work`. Running the stop again without `keep-minutes` ends the machines too.\n\n")
	}
	return b.String()
}

func clockUTC(t time.Time) string { return t.UTC().Format("15:04 MST") }
