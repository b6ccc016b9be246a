package action

import (
	"context"
	"net/http"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
)

// clients speak to EC2 and to GitHub.
type clients struct {
	cloud    *ec2.Client
	registry *github.Client
	app      *github.App // of all clients for GitHub; nil: a token
}

// newClients makes the clients. It makes no call: a role is assumed by signIn, or before the first call to EC2.
func newClients(ctx context.Context, request Request, out *output) (clients, error) {
	cloud, err := ec2.Load(ctx, first(request.Region, request.AWS.Region))
	if err != nil {
		return clients{}, &runner.FailedError{
			Message: err.Error(), Err: err,
			Hint: "check the AWS settings in the step's environment (AWS_PROFILE, AWS_CONFIG_FILE, AWS_CA_BUNDLE)",
		}
	}
	if err := request.checkRegion(cloud.Region()); err != nil {
		return clients{}, err
	}
	if role := request.AWS.role(request, out); role != nil {
		cloud = cloud.Assume(*role)
	}
	scope, err := github.ParseScope(request.Scope)
	if err != nil {
		return clients{}, &InvalidError{Problems: []Problem{{Message: "runner-scope: " + err.Error()}}}
	}
	app := request.App.session(scope, request, out)
	registry, err := newRegistry(request, scope, app, out)
	if err != nil {
		return clients{}, &InvalidError{Problems: []Problem{{Message: err.Error()}}}
	}
	return clients{cloud, registry, app}, nil
}

// connect makes the clients and signs in.
func connect(ctx context.Context, request Request, out *output) (clients, error) {
	c, err := newClients(ctx, request, out)
	if err != nil {
		return clients{}, err
	}
	return c, c.signIn(ctx)
}

// connectSweeper makes the clients for mode sweep, signed in, and names the home region.
func connectSweeper(ctx context.Context, request Request, out *output) (sweeper *runner.Sweeper, home string,
	err error) {
	c, err := connect(ctx, request, out)
	if err != nil {
		return nil, "", err
	}
	return &runner.Sweeper{Cloud: c.cloud, Registry: c.registry, Log: out.log}, c.cloud.Region(), nil
}

// connectBaker makes the clients for mode bake, signed in.
func connectBaker(ctx context.Context, request Request, out *output) (*ami.Baker, runner.Enroller, error) {
	c, err := connect(ctx, request, out)
	if err != nil {
		return nil, nil, err
	}
	return c.baker(request, out), c.registry, nil
}

func (c clients) baker(request Request, out *output) *ami.Baker {
	return &ami.Baker{
		Cloud: c.cloud, Fresh: func() ami.Cloud { return c.cloud.Fresh() }, Journal: out, Log: out.log,
		Web: &http.Client{Transport: github.Transport(request.CACertificates)},
	}
}

// connectStarter makes the clients for a start or a pool, signed in.
func connectStarter(ctx context.Context, request Request, out *output) (*runner.Starter, error) {
	c, err := connect(ctx, request, out)
	if err != nil {
		return nil, err
	}
	return c.starter(request, out), nil
}

func (c clients) starter(request Request, out *output) *runner.Starter {
	return &runner.Starter{
		Cloud: c.cloud, Registry: c.registry, Journal: out, Log: out.log,
		Fresh: func() (runner.Cloud, runner.Registry) {
			fresh, err := newRegistry(request, c.registry.Scope(), c.app, out)
			if err != nil { // the same options have worked before
				fresh = c.registry
			}
			return c.cloud.Fresh(), fresh
		},
	}
}

func newRegistry(request Request, scope github.Scope, app *github.App, out *output) (*github.Client, error) {
	return github.New(github.Options{
		BaseURL: request.APIURL, Token: request.Token, App: app, Scope: scope,
		CACertificates: request.CACertificates, Log: out.log,
	})
}
