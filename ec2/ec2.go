// Package ec2 wraps EC2 in this program's types: placement, offering, launch, instance.
//
// It is the only importer of the AWS SDK. It returns plain values, and errors of type *refusal.CallError whose class
// (see refusal) says what a caller may do next. It keeps no state between calls: everything that must be found again is
// in the instance's tags and its client token.
//
// The permissions of OptionalReads are optional. Regions, Volumes, InterruptedInstances and Console return
// (value, denied, err): callers go on without what is denied, and retry or fail after any other error. The others
// return only the error: callers go on after every error. docs/adr/0030-optional-permissions.md has the reasons.
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

// API lists every EC2 call that this program makes. It doubles as the list of IAM actions from which
// docs/permissions.md is generated: a call that is not listed cannot be made.
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

// Client makes calls to EC2 in any number of regions. It is safe for concurrent use.
type Client struct {
	cfg     aws.Config
	session *session // of the assumed role, nil if there is none
	mu      sync.Mutex
	regions map[string]API
	buckets map[string]*bucket // of RunInstances, by region
}

// New returns a client with a loaded configuration. Tests pass one whose HTTP client is the simulator's.
func New(cfg aws.Config) *Client {
	cfg.Retryer = newRetryer
	cfg.HTTPClient = ownHTTPClient(cfg.HTTPClient)
	return &Client{cfg: cfg, regions: map[string]API{}, buckets: map[string]*bucket{}}
}

// ownHTTPClient returns a client of the same kind with its own connections and a timeout.
func ownHTTPClient(given aws.HTTPClient) aws.HTTPClient {
	switch client := given.(type) {
	case nil:
		return awshttp.NewBuildableClient().WithTimeout(attemptTimeout)
	case *awshttp.BuildableClient: // the transport is cloned, and keeps proxies and AWS_CA_BUNDLE
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

// Load returns a client with the SDK's default credentials and settings (environment, profile, container, instance).
// region, if not empty, takes precedence over AWS_REGION, AWS_DEFAULT_REGION and the profile.
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

// Region returns the home region, which placements without a region use; "" if none is configured.
func (c *Client) Region() string { return c.cfg.Region }

// Fresh returns a client with the same credentials and its own connections, for a roll-back: the connections of c may
// hang.
func (c *Client) Fresh() *Client {
	fresh := New(c.cfg.Copy())
	fresh.session = c.session
	return fresh
}

// in returns the API client of a region; "" means the home region.
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

// attemptTimeout limits one HTTP exchange. RunInstances responds in about 1.5 s; after more than ten times that the
// response is usually lost, and repeating the call with the same client token is safe.
const attemptTimeout = 20 * time.Second
