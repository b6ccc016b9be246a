package ec2

import "testing"

func TestSystem(t *testing.T) {
	t.Parallel()
	const tag = "ec2-github-runner:system"
	for name, want := range map[string]string{
		"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20261001":             "Ubuntu 24.04",
		"ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20240301":                 "Ubuntu 22.04",
		"ubuntu-minimal/images/hvm-ssd-gp3/ubuntu-resolute-26.04-arm64-minimal-20260901": "Ubuntu 26.04",
		"ubuntu-pro-server/images/hvm-ssd/ubuntu-focal-20.04-amd64-pro-server-20240301":  "Ubuntu 20.04",
		"Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20261001":           "Ubuntu 22.04",
		"debian-12-arm64-20261001-2250":                                                  "Debian 12",
		"debian-13-backports-amd64-20261001-2250":                                        "Debian 13",
		"al2023-ami-2023.9.20261012.0-kernel-6.12-arm64":                                 "Amazon Linux 2023",
		"al2023-ami-minimal-2023.9.20261012.0-kernel-6.1-x86_64":                         "Amazon Linux 2023",
		"amazon-eks-node-al2023-arm64-standard-1.31-v20261001":                           "Amazon Linux 2023",
		"Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20261001":      "Amazon Linux 2023",
		"amzn2-ami-hvm-2.0.20260601.0-x86_64-gp2":                                        "Amazon Linux 2",
		"amzn2-ami-kernel-5.10-hvm-2.0.20260601.0-arm64-gp2":                             "Amazon Linux 2",
		"amzn2-ami-ecs-hvm-2.0.20260601-x86_64-ebs":                                      "Amazon Linux 2",
		"Deep Learning AMI GPU PyTorch 2.0 (Amazon Linux 2) 20240101":                    "Amazon Linux 2",
		"Fedora-Cloud-Base-AmazonEC2.aarch64-41-1.4-hvm-us-east-1-gp3-0":                 "Fedora",
		"Fedora-Cloud-Base-40-1.14.x86_64-hvm-us-east-1-gp3-0":                           "Fedora",
		"CentOS Stream 9 x86_64 20261001":                                                "CentOS Stream 9",
		"CentOS-Stream-ec2-9-20230501.0.x86_64":                                          "CentOS Stream 9",
		"RHEL-9.4.0_HVM-20240605-arm64-82-Hourly2-GP3":                                   "RHEL 9.4.0",
		"RHEL_HA-9.4.0_HVM-20240605-x86_64-82-Hourly2-GP3":                               "RHEL 9.4.0",
		"our-runner-2026-09":       "",
		"tests on debian-12-arm64": "",
	} {
		if got := (Image{Name: name}).System(tag).String(); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		tagged := Image{Name: "our-runner", Tags: map[string]string{tag: want}}
		if got := tagged.System(tag).String(); got != want {
			t.Errorf("by its tag %q: got %q", want, got)
		}
	}
}

func TestOnType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		system System
		kind   string
		want   Verdict
	}{
		{System{ubuntu, "24.04"}, "a1.xlarge", Runs},
		{System{ubuntu, "26.04"}, "a1.xlarge", notKnown},
		{System{debian, "12"}, "a1.medium", Runs},
		{System{amazonLinux, "2"}, "a1.xlarge", Runs},
		{System{amazonLinux, "2023"}, "a1.xlarge", RunsNot},
		{System{amazonLinux, "2023"}, "a1.metal", RunsNot},
		{System{amazonLinux, "2023"}, "t4g.xlarge", Runs},
		{System{rhel, "9.4.0"}, "a1.xlarge", notKnown},
		{System{}, "a1.xlarge", notKnown},
		{System{}, "t3.xlarge", Runs},
	} {
		if got := c.system.OnType(c.kind); got != c.want {
			t.Errorf("%s on %s: got %d, want %d", c.system, c.kind, got, c.want)
		}
	}
}
