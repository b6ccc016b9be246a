package action

// ownInputs are the inputs that machulav/ec2-github-runner does not have.
var ownInputs = []input{
	{
		name: "region", modes: inAll, element: true,
		description: `The AWS region, instead of AWS_REGION. stop looks through the account's regions when it is not given
			and the home region does not know the instance. sweep takes a list (comma-, space- or
			newline-separated).`,
	},
	{
		name: "runners", modes: inLaunch | inStop,
		description: `start: a YAML or JSON list of unlike runners; each has a 'name' and any of the launch inputs, and
			what it leaves out falls to the step's own inputs. Each gets a label of its own. stop: the output
			'runners' of the start, whole. Example: '[{name: amd64, ec2-image-id: ami-1, ec2-instance-type:
			t3.xlarge}, {name: arm64, ec2-image-id: ami-2, ec2-instance-type: t4g.xlarge}]'`,
	},
	{
		name: "count", modes: inLaunch, element: true,
		description: `How many like runners to start. They share the label, for a matrix. Without it 1, and with several
			existing machines in ec2-instance-id all.`,
	},
	{
		name: "min-count", modes: inLaunch,
		description: `How many of all runners must come online for the start to succeed; the rest is removed. Without it
			all.`,
	},
	{
		name: "architecture", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `'amd64', 'arm64' or 'cuda', for bake also a list. start: without ec2-image-id the newest image of
			that architecture that this action has made, without ec2-instance-type t3.xlarge; a1.xlarge, else
			t4g.xlarge; or g4dn.xlarge, and a root volume of 50 GiB.`,
	},
	{
		name: "spot-max-price", modes: inLaunch, machine: true, element: true,
		description: `The most to pay for an hour of a spot instance, in USD. Without it the on-demand price.`,
	},
	{
		name: "capacity-timeout-minutes", fallback: "0", modes: inLaunch,
		description: `How long to go round again when no offering has capacity.`,
	},
	{
		name: "launch-parameters", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `YAML or JSON of any RunInstances parameter by its API name, laid over what this action sets.
			Example: '{KeyName: my-key, CreditSpecification: {CpuCredits: standard}}'`,
	},
	{
		name: "runner-scope", modes: inAll,
		description: `Where the runners register: 'owner/repo', an organization's name, or 'enterprises/NAME'. Without it
			the workflow's repository.`,
	},
	{
		name: "runner-labels", modes: inLaunch, machine: true,
		description: `Further labels for the runners (comma- or newline-separated).`,
	},
	{
		name: "ca-certificates", modes: inAll,
		description: `Certificates (PEM) of a private CA that the action and the machine are to trust, for a GitHub
			Enterprise Server.`,
	},
	{
		name: "runner-version", fallback: "latest", modes: inLaunch | inBake | inPool, machine: true,
		description: `The version of the runner software to download: 'latest', or one such as 2.330.0.`,
	},
	{
		name: "ephemeral", fallback: "false", modes: inLaunch,
		description: `'true' starts a single-use runner whose machine ends with its job, so that no stop job is needed.
			Not with run-runner-as-service.`,
	},
	{
		name: "default-labels", fallback: "false", modes: inLaunch,
		description: `'true' gives single-use runners ('ephemeral', 'pool') the labels self-hosted, Linux and X64 or ARM64
			too. They then take any job of runs-on: self-hosted, and the job they were started for waits.`,
	},
	{
		name: "idle-timeout-minutes", modes: inLaunch, machine: true,
		description: `The machine ends itself when no job ran for so long; 0 for never. Without it 60 for an ephemeral
			runner and never for others.`,
	},
	{
		name: "max-lifetime-minutes", modes: inLaunch, machine: true,
		description: `The machine ends itself after so long; 0 for never. If it is set, a job that still runs is ended
			too; without it the machine ends after five days, as soon as no job runs.`,
	},
	{
		name: "own-tags", fallback: "true", modes: inLaunch | inPool,
		description: `'false' launches without this action's own tags, for credentials that may not create tags.`,
	},
	{
		name: "all-of-run", fallback: "false", modes: inStop,
		description: `stop: 'true' stops all runners of this workflow run, without label and instance id.`,
	},
	{
		name: "dry-run", fallback: "false", modes: inSweep | inCheck,
		description: `sweep: 'true' looks and tells what would be removed, and changes nothing.`,
	},
	{
		name: "grace-minutes", fallback: "10", modes: inSweep,
		description: `sweep: how old an instance must be before it is judged, and how long after a first look at what is
			ambiguous the second one counts.`,
	},
	{
		name: "annotations", fallback: "true", modes: inCheck,
		description: `check: 'true' tells what is wrong by annotations, 'false' in the log and the summary alone.`,
	},
	{
		name: "keep-failed-minutes", fallback: "0", modes: inLaunch,
		description: `How long a machine whose start failed stays for inspection, if its boot script runs and so ends it
			afterwards; 0 ends it at once.`,
	},
	{
		name: "base-image-id", modes: inBake,
		description: `bake: the image (AMI) to build on, or several, of which each architecture takes the first that fits:
			Ubuntu, Debian or Amazon Linux 2023, and Ubuntu for cuda. Without it Canonical's newest Ubuntu LTS.`,
	},
	{
		name: "setup-script", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `What the jobs need and what can be set up before there is a job, as bash that root runs, or the path
			of such a script in the workspace. bake: while the image is built. pool: while a machine warms up.
			start: once for a machine, after the packages and before the pre-runner-script; a warm machine that
			was launched with the same script has it behind it.`,
	},
	{
		name: "image-name", modes: inBake,
		description: `bake: the name of the image; with several architectures each name ends with its own. Images whose
			names differ in numbers alone follow one another: name it like 'tests-20261125'. Without it
			github-runner, the architecture and the time.`,
	},
	{
		name: "keep-images", fallback: "3", modes: inBake,
		description: `bake: how many images that follow one another stay, with the new one; older ones are removed with
			their snapshots, unless an instance or a launch template uses them. 0 removes none.`,
	},
	{
		name: "bake-timeout-minutes", fallback: "50", modes: inBake,
		description: `bake: how long a bake may take before it is given up and its builder is terminated.`,
	},
	{
		name: "force", fallback: "false", modes: inBake,
		description: `bake: 'true' bakes although recipe, base and runner are those of the newest image.`,
	},
	{
		name: "existing-instances", modes: inLaunch,
		description: `start, instead of an image: tags of machines that you keep, with a runner installed on each (comma-
			or newline-separated). A machine must have all of them. Such a machine is started, and stopped at
			the end. Example: Role=gpu-runner`,
	},
	{
		name: "existing-runner-name", modes: inLaunch,
		description: `start: the name of the existing machine's registered runner, or of several, one for each in
			ec2-instance-id. Without it the one that comes online with the label.`,
	},
	{
		name: "stop-action", modes: inStop,
		description: `stop: 'terminate' ends a machine for good, 'stop' stops it and keeps its disk and its registration.
			Without it existing machines are stopped and all others terminated.`,
	},
	{
		name: "pool", modes: inLaunch | inPool,
		description: `pool: the name of the pool. start: the pool whose warm machines are taken first; they must have been
			launched with the same launch inputs. Its runners are single-use, as with 'ephemeral', also those
			that are started cold because no warm machine stands ready.`,
	},
	{
		name: "pool-size", modes: inPool,
		description: `pool: how many warm machines there are to be; 0 ends them all.`,
	},
	{
		name: "pool-max-age-hours", fallback: "168", modes: inPool,
		description: `pool: how old a warm machine may become before it is replaced. When it is that old a sweep ends it.`,
	},
}
