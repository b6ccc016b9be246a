package simulator_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-github/v57/github"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// Ids of the default world.
const (
	ubuntu   = "ami-0aaaaaaaaaaaaaaa1"
	subnetA  = "subnet-0aaaaaaaaaaaaaaa1"
	subnetB  = "subnet-0aaaaaaaaaaaaaaa2"
	otherVPC = "sg-0bbbbbbbbbbbbbbb1"
	group    = "sg-0aaaaaaaaaaaaaaa1"
)

// ways are the two ways into a world: by a transport in this process, and over a loopback socket. wait lets the world's
// time go by: in a bubble by as much as is said, over the socket, where the world runs fast, by a fraction of it.
type way struct {
	name   string
	ec2    func(t *testing.T, region string, change ...func(*ec2.Options)) *ec2.Client
	github func(t *testing.T, token string) *github.Client
}

func inProcess(w *simulator.World) way {
	transport := w.Transport()
	return way{"in process", func(t *testing.T, region string, change ...func(*ec2.Options)) *ec2.Client {
		return newEC2(region, &http.Client{Transport: transport}, "", change...)
	}, func(t *testing.T, token string) *github.Client {
		// A client of its own: WithAuthToken changes the http.Client that it is given, and would add the token to AWS
		// calls too.
		return github.NewClient(&http.Client{Transport: transport}).WithAuthToken(token)
	}}
}

func overHTTP(t *testing.T, w *simulator.World) way {
	t.Helper()
	server, err := simulator.Listen(w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	transport := &http.Transport{DisableKeepAlives: true}
	return way{"over HTTP", func(t *testing.T, region string, change ...func(*ec2.Options)) *ec2.Client {
		return newEC2(region, &http.Client{Transport: transport}, server.EC2URL, change...)
	}, func(t *testing.T, token string) *github.Client {
		c := github.NewClient(&http.Client{Transport: transport}).WithAuthToken(token)
		base, err := url.Parse(server.GitHubURL + "/")
		if err != nil {
			t.Fatal(err)
		}
		c.BaseURL = base
		return c
	}}
}

func newEC2(region string, client *http.Client, endpoint string, change ...func(*ec2.Options)) *ec2.Client {
	cfg := aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret",
		""),
		HTTPClient: client}
	if endpoint != "" {
		cfg.BaseEndpoint = aws.String(endpoint)
	}
	return ec2.NewFromConfig(cfg, change...)
}

// onceOnly switches the SDK's own repetitions off.
func onceOnly(o *ec2.Options) { o.Retryer = aws.NopRetryer{} }

func launchInput(userData string) *ec2.RunInstancesInput {
	return &ec2.RunInstancesInput{
		ImageId: aws.String(ubuntu), InstanceType: types.InstanceTypeT3Micro, SubnetId: aws.String(subnetA),
		SecurityGroupIds: []string{group},
		MinCount:         aws.Int32(1), MaxCount: aws.Int32(1),
		UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(userData))),
	}
}

func mustLaunch(ctx context.Context, t *testing.T, c *ec2.Client, in *ec2.RunInstancesInput) types.Instance {
	t.Helper()
	out, err := c.RunInstances(ctx, in)
	if err != nil {
		t.Fatalf("run instances: %v", err)
	}
	return out.Instances[0]
}

func noSurprises(t *testing.T, w *simulator.World) {
	t.Helper()
	for _, s := range w.Surprises() {
		t.Errorf("surprise: %s", s)
	}
}

// egr writes user data in the dialect of this project.
func egr(values map[string]string) string {
	text := "#!/bin/bash\n"
	for k, v := range values {
		text += "egr_" + k + "=" + base64.StdEncoding.EncodeToString([]byte(v)) + "\n"
	}
	return text
}

func machulav(token, label string) string {
	return fmt.Sprintf("#!/bin/bash\n./config.sh --unattended --url https://github.com/demo-org/demo --token %s "+
		"--labels %s --name ec2-%s --replace\n./run.sh\n", token, label, label)
}

// pause lets d go by, by the bubble's clock.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
