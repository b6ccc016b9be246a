package main

import "github.com/marqo-ai/ec2-github-runner/runner/tags/key"

// This file lists which calls each mode makes, and what for. Tests compare it with ec2.API and ec2.OptionalReads: they
// fail if the program can make a call that is not listed, or cannot make one that is.

// The placeholders in the page's policies. The command's flags set their values.
const (
	ownerRepo   = "OWNER/REPO"
	accountID   = "ACCOUNT"
	machineRole = "MACHINE-ROLE"
	keptKey     = "KEPT-TAG" // a tag of the user's machines
	keptValue   = "KEPT-VALUE"
	kmsKey      = "KMS-KEY-ARN"
	scopeName   = "SCOPE" // of scale sets: the part of their file's url after GitHub's address
)

// modeServe is ec2-github-runner-serve, the program of scale sets.
const modeServe = "serve"

// The features. Each is optional, and the program reports what it cannot do without it.
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
	served  = "scale-sets"
	prune   = "prune"
	copies  = "copies"
	volumes = "volumes"
	reruns  = "reruns"
	spot    = "spot"
	scores  = "scores"
	keys    = "kms"
	lookup  = "ssm"
)

var features = []struct{ name, what, without string }{
	{survey, "read images, types, zones and subnets before a launch",
		"EC2 refuses a wrong combination later; Windows and macOS images are not recognized; a bake does not refuse " +
			"a type whose console cannot be read"},
	{console, "read a machine's console: `runner-debug`, the cause of a failed start, a kernel that panics at boot, " +
		"`keep-failed-minutes`, and in stop and sweep the reports of `job-report` and why a machine terminated itself",
		"a failed start does not show the machine's messages, waits for a panicked machine until the timeout, and " +
			"keeps no machine; stop and sweep show no reports"},
	{notes, "write the runner's id, a sweep's findings and the time of `keep-minutes` into the machine's tags",
		"stop looks runners up by name and keeps no machine, and sweep does not terminate ambiguous machines"},
	{regions, "find instances in every region; `mode: check` reports regions that are not enabled",
		"a built-in list of regions is searched"},
	{role, "`iam-role-name`", "EC2 refuses the launch"},
	{spot, "create EC2's service-linked role for spot, in an account that has never launched a spot instance",
		"an administrator creates it once: `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`"},
	{scores, "`order: spot-score`: try the zones with the best spot placement scores first",
		"the given order is kept, and the start reports it"},
	{keys, "volumes encrypted with a customer managed KMS key, by the image or by the account's default. The key's " +
		"policy must allow it too",
		"the machine terminates at once, with Client.InternalError"},
	{lookup, "`ec2-image-id: resolve:ssm:/aws/service/…`; for your own parameters add their ARNs",
		"EC2 refuses the launch"},
	{kept, "stop and start machines that you keep: `ec2-instance-id` or `existing-instances` in start, " +
		"`stop-action: stop`",
		"such a start is refused before anything is changed; stop and sweep leave the machine running and report it"},
	{warm, "`pool` in start, `warm` of a scale set: take a warm machine", "the machine is a cold one"},
	{served, "`runner-scope` in sweep: terminate machines of an organization's or enterprise's scale sets whose time " +
		"is over and whose server is gone", "they stay, and sweep reports that it cannot terminate them"},
	{prune, "`keep-images`: check whether an instance or a launch template uses an old image, before bake removes it",
		"no image is removed, and bake reports it"},
	{copies, "`regions`: copy images to other regions",
		"the copies fail, and the image in the bake's own region is made"},
	{volumes, "delete volumes of this action that outlived their machines",
		"they stay and cost, and sweep reports that it cannot see or delete them"},
	{reruns, "`rerun-interrupted`: tag the requests of spot machines, and find those that EC2 took",
		"sweep runs only jobs again whose machine EC2 took within the last hour and still shows with its tags"},
	{account, "`mode: check` reads the vCPU quota and the service-linked role for spot",
		"these two are reported as not checked"},
}

