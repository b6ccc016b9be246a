package simulator

import "time"

// Timing is how long things take. Zero means the default, which is beside each field; a negative value means no time at
// all. Latencies must not be zero in a bubble: the clock would stand still, and polling would spin.
type Timing struct {
	RunInstances time.Duration `yaml:"run-instances"` // 1.5s: latency of RunInstances
	EC2          time.Duration `yaml:"ec2"`           // 100ms: of every other call to EC2 and STS
	GitHub       time.Duration `yaml:"github"`        // 150ms: of a call to GitHub, its OIDC endpoint included
	// LongPoll is how long a poll of a scale set waits for a message: 50s. "Otherwise, the request blocks for up to ~50
	// seconds" (README of actions/scaleset, "Long Polling")
	LongPoll time.Duration `yaml:"long-poll"`
	// TokenKnown is how long GitHub refuses a new installation token by 401, and as long again by 403, where its
	// permissions are asked for: no time by default, since that is rare.
	// https://github.com/octokit/auth-app.js/issues/65 and 589
	TokenKnown time.Duration `yaml:"token-known"`

	// 1s: from RunInstances' answer to the first DescribeInstances that shows the instance
	InstanceVisible time.Duration `yaml:"instance-visible"`
	ImageVisible    time.Duration `yaml:"image-visible"` // 1s: the same for CreateImage and DescribeImages
	// 1s: from a registration (or its end) to the lists that show it
	RunnerVisible time.Duration `yaml:"runner-visible"`
	// TagsVisible is how long what CreateTags or DeleteTags changed is still read as it was before: 2s.
	// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
	TagsVisible time.Duration `yaml:"tags-visible"`
	// TagsInPolicies is how long after a launch a policy does not see the tags of the new instance yet, such as 1s; by
	// default no time. The EC2 API is eventually consistent:
	// https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
	TagsInPolicies time.Duration `yaml:"tags-in-policies"`
	// TagsListed is for how long a terminated instance still shows its tags: 30s. "After an instance is terminated,
	// resources such as tags and volumes are gradually disassociated from the instance and may no longer be visible on
	// the terminated instance after a short while":
	// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
	TagsListed time.Duration `yaml:"tags-listed"`
	Running    time.Duration `yaml:"running"`    // 5s: pending to running, also after StartInstances
	Terminated time.Duration `yaml:"terminated"` // 20s: shutting-down to terminated
	Stopped    time.Duration `yaml:"stopped"`    // 20s: stopping to stopped
	// 1h: for how long a terminated instance stays listed; not divided by Speed
	Listed time.Duration `yaml:"listed"`
	// 30s: from a change of state until GetConsoleOutput without Latest shows the text of then
	Console time.Duration `yaml:"console"`

	Boot time.Duration `yaml:"boot"` // 20s: from launch until the boot has come to the user data's work
	// BootAgain is the same from a machine's second boot on: 10s. Only the first boot fetches its blocks from the
	// snapshot (https://docs.aws.amazon.com/ebs/latest/userguide/initalize-volume.html). 15 s is the best that a public
	// ledger has for new volumes of one image (41, 20, 19, 18, 15 s); 5 s is what Depot reports from the start of a
	// stopped machine with a filled volume, against 40 s (https://depot.dev/blog/faster-ec2-boot-time).
	BootAgain time.Duration `yaml:"boot-again"`
	// 30s: a setup-script, where the user data has one that the machine has not run
	Setup time.Duration `yaml:"setup"`
	// Fill is how long a warm-up reads the files of its volume: 60s, for 4 GB at some 65 MB a second. Ten to fifteen
	// minutes for a large volume are no rarity
	// (https://ldoughty.com/2018/12/sparsification-of-aws-ebs-snapshot-for-faster-initialization/: a minute a GB), but
	// then it is cut off half-way to the machine's limit.
	Fill     time.Duration `yaml:"fill"`
	Download time.Duration `yaml:"download"`  // 3s: the runner's download and unpacking
	Config   time.Duration `yaml:"config"`    // 2s: config.sh, by registration token only
	Listen   time.Duration `yaml:"listen"`    // 1s: from run.sh to online
	PowerOff time.Duration `yaml:"power-off"` // 3s: from the guest's decision to the instance's state
	Offline  time.Duration `yaml:"offline"`   // 10s: from a machine's end until GitHub shows its runner offline
	BusyEnds time.Duration `yaml:"busy-ends"` // 60s: from a machine's end until GitHub gives its job up
	// Deregister is from the end of an ephemeral runner's job until GitHub has removed its registration, which is
	// offline until then; by default no time. That it is not removed yet when the runner has ended, and for seconds
	// after: https://github.com/actions/runner/issues/2809
	Deregister time.Duration `yaml:"deregister"`
	Snapshot   time.Duration `yaml:"snapshot"` // 30s: from CreateImage until the image is available
	// Copy is how long the copy of an image takes, 60s, and CopyVisible from when on its snapshots show, 5s.
	Copy        time.Duration `yaml:"copy"`
	CopyVisible time.Duration `yaml:"copy-visible"`
	// VolumeDeleting is how long a deleted volume is still listed: 1m.
	VolumeDeleting time.Duration `yaml:"volume-deleting"`
}

func (t *Timing) fill() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.RunInstances, 1500 * time.Millisecond}, {&t.EC2, 100 * time.Millisecond},
		{&t.GitHub, 150 * time.Millisecond}, {&t.LongPoll, 50 * time.Second},
		{&t.InstanceVisible, time.Second}, {&t.ImageVisible, time.Second}, {&t.RunnerVisible, time.Second},
		{&t.TagsVisible, 2 * time.Second}, {&t.TagsListed, 30 * time.Second},
		{&t.Running, 5 * time.Second}, {&t.Terminated, 20 * time.Second}, {&t.Stopped, 20 * time.Second},
		{&t.Listed, time.Hour}, {&t.Console, 30 * time.Second},
		{&t.Boot, 20 * time.Second}, {&t.BootAgain, 10 * time.Second}, {&t.Setup, 30 * time.Second},
		{&t.Fill, time.Minute},
		{&t.Download, 3 * time.Second}, {&t.Config, 2 * time.Second}, {&t.Listen, time.Second},
		{&t.PowerOff, 3 * time.Second},
		{&t.Offline, 10 * time.Second}, {&t.BusyEnds, time.Minute}, {&t.Snapshot, 30 * time.Second},
		{&t.Copy, time.Minute}, {&t.CopyVisible, 5 * time.Second},
		{&t.VolumeDeleting, time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}
