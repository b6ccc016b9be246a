package ami_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// journal records what a bake writes.
type journal struct {
	mu     sync.Mutex
	begun  []ami.Begun
	baked  []ami.Baked
	tokens []string
}

func (j *journal) Asking(token, _ string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tokens = append(j.tokens, token)
	return nil
}

func (j *journal) Imaging(b ami.Begun) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.begun = append(j.begun, b)
	return nil
}

func (j *journal) Baked(b ami.Baked) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.baked = append(j.baked, b)
	return nil
}

func client(w *simulator.World) *ec2.Client {
	return ec2.New(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIADEMO", "demo-secret", ""),
		HTTPClient: &http.Client{Transport: w.Transport()},
	})
}

func request() ami.Request {
	ours, mine := map[string]string{"ec2-github-runner:repository": "demo-org/demo"},
		map[string]string{"ec2-github-runner:nonce": "abcd1234"}
	return ami.Request{
		Identity: ami.Identity{
			Nonce: "abcd1234", Ours: ours, Mine: mine,
			Builder: func(string, time.Time) map[string]string {
				return map[string]string{"ec2-github-runner:repository": "demo-org/demo",
					"ec2-github-runner:nonce": "abcd1234"}
			},
			Token: func(architecture string, offering, try int) string {
				return fmt.Sprintf("egr-%s-%d-%d", architecture, offering, try)
			},
			CopyToken: func(architecture, region string, try int) string {
				return fmt.Sprintf("egr-%s-%s-%d", architecture, region, try)
			},
		},
		Builders: []machine.Machine{{
			Architecture: "amd64", InstanceTypes: []string{"t3.xlarge"}, Root: machine.RootVolume{GiB: 50},
			Placements: []machine.Placement{machine.NewPlacement("", "", "subnet-0aaaaaaaaaaaaaaa1",
				"sg-0aaaaaaaaaaaaaaa1")},
		}}, Keep: 3,
		Timeout:  time.Hour,
		Software: []bootstrap.Software{{Architecture: "x64", URL: "https://example.com/r.tar.gz", Version: "2.335.0"}},
	}
}

// bakeInBubble bakes in virtual time, and checks what must hold after every bake: no builder is left, and no image that
// was not handed over.
func bakeInBubble(t *testing.T, config simulator.Config, r ami.Request, check func(t *testing.T, result ami.Result,
	err error, took time.Duration, log string, w *simulator.World)) {
	t.Helper()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	synctest.Test(t, func(t *testing.T) {
		w := simulator.New(config)
		var log bytes.Buffer
		j := &journal{}
		baker := &ami.Baker{Cloud: client(w), Fresh: func() *ec2.Client { return client(w) }, Journal: j,
			Log: slog.New(slog.NewTextHandler(&log, nil))}
		begun := time.Now()
		result, err := baker.Bake(t.Context(), r)
		check(t, result, err, time.Since(begun), log.String(), w)
		if instances, _ := w.Leftovers(); len(instances) > 0 {
			t.Errorf("left: %+v", instances)
		}
		for _, made := range w.Images() {
			if !made.Snapshot && !slices.ContainsFunc(j.baked, func(b ami.Baked) bool { return b.ImageID == made.ID }) {
				t.Errorf("left: image %s %s", made.ID, made.State)
			}
		}
		if surprises := w.Surprises(); len(surprises) > 0 {
			t.Error(surprises)
		}
	})
}

// failure returns the failure of the only image.
func failure(t *testing.T, err error) *ami.FailedError {
	t.Helper()
	var failed *ami.FailedError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	return failed
}

// TestTheBuilderHangs: the timeout ends the bake, and the error names the builder's last step.
func TestTheBuilderHangs(t *testing.T) {
	config := simulator.Config{Guests: []simulator.GuestRule{{Fault: simulator.GuestHangs}}}
	bakeInBubble(t, config, request(), func(t *testing.T, _ ami.Result, err error, took time.Duration, log string,
		_ *simulator.World) {
		f := failure(t, err)
		want := "it did not finish within 60 minutes (bake-timeout-minutes); the builder's last step was setup-script"
		if f.Step != "wait for the builder" || f.Message != want || f.Hint == "" || len(f.Console) == 0 {
			t.Errorf("got %+v", f)
		}
		if took < time.Hour || took > time.Hour+time.Minute {
			t.Errorf("it took %s", took)
		}
		if !regexp.MustCompile(`setup-script, for [0-9]+m`).MatchString(log) {
			t.Errorf("the log says nothing of the wait:\n%s", log)
		}
	})
}

