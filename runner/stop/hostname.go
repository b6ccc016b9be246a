package stop

import (
	"context"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// hostNames returns the names under which machulav's action up to 2.4.3 registers a machine: it passes no name to
// config.sh, which takes the host name up to its first dot. EC2 derives that from the private address or the instance
// id. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html
func hostNames(i ec2.Instance) []string {
	if i.ID == "" {
		return nil
	}
	names := []string{i.ID}
	if i.PrivateIP != "" {
		names = append([]string{"ip-" + strings.ReplaceAll(i.PrivateIP, ".", "-")}, names...)
	}
	return names
}

// findByHostName finds the registration of a machine that this action did not launch. Both name and label must match: a
// machine in another VPC may have the same address, but its runner has another label.
func (sp *stop) findByHostName(ctx context.Context, i ec2.Instance) (runner github.Runner, found bool, err error) {
	if _, ours := tags.ParseToken(i.ClientToken); ours || tags.Of(i).Tagged || sp.request.Label == "" {
		return github.Runner{}, false, nil
	}
	for _, name := range hostNames(i) {
		runner, found, err = sp.registry.FindByName(ctx, name)
		if err != nil || found && tags.HasLabel(runner, sp.request.Label) {
			return runner, found, err
		}
	}
	return github.Runner{}, false, nil
}
