package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/openapi"
	"github.com/marqo-ai/ec2-github-runner/simulator"
)

// TestScripts runs every script of action/testdata: env and inputs in, effects out. A script sees these commands beside
// testscript's own:
//
//	world [FILE]                 begin a world, by a simulator configuration in YAML; sets the environment of a step
//	step [-exit N] [-signal NAME -at REGEXP] FILE [&]
//	                             run the program with the inputs in FILE (YAML; $VARIABLES are expanded), as GitHub runs a
//	                             step; its outputs become variables out_NAME with hyphens made to underscores
//	post FILE                    run the post step of the step FILE, in the world that step left
//	cloud                        print what EC2 and GitHub have, for stdout
//	calls [SERVICE]              print how often each operation was called, for stdout
//	userdata                     print the user data of the newest instance, for stdout
//	nothing-left                 fail if an instance or a registration is left, or something of others was touched
//	job LABEL DURATION           queue a job, and wait until it runs
//	eventually COMMAND REGEXP    repeat a command above until its output matches, for 20 s at most
//
// Every exchange with GitHub is held against GitHub's own description, and whatever the simulator does not model fails.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "action/testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[sceneKey{}] = &scene{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"world":        beginWorld,
			"step":         runStep,
			"post":         runPostStep,
			"cloud":        printing(showCloud),
			"calls":        printing(showCalls),
			"userdata":     printing(showUserData),
			"nothing-left": nothingLeft,
			"job":          runJob,
			"eventually":   eventually,
		},
	})
}

type sceneKey struct{}

// scene is what a script has made.
type scene struct {
	world *simulator.World
	steps int
}

func sceneOf(ts *testscript.TestScript) *scene { return ts.Value(sceneKey{}).(*scene) }

// scriptSpeed is how much faster than the real ones the clouds of a script are.
const scriptSpeed = 20

func beginWorld(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: world [FILE]")
	}
	text := ""
	if len(args) == 1 {
		text = ts.ReadFile(args[0])
	}
	config, err := simulator.Load(strings.NewReader(text))
	ts.Check(err)
	if !strings.Contains("\n"+text, "\nspeed:") {
		config.Speed = scriptSpeed
	}
	world := simulator.New(config)
	server, err := simulator.Listen(world)
	ts.Check(err)
	ts.Defer(func() { _ = server.Close() })
	hold(ts, world)
	sceneOf(ts).world = world
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "demo-secret-key", "AWS_REGION": "us-east-1",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": server.EC2URL, "AWS_CA_BUNDLE": "",
		"GITHUB_API_URL": server.GitHubURL, "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_REPOSITORY": "demo-org/demo", "GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": "1", "NO_PROXY": "127.0.0.1",
	} {
		ts.Setenv(name, value)
	}
}

// hold fails the script at its end for every exchange that GitHub's description does not know.
func hold(ts *testscript.TestScript, world *simulator.World) {
	validator, err := openapi.New()
	ts.Check(err)
	var mu sync.Mutex
	var wrong []string
	world.OnRequest(func(request *http.Request, response *http.Response) {
		if strings.HasPrefix(request.Header.Get("Authorization"), "AWS4-") {
			return
		}
		asked, err := io.ReadAll(request.Body)
		answered, err2 := io.ReadAll(response.Body)
		if err := errors.Join(err, err2, validator.Check(request, asked, response, answered)); err != nil {
			mu.Lock()
			defer mu.Unlock()
			wrong = append(wrong, err.Error())
		}
	})
	ts.Defer(func() {
		mu.Lock()
		defer mu.Unlock()
		wrong = append(wrong, world.Surprises()...)
		if len(wrong) > 0 {
			ts.Fatalf("%s", strings.Join(wrong, "\n"))
		}
	})
}

func printing(show func(*testscript.TestScript, []string) string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		_, err := fmt.Fprint(ts.Stdout(), show(ts, args))
		ts.Check(err)
	}
}