// TestTheBuilderSaysNothing: a builder that prints none of our lines is given up long before the timeout.
func TestTheBuilderSaysNothing(t *testing.T) {
	for _, fault := range []simulator.GuestFault{simulator.GuestNeverBoots, simulator.GuestNoCloudInit,
		simulator.GuestNoUserData} {
		config := simulator.Config{Guests: []simulator.GuestRule{{Fault: fault}}}
		bakeInBubble(t, config, request(), func(t *testing.T, _ ami.Result, err error, took time.Duration, _ string,
			_ *simulator.World) {
			f := failure(t, err)
			if f.Message != "the builder has printed "+
				"nothing for 10 minutes" || !strings.Contains(f.Hint, "cloud-init") ||
				took > 11*time.Minute {
				t.Errorf("%s: after %s got %+v", fault, took, f)
			}
		})
	}
}

// TestTheImageStaysPending: the wait for the image is limited too, and an incomplete image is removed with its
// snapshots.
func TestTheImageStaysPending(t *testing.T) {
	config := simulator.Config{Timing: simulator.Timing{Snapshot: 5 * time.Hour}}
	bakeInBubble(t, config, request(), func(t *testing.T, _ ami.Result, err error, _ time.Duration, log string,
		w *simulator.World) {
		f := failure(t, err)
		if f.Step != "wait for the image" || !strings.Contains(f.Message, "within 60 minutes") || len(w.Images()) > 0 {
			t.Errorf("got %+v, left %v", f, w.Images())
		}
		if !regexp.MustCompile(`is pending, for [0-9]+m`).MatchString(log) {
			t.Errorf("the log says nothing of the wait:\n%s", log)
		}
	})
}

// TestBadWeather: single failing calls only delay a bake.
func TestBadWeather(t *testing.T) {
	for _, operation := range []string{"DescribeImages", "RunInstances", "GetConsoleOutput", "DescribeInstances",
		"StopInstances", "CreateImage", "TerminateInstances"} {
		for _, effect := range []simulator.Effect{simulator.EffectCutBefore, simulator.EffectCutAfter,
			simulator.EffectErrorAfter, simulator.EffectThrottle, simulator.EffectMalformed} {
			if operation == "DescribeImages" && effect == simulator.EffectMalformed {
				continue // before anything is made a garbled answer ends the bake at once
			}
			config := simulator.Config{Faults: []simulator.Fault{{Match: simulator.Match{Operation: operation},
				Effect: effect,
				Times:  2}}}
			bakeInBubble(t, config, request(), func(t *testing.T, result ami.Result, err error, _ time.Duration,
				_ string,
				w *simulator.World) {
				if err != nil || result.Images[0].ImageID == "" {
					t.Errorf("%s at %s: %v", effect, operation, err)
				}
				if made := w.Images(); len(made) != 2 {
					t.Errorf("%s at %s: made %+v", effect, operation, made)
				}
			})
		}
	}
}

// TestCancelledAtEveryMoment: cancelled at every half second; after at most 7 s only an image that was handed over is
// left.
func TestCancelledAtEveryMoment(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for at := 100 * time.Millisecond; at < 4*time.Minute; at += 730 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			w, j := simulator.New(simulator.Config{}), &journal{}
			baker := &ami.Baker{Cloud: client(w), Fresh: func() *ec2.Client { return client(w) }, Journal: j,
				Log: slog.New(slog.DiscardHandler)}
			ctx, cancel := context.WithTimeout(t.Context(), at)
			defer cancel()
			begun := time.Now()
			_, err := baker.Bake(ctx, request())
			if took := time.Since(begun); took > at+7*time.Second {
				t.Errorf("cancelled at %s: it took %s more", at, took-at)
			}
			if err == nil && len(j.baked) == 0 {
				t.Errorf("cancelled at %s: neither an error nor an image", at)
			}
			<-time.After(time.Minute)
			if instances, _ := w.Leftovers(); len(instances) > 0 || (len(j.baked) == 0 && len(w.Images()) > 0) {
				t.Errorf("cancelled at %s: left %d instances and %v", at, len(instances), w.Images())
			}
		})
	}
}
