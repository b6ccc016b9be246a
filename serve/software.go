package serve

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/marqo-ai/ec2-github-runner/runner/survey"
)

// software keeps what GitHub says of the runner's software, by the version that the file asks for: a hundred sets that
// start at once ask once, and not a hundred times.
type software struct {
	signIn *signIn
	log    *slog.Logger
	calls  singleflight.Group

	mu   sync.Mutex
	kept map[string]keptSoftware
}

type keptSoftware struct {
	survey.Software
	at time.Time
}

// softwareTimeout bounds a call that all sets wait for.
const softwareTimeout = time.Minute

// get returns the software of a version.
func (s *software) get(ctx context.Context, version string) (survey.Software, error) {
	s.mu.Lock()
	known := s.kept[version]
	s.mu.Unlock()
	if time.Since(known.at) < offerAge {
		return known.Software, nil
	}
	found, err, _ := s.calls.Do(version, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), softwareTimeout) // it is not for this set alone
		defer cancel()
		return s.find(ctx, version)
	})
	if err != nil {
		return survey.Software{}, err
	}
	return found.(survey.Software), nil
}

// find asks GitHub. What comes with a token for its download is not kept, since the token does not live long.
func (s *software) find(ctx context.Context, version string) (survey.Software, error) {
	registry, err := s.signIn.client()
	if err != nil {
		return survey.Software{}, err
	}
	downloads := survey.Downloads{Registry: registry, WebURL: s.signIn.URL, Version: version,
		Warn: func(message string) { s.log.Warn(message) }}
	found, err := downloads.Find(ctx, s.log)
	if err == nil && found.Token == "" && len(found.List) > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.kept[version] = keptSoftware{found, time.Now()}
	}
	return found, err
}
