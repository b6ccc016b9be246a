// Package queue is GitHub's scale-set service in this program's types: set, session, message, registration. It alone
// imports actions/scaleset, GitHub's own client, which is a public preview.
//
// That client makes one call at a time, and its session client makes none during a poll, so each set has its own
// client.
package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/actions/scaleset"
)

// Options say how to reach GitHub.
type Options struct {
	URL     string // of the repository, the organization or the enterprise
	Version string // of this program
	Access  *Access
}

// Client makes the calls of one set. It is safe for concurrent use; calls are made one after another.
type Client struct {
	api *scaleset.Client
	// turn is held by the call under way. The library's mutex would make a waiting call outlive its context.
	turn chan struct{}
	// listening is the session's client: a poll that has to renew its token would wait for the calls of api.
	listening *scaleset.Client
	access    *Access
}

// Connect returns a client. It makes no call.
func Connect(o Options) (*Client, error) {
	c := &Client{turn: make(chan struct{}, 1), access: o.Access}
	for _, api := range []**scaleset.Client{&c.api, &c.listening} {
		var err error
		*api, err = scaleset.NewClientWithPersonalAccessToken(
			scaleset.NewClientWithPersonalAccessTokenConfig{
				GitHubConfigURL: o.URL, PersonalAccessToken: "replaced by signer",
				SystemInfo: scaleset.SystemInfo{System: "ec2-github-runner", Version: o.Version, Subsystem: "serve"},
			}, scaleset.WithRetryableHTTPClint(retrying(c.access)), scaleset.WithTimeout(0))
		if err != nil {
			return nil, fmt.Errorf("github url %q: %w", o.URL, err)
		}
	}
	return c, nil
}

// do waits for its turn and makes a call.
func (c *Client) do(ctx context.Context, operation string, call func() error) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
		return callError(operation, readable(call))
	case <-ctx.Done():
		return &CallError{Operation: operation, Class: Unknown, Message: ctx.Err().Error(), Err: ctx.Err()}
	}
}

// readable makes a call. The library takes for granted what an answer that it could decode holds, and panics without
// it.
func readable(call func() error) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("the answer cannot be read: %v", problem)
		}
	}()
	return call()
}

// Set is a scale set.
type Set struct {
	ID            int
	Name          string
	GroupID       int
	Labels        []string
	DisableUpdate bool // disables the self-updates of its runners
}

// DefaultGroupID is the id of every scope's default runner group.
const DefaultGroupID = 1

// GroupID returns the id of a runner group. If there is none of that name the error has the class NotFound.
func (c *Client) GroupID(ctx context.Context, name string) (int, error) {
	if name == "" || strings.EqualFold(name, scaleset.DefaultRunnerGroup) {
		return DefaultGroupID, nil
	}
	const operation = "find runner group"
	var group *scaleset.RunnerGroup
	err := c.do(ctx, operation, func() (err error) {
		group, err = c.api.GetRunnerGroupByName(ctx, queryEscape(name))
		return err
	})
	if err != nil && strings.Contains(err.Error(), "no runner group found") {
		return 0, &CallError{Operation: operation, Class: NotFound, Err: err,
			Message: fmt.Sprintf("there is no runner group %q", name)}
	}
	if err != nil {
		return 0, err
	}
	return group.ID, nil
}

// Find looks a set up by its name, which is unique in its group.
func (c *Client) Find(ctx context.Context, group int, name string) (set Set, found bool, err error) {
	var there *scaleset.RunnerScaleSet
	err = c.do(ctx, "find scale set", func() (err error) {
		there, err = c.api.GetRunnerScaleSet(ctx, group, queryEscape(name))
		return err
	})
	if err != nil || there == nil {
		return Set{}, false, err
	}
	return plain(there), true, nil
}

// Count returns a set's count of jobs and runners.
func (c *Client) Count(ctx context.Context, id int) (Count, error) {
	const operation = "read scale set"
	var there *scaleset.RunnerScaleSet
	err := c.do(ctx, operation, func() (err error) {
		there, err = c.api.GetRunnerScaleSetByID(ctx, id)
		return err
	})
	if err != nil {
		return Count{}, err
	}
	if there == nil || there.Statistics == nil {
		return Count{}, &CallError{Operation: operation, Class: Unknown, Message: "the answer holds no statistics"}
	}
	return count(there.Statistics), nil
}

