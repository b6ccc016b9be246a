package simulator

// Subnet is a subnet of the world; its zone tells its region.
type Subnet struct {
	ID   string `yaml:"id"`
	Zone string `yaml:"zone"`
	VPC  string `yaml:"vpc"`
	CIDR string `yaml:"cidr"`
	// Free is how many addresses are left at the beginning; 0 means 4091 (a /20), a negative number none.
	Free int `yaml:"free"`
	// Private subnets give no public address and have no route to the internet gateway, unless NAT says that they have
	// one to a NAT gateway.
	Private bool `yaml:"private"`
	NAT     bool `yaml:"nat"`
	// IPv6Only subnets give no IPv4 address. GitHub has none of the other kind, so NAT stands for NAT64 and DNS64
	// there.
	IPv6Only bool `yaml:"ipv6-only"`
}

// SecurityGroup is a security group of the world.
type SecurityGroup struct {
	ID     string `yaml:"id"`
	Name   string `yaml:"name"`
	Region string `yaml:"region"`
	VPC    string `yaml:"vpc"`
	// Egress is what it lets out: "all" (the default), "https" or "none".
	Egress string `yaml:"egress"`
}

// Image is an AMI of the world.
type Image struct {
	ID           string `yaml:"id"`
	Region       string `yaml:"region"`
	Name         string `yaml:"name"`
	Description  string `yaml:"description"`
	Owner        string `yaml:"owner"` // account id; "self" is Config.Account
	OwnerAlias   string `yaml:"owner-alias"`
	Architecture string `yaml:"architecture"` // as EC2 says it: x86_64, arm64, x86_64_mac, arm64_mac
	Platform     string `yaml:"platform"`     // "windows", or empty
	RootDevice   string `yaml:"root-device"`
	VolumeSize   int    `yaml:"volume-size"`
	// KeepsRoot is a mapping whose root volume has DeleteOnTermination=false; Volumes are the mapping's further
	// volumes.
	KeepsRoot bool          `yaml:"keeps-root"`
	Volumes   []ImageVolume `yaml:"volumes"`
	NoENA     bool          `yaml:"no-ena"`
	// NewArm images are compiled for ARMv8.2, which Graviton 1 (the a1 types) is not: Amazon Linux 2023, and what is
	// made from it.
	NewArm  bool   `yaml:"new-arm"`
	State   string `yaml:"state"`   // default available
	Created string `yaml:"created"` // RFC 3339
	// Marketplace is the product of the AWS Marketplace that the image belongs to.
	Marketplace Marketplace `yaml:"marketplace"`
	// Runner is the version of the runner in it, which its machines start instead of downloading one; "" for an image
	// without.
	Runner string            `yaml:"runner"`
	Tags   map[string]string `yaml:"tags"`
}

// ImageVolume is a volume in an image's block device mapping.
type ImageVolume struct {
	Device string `yaml:"device"`
	Size   int    `yaml:"size"` // GiB, default the image's VolumeSize
	Kept   bool   `yaml:"kept"` // DeleteOnTermination=false
}

// InstanceType is an instance type of the world.
type InstanceType struct {
	Name         string `yaml:"name"`
	Architecture string `yaml:"architecture"`
	VCPUs        int    `yaml:"vcpus"`
	MemoryMiB    int    `yaml:"memory-mib"`
	GPU          string `yaml:"gpu"` // name of its NVIDIA GPU
	// Zones that offer it; empty for all.
	Zones []string `yaml:"zones"`
	// NotNitro types have no ENA and no GetConsoleOutput with Latest.
	NotNitro bool `yaml:"not-nitro"`
	// EFA types take elastic fabric adapters.
	EFA bool `yaml:"efa"`
}

// Pool is capacity: at most Available instances that fit Market ("on-demand", "spot"), InstanceType and Zone live at
// once. What is empty fits all.
type Pool struct {
	Market       string `yaml:"market"`
	InstanceType string `yaml:"instance-type"`
	Zone         string `yaml:"zone"`
	Available    int    `yaml:"available"`
	// Code is the answer when it is used up: InsufficientInstanceCapacity, or another one such as
	// MaxSpotInstanceCountExceeded, VcpuLimitExceeded or InstanceLimitExceeded.
	Code string `yaml:"code"`
}

// Owners of public images: Canonical and Amazon.
const (
	canonical = "099720109477"
	amazon    = "137112412989"
)

var defaultRegions = []string{"us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2"}

var defaultSubnets = []Subnet{
	{ID: "subnet-0aaaaaaaaaaaaaaa1", Zone: "us-east-1a", VPC: "vpc-0aaaaaaaaaaaaaaaa", CIDR: "10.0.0.0/20"},
	{ID: "subnet-0aaaaaaaaaaaaaaa2", Zone: "us-east-1b", VPC: "vpc-0aaaaaaaaaaaaaaaa", CIDR: "10.0.16.0/20"},
	{ID: "subnet-0aaaaaaaaaaaaaaa3", Zone: "us-east-1c", VPC: "vpc-0aaaaaaaaaaaaaaaa", CIDR: "10.0.32.0/20"},
	{ID: "subnet-0bbbbbbbbbbbbbbb1", Zone: "us-east-1a", VPC: "vpc-0bbbbbbbbbbbbbbbb", CIDR: "10.1.0.0/20"},
	{ID: "subnet-0ccccccccccccccc1", Zone: "eu-west-1a", VPC: "vpc-0cccccccccccccccc", CIDR: "10.2.0.0/20"},
	{ID: "subnet-0ccccccccccccccc2", Zone: "eu-west-1b", VPC: "vpc-0cccccccccccccccc", CIDR: "10.2.16.0/20"},
	{ID: "subnet-0ddddddddddddddd1", Zone: "us-west-2a", VPC: "vpc-0dddddddddddddddd", CIDR: "10.3.0.0/20"},
}

