package serve

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/serve/config"
)

// TestTimesBeginWithTurn: a machine's times begin when it is its turn to be launched, however long that took in a
// storm.
func TestTimesBeginWithTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, err := New(t.Context(), config.File{GitHub: config.GitHub{URL: "https://github.com/org/repo",
			TokenFile: "none"}}, Options{Cloud: ec2.New(aws.Config{Region: "us-east-1"})})
		if err != nil {
			t.Fatal(err)
		}
		var back []func()
		for range maxTurns {
			giveBack, err := server.turns.take(t.Context(), "us-east-1", "storm")
			if err != nil {
				t.Fatal(err)
			}
			back = append(back, giveBack)
		}
		s, err := server.newSet(config.Set{Name: "a", Max: 1})
		if err != nil {
			t.Fatal(err)
		}
		s.launcher.begin(t.Context(), time.Now())
		var r *runner
		for _, r = range s.fleet.runners {
		}
		<-time.After(20 * time.Minute)
		back[0]()
		s.work.Wait() // the launch fails: there is no token
		if want := time.Now().Add(dueTime); !r.due.Equal(want) || !r.expires.Equal(time.Now().Add(lifetime)) {
			t.Errorf("due %s, expires %s, want %s", r.due, r.expires, want)
		}
	})
}
