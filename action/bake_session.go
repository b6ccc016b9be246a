package action

import (
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
)

// usualSession is the default duration of a session of configure-aws-credentials.
// https://github.com/aws-actions/configure-aws-credentials
const usualSession = time.Hour

// sessionMayEnd returns a warning that the AWS session may end before the bake does.
func sessionMayEnd(bake ami.Request) string {
	minutes := func(d time.Duration) int { return int(d.Minutes()) }
	takes := fmt.Sprintf("the bake may take %d minutes", minutes(bake.Timeout))
	if len(bake.Copies.Regions) > 0 {
		takes += fmt.Sprintf(" and its copies %d more", minutes(bake.Copies.Timeout))
	}
	return fmt.Sprintf("the AWS credentials are a session that this action cannot renew, and %s: if the session ends "+
		"first, the step fails and may leave the builder or an unfinished image behind; set role-to-assume and "+
		"aws-region, so that the action renews its session, or request a session of %d minutes",
		takes, minutes(bake.Longest()))
}