var defaultSecurityGroups = []SecurityGroup{
	{ID: "sg-0aaaaaaaaaaaaaaa1", Name: "runners", Region: "us-east-1", VPC: "vpc-0aaaaaaaaaaaaaaaa"},
	{ID: "sg-0aaaaaaaaaaaaaaa2", Name: "extra", Region: "us-east-1", VPC: "vpc-0aaaaaaaaaaaaaaaa"},
	{ID: "sg-0bbbbbbbbbbbbbbb1", Name: "runners", Region: "us-east-1", VPC: "vpc-0bbbbbbbbbbbbbbbb"},
	{ID: "sg-0ccccccccccccccc1", Name: "runners", Region: "eu-west-1", VPC: "vpc-0cccccccccccccccc"},
	{ID: "sg-0ddddddddddddddd1", Name: "runners", Region: "us-west-2", VPC: "vpc-0dddddddddddddddd"},
}

var defaultImages = []Image{
	{ID: "ami-0aaaaaaaaaaaaaaa1", Region: "us-east-1",
		Name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261001", Owner: canonical,
		Architecture: "x86_64",
		RootDevice:   "/dev/sda1",
		Created:      "2026-10-01T06:00:00.000Z"},
	{ID: "ami-0aaaaaaaaaaaaaaa2", Region: "us-east-1",
		Name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20261001", Owner: canonical,
		Architecture: "arm64",
		RootDevice:   "/dev/sda1",
		Created:      "2026-10-01T06:00:00.000Z"},
	{ID: "ami-0aaaaaaaaaaaaaaa3", Region: "us-east-1", Name: "al2023-ami-2023.9.20261012.0-kernel-6.12-x86_64",
		Owner: amazon, OwnerAlias: "amazon", Architecture: "x86_64", RootDevice: "/dev/xvda",
		Created: "2026-10-12T06:00:00.000Z"},
	{ID: "ami-0aaaaaaaaaaaaaaa4", Region: "us-east-1", Name: "Windows_Server-2025-English-Full-Base-2026.10.14",
		Owner: amazon, OwnerAlias: "amazon", Architecture: "x86_64", Platform: "windows", RootDevice: "/dev/sda1",
		Created: "2026-10-14T06:00:00.000Z"},
	{ID: "ami-0aaaaaaaaaaaaaaa5", Region: "us-east-1", Name: "amzn-ec2-macos-15.6-20261001-000000-arm64", Owner: amazon,
		OwnerAlias: "amazon", Architecture: "arm64_mac", RootDevice: "/dev/sda1", Created: "2026-10-01T07:00:00.000Z"},
	{ID: "ami-0aaaaaaaaaaaaaaa6", Region: "us-east-1", Name: "our-runner-2026-09", Owner: "self",
		Architecture: "x86_64",
		RootDevice:   "/dev/sda1", Created: "2026-09-01T06:00:00.000Z", Runner: "2.335.0"},
	{ID: "ami-0ccccccccccccccc1", Region: "eu-west-1",
		Name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261001", Owner: canonical,
		Architecture: "x86_64",
		RootDevice:   "/dev/sda1",
		Created:      "2026-10-01T06:00:00.000Z"},
	{ID: "ami-0ccccccccccccccc2", Region: "eu-west-1",
		Name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20261001", Owner: canonical,
		Architecture: "arm64",
		RootDevice:   "/dev/sda1",
		Created:      "2026-10-01T06:00:00.000Z"},
	{ID: "ami-0ddddddddddddddd1", Region: "us-west-2",
		Name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261001", Owner: canonical,
		Architecture: "x86_64", RootDevice: "/dev/sda1",
		Created: "2026-10-01T06:00:00.000Z"},
}

var defaultInstanceTypes = []InstanceType{
	{Name: "t3.nano", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 512},
	{Name: "t3.micro", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 1024},
	{Name: "t3.small", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 2048},
	{Name: "t3.medium", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 4096},
	{Name: "t3.large", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 8192},
	{Name: "t3.xlarge", Architecture: "x86_64", VCPUs: 4, MemoryMiB: 16384},
	{Name: "t3a.xlarge", Architecture: "x86_64", VCPUs: 4, MemoryMiB: 16384},
	{Name: "m5.large", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 8192},
	{Name: "m5.xlarge", Architecture: "x86_64", VCPUs: 4, MemoryMiB: 16384},
	{Name: "m6i.large", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 8192},
	{Name: "c5.large", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 4096},
	{Name: "c5.xlarge", Architecture: "x86_64", VCPUs: 4, MemoryMiB: 8192},
	{Name: "m4.large", Architecture: "x86_64", VCPUs: 2, MemoryMiB: 8192, NotNitro: true},
	{Name: "a1.xlarge", Architecture: "arm64", VCPUs: 4, MemoryMiB: 8192, Zones: []string{"us-east-1a", "us-east-1b",
		"us-west-2a", "eu-west-1a"}},
	{Name: "t4g.micro", Architecture: "arm64", VCPUs: 2, MemoryMiB: 1024},
	{Name: "t4g.xlarge", Architecture: "arm64", VCPUs: 4, MemoryMiB: 16384},
	{Name: "c7g.large", Architecture: "arm64", VCPUs: 2, MemoryMiB: 4096},
	{Name: "g4dn.xlarge", Architecture: "x86_64", VCPUs: 4, MemoryMiB: 16384, GPU: "T4"},
	{Name: "g5.xlarge", Architecture: "x86_64", VCPUs: 4, MemoryMiB: 16384, GPU: "A10G"},
	{Name: "mac2.metal", Architecture: "arm64_mac", VCPUs: 8, MemoryMiB: 16384},
}
