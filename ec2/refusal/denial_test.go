package refusal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDenials: the messages that IAM documents, and those that users have reported.
func TestDenials(t *testing.T) {
	t.Parallel()
	const user = "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/ci/x is not " +
		"authorized to perform: "
	for message, want := range map[string]denial{
		user + "ec2:CreateTags on resource: arn:aws:ec2:r:1:instance/* because no identity-based policy allows the " +
			"ec2:CreateTags action. Encoded authorization failure message: abc": {
			Action: "ec2:CreateTags", Resource: "arn:aws:ec2:r:1:instance/*", Policy: "identity-based policy"},
		user + "ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* with an explicit deny in an " +
			"identity-based policy": {
			Action: "ec2:RunInstances", Resource: "arn:aws:ec2:r:1:instance/*", Explicit: true,
			Policy: "identity-based policy"},
		user + "ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* with an explicit deny in a resource control " +
			"policy: arn:aws:organizations::1:policy/p-1": {
			Action: "ec2:RunInstances", Resource: "arn:aws:ec2:r:1:instance/*", Explicit: true,
			Policy: "resource control policy"},
		user + "ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* with an explicit deny.": {
			Action: "ec2:RunInstances", Resource: "arn:aws:ec2:r:1:instance/*", Explicit: true},
		user + "iam:PassRole on resource: arn:aws:iam::1:role/r because no permissions boundary allows the " +
			"iam:PassRole action": {
			Action: "iam:PassRole", Resource: "arn:aws:iam::1:role/r", Policy: "permissions boundary"},
		// without a reason
		user + "iam:PassRole on resource: arn:aws:iam::1:role/r": {},
		"You are not authorized to perform this operation.":      {},
		"You are not authorized to perform this operation. Encoded authorization failure message: " +
			"4GIOHlTkIaWHQD0Q0m6XSnuUMCm-abc": {},
		"because": {},
	} {
		got, readable := parseDenial(message)
		if diff := cmp.Diff(want, got); diff != "" || readable != (want.Action != "") {
			t.Errorf("%s: readable %t, want (-), got (+):\n%s", message, readable, diff)
		}
	}
}
