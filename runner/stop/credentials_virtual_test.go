package stop_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/bubble"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// TestStopWithEndedCredentials: a stop with expired credentials names the machine and leaves its registration alone.
func TestStopWithEndedCredentials(t *testing.T) {
	t.Parallel()
	inBubble(t, bubble.KeysEnd(simulator.Config{}, time.Minute), func(ctx context.Context, t *testing.T, s *stage) {
		h := s.startedIn(ctx, t, bubble.Request())
		<-time.After(time.Minute)
		_, took, err := s.stop(ctx, stopBy("id", h))
		if err == nil || !strings.Contains(err.Error(), h.InstanceID) || !strings.Contains(err.Error(),
			"RequestExpired") ||
			took > 5*time.Second {
			t.Errorf("stop took %s: %v", took, err)
		}
		s.kept(t)
	})
}
