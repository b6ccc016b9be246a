package simulator

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// Config is what a world is made of. Every field has a default, in Defaults or beside the field; an empty list is
// filled from there, so that Config{} is a whole world. To add to a default list, begin with Defaults and append.
type Config struct {
	// Speed divides everything that takes time in the world: latencies, boots, watchdogs. 20 makes a start take two
	// seconds. What a client can read as a date (expiry of tokens and keys, rate limit windows, the hour that
	// terminated instances stay listed) is not divided. Default 1.
	Speed  float64 `yaml:"speed"`
	Timing Timing  `yaml:"timing"`

	Regions        []string        `yaml:"regions"`
	Subnets        []Subnet        `yaml:"subnets"`
	SecurityGroups []SecurityGroup `yaml:"security-groups"`
	Images         []Image         `yaml:"images"`
	InstanceTypes  []InstanceType  `yaml:"instance-types"`
	// More is added to the lists above, so that one image or subnet needs no copy of the default list.
	More More `yaml:"more"`

	Account string `yaml:"account"` // account id, default 123456789012
	// Parameters are SSM's public parameters, for ImageId: resolve:ssm:NAME.
	Parameters map[string]string `yaml:"parameters"`
	// LaunchTemplates that RunInstances may name.
	LaunchTemplates []LaunchTemplate `yaml:"launch-templates"`
	// SpotPrice is what spot costs; a lower max price is refused. Default 0.05.
	SpotPrice float64 `yaml:"spot-price"`
	// Keys are the access keys that EC2 knows. When empty every key is known and may do everything that Policy allows.
	Keys   []Key  `yaml:"keys"`
	Policy Policy `yaml:"policy"`
	// Roles are what AssumeRole and AssumeRoleWithWebIdentity know; OIDC is where a job gets its tokens.
	Roles []Role `yaml:"roles"`
	OIDC  OIDC   `yaml:"oidc"`
	// ClockSkew is how far the clocks of AWS and GitHub are ahead of the clients'; negative if they are behind.
	ClockSkew time.Duration `yaml:"clock-skew"`
	// SpotScores are what GetSpotPlacementScores says.
	SpotScores SpotScores `yaml:"spot-scores"`
	// Capacity bounds how many instances live at once; what no pool names is without bounds.
	Capacity []Pool `yaml:"capacity"`
	// Purchases are what it has bought or set up.
	Purchases `yaml:",inline"`
	// AccountWeather is what the account does not allow.
	AccountWeather `yaml:",inline"`
	// SCP is the organization's service control policy. One that only denies stands beside FullAWSAccess.
	SCP Policy `yaml:"scp"`
	// EncodedDenials makes EC2 say nothing in words about what is not allowed, as it did for years:
	// https://github.com/hashicorp/packer-plugin-amazon/issues/280
	EncodedDenials bool `yaml:"encoded-denials"`
	// Quotas are Service Quotas' by code, such as L-1216C47A: 32 vCPUs; default 1000 each.
	Quotas map[string]float64 `yaml:"quotas"`
	// FailingImages makes every image that CreateImage begins end as failed.
	FailingImages bool `yaml:"failing-images"`
	// Copies says how copies of images into other regions go, SnapshotCopies how many snapshots may be copied into a
	// region at once (default 20).
	Copies         []CopyRule `yaml:"copies"`
	SnapshotCopies int        `yaml:"snapshot-copies"`
	// EncryptedRegions encrypt by default; KMSKeys are the keys of regions beside alias/aws/ebs.
	EncryptedRegions []string            `yaml:"encrypted-regions"`
	KMSKeys          map[string][]string `yaml:"kms-keys"`
	// InstanceProfiles are the names that RunInstances accepts; when empty it accepts all.
	InstanceProfiles []string `yaml:"instance-profiles"`
	// Instances live in the world from its beginning; ForeignInstances adds so many more that belong to somebody else.
	Instances        []InstanceSeed `yaml:"instances"`
	ForeignInstances int            `yaml:"foreign-instances"`
	// Volumes are attached to nothing, from the beginning.
	Volumes []VolumeSeed `yaml:"volumes"`

	// GitHubHosts are further hosts (without port) at which Transport finds GitHub, for an Enterprise Server.
	GitHubHosts []string `yaml:"github-hosts"`
	Tokens      []Token  `yaml:"tokens"`
	// Apps that GitHub knows, none by default. InstallationTokenLifetime is how long their tokens live: 1h, not divided
	// by Speed.
	Apps                      []App         `yaml:"apps"`
	InstallationTokenLifetime time.Duration `yaml:"installation-token-lifetime"`
	// GitHubClock is how far GitHub's clock is ahead of the client's, such as 6m or -6m.
	GitHubClock time.Duration `yaml:"github-clock"`
	// Repositories that exist ("owner/repo"); organizations and enterprises exist as far as a token names them.
	Repositories []string `yaml:"repositories"`
	// Runners are registered from the beginning; ForeignRunners adds so many more to ForeignScope (default the first
	// repository).
	Runners        []RunnerSeed `yaml:"runners"`
	ForeignRunners int          `yaml:"foreign-runners"`
	ForeignScope   string       `yaml:"foreign-scope"`
	Runs           []Run        `yaml:"runs"`
	// DownloadBase is where downloads says that the runner software lies; default the address of the release at
	// github.com.
	DownloadBase string `yaml:"download-base"`
	// RunnerGroups of organizations and enterprises beside "Default", which has id 1.
	RunnerGroups []RunnerGroup `yaml:"runner-groups"`
	// RunnerVersion is the newest release, which downloads lists; MinRunnerVersion is what GitHub still lets register.
	RunnerVersion string `yaml:"runner-version"`
	// RunnerReleases are further versions that releases/tags knows; Checksums are SHA-256 sums by file name.
	RunnerReleases   []string          `yaml:"runner-releases"`
	Checksums        map[string]string `yaml:"checksums"`
	MinRunnerVersion string            `yaml:"min-runner-version"`
	// ScaleSets is how the scale-set service behaves; ScaleSetJobs are queued for its sets, from the beginning on.
	ScaleSets    ScaleSets     `yaml:"scale-sets"`
	ScaleSetJobs []ScaleSetJob `yaml:"scale-set-jobs"`

	// Guests states how machines behave; the first rule that fits an instance holds, and one that fits none is in good
	// health.
	Guests []GuestRule `yaml:"guests"`
	// Jobs are queued at the beginning.
	Jobs []Job `yaml:"jobs"`

	// Unlimited switches EC2's request buckets and GitHub's rate limits off.
	Unlimited bool    `yaml:"unlimited"`
	Faults    []Fault `yaml:"faults"`
}

