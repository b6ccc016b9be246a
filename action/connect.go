package action

import (
	"context"
	"errors"
	"net/http"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/doctor"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
)

// connectDoctor makes the clients for mode check. It makes no call.
func connectDoctor(ctx context.Context, request Request, out *output) (doctor.Cloud, doctor.Registry, error) {
	cloud, err := openCloud(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	registry, err := newRegistry(request, out)
	if err != nil {
		return nil, nil, &InvalidError{Problems: []Problem{{Message: err.Error()}}}
	}
	return cloud, registry, nil
}

// connectSweeper makes the clients for mode sweep, and names the home region. It makes no call.
func connectSweeper(ctx context.Context, request Request, out *output) (sweeper *runner.Sweeper, home string, err error) {
	cloud, err := openCloud(ctx, request)
	if err != nil {
		return nil, "", err
	}
	registry, err := newRegistry(request, out)
	if err != nil {
		return nil, "", &InvalidError{Problems: []Problem{{Message: err.Error()}}}
	}
	return &runner.Sweeper{Cloud: cloud, Registry: registry, Log: out.log}, cloud.Region(), nil
}

// connectBaker makes the clients for mode bake. It makes no call.
func connectBaker(ctx context.Context, request Request, out *output) (*ami.Baker, runner.Enroller, error) {
	cloud, err := openCloud(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	registry, err := newRegistry(request, out)
	if err != nil {
		return nil, nil, &InvalidError{Problems: []Problem{{Message: err.Error()}}}
	}
	return &ami.Baker{
		Cloud: cloud, Fresh: func() ami.Cloud { return cloud.Fresh() }, Journal: out, Log: out.log,
		Web: &http.Client{Transport: github.Transport(request.CACertificates)},
	}, registry, nil
}

func openCloud(ctx context.Context, request Request) (*ec2.Client, error) {
	cloud, err := ec2.Load(ctx, request.Region)
	if err != nil {
		return nil, &runner.FailedError{Message: err.Error(), Hint: "check the AWS settings in the step's environment (AWS_PROFILE, AWS_CONFIG_FILE, AWS_CA_BUNDLE)", Err: err}
	}
	return cloud, request.checkRegion(cloud.Region())
}

// connect makes the clients for EC2 and GitHub. It makes no call.
func connect(ctx context.Context, request Request, out *output) (*runner.Starter, error) {
	cloud, err := openCloud(ctx, request)
	if err != nil {
		return nil, err
	}
	registry, err := newRegistry(request, out)
	if err != nil {
		return nil, &InvalidError{Problems: []Problem{{Message: err.Error()}}}
	}
	return &runner.Starter{
		Cloud: cloud, Registry: registry, Journal: out, Log: out.log,
		Fresh: func() (runner.Cloud, runner.Registry) {
			fresh, err := newRegistry(request, out)
			if err != nil { // the same options have worked before
				fresh = registry
			}
			return cloud.Fresh(), fresh
		},
	}, nil
}

func newRegistry(request Request, out *output) (*github.Client, error) {
	scope, err := github.ParseScope(request.Scope)
	if err != nil {
		return nil, errors.New("runner-scope: " + err.Error())
	}
	return github.New(github.Options{
		BaseURL: request.APIURL, Token: request.Token, Scope: scope, CACertificates: request.CACertificates, Log: out.log,
	})
}
