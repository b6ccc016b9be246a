//go:build real

package act

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/test/simulator/step"
)

// settledSoon is settled for what ends only after the program: a terminated instance shuts down for some seconds.
func (c *clouds) settledSoon(t *testing.T) {
	t.Helper()
	looks := time.NewTicker(100 * time.Millisecond)
	defer looks.Stop()
	for range 200 {
		if instances, runners := c.world.Leftovers(); len(instances)+len(runners) == 0 {
			break
		}
		<-looks.C
	}
	c.settled(t)
}

// serve answers on loopback, without TLS, until the test ends.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// states are what a step saved for its post step.
func states(t *testing.T, file string) map[string]string {
	t.Helper()
	saved := step.ReadFile(file)
	if len(saved) == 0 {
		t.Error("the step saved no state")
	}
	return saved
}
