package diagnosis

// Hints for existing machines that cannot be used. Each has an entry in docs/troubleshooting.md.
const (
	HintNoMachine = "check the tags in 'existing-instances' and the region: the machines must carry every tag, " +
		"exactly as written"
	HintNoRunner = "set the machine up as a runner first (GitHub's own instructions, with svc.sh), with that label, " +
		"or correct 'label' and 'existing-runner-name'"
	HintNotTaken = "keep more machines, or run the workflows one after another (concurrency); a machine that a run " +
		"has left running is free when that run is over"
	HintMayNotTake = "allow ec2:CreateTags and ec2:StartInstances on machines that carry a tag of yours: " +
		"docs/permissions.md, feature 'existing'"
	HintNeverCame = "log in to the machine and check its runner's service (sudo ./svc.sh status, and _diag in the " +
		"runner's folder); it was stopped again and its registration kept"
	HintMayNotStop = "allow ec2:StopInstances on machines with this action's tags; until then stop the machine in " +
		"the EC2 console"
)

// HintSilent is for regions that do not answer.
const HintSilent = "run the step again when EC2 answers in these regions, or give the machine's region in the " +
	"input 'region'"

// HintOwnLabel is for a runner name that is taken.
const HintOwnLabel = "give each start a label of its own"
