package action

import (
	"cmp"
	"context"
	"net/http"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
	"github.com/marqo-ai/ec2-github-runner/runner/remove"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
)

// clients are the API clients of one request, with what they need to serve it.
type clients struct {
	cloud    *ec2.Client
	registry *github.Client
	app      *github.App // shared by all GitHub clients; nil if a token is used
	request  Request
	out      *output
}

// connect creates the clients. It makes no call: a role is assumed by signIn, or before the first call to EC2.
func connect(ctx context.Context, request Request, out *output) (clients, error) {
	cloud, err := ec2.Load(ctx, cmp.Or(request.Region, request.AWS.Region))
	if err != nil {
		return clients{}, &diagnosis.FailedError{
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
	return clients{cloud, registry, app, request, out}, nil
}

func (c clients) baker() *ami.Baker {
	return &ami.Baker{
		Cloud: c.cloud, Fresh: c.cloud.Fresh, Journal: c.out, Log: c.out.log,
		Web: &http.Client{Transport: github.Transport(c.request.CACertificates)},
	}
}

func (c clients) starter() *runner.Starter {
	return &runner.Starter{
		Cloud: c.cloud, Registry: c.registry, Journal: c.out, Log: c.out.log,
		Fresh: func() (*ec2.Client, *github.Client) {
			fresh, err := newRegistry(c.request, c.registry.Scope(), c.app, c.out)
			if err != nil { // cannot happen: the same options were valid before
				fresh = c.registry
			}
			return c.cloud.Fresh(), fresh
		},
	}
}

func (c clients) remover() remove.Remover {
	return remove.Remover{Cloud: c.cloud, Registry: c.registry, Log: c.out.log}
}

func (c clients) stopper() *stop.Stopper {
	return &stop.Stopper{Cloud: c.cloud, Registry: c.registry, Log: c.out.log}
}

func (c clients) sweeper() *sweep.Sweeper {
	return &sweep.Sweeper{Cloud: c.cloud, Registry: c.registry, Log: c.out.log}
}

func newRegistry(request Request, scope github.Scope, app *github.App, out *output) (*github.Client, error) {
	return github.New(github.Options{
		BaseURL: request.APIURL, Token: request.Token, App: app, Scope: scope,
		CACertificates: request.CACertificates, Log: out.log,
	})
}
