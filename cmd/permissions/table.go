package main

// This file says which calls each mode makes and what for. A test holds it against ec2.API and ec2.OtherActions: a call that
// the program can make and that does not stand here fails the test, and so does one that stands here and cannot be made.

// Placeholders of the page; flags put others in their place.
const (
	ownerRepo   = "OWNER/REPO"
	accountID   = "ACCOUNT"
	machineRole = "MACHINE-ROLE"
	keptKey     = "KEPT-TAG" // of the user's, on the machines that he keeps
	keptValue   = "KEPT-VALUE"
	kmsKey      = "KMS-KEY-ARN"
)

// Our own tag that says whose an instance is.
const repositoryTag = "ec2-github-runner:repository"

// The features: what a mode can do beside its work. Each may be left out, and says so when it is missing.
const (
	always  = ""
	survey  = "survey"
	console = "console"
	notes   = "notes"
	regions = "regions"
	role    = "role"
	account = "account"
	kept    = "existing"
	warm    = "pool"
	prune   = "prune"
	volumes = "volumes"
	spot    = "spot"
	keys    = "kms"
	lookup  = "ssm"
)

var features = []struct{ name, what, without string }{
	{survey, "images, types, zones and subnets are looked at before the launch", "EC2's refusals say the same later; Windows and macOS images are not told apart, and a bake does not refuse a type whose console cannot be read"},
	{console, "`runner-debug`, the machine's last words when a start fails, a kernel that panics at boot, `keep-failed-minutes`",
		"a failed start cannot say what the machine said, waits for a panicked machine until the timeout, and keeps no machine"},
	{notes, "the runner's id and what a sweep has seen are noted in tags", "stop looks runners up by name, and sweep does not end what is ambiguous"},
	{regions, "stop finds instances of any region; `mode: check` tells regions that are not enabled", "a built-in list of regions is looked through"},
	{role, "`iam-role-name`", "EC2 refuses the launch"},
	{spot, "`market-type: spot` in an account that has never launched a spot instance: EC2 makes the role that it needs", "somebody makes it once: `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`"},
	{keys, "volumes encrypted with a KMS key of yours, by an image or by the account's default. The key's own policy must allow it too", "the machine ends at once, with Client.InternalError"},
	{lookup, "`ec2-image-id: resolve:ssm:/aws/service/…`; for parameters of yours add their ARNs", "EC2 refuses the launch"},
	{kept, "machines that are stopped and started again: `ec2-instance-id` or `existing-instances` in start, `stop-action: stop`", "such a start is refused before anything is changed; a machine is left running, and stop and sweep say so"},
	{warm, "`pool`: start takes a warm machine", "the start is a cold one"},
	{prune, "`keep-images`: before an old image is removed, bake looks whether an instance or a launch template uses it", "no image is removed, and bake says so"},
	{volumes, "sweep deletes volumes of this action's that outlived their machines", "they stay and cost, and sweep says that it cannot see or delete them"},
	{account, "`mode: check` reads the vCPU quota and spot's service-linked role", "these two are reported as not checked"},
}

// modes in the order of the page, and what each does without features.
var modes = []struct{ name, what string }{
	{"start", "starts runners; its post step ends what a killed start left"},
	{"stop", "ends them"},
	{"sweep", "ends what nothing else ended"},
	{"check", "looks at what a start needs, and launches nothing: the rights to launch are asked for by a dry run, so they must be there"},
	{"pool", "launches warm machines and ends those that no longer fit"},
	{"bake", "makes images: it launches builders, reads their consoles, stops them, images them and ends them"},
}

// right is the right to some actions.
type right struct {
	modes     []string
	feature   string
	statement statement
}

var everywhere = []string{"*"}

func arns(kinds ...string) []string {
	list := make([]string, len(kinds))
	for i, kind := range kinds {
		list[i] = "arn:aws:ec2:*:*:" + kind + "/*"
	}
	return list
}

