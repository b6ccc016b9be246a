package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// signIn signs all sets in at GitHub. It reads the file with the token or the key again for each call, so that a new
// secret is used without a restart.
type signIn struct {
	config.GitHub
	scope     github.Scope
	transport http.RoundTripper
	log       *slog.Logger
	version   string
	access    *queue.Access // of all sets

	mu       sync.Mutex
	secret   string // what the file held
	registry *github.Client
	warned   time.Time // that the file cannot be read; zero while it can
}

func newSignIn(file config.GitHub, transport http.RoundTripper, version string, log *slog.Logger) (*signIn, error) {
	at, err := url.Parse(file.URL)
	if err != nil {
		return nil, fmt.Errorf("github url %q: %w", file.URL, err)
	}
	scope, err := github.ParseScope(strings.Trim(at.Path, "/"))
	if err != nil {
		return nil, fmt.Errorf("github url %q: %w", file.URL, err)
	}
	if transport == nil {
		transport = github.Transport(file.CACertificates)
	}
	s := &signIn{GitHub: file, scope: scope, transport: transport, version: version, log: log}
	s.access = queue.NewAccess(transport, s.token)
	return s, nil
}

// apiURL returns the address of the REST API of the GitHub that a web address belongs to.
func apiURL(web string) string {
	at, err := url.Parse(web)
	switch {
	case err != nil:
		return web
	case strings.EqualFold(at.Host, "github.com"), strings.EqualFold(at.Host, "www.github.com"):
		return github.DefaultBaseURL
	case strings.HasSuffix(at.Host, ".ghe.com"):
		return at.Scheme + "://api." + at.Host
	}
	return at.Scheme + "://" + at.Host + "/api/v3"
}

// client returns a client for the runners of the scope.
func (s *signIn) client() (*github.Client, error) {
	path := s.TokenFile
	if s.AppID != "" {
		path = s.AppPrivateKeyFile
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own file names it
	secret := strings.TrimSpace(string(text))
	if err == nil && secret == "" {
		err = fmt.Errorf("%s is empty", path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.registry != nil && s.secret == secret {
		return s.registry, nil
	}
	var registry *github.Client
	if err == nil {
		registry, err = s.newClient(path, secret)
	}
	switch {
	case err == nil:
		s.secret, s.registry, s.warned = secret, registry, time.Time{}
	case s.registry == nil:
		return nil, fmt.Errorf("sign in at GitHub: %w", err)
	case time.Since(s.warned) > stillWaiting: // such as while the file is being replaced
		s.warned = time.Now()
		s.log.Warn("the secret cannot be read, so the one before is used", "error", err.Error())
	}
	return s.registry, nil
}

// newClient returns a client that signs in with the secret from the file at path.
func (s *signIn) newClient(path, secret string) (*github.Client, error) {
	options := github.Options{BaseURL: apiURL(s.URL), Scope: s.scope, Transport: s.transport, Log: s.log}
	if s.AppID == "" {
		options.Token = secret
	} else {
		key, err := github.ReadKey(secret)
		if err != nil {
			return nil, fmt.Errorf("the key in %s %w", path, err)
		}
		options.App = github.NewApp(github.AppOptions{ID: s.AppID, Key: key, Scope: s.scope})
	}
	return github.New(options)
}

// token returns a token that works.
func (s *signIn) token(ctx context.Context) (string, error) {
	registry, err := s.client()
	if err != nil {
		return "", err
	}
	return registry.AccessToken(ctx)
}

// findSet looks a set up in its group and then in the scope's other groups: the file may have moved it.
func (s *signIn) findSet(ctx context.Context, api *queue.Client, group int, name string) (queue.Set, bool, error) {
	there, found, err := api.Find(ctx, group, name)
	if err != nil || found || s.scope.IsRepository() {
		return there, found, err
	}
	registry, err := s.client()
	if err != nil {
		return queue.Set{}, false, err
	}
	groups, err := registry.Groups(ctx)
	if err != nil {
		s.log.Debug("the runner groups cannot be listed", "error", err)
		return queue.Set{}, false, nil
	}
	for _, other := range groups {
		if int(other.ID) == group {
			continue
		}
		if there, found, err = api.Find(ctx, int(other.ID), name); err != nil || found {
			return there, found, err
		}
	}
	return queue.Set{}, false, nil
}

// findSets looks a set up in its group and in all others of the scope.
func (s *signIn) findSets(ctx context.Context, api *queue.Client, group int, name string) (all []queue.Set, err error) {
	ids := []int{group}
	if !s.scope.IsRepository() {
		registry, err := s.client()
		if err != nil {
			return nil, err
		}
		groups, err := registry.Groups(ctx)
		if err != nil {
			return nil, err
		}
		for _, other := range groups {
			if int(other.ID) != group {
				ids = append(ids, int(other.ID))
			}
		}
	}
	for _, id := range ids {
		there, found, err := api.Find(ctx, id, name)
		if err != nil {
			return nil, err
		}
		if found {
			all = append(all, there)
		}
	}
	return all, nil
}

// queue returns a client for one set.
func (s *signIn) queue() (*queue.Client, error) {
	return queue.Connect(queue.Options{URL: s.URL, Version: s.version, Access: s.access})
}
