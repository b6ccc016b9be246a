package action

import (
	"fmt"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ami"
)

// usualSession is how long a session lasts that an earlier step has made, unless it asked for another time.
// https://github.com/aws-actions/configure-aws-credentials
const usualSession = time.Hour

// sessionMayEnd says, before a bake begins, what its credentials may not outlive.
func sessionMayEnd(bake ami.Request) string {
	minutes := func(d time.Duration) int { return int(d.Minutes()) }
	takes := fmt.Sprintf("the bake may take %d minutes", minutes(bake.Timeout))
	if len(bake.Copies.Regions) > 0 {
		takes += fmt.Sprintf(" and its copies %d more", minutes(bake.Copies.Timeout))
	}
	return fmt.Sprintf("the AWS credentials are a session that ends and that this action cannot renew, and %s: if the "+
		"session ends first, the step fails, and what is under way then stays; write role-to-assume and aws-region, "+
		"whose session is renewed, or let the session last %d minutes", takes, minutes(bake.Longest()))
}