// ours is the condition that an instance is of this repository.
func ours() map[string]map[string]any {
	return map[string]map[string]any{anyCase: {"aws:ResourceTag/" + repositoryTag: ownerRepo}}
}

// anyCase compares names of repositories, whose case GitHub keeps and does not tell apart. Whoever writes the policy may write it
// otherwise than GitHub has it.
const anyCase = "StringEqualsIgnoreCase"

// rights is the table.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
var rights = []right{
	{[]string{"start", "check", "bake", "pool"}, always, statement{Sid: "LaunchFrom", Action: []string{"ec2:RunInstances"},
		Resource: arns("image", "snapshot", "subnet", "security-group", "network-interface", "key-pair", "launch-template", "placement-group", "capacity-reservation", "spot-instances-request")}},
	{[]string{"start", "check", "bake", "pool"}, always, statement{Sid: "LaunchOurs", Action: []string{"ec2:RunInstances"}, Resource: arns("instance", "volume"),
		Condition: map[string]map[string]any{anyCase: {"aws:RequestTag/" + repositoryTag: ownerRepo}}}},
	{[]string{"start", "check", "bake", "pool"}, always, statement{Sid: "TagAtLaunch", Action: []string{"ec2:CreateTags"}, Resource: arns("instance", "volume"),
		Condition: map[string]map[string]any{"StringEquals": {"ec2:CreateAction": "RunInstances"}}}},
	{[]string{"start", "stop", "sweep", "check", "bake", "pool"}, always, statement{Sid: "EndOurs", Action: []string{"ec2:TerminateInstances"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{"start", "stop", "sweep", "check", "bake", "pool"}, always, statement{Sid: "See", Action: []string{"ec2:DescribeInstances"}, Resource: everywhere}},
	{[]string{"start", "check", "pool"}, survey, statement{Sid: "Survey", Resource: everywhere,
		Action: []string{"ec2:DescribeImages", "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes", "ec2:DescribeSubnets"}}},
	{[]string{"bake"}, survey, statement{Sid: "SurveyTypes", Action: []string{"ec2:DescribeInstanceTypes"}, Resource: everywhere}},
	{[]string{"check"}, survey, statement{Sid: "SurveyNetwork", Action: []string{"ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups"}, Resource: everywhere}},
	{[]string{"start", "check", "pool"}, console, statement{Sid: "ReadConsole", Action: []string{"ec2:GetConsoleOutput"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{"start", "sweep", "check"}, notes, statement{Sid: "Notes", Action: []string{"ec2:CreateTags"}, Resource: arns("instance"),
		Condition: map[string]map[string]any{
			anyCase:                   {"aws:ResourceTag/" + repositoryTag: ownerRepo},
			"ForAllValues:StringLike": {"aws:TagKeys": []string{"ec2-github-runner:*"}},
		}}},
	{[]string{"stop", "sweep", "check"}, regions, statement{Sid: "Regions", Action: []string{"ec2:DescribeRegions"}, Resource: everywhere}},
	{[]string{"start", "check", "bake", "pool"}, role, statement{Sid: "PassRole", Action: []string{"iam:PassRole"}, Resource: []string{"arn:aws:iam::" + accountID + ":role/" + machineRole},
		Condition: map[string]map[string]any{"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}},
	{[]string{"start", "check"}, kept, statement{Sid: "TakeKept", Action: []string{"ec2:CreateTags"}, Resource: arns("instance"),
		Condition: map[string]map[string]any{
			"StringEquals":            {"aws:ResourceTag/" + keptKey: keptValue},
			"ForAllValues:StringLike": {"aws:TagKeys": []string{"ec2-github-runner:*"}},
		}}},
	{[]string{"start", "check"}, kept, statement{Sid: "StartTaken", Action: []string{"ec2:StartInstances"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{"start", "stop", "sweep", "check"}, kept, statement{Sid: "StopTaken", Action: []string{"ec2:StopInstances"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{"start"}, warm, statement{Sid: "ClaimWarm", Action: []string{"ec2:CreateTags", "ec2:ModifyInstanceAttribute", "ec2:StartInstances"}, Resource: arns("instance"),
		Condition: map[string]map[string]any{anyCase: {"aws:ResourceTag/" + repositoryTag: ownerRepo}, "StringLike": {"aws:ResourceTag/ec2-github-runner:pool": "?*"}}}},
	{[]string{"bake"}, always, statement{Sid: "HearAndStopBuilders", Action: []string{"ec2:GetConsoleOutput", "ec2:StopInstances"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{"bake"}, always, statement{Sid: "ImageOurs", Action: []string{"ec2:CreateImage"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{"bake"}, always, statement{Sid: "MakeImages", Action: []string{"ec2:CreateImage"}, Resource: arns("image", "snapshot"),
		Condition: map[string]map[string]any{anyCase: {"aws:RequestTag/" + repositoryTag: ownerRepo}}}},
	{[]string{"bake"}, always, statement{Sid: "TagImages", Action: []string{"ec2:CreateTags"}, Resource: arns("image", "snapshot"),
		Condition: map[string]map[string]any{"StringEquals": {"ec2:CreateAction": "CreateImage"}}}},
	{[]string{"bake"}, always, statement{Sid: "RemoveImages", Action: []string{"ec2:DeregisterImage", "ec2:DeleteSnapshot"}, Resource: arns("image", "snapshot"), Condition: ours()}},
	{[]string{"bake"}, always, statement{Sid: "SeeImages", Action: []string{"ec2:DescribeImages", "ec2:DescribeSnapshots"}, Resource: everywhere}},
	{[]string{"bake"}, prune, statement{Sid: "SeeUses", Action: []string{"ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions"}, Resource: everywhere}},
	{[]string{"sweep"}, volumes, statement{Sid: "SeeVolumes", Action: []string{"ec2:DescribeVolumes"}, Resource: everywhere}},
	{[]string{"sweep"}, volumes, statement{Sid: "MarkVolumes", Action: []string{"ec2:CreateTags"}, Resource: arns("volume"),
		Condition: map[string]map[string]any{
			anyCase:                   {"aws:ResourceTag/" + repositoryTag: ownerRepo},
			"ForAllValues:StringLike": {"aws:TagKeys": []string{"ec2-github-runner:*"}},
		}}},
	{[]string{"sweep"}, volumes, statement{Sid: "DeleteVolumes", Action: []string{"ec2:DeleteVolume"}, Resource: arns("volume"), Condition: ours()}},
	{[]string{"start", "pool"}, spot, statement{Sid: "MakeSpotRole", Action: []string{"iam:CreateServiceLinkedRole"},
		Resource:  []string{"arn:aws:iam::" + accountID + ":role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"},
		Condition: map[string]map[string]any{"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}}},
	// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
	{[]string{"start", "bake", "pool"}, keys, statement{Sid: "UseKey", Resource: []string{kmsKey},
		Action:    []string{"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"},
		Condition: map[string]map[string]any{"StringLike": {"kms:ViaService": "ec2.*"}}}},
	{[]string{"start", "bake", "pool"}, keys, statement{Sid: "GrantKey", Action: []string{"kms:CreateGrant"}, Resource: []string{kmsKey},
		Condition: map[string]map[string]any{"Bool": {"kms:GrantIsForAWSResource": "true"}}}},
	{[]string{"start", "check", "pool"}, lookup, statement{Sid: "ReadImageParameters", Action: []string{"ssm:GetParameters"},
		Resource: []string{"arn:aws:ssm:*::parameter/aws/service/*"}}},
	{[]string{"check"}, account, statement{Sid: "SpotRole", Action: []string{"iam:GetRole"},
		Resource: []string{"arn:aws:iam::" + accountID + ":role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"}}},
	{[]string{"check"}, account, statement{Sid: "Quotas", Action: []string{"servicequotas:GetServiceQuota"}, Resource: everywhere}},
}
