package action

import "github.com/marqo-ai/ec2-github-runner/machine"

// machulavInputs are the inputs of machulav/ec2-github-runner, in its order and with its defaults.
var machulavInputs = []input{
	{
		name: "mode", modes: inAll, required: true, readme: true,
		description: `What to do: 'start' starts a runner, 'stop' terminates it and removes its registration, 'sweep'
			removes what other runs have left behind, 'check' checks everything that a start with the same
			inputs needs and starts nothing, 'bake' makes images from which runners start faster, 'pool' keeps
			warm machines ready.`,
	},
	{
		name: "github-token", modes: inAll, readme: true,
		description: `Required, unless 'app-client-id' and 'app-private-key' are set: a token that may manage the
			repository's runners: fine-grained or of a GitHub App with 'administration: write', or classic with
			the scope 'repo'. The workflow's own GITHUB_TOKEN cannot have that permission.`,
	},
	{
		name: "availability-zones-config", modes: inLaunch | inPool, machine: true, element: true,
		description: `JSON array of placements that are tried in order until one launches. Each has 'imageId',
			'subnetId', 'securityGroupId' and optionally 'region'; with 'architecture', one without 'imageId' uses
			its region's newest image made by 'bake'. It takes precedence over 'ec2-image-id', 'subnet-id' and
			'security-group-id'. Example:
			'[{"imageId":"ami-1","subnetId":"subnet-1","securityGroupId":"sg-1"},` +
			`{"imageId":"ami-2","subnetId":"subnet-2","securityGroupId":"sg-2","region":"us-west-2"}]'`,
	},
	{
		name: "ec2-image-id", modes: inLaunch | inPool, machine: true, element: true, readme: true,
		description: `The image (AMI) to launch: Amazon Linux 2023, Ubuntu or Debian with cloud-init. Required for
			a start without availability-zones-config or architecture.`,
	},
	{
		name: "ec2-instance-type", modes: inLaunch | inBake | inPool, machine: true, element: true, readme: true,
		description: `The instance type, such as t3.xlarge, or several to try in order (comma-, space- or
			newline-separated). Required for a start without 'architecture'.`,
	},
	{
		name: "subnet-id", modes: inLaunch | inBake | inPool, machine: true, element: true, readme: true,
		description: `The subnet to launch in, or several to try in order. It needs outbound access to GitHub. Required
			for a start without availability-zones-config.`,
	},
	{
		name: "security-group-id", modes: inLaunch | inBake | inPool, machine: true, element: true, readme: true,
		description: `The security group of the instance, or several, in the subnet's VPC. It must allow outbound port
			443 and needs no inbound rule. Required for a start without availability-zones-config.`,
	},
	{
		name: "label", modes: inLaunch | inStop, element: true,
		description: `start: the runner's label, verbatim. Default: five random characters. stop: the label from start,
			which finds the runner of this workflow run even without an instance id.`,
	},
	{
		name: "ec2-instance-id", modes: inLaunch | inStop,
		description: `stop: the instance id from start, or several. start, without an image: machines that you keep,
			with a runner installed on each, to be started instead of new ones.`,
	},
	{
		name: "iam-role-name", modes: inLaunch | inBake | inPool, machine: true, element: true, readme: true,
		description: `Name or ARN of the instance profile for the instance. The credentials need iam:PassRole for its
			role.`,
	},
	{
		name: "aws-resource-tags", fallback: machine.Default("aws-resource-tags"),
		modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `JSON array of tags for the instance and its volumes. Example: '[{"Key": "Name", "Value":
			"ec2-github-runner"}]'`,
	},
	{
		name: "runner-home-dir", modes: inLaunch | inPool, machine: true, element: true,
		description: `The directory of a runner that is installed in the image. Default: the newest runner is downloaded
			to /actions-runner.`,
	},
	{
		name: "pre-runner-script", modes: inLaunch, machine: true, element: true, readme: true,
		description: `Bash that is sourced in the runner's directory before the runner is set up. What it exports is
			available to the jobs.`,
	},
	{
		name: "market-type", modes: inLaunch, machine: true, element: true, readme: true,
		description: `'spot' for a spot instance, 'on-demand' or nothing for an on-demand one, 'spot,on-demand' for spot
			with fallback.`,
	},
	{
		name: "block-device-mappings", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `JSON array of EC2 block device mappings. It replaces the ec2-volume inputs. Example:
			'[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 100, "VolumeType": "gp3"}}]'`,
	},
	{
		name: "startup-quiet-period-seconds", modes: inLaunch,
		description: `How long to wait, once the instance runs, before the first look-up of the runner. Default: none;
			the timeout still counts from 30 seconds after that.`,
	},
	{
		name: "startup-retry-interval-seconds", modes: inLaunch,
		description: `The interval between look-ups of the runner. Default: about a second in the first minute, 5
			seconds later.`,
	},
	{
		name: "startup-timeout-minutes", fallback: "5", modes: inLaunch | inPool,
		description: `How long to wait for the runner before the start fails and the instance is terminated.`,
	},
	{
		name: "run-runner-as-service", fallback: machine.Default("run-runner-as-service"),
		modes: inLaunch, machine: true, element: true,
		description: `'true' installs the runner as a service with its own svc.sh.`,
	},
	{
		name: "run-runner-as-user", modes: inLaunch | inPool, machine: true, element: true,
		description: `The user that the runner runs as. Default: root.`,
	},
	{
		name: "ec2-volume-size", modes: inLaunch | inBake | inPool, machine: true, element: true, readme: true,
		description: `Size of the root volume in GiB.`,
	},
	{
		name: "ec2-device-name", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `The device of the volume that ec2-volume-size and ec2-volume-type set. Default: the image's root
			device, or /dev/sda1 if the image cannot be read.`,
	},
	{
		name: "ec2-volume-type", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `Type of the root volume, such as gp3.`,
	},
	{
		name: "metadata-options", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `JSON object of EC2 metadata options. Example: '{"HttpTokens": "required",
			"HttpPutResponseHopLimit": 2}'`,
	},
	{
		name: "packages", fallback: machine.Default("packages"),
		modes: inLaunch | inPool, machine: true, element: true, readme: true,
		description: `JSON array of packages that are installed before the runner. Example: '["git", "docker.io"]'`,
	},
	{
		name: "use-jit", fallback: "false", modes: inLaunch,
		description: `'true' registers a single-use runner with a just-in-time configuration, which has only the label.
			The machine stays until stop. Not with run-runner-as-service.`,
	},
	{
		name: "runner-group-id", fallback: "1", modes: inLaunch | inPool,
		description: `The runner group, by id or by name; 1 is the default group. Repository runners are always in group
			1. machulav's action reads this input with use-jit only.`,
	},
	{
		name: "runner-debug", fallback: "false", modes: inLaunch | inPool,
		description: `'true' shows the machine's console in the log while waiting, and makes its setup verbose.`,
	},
}