// modes are the modes in the order of the page, and what each does without features.
var modes = []struct{ name, what string }{
	{"start", "Launches runners. Its post step terminates what a killed start has left"},
	{"stop", "Terminates the instances that a start has launched"},
	{"sweep", "Terminates instances that no stop has terminated"},
	{"check", "Checks what a start needs, and launches nothing. It asks for the permission to launch by a dry run, " +
		"so it must have that permission"},
	{"pool", "Launches warm machines, and terminates those that no longer fit"},
	{"bake", "Makes images: launches builders, reads their consoles, stops them, creates images of them, " +
		"and terminates them"},
	{modeServe, "Launches machines for [scale sets](scale-sets.md), and terminates those that nothing will use. It " +
		"is a program of its own, with a role of its own"},
}

// right is the permission for some actions.
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

// ours is the condition that an instance belongs to this repository.
func ours() map[string]map[string]any {
	return map[string]map[string]any{anyCase: {"aws:ResourceTag/" + key.Repository: ownerRepo}}
}

// ofScaleSets is the condition that an instance belongs to the scale sets of this scope.
func ofScaleSets() map[string]map[string]any {
	return map[string]map[string]any{
		anyCase:        {"aws:ResourceTag/" + key.Scope: scopeName},
		"StringEquals": {"aws:ResourceTag/" + key.Mode: modeServe},
	}
}

// anyCase compares names of repositories without case: GitHub does not distinguish it, and the author of a policy may
// write it differently.
const anyCase = "StringEqualsIgnoreCase"

