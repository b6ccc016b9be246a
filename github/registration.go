package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	gh "github.com/google/go-github/v57/github"
)

// Token is a registration token. It is valid for one hour and for any number of runners.
type Token struct {
	Value     string
	ExpiresAt time.Time
}

// RegistrationToken requests a registration token. It is a secret: mask it.
func (c *Client) RegistrationToken(ctx context.Context) (Token, error) {
	var answer gh.RegistrationToken
	answered, err := c.creations.begin(ctx)
	if err != nil {
		return Token{}, err
	}
	defer answered()
	err = c.call(ctx, "create registration token", http.MethodPost, c.path("runners/registration-token"), &answer)
	if err != nil {
		return Token{}, err
	}
	return Token{Value: answer.GetToken(), ExpiresAt: answer.GetExpiresAt().Time}, nil
}

// JITRequest describes a runner that takes one job.
type JITRequest struct {
	Name    string
	GroupID int64
	Labels  []string // 1 to 100
}

// JITConfig is an existing registration, offline, and the configuration that run.sh needs for it. Encoded is a secret.
type JITConfig struct {
	RunnerID int64
	Encoded  string
}

// ErrNameTaken means that the scope already has a runner of that name.
var ErrNameTaken = errors.New("the runner name is taken")

// JITConfig registers a single-use runner. If a response is lost, the runner may be registered all the same, and the
// retry gets 409. Such a registration is ours, and useless without its configuration, so it is removed and made again.
func (c *Client) JITConfig(ctx context.Context, request JITRequest) (JITConfig, error) {
	var config JITConfig
	inDoubt := false
	err := retry(ctx, c.log, func() error {
		var err error
		config, err = c.generateJIT(ctx, request)
		switch ClassOf(err) {
		case Unknown:
			inDoubt = inDoubt || !unsent(err)
		case Conflict:
			if !inDoubt {
				return fmt.Errorf("%w: %w", ErrNameTaken, err)
			}
			if removed := c.removeLost(ctx, request.Name); removed != nil {
				return removed
			}
			return &CallError{Operation: "generate JIT configuration", Class: Unknown, Err: err,
				Message: "an earlier response was lost; trying again"}
		}
		return err
	})
	return config, err
}

// JITConfigOnce is JITConfig for a name that others may request at the same moment, without retries. ErrNameTaken means
// that somebody has the name. An error of class Unknown leaves open whether a registration exists and whose it is, so
// nothing is removed.
func (c *Client) JITConfigOnce(ctx context.Context, request JITRequest) (JITConfig, error) {
	config, err := c.generateJIT(ctx, request)
	if ClassOf(err) == Conflict {
		err = fmt.Errorf("%w: %w", ErrNameTaken, err)
	}
	return config, err
}

func (c *Client) generateJIT(ctx context.Context, request JITRequest) (JITConfig, error) {
	answered, err := c.creations.begin(ctx)
	if err != nil {
		return JITConfig{}, err
	}
	defer answered()
	folder := "_work"
	body := gh.GenerateJITConfigRequest{Name: request.Name, RunnerGroupID: request.GroupID, WorkFolder: &folder,
		Labels: request.Labels}
	var answer gh.JITRunnerConfig
	err = c.once(ctx, "generate JIT configuration", http.MethodPost, c.path("runners/generate-jitconfig"), body,
		&answer)
	if err != nil {
		return JITConfig{}, err
	}
	return JITConfig{RunnerID: answer.GetRunner().GetID(), Encoded: answer.GetEncodedJITConfig()}, nil
}

func (c *Client) removeLost(ctx context.Context, name string) error {
	runner, found, err := c.RunnerByName(ctx, name)
	if err != nil || !found {
		return err
	}
	if runner.Online {
		return fmt.Errorf("%w: runner %d of that name is online", ErrNameTaken, runner.ID)
	}
	return c.Remove(ctx, runner.ID)
}

// Download is the runner software for one system, as GitHub offers it to the scope.
type Download struct {
	OS, Architecture string // "linux"; "x64", "arm64", "arm"
	URL, Filename    string
	SHA256           string // may be empty
	Token            string // a short-lived token for the download, on GitHub Enterprise Server
}

// Downloads returns the runner software that GitHub offers.
func (c *Client) Downloads(ctx context.Context) ([]Download, error) {
	var answer []*gh.RunnerApplicationDownload
	if err := c.call(ctx, "list runner downloads", http.MethodGet, c.path("runners/downloads"), &answer); err != nil {
		return nil, err
	}
	list := make([]Download, 0, len(answer))
	for _, d := range answer {
		list = append(list, Download{
			OS: d.GetOS(), Architecture: d.GetArchitecture(), URL: d.GetDownloadURL(), Filename: d.GetFilename(),
			SHA256: d.GetSHA256Checksum(), Token: d.GetTempDownloadToken(),
		})
	}
	return list, nil
}
