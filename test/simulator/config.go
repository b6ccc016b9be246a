package simulator

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// Config describes a world. Every field has a default, in Defaults or beside the field. An empty list gets its default,
// so that Config{} is a complete world. To add to a default list, start with Defaults and append.
type Config struct {
	// Speed divides all durations in the world: latencies, boots, watchdogs. With 20 a start takes two seconds. Times
	// that a client can read as dates (expiry of tokens and keys, rate limit windows, the hour that terminated
	// instances stay listed) are not divided. Default 1.
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
	// SpotPrice is the price of spot instances; a lower maximum price is refused. Default 0.05.
	SpotPrice float64 `yaml:"spot-price"`
	// Keys are the access keys that EC2 knows. If empty, every key is known and may do everything that Policy allows.
	Keys   []Key  `yaml:"keys"`
	Policy Policy `yaml:"policy"`
	// Roles are what AssumeRole and AssumeRoleWithWebIdentity know; OIDC is where a job gets its tokens.
	Roles []Role `yaml:"roles"`
	OIDC  OIDC   `yaml:"oidc"`
	// ClockSkew is how far the clocks of AWS and GitHub are ahead of the clients'; negative if they are behind.
	ClockSkew time.Duration `yaml:"clock-skew"`
	// SpotScores are the answers of GetSpotPlacementScores.
	SpotScores SpotScores `yaml:"spot-scores"`
	// Capacity limits how many instances run at once; what no pool names is unlimited.
	Capacity []Pool `yaml:"capacity"`
	// Purchases are what the account has bought or set up.
	Purchases `yaml:",inline"`
	// AccountWeather is what the account forbids.
	AccountWeather `yaml:",inline"`
	// SCP is the organization's service control policy. One that only denies stands beside FullAWSAccess.
	SCP Policy `yaml:"scp"`
	// EncodedDenials makes EC2 encode the reason of a denial, as it did for years:
	// https://github.com/hashicorp/packer-plugin-amazon/issues/280
	EncodedDenials bool `yaml:"encoded-denials"`
	// Quotas are Service Quotas' by code, such as L-1216C47A: 32 vCPUs; default 1000 each.
	Quotas map[string]float64 `yaml:"quotas"`
	// FailingImages makes every CreateImage end with a failed image.
	FailingImages bool `yaml:"failing-images"`
	// Copies are rules for copies of images into other regions, SnapshotCopies is how many snapshots may be copied into
	// a region at once (default 20).
	Copies         []CopyRule `yaml:"copies"`
	SnapshotCopies int        `yaml:"snapshot-copies"`
	// EncryptedRegions encrypt by default; KMSKeys are the keys of regions beside alias/aws/ebs.
	EncryptedRegions []string            `yaml:"encrypted-regions"`
	KMSKeys          map[string][]string `yaml:"kms-keys"`
	// InstanceProfiles are the names that RunInstances accepts; when empty it accepts all.
	InstanceProfiles []string `yaml:"instance-profiles"`
	// Instances exist from the beginning; ForeignInstances adds so many more that belong to others.
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
	// DownloadBase is the address of the runner software in the answer of downloads; default: that of the release at
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
	// ScaleSets configures the scale-set service; ScaleSetJobs are queued for its sets from the beginning.
	ScaleSets    ScaleSets     `yaml:"scale-sets"`
	ScaleSetJobs []ScaleSetJob `yaml:"scale-set-jobs"`

	// Guests are rules for the behaviour of machines. The first that matches an instance applies; an instance without a
	// rule is healthy.
	Guests []GuestRule `yaml:"guests"`
	// Jobs are queued at the beginning.
	Jobs []Job `yaml:"jobs"`

	// Unlimited turns EC2's request buckets and GitHub's rate limits off.
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

// Load reads a configuration from YAML, in which durations are written as "1.5s". It refuses unknown keys.
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

// Defaults returns the default configuration.
func Defaults() Config {
	var cfg Config
	cfg.fill()
	return cfg
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
