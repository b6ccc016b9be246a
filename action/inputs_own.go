package action

import (
	"strconv"
	"time"

	"github.com/marqo-ai/ec2-github-runner/machine"
)

// How long machines live by default. Five days is GitHub's limit for a job.
// https://docs.github.com/en/actions/reference/limits
const (
	defaultMaxLifetime   = 5 * 24 * time.Hour
	defaultEphemeralIdle = time.Hour
)

// The defaults above, for the descriptions.
var (
	days        = strconv.Itoa(int(defaultMaxLifetime.Hours() / 24))
	idleMinutes = strconv.Itoa(int(defaultEphemeralIdle.Minutes()))
)

// ownInputs are the inputs that machulav/ec2-github-runner does not have.
var ownInputs = []input{
	{
		name: "region", modes: inAll, element: true,
		description: `The AWS region. Default: AWS_REGION. If it is not set, stop also searches the account's other
			regions. sweep takes a list (comma-, space- or newline-separated).`,
	},
	{
		name: "runners", modes: inLaunch | inStop, readme: true,
		description: `start: a YAML or JSON list of different runners. Each has a 'name' and any of the launch inputs;
			what it does not set is taken from the step's inputs. Each gets its own label. stop: the whole
			output 'runners' of the start. Example: '[{name: amd64, ec2-image-id: ami-1, ec2-instance-type:
			t3.xlarge}, {name: arm64, ec2-image-id: ami-2, ec2-instance-type: t4g.xlarge}]'`,
	},
	{
		name: "count", modes: inLaunch, element: true, readme: true,
		description: `How many identical runners to start. They share the label, for a matrix. Default: 1, or all
			machines if ec2-instance-id names several.`,
	},
	{
		name: "min-count", modes: inLaunch,
		description: `How many of all runners must come online for the start to succeed; the others are removed.
			Default: all.`,
	},
	{
		name: "architecture", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `'amd64', 'arm64' or 'cuda'; for bake also a list. start: without ec2-image-id, the newest image of
			that architecture made by 'bake'; without ec2-instance-type, ` + machine.UsualTypes() + `; and a root
			volume of ` + strconv.Itoa(machine.UsualGiB) + ` GiB.`,
	},
	{
		name: "spot-max-price", modes: inLaunch, machine: true, element: true,
		description: `The maximum price of a spot instance, in USD an hour. Default: the on-demand price.`,
	},
	{
		name: "capacity-timeout-minutes", fallback: "0", modes: inLaunch,
		description: `How long to repeat the attempts if EC2 has no capacity for any type, subnet and market.`,
	},
	{
		name: "order", fallback: "given", modes: inLaunch,
		description: `The order in which subnets are tried for spot: 'given', or 'spot-score', which for each instance
			type tries the zones with the best EC2 spot placement scores first. It needs
			ec2:GetSpotPlacementScores, and at least three types: with fewer all scores are low. Without
			scores the given order is kept.`,
	},
	{
		name: "launch-parameters", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `YAML or JSON of any RunInstances parameters by their API names. They override what this action
			sets. Example: '{KeyName: my-key, CreditSpecification: {CpuCredits: standard}}'`,
	},
	{
		name: "runner-scope", modes: inAll,
		description: `Where the runners register: 'owner/repo', an organization's name, or 'enterprises/NAME'. Default:
			the workflow's repository.`,
	},
	{
		name: "runner-labels", modes: inLaunch, machine: true,
		description: `Additional labels for the runners (comma- or newline-separated).`,
	},
	{
		name: "ca-certificates", modes: inAll,
		description: `Certificates (PEM) of a private CA that the action and the machine trust, for a GitHub Enterprise
			Server or a proxy that inspects TLS.`,
	},
	{
		name: "runner-version", fallback: machine.Default("runner-version"),
		modes: inLaunch | inBake | inPool, machine: true,
		description: `The version of the runner software to download: 'latest', or one such as 2.330.0.`,
	},
	{
		name: "ephemeral", fallback: "false", modes: inLaunch, readme: true,
		description: `'true' starts a single-use runner whose machine terminates after its job, so that no stop job is
			needed. Not with run-runner-as-service.`,
	},
	{
		name: "default-labels", fallback: "false", modes: inLaunch,
		description: `'true' also gives single-use runners ('ephemeral', 'pool') the labels self-hosted, Linux and X64
			or ARM64. They then take any job with runs-on: self-hosted, and the job that they were started for
			waits.`,
	},
	{
		name: "job-report", fallback: machine.Default("job-report"),
		modes: inLaunch, machine: true, element: true,
		description: `'true' reports on each job in its log and summary: what the machine had and what the job used of
			processors, memory and disk, with a warning where a limit was met. stop and sweep show it too, where
			they may read the console.`,
	},
	{
		name: "idle-timeout-minutes", modes: inLaunch, machine: true,
		description: `The machine terminates itself after this time without a job; 0 for never.
			Default: ` + idleMinutes + ` for an ephemeral runner, never for others.`,
	},
	{
		name: "max-lifetime-minutes", modes: inLaunch, machine: true,
		description: `The machine terminates itself after this time, even during a job; 0 for never. Default:
			after ` + days + ` days, as soon as no job runs.`,
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
		description: `sweep: 'true' reports what would be removed, and changes nothing.`,
	},
	{
		name: "grace-minutes", fallback: "10", modes: inSweep,
		description: `sweep: the minimum age of an instance that a sweep may remove, and the minimum time between two
			sweeps that both find an ambiguous instance before it is removed.`,
	},
	{
		name: "rerun-interrupted", fallback: "0", modes: inSweep,
		description: `sweep: how many further attempts a workflow run may have because EC2 took a spot machine with its
			job: the job that started the machine runs again, or the whole run. It needs actions: write; 0
			re-runs nothing.`,
	},
	{
		name: "annotations", fallback: "true", modes: inCheck,
		description: `check: 'true' reports problems as annotations, 'false' in the log and the summary only.`,
	},
	{
		name: "keep-failed-minutes", fallback: "0", modes: inLaunch,
		description: `How long to keep a machine whose start failed, for inspection, if its boot script runs and can
			terminate it afterwards; 0 terminates it at once.`,
	},
	{
		name: "keep-minutes", fallback: "0", modes: inStop,
		description: `stop: for how many minutes, at most 60, to leave the machine for somebody to look at after a job
			has failed: its runner is removed, and the machine terminates itself. A machine on which a job still runs is
			left as it is; existing machines are stopped all the same.`,
	},
	{
		name: "keep-after-job-minutes", fallback: "0", modes: inLaunch,
		description: `How many minutes, at most 60, the machine of a single-use runner (ephemeral, pool, use-jit) stays
			after its job, so that a stop with 'keep-minutes' finds it; a sweep leaves it alone until then. 0
			terminates it at once, with use-jit alone at the stop.`,
	},
	{
		name: "base-image-id", modes: inBake,
		description: `bake: the image (AMI) to build on, or several, of which each architecture uses the first that
			fits: Ubuntu, Debian or Amazon Linux 2023; for cuda, Ubuntu. Default: Canonical's newest Ubuntu
			LTS.`,
	},
	{
		name: "setup-script", modes: inLaunch | inBake | inPool, machine: true, element: true,
		description: `Bash that root runs, or the path of such a script in the workspace, to install what jobs need.
			bake: while the image is built. pool: while a machine warms up. start: once for each machine,
			after the packages and before the pre-runner-script; a warm machine that was launched with the
			same script has already run it.`,
	},
	{
		name: "image-name", modes: inBake,
		description: `bake: the name of the image. With several architectures, each name ends with the architecture.
			Images whose names differ only in numbers succeed one another: for example 'tests-20261125'.
			Default: github-runner, the architecture and the time.`,
	},
	{
		name: "keep-images", fallback: "3", modes: inBake,
		description: `bake: how many successive images to keep, including the new one. Older ones are removed with their
			snapshots, unless an instance or a launch template uses them. 0 removes none.`,
	},
	{
		name: "bake-timeout-minutes", fallback: "50", modes: inBake,
		description: `bake: how long a bake may take before it fails and its builder is terminated.`,
	},
	{
		name: "regions", modes: inBake,
		description: `bake: further regions, to which each image is copied with its snapshots and tags (comma-,
			space- or newline-separated). A start there finds the copy by 'architecture'.`,
	},
	{
		name: "copy-kms-keys", modes: inBake,
		description: `bake: the KMS keys that encrypt the copies, by region: id, ARN or alias. A copy without one is
			encrypted if its image is, or if the region's default says so. Example: '{eu-west-1:
			alias/runners}'`,
	},
	{
		name: "copy-timeout-minutes", fallback: "60", modes: inBake,
		description: `bake: how long each copy to another region may take, besides bake-timeout-minutes, before it
			fails and is removed.`,
	},
	{
		name: "force", fallback: "false", modes: inBake,
		description: `bake: 'true' bakes even if recipe, base image and runner version are those of the newest image.`,
	},
	{
		name: "existing-instances", modes: inLaunch,
		description: `start, instead of an image: tags of machines that you keep, with a runner installed on each
			(comma- or newline-separated). A machine must have all of them. It is started, and stopped at the
			end. Example: Role=gpu-runner`,
	},
	{
		name: "existing-runner-name", modes: inLaunch,
		description: `start: the name of the existing machine's registered runner, or one for each in ec2-instance-id.
			Default: the runner that comes online with the label.`,
	},
	{
		name: "stop-action", modes: inStop,
		description: `stop: 'terminate' terminates the machine, 'stop' stops it and keeps its disk and its registration.
			Default: 'stop' for existing machines, 'terminate' for all others.`,
	},
	{
		name: "pool", modes: inLaunch | inPool,
		description: `pool: the name of the pool. start: the pool whose warm machines are used first; they must have
			been launched with the same launch inputs. Its runners are single-use, as with 'ephemeral',
			including those that are started cold because no warm machine is ready.`,
	},
	{
		name: "pool-size", modes: inPool,
		description: `pool: the number of warm machines; 0 terminates all of them.`,
	},
	{
		name: "pool-max-age-hours", fallback: "168", modes: inPool,
		description: `pool: the age at which a warm machine is replaced. At that age a sweep terminates it.`,
	},
}