// Create creates a set. If one of that name exists it returns that one as it is: an earlier answer may have been lost,
// or another process was faster.
func (c *Client) Create(ctx context.Context, wanted Set) (Set, error) {
	var made *scaleset.RunnerScaleSet
	err := c.do(ctx, "create scale set", func() (err error) {
		made, err = c.api.CreateRunnerScaleSet(ctx, wanted.api())
		return err
	})
	if err == nil && made.ID == 0 {
		return Set{}, &CallError{Operation: "create scale set", Class: Unknown, Message: "the answer names no set"}
	}
	if err == nil {
		return plain(made), nil
	}
	if ClassOf(err) == Refused {
		if there, found, _ := c.Find(ctx, wanted.GroupID, wanted.Name); found {
			return there, nil
		}
	}
	return Set{}, err
}

// Update changes a set to what is wanted.
func (c *Client) Update(ctx context.Context, wanted Set) (Set, error) {
	var made *scaleset.RunnerScaleSet
	err := c.do(ctx, "update scale set", func() (err error) {
		made, err = c.api.UpdateRunnerScaleSet(ctx, wanted.ID, wanted.api())
		return err
	})
	if err != nil {
		return Set{}, err
	}
	return plain(made), nil
}

// Delete deletes a set. It succeeds if the set is gone already.
func (c *Client) Delete(ctx context.Context, id int) error {
	err := c.do(ctx, "delete scale set", func() error { return c.api.DeleteRunnerScaleSet(ctx, id) })
	if ClassOf(err) == NotFound {
		return nil
	}
	return err
}

func (s Set) api() *scaleset.RunnerScaleSet {
	set := &scaleset.RunnerScaleSet{Name: s.Name, RunnerGroupID: s.GroupID,
		RunnerSetting: scaleset.RunnerSetting{DisableUpdate: s.DisableUpdate}}
	for _, label := range s.Labels {
		set.Labels = append(set.Labels, scaleset.Label{Name: label})
	}
	return set
}

func plain(there *scaleset.RunnerScaleSet) Set {
	set := Set{ID: there.ID, Name: there.Name, GroupID: there.RunnerGroupID,
		DisableUpdate: there.RunnerSetting.DisableUpdate}
	for _, label := range there.Labels {
		set.Labels = append(set.Labels, label.Name)
	}
	return set
}

// Dropped returns the wanted labels that GitHub has not kept: a GitHub Enterprise Server before 3.21 silently drops all
// but the set's name. GitHub ignores the case of labels.
// https://github.com/actions/scaleset/blob/v0.4.0/README.md#github-enterprise-server
func (s Set) Dropped(wanted []string) []string {
	return slices.DeleteFunc(slices.Clone(wanted), func(label string) bool {
		return slices.ContainsFunc(s.Labels, func(kept string) bool { return strings.EqualFold(kept, label) })
	})
}

// Registration is a registered runner, offline yet, and the JIT configuration for its machine, which is a secret.
type Registration struct {
	ID  int64
	JIT string
}

// Register registers a runner of the set for one job. If there is a runner of that name the error has the class Taken:
// an earlier answer may have been lost.
func (c *Client) Register(ctx context.Context, set int, name string) (Registration, error) {
	const operation = "generate JIT configuration"
	setting := &scaleset.RunnerScaleSetJitRunnerSetting{Name: name, WorkFolder: "_work"}
	var made *scaleset.RunnerScaleSetJitRunnerConfig
	err := c.do(ctx, operation, func() (err error) {
		made, err = c.api.GenerateJitRunnerConfig(ctx, setting, set)
		return err
	})
	if err != nil {
		return Registration{}, err
	}
	if made == nil || made.Runner == nil || made.EncodedJITConfig == "" {
		return Registration{}, &CallError{Operation: operation, Class: Unknown,
			Message: "the answer holds no configuration"}
	}
	return Registration{ID: int64(made.Runner.ID), JIT: made.EncodedJITConfig}, nil
}

// Runner looks a runner up by name. It returns its id and the id of its set.
func (c *Client) Runner(ctx context.Context, name string) (id int64, set int, found bool, err error) {
	var there *scaleset.RunnerReference
	err = c.do(ctx, "find runner", func() (err error) {
		there, err = c.api.GetRunnerByName(ctx, queryEscape(name))
		return err
	})
	if err != nil || there == nil {
		return 0, 0, false, err
	}
	return int64(there.ID), there.RunnerScaleSetID, true, nil
}

// Remove removes a runner's registration. It succeeds if the runner is gone already. If the runner has a job the error
// has the class Busy.
func (c *Client) Remove(ctx context.Context, id int64) error {
	err := c.do(ctx, fmt.Sprintf("remove runner %d", id), func() error { return c.api.RemoveRunner(ctx, id) })
	if ClassOf(err) == NotFound {
		return nil
	}
	return err
}
