// Package ec2 speaks EC2 in the words of this program: placement, offering, launch, instance.
//
// It is the only importer of the AWS SDK. What leaves it are plain values; what fails leaves it as a *refusal.CallError
// whose class (see refusal) says what a caller may do next. It keeps no state between calls: everything that
// must be found again stands in the instance's tags and in its client token.
package ec2

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// API is every EC2 call that this program makes. It doubles as the list of IAM actions that docs/permissions.md
// is made from, so a call that is not here cannot be made.
type API interface {
	sdk.DescribeInstancesAPIClient
	sdk.DescribeImagesAPIClient
	sdk.DescribeInstanceTypesAPIClient
	sdk.DescribeInstanceTypeOfferingsAPIClient
	sdk.DescribeSubnetsAPIClient
	sdk.DescribeSecurityGroupsAPIClient
	sdk.DescribeRouteTablesAPIClient
	sdk.DescribeSnapshotsAPIClient
	sdk.DescribeVolumesAPIClient
	sdk.DescribeSpotInstanceRequestsAPIClient
	sdk.DescribeLaunchTemplatesAPIClient
	sdk.DescribeLaunchTemplateVersionsAPIClient
	sdk.GetSpotPlacementScoresAPIClient
	RunInstances(context.Context, *sdk.RunInstancesInput, ...func(*sdk.Options)) (*sdk.RunInstancesOutput, error)
	TerminateInstances(context.Context, *sdk.TerminateInstancesInput,
		...func(*sdk.Options)) (*sdk.TerminateInstancesOutput, error)
	StartInstances(context.Context, *sdk.StartInstancesInput, ...func(*sdk.Options)) (*sdk.StartInstancesOutput, error)
	StopInstances(context.Context, *sdk.StopInstancesInput, ...func(*sdk.Options)) (*sdk.StopInstancesOutput, error)
	CreateTags(context.Context, *sdk.CreateTagsInput, ...func(*sdk.Options)) (*sdk.CreateTagsOutput, error)
	ModifyInstanceAttribute(context.Context, *sdk.ModifyInstanceAttributeInput,
		...func(*sdk.Options)) (*sdk.ModifyInstanceAttributeOutput, error)
	DescribeRegions(context.Context, *sdk.DescribeRegionsInput, ...func(*sdk.Options)) (*sdk.DescribeRegionsOutput,
		error)
	GetConsoleOutput(context.Context, *sdk.GetConsoleOutputInput, ...func(*sdk.Options)) (*sdk.GetConsoleOutputOutput,
		error)
	CreateImage(context.Context, *sdk.CreateImageInput, ...func(*sdk.Options)) (*sdk.CreateImageOutput, error)
	CopyImage(context.Context, *sdk.CopyImageInput, ...func(*sdk.Options)) (*sdk.CopyImageOutput, error)
	DeregisterImage(context.Context, *sdk.DeregisterImageInput, ...func(*sdk.Options)) (*sdk.DeregisterImageOutput,
		error)
	DeleteVolume(context.Context, *sdk.DeleteVolumeInput, ...func(*sdk.Options)) (*sdk.DeleteVolumeOutput, error)
	DeleteSnapshot(context.Context, *sdk.DeleteSnapshotInput, ...func(*sdk.Options)) (*sdk.DeleteSnapshotOutput, error)
}

// Client talks to EC2 in any number of regions. It is safe for concurrent use.
type Client struct {
	cfg     aws.Config
	session *session // of the role that it works in, if any
	mu      sync.Mutex
	regions map[string]API
	buckets map[string]*bucket // of RunInstances, by region
}

// New returns a client on a configuration that is already loaded. Tests give one whose HTTP client is the simulator's.
func New(cfg aws.Config) *Client {
	cfg.Retryer = newRetryer
	cfg.HTTPClient = ownHTTPClient(cfg.HTTPClient)
	return &Client{cfg: cfg, regions: map[string]API{}, buckets: map[string]*bucket{}}
}

// ownHTTPClient returns a client of the same kind with connections of its own, whose exchanges are bounded.
func ownHTTPClient(given aws.HTTPClient) aws.HTTPClient {
	switch client := given.(type) {
	case nil:
		return awshttp.NewBuildableClient().WithTimeout(attemptTimeout)
	case *awshttp.BuildableClient: // proxies and AWS_CA_BUNDLE stay: the transport is cloned
		return client.WithTransportOptions(func(*http.Transport) {}).WithTimeout(attemptTimeout)
	case *http.Client:
		bounded := *client
		if bounded.Timeout == 0 {
			bounded.Timeout = attemptTimeout
		}
		return &bounded
	default:
		return given
	}
}

// Load returns a client on the SDK's own chain of credentials and settings (environment, profile, container, instance).
// region wins over AWS_REGION, AWS_DEFAULT_REGION and the profile's; it may be empty.
func Load(ctx context.Context, region string) (*Client, error) {
	var options []func(*config.LoadOptions) error
	if region != "" {
		options = append(options, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	return New(cfg), nil
}

// Region is the home region: where a placement without a region of its own goes. Empty when none is configured.
func (c *Client) Region() string { return c.cfg.Region }

// Fresh returns a client with the same credentials and connections of its own. A roll-back uses one, because the
// first client's connections may hang.
func (c *Client) Fresh() *Client {
	fresh := New(c.cfg.Copy())
	fresh.session = c.session
	return fresh
}

// in returns the API of one region; an empty name means the home region.
func (c *Client) in(region string) API {
	region = cmp.Or(region, c.cfg.Region)
	c.mu.Lock()
	defer c.mu.Unlock()
	if api, ok := c.regions[region]; ok {
		return api
	}
	api := sdk.NewFromConfig(c.cfg, func(o *sdk.Options) { o.Region = region })
	c.regions[region] = api
	return api
}

// attemptTimeout bounds one HTTP exchange. RunInstances answers in about 1.5 s; an exchange that takes ten times as
// long has usually lost its answer, and asking again with the same client token is safe.
const attemptTimeout = 20 * time.Second