// rights is the table of permissions.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
var rights = []right{
	{[]string{"start", "check", "bake", "pool", modeServe}, always, statement{Sid: "LaunchWithResources",
		Action: []string{"ec2:RunInstances"},
		Resource: arns("image", "snapshot", "subnet", "security-group", "network-interface", "key-pair",
			"launch-template", "placement-group", "capacity-reservation", "spot-instances-request")}},
	{[]string{"start", "check", "bake", "pool"}, always, statement{Sid: "LaunchTagged",
		Action: []string{"ec2:RunInstances"}, Resource: arns("instance", "volume"),
		Condition: map[string]map[string]any{anyCase: {"aws:RequestTag/" + key.Repository: ownerRepo}}}},
	{[]string{modeServe}, always, statement{Sid: "LaunchForScaleSets",
		Action: []string{"ec2:RunInstances"}, Resource: arns("instance", "volume"),
		Condition: map[string]map[string]any{anyCase: {"aws:RequestTag/" + key.Scope: scopeName},
			"StringEquals": {"aws:RequestTag/" + key.Mode: modeServe}}}},
	{[]string{"start", "check", "bake", "pool", modeServe}, always, statement{Sid: "TagAtLaunch",
		Action:    []string{"ec2:CreateTags"},
		Resource:  arns("instance", "volume"),
		Condition: map[string]map[string]any{"StringEquals": {"ec2:CreateAction": "RunInstances"}}}},
	{[]string{"start", "stop", "sweep", "check", "bake", "pool"}, always, statement{Sid: "TerminateOwn",
		Action: []string{"ec2:TerminateInstances"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{modeServe}, always, statement{Sid: "TerminateOfScaleSets",
		Action: []string{"ec2:TerminateInstances"}, Resource: arns("instance"), Condition: ofScaleSets()}},
	{[]string{"start", "stop", "sweep", "check", "bake", "pool", modeServe}, always, statement{Sid: "DescribeInstances",
		Action: []string{"ec2:DescribeInstances"}, Resource: everywhere}},
	{[]string{"start", "check", "pool", modeServe}, survey, statement{Sid: "DescribeLaunchResources",
		Resource: everywhere,
		Action: []string{"ec2:DescribeImages", "ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes",
			"ec2:DescribeSubnets"}}},
	{[]string{"bake"}, survey, statement{Sid: "DescribeTypes", Action: []string{"ec2:DescribeInstanceTypes"},
		Resource: everywhere}},
	{[]string{"check"}, survey, statement{Sid: "DescribeNetwork", Action: []string{"ec2:DescribeRouteTables",
		"ec2:DescribeSecurityGroups"}, Resource: everywhere}},
	{[]string{"start", "stop", "sweep", "check", "pool"}, console,
		statement{Sid: "ReadConsole", Action: []string{"ec2:GetConsoleOutput"},
			Resource: arns("instance"), Condition: ours()}},
	{[]string{"start", "stop", "sweep", "check"}, notes, statement{Sid: "TagOwn", Action: []string{"ec2:CreateTags"},
		Resource: arns("instance"),
		Condition: map[string]map[string]any{
			anyCase:                   {"aws:ResourceTag/" + key.Repository: ownerRepo},
			"ForAllValues:StringLike": {"aws:TagKeys": []string{key.Prefix + "*"}},
		}}},
	{[]string{"stop", "sweep", "check"}, regions, statement{Sid: "DescribeRegions",
		Action: []string{"ec2:DescribeRegions"}, Resource: everywhere}},
	{[]string{"start", "check", "bake", "pool", modeServe}, role, statement{Sid: "PassRole",
		Action:    []string{"iam:PassRole"},
		Resource:  []string{"arn:aws:iam::" + accountID + ":role/" + machineRole},
		Condition: map[string]map[string]any{"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}},
	{[]string{"start", "check"}, kept, statement{Sid: "TagExisting", Action: []string{"ec2:CreateTags"},
		Resource: arns("instance"),
		Condition: map[string]map[string]any{
			"StringEquals":            {"aws:ResourceTag/" + keptKey: keptValue},
			"ForAllValues:StringLike": {"aws:TagKeys": []string{key.Prefix + "*"}},
		}}},
	{[]string{"start", "check"}, kept, statement{Sid: "StartExisting", Action: []string{"ec2:StartInstances"},
		Resource: arns("instance"), Condition: ours()}},
	{[]string{"start", "stop", "sweep", "check"}, kept, statement{Sid: "StopExisting",
		Action: []string{"ec2:StopInstances"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{"start"}, warm, statement{Sid: "StartPoolMachines", Action: []string{"ec2:CreateTags",
		"ec2:ModifyInstanceAttribute", "ec2:StartInstances"}, Resource: arns("instance"),
		Condition: map[string]map[string]any{anyCase: {"aws:ResourceTag/" + key.Repository: ownerRepo},
			"StringLike": {"aws:ResourceTag/ec2-github-runner:pool": "?*"}}}},
	{[]string{modeServe}, warm, statement{Sid: "StartWarmOfScaleSets", Action: []string{"ec2:CreateTags",
		"ec2:ModifyInstanceAttribute", "ec2:StartInstances"}, Resource: arns("instance"), Condition: ofScaleSets()}},
	{[]string{"sweep"}, served, statement{Sid: "SweepScaleSets", Action: []string{"ec2:TerminateInstances"},
		Resource: arns("instance"), Condition: ofScaleSets()}},
	{[]string{"bake"}, always, statement{Sid: "ReadAndStopBuilders", Action: []string{"ec2:GetConsoleOutput",
		"ec2:StopInstances"}, Resource: arns("instance"), Condition: ours()}},
	{[]string{"bake"}, always, statement{Sid: "ImageOwn", Action: []string{"ec2:CreateImage"},
		Resource:  arns("instance"),
		Condition: ours()}},
	{[]string{"bake"}, always, statement{Sid: "CreateImages", Action: []string{"ec2:CreateImage"},
		Resource:  arns("image", "snapshot"),
		Condition: map[string]map[string]any{anyCase: {"aws:RequestTag/" + key.Repository: ownerRepo}}}},
	{[]string{"bake"}, always, statement{Sid: "TagImages", Action: []string{"ec2:CreateTags"},
		Resource:  arns("image", "snapshot"),
		Condition: map[string]map[string]any{"StringEquals": {"ec2:CreateAction": "CreateImage"}}}},
	{[]string{"bake"}, copies, statement{Sid: "CopyFromOwnAccount", Action: []string{"ec2:CopyImage"},
		Resource: arns("image"), Condition: map[string]map[string]any{"StringEquals": {"ec2:Owner": accountID}}}},
	{[]string{"bake"}, copies, statement{Sid: "CopyImages", Action: []string{"ec2:CopyImage"},
		Resource:  arns("image", "snapshot"),
		Condition: map[string]map[string]any{anyCase: {"aws:RequestTag/" + key.Repository: ownerRepo}}}},
	{[]string{"bake"}, copies, statement{Sid: "TagCopies", Action: []string{"ec2:CreateTags"},
		Resource:  arns("image", "snapshot"),
		Condition: map[string]map[string]any{"StringEquals": {"ec2:CreateAction": "CopyImage"}}}},
	{[]string{"bake"}, always, statement{Sid: "DeleteOwnImages", Action: []string{"ec2:DeregisterImage",
		"ec2:DeleteSnapshot"}, Resource: arns("image", "snapshot"), Condition: ours()}},
	{[]string{"bake"}, always, statement{Sid: "DescribeImages", Action: []string{"ec2:DescribeImages",
		"ec2:DescribeSnapshots"}, Resource: everywhere}},
	{[]string{"bake"}, prune, statement{Sid: "DescribeTemplates", Action: []string{"ec2:DescribeLaunchTemplates",
		"ec2:DescribeLaunchTemplateVersions"}, Resource: everywhere}},
	{[]string{"sweep"}, volumes, statement{Sid: "DescribeVolumes", Action: []string{"ec2:DescribeVolumes"},
		Resource: everywhere}},
	{[]string{"sweep"}, volumes, statement{Sid: "TagOwnVolumes", Action: []string{"ec2:CreateTags"},
		Resource: arns("volume"),
		Condition: map[string]map[string]any{
			anyCase:                   {"aws:ResourceTag/" + key.Repository: ownerRepo},
			"ForAllValues:StringLike": {"aws:TagKeys": []string{key.Prefix + "*"}},
		}}},
	{[]string{"sweep"}, volumes, statement{Sid: "DeleteOwnVolumes", Action: []string{"ec2:DeleteVolume"},
		Resource: arns("volume"), Condition: ours()}},
	{[]string{"start"}, reruns, statement{Sid: "TagSpotRequests", Action: []string{"ec2:CreateTags"},
		Resource: arns("spot-instances-request"),
		Condition: map[string]map[string]any{
			"ForAllValues:StringLike": {"aws:TagKeys": []string{key.Prefix + "*"}},
		}}},
	{[]string{"sweep"}, reruns, statement{Sid: "DescribeSpotRequests",
		Action: []string{"ec2:DescribeSpotInstanceRequests"}, Resource: everywhere}},
	{[]string{"start", "pool", modeServe}, spot, statement{Sid: "CreateSpotRole",
		Action: []string{"iam:CreateServiceLinkedRole"},
		Resource: []string{"arn:aws:iam::" + accountID +
			":role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"},
		Condition: map[string]map[string]any{"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}}},
	{[]string{"start", "check"}, scores, statement{Sid: "GetSpotScores", Action: []string{"ec2:GetSpotPlacementScores"},
		Resource: everywhere}},
	// https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html
	{[]string{"start", "bake", "pool", modeServe}, keys, statement{Sid: "UseKey", Resource: []string{kmsKey},
		Action: []string{"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom",
			"kms:ReEncryptTo"},
		Condition: map[string]map[string]any{"StringLike": {"kms:ViaService": "ec2.*"}}}},
	{[]string{"start", "bake", "pool", modeServe}, keys, statement{Sid: "GrantKey", Action: []string{"kms:CreateGrant"},
		Resource:  []string{kmsKey},
		Condition: map[string]map[string]any{"Bool": {"kms:GrantIsForAWSResource": "true"}}}},
	{[]string{"start", "check", "pool", modeServe}, lookup, statement{Sid: "ReadImageParameters",
		Action:   []string{"ssm:GetParameters"},
		Resource: []string{"arn:aws:ssm:*::parameter/aws/service/*"}}},
	{[]string{"check"}, account, statement{Sid: "ReadSpotRole", Action: []string{"iam:GetRole"},
		Resource: []string{"arn:aws:iam::" + accountID +
			":role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"}}},
	{[]string{"check"}, account, statement{Sid: "ReadQuotas", Action: []string{"servicequotas:GetServiceQuota"},
		Resource: everywhere}},
}