// More are additions to Config's lists.
type More struct {
	Subnets        []Subnet        `yaml:"subnets"`
	SecurityGroups []SecurityGroup `yaml:"security-groups"`
	Images         []Image         `yaml:"images"`
	InstanceTypes  []InstanceType  `yaml:"instance-types"`
	Tokens         []Token         `yaml:"tokens"`
	Repositories   []string        `yaml:"repositories"`
}

// Timing states how long things take. Zero takes the default, which stands beside each; a negative value means no time
// at all. Latencies should not be without any: in a bubble the clock would stand still, and whoever polls would spin.
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

	// 1s: from RunInstances' answer to the first DescribeInstances that shows it
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

// Load reads a configuration from YAML, in which durations are written as "1.5s". It refuses keys that it does not
// know.
func Load(r io.Reader) (Config, error) {
	var cfg Config
	decoder := yaml.NewDecoder(r)
	decoder.KnownFields(true)
	if err := decoder.Decode(&cfg); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("read simulator configuration: %w", err)
	}
	cfg.fill()
	if err := cfg.check(); err != nil {
		return Config{}, fmt.Errorf("read simulator configuration: %w", err)
	}
	return cfg, nil
}

// Defaults is the whole default configuration.
func Defaults() Config {
	var cfg Config
	cfg.fill()
	return cfg
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

func (c *Config) fill() {
	if c.Speed == 0 {
		c.Speed = 1
	}
	if c.SpotPrice == 0 {
		c.SpotPrice = 0.05
	}
	c.Timing.fill()
	c.ScaleSets.fill()
	if c.InstallationTokenLifetime == 0 {
		c.InstallationTokenLifetime = time.Hour
	}
	c.Account = orText(c.Account, "123456789012")
	c.RunnerVersion = orText(c.RunnerVersion, "2.335.0")
	c.MinRunnerVersion = orText(c.MinRunnerVersion, "2.329.0")
	fillList(&c.Regions, defaultRegions)
	fillList(&c.Subnets, defaultSubnets)
	fillList(&c.SecurityGroups, defaultSecurityGroups)
	fillList(&c.Images, defaultImages)
	fillList(&c.InstanceTypes, defaultInstanceTypes)
	fillList(&c.Repositories, []string{"demo-org/demo"})
	fillList(&c.Tokens, []Token{{Value: "ghp_demo", Login: "demo-user", Admin: []string{"demo-org/demo"},
		Actions: true}})
	c.Subnets = slices.Concat(c.Subnets, c.More.Subnets)
	c.SecurityGroups = slices.Concat(c.SecurityGroups, c.More.SecurityGroups)
	c.Images = slices.Concat(c.Images, c.More.Images)
	c.InstanceTypes = slices.Concat(c.InstanceTypes, c.More.InstanceTypes)
	c.Tokens = slices.Concat(c.Tokens, c.More.Tokens)
	c.Repositories = slices.Concat(c.Repositories, c.More.Repositories)
	c.More = More{} // now part of the lists
	c.ForeignScope = orText(c.ForeignScope, c.Repositories[0])
	c.OIDC.fill(c.Repositories[0])
}

func fillList[T any](list *[]T, values []T) {
	if len(*list) == 0 {
		*list = append([]T(nil), values...)
	}
}

func (c *Config) check() error {
	if c.Speed < 0 {
		return fmt.Errorf("speed is %g: it must be positive", c.Speed)
	}
	if err := c.loadPolicies(); err != nil {
		return err
	}
	for _, f := range c.Faults {
		if err := f.check(); err != nil {
			return err
		}
	}
	for _, s := range c.Subnets {
		if regionOfZone(s.Zone) == s.Zone {
			return fmt.Errorf("subnet %s has zone %q, which names no region", s.ID, s.Zone)
		}
		if !slices.Contains(c.Regions, regionOfZone(s.Zone)) && !slices.ContainsFunc(defaultSubnets,
			func(o Subnet) bool { return o.ID == s.ID }) {
			return fmt.Errorf("subnet %s is in zone %s of a region that the world does not have", s.ID, s.Zone)
		}
	}
	for _, i := range c.Instances {
		if err := c.checkSeed(i); err != nil {
			return err
		}
	}
	for _, g := range c.Guests {
		if err := g.check(); err != nil {
			return err
		}
	}
	return nil
}

// loadPolicies reads the documents of all policies.
func (c *Config) loadPolicies() error {
	err := errors.Join(c.Policy.load(), c.SCP.load())
	for n := range c.Keys {
		err = errors.Join(err, c.Keys[n].Policy.load())
	}
	for n := range c.Roles {
		err = errors.Join(err, c.Roles[n].load(c.Account, c.Repositories[0]))
	}
	return err
}

// checkSeed looks for what an instance seed names.
func (c *Config) checkSeed(s InstanceSeed) error {
	if s.Subnet != "" && !slices.ContainsFunc(c.Subnets, func(o Subnet) bool { return o.ID == s.Subnet }) {
		return fmt.Errorf("instance %s has unknown subnet %s", s.ID, s.Subnet)
	}
	if s.Image != "" && !slices.ContainsFunc(c.Images, func(o Image) bool { return o.ID == s.Image }) {
		return fmt.Errorf("instance %s has unknown image %s", s.ID, s.Image)
	}
	if s.Type != "" && !slices.ContainsFunc(c.InstanceTypes, func(o InstanceType) bool { return o.Name == s.Type }) {
		return fmt.Errorf("instance %s has unknown type %s", s.ID, s.Type)
	}
	return nil
}

// regionOfZone gives us-east-1 for us-east-1a.
func regionOfZone(zone string) string {
	if zone == "" {
		return ""
	}
	if last := zone[len(zone)-1]; last >= 'a' && last <= 'z' {
		return zone[:len(zone)-1]
	}
	return zone
}