// showCloud prints one line for each instance, oldest first, and each runner that is not there from the beginning.
func showCloud(ts *testscript.TestScript, _ []string) string {
	var b strings.Builder
	snapshot := sceneOf(ts).world.Snapshot()
	slices.SortStableFunc(snapshot.Instances, func(a, b simulator.Instance) int { return a.Launched.Compare(b.Launched) })
	for _, i := range snapshot.Instances {
		if i.Initial {
			continue
		}
		fmt.Fprintf(&b, "instance %s %s region=%s zone=%s type=%s market=%s image=%s subnet=%s groups=%s profile=%s shutdown=%s token=%s\n", i.ID, i.State,
			i.Region, i.Zone, i.Type, i.Market, i.Image, i.Subnet, strings.Join(i.SecurityGroups, ","), i.Profile, i.ShutdownBehavior, i.ClientToken)
		for _, key := range sorted(i.Tags) {
			fmt.Fprintf(&b, "  tag %s=%s\n", key, i.Tags[key])
		}
		for _, key := range sorted(i.VolumeTags) {
			fmt.Fprintf(&b, "  volume-tag %s=%s\n", key, i.VolumeTags[key])
		}
		for _, key := range sorted(i.Params) {
			if key != "UserData" {
				fmt.Fprintf(&b, "  asked %s=%s\n", key, i.Params[key])
			}
		}
	}
	for _, r := range snapshot.Runners {
		if !r.Initial {
			fmt.Fprintf(&b, "runner %s %s scope=%s labels=%s busy=%t jit=%t group=%d\n", r.Name, r.Status, r.Scope, strings.Join(r.Labels, ","), r.Busy, r.JIT, r.Group)
		}
	}
	return b.String()
}

func showCalls(ts *testscript.TestScript, args []string) string {
	count := map[string]int{}
	for _, call := range sceneOf(ts).world.Calls() {
		if len(args) == 0 || args[0] == call.Service {
			count[call.Operation]++
		}
	}
	var b strings.Builder
	for _, operation := range sorted(count) {
		fmt.Fprintf(&b, "%s %d\n", operation, count[operation])
	}
	return b.String()
}

func showUserData(ts *testscript.TestScript, _ []string) string {
	instances := sceneOf(ts).world.Snapshot().Instances
	if len(instances) == 0 {
		ts.Fatalf("there is no instance")
	}
	newest := slices.MaxFunc(instances, func(a, b simulator.Instance) int { return a.Launched.Compare(b.Launched) })
	return string(unzip(ts, newest.UserData))
}

func nothingLeft(ts *testscript.TestScript, neg bool, _ []string) {
	world := sceneOf(ts).world
	instances, runners := world.Leftovers()
	if neg {
		if len(instances)+len(runners) == 0 {
			ts.Fatalf("nothing is left")
		}
		return
	}
	for _, i := range instances {
		ts.Logf("left: instance %s %s", i.ID, i.State)
	}
	for _, r := range runners {
		ts.Logf("left: runner %s %s", r.Name, r.Status)
	}
	changed := world.Changed()
	for _, what := range changed {
		ts.Logf("touched: %s", what)
	}
	if len(instances)+len(runners)+len(changed) > 0 {
		ts.Fatalf("%d instances and %d runners are left, %d things of others were touched", len(instances), len(runners), len(changed))
	}
}

func runJob(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: job LABEL DURATION")
	}
	takes, err := time.ParseDuration(args[1])
	ts.Check(err)
	world := sceneOf(ts).world
	world.RunJob(args[0], takes)
	until(ts, "a runner takes the job", func() bool {
		return slices.ContainsFunc(world.Jobs(), func(j simulator.JobState) bool { return j.Label == args[0] && j.State != "queued" })
	})
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: eventually COMMAND REGEXP")
	}
	shows := map[string]func(*testscript.TestScript, []string) string{"cloud": showCloud, "calls": showCalls, "userdata": showUserData}
	show, known := shows[args[0]]
	if !known {
		ts.Fatalf("eventually knows no command %s", args[0])
	}
	pattern := compile(ts, args[1])
	until(ts, args[0]+" matches "+args[1], func() bool { return pattern.MatchString(show(ts, nil)) })
}

// until looks every 50 ms, for 20 s at most.
func until(ts *testscript.TestScript, what string, done func() bool) {
	for deadline := time.Now().Add(20 * time.Second); !done(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("waited 20 s in vain until %s", what)
		}
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// exitCode reads the flag -exit.
func exitCode(ts *testscript.TestScript, text string) int {
	code, err := strconv.Atoi(cmp.Or(text, "0"))
	ts.Check(err)
	return code
}

func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
		"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL", "GITHUB_API_URL", "GITHUB_SERVER_URL",
		"GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "TMPDIR",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, "GOCOVERDIR="+os.Getenv("GOCOVERDIR"))
}
