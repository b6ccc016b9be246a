package script

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/openapi"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// scriptSpeed is how much faster than in reality services and machines are in a script, unless its configuration sets
// another speed.
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
	scene := sceneOf(ts)
	scene.world, scene.secrets = world, &secrets{}
	hold(ts, world)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIADEMO", "AWS_SECRET_ACCESS_KEY": "demo-secret-key", "AWS_REGION": "us-east-1",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": server.EC2URL,
		"GITHUB_API_URL": server.GitHubURL, "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_REPOSITORY": "demo-org/demo", "GITHUB_RUN_ID": "4711", "GITHUB_RUN_ATTEMPT": "1",
		"RUNNER_NAME": "GitHub Actions 1", "NO_PROXY": "127.0.0.1",
		"world_image": "ami-0aaaaaaaaaaaaaaa1", "world_subnet": "subnet-0aaaaaaaaaaaaaaa1",
		"world_group":        "sg-0aaaaaaaaaaaaaaa1",
		"world_id_token_url": server.IDTokenURL, "ACTIONS_ID_TOKEN_REQUEST_URL": "",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "",
		"AWS_SESSION_TOKEN":              "",
		// Only EC2 and GitHub can be reached.
		"world_url": server.EC2URL, "world_github": server.EC2URL, "HTTPS_PROXY": server.EC2URL,
	} {
		ts.Setenv(name, value)
	}
	if len(config.Apps) > 0 {
		writeAppKeys(ts, world)
	}
	if scene.moto != nil {
		scene.moto.begin(ts, world)
	}
	if scene.emulator != nil {
		scene.emulator.begin(ts, world)
	}
}

// signInByOIDC gives the steps the OIDC variables of a job with id-token: write, and removes the access keys.
func signInByOIDC(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: oidc")
	}
	ts.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", ts.Getenv("world_id_token_url"))
	ts.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", simulator.IDTokenBearer)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		ts.Setenv(name, "")
	}
}

// description is GitHub's OpenAPI description, read once.
var description = sync.OnceValues(openapi.New)

// hold fails the script at its end for every exchange that GitHub's description does not allow, and records the secrets
// that GitHub hands out.
func hold(ts *testscript.TestScript, world *simulator.World) {
	validator, err := description()
	ts.Check(err)
	secrets := sceneOf(ts).secrets
	var mu sync.Mutex
	var wrong []string
	world.OnRequest(func(request *http.Request, response *http.Response) {
		// GitHub's description does not contain the scale-set service.
		if strings.HasPrefix(request.URL.Path, "/_services/") ||
			strings.HasSuffix(request.URL.Path, "/actions/runner-registration") {
			answered, _ := io.ReadAll(response.Body)
			secrets.learnScaleSets(answered)
			return
		}
		if !strings.HasPrefix(request.URL.Path, "/api/v3/") { // AWS or the OIDC endpoint
			answered, _ := io.ReadAll(response.Body)
			secrets.learnSignIn(answered)
			return
		}
		if strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") { // a proxy answered
			return
		}
		asked, err := io.ReadAll(request.Body)
		answered, err2 := io.ReadAll(response.Body)
		secrets.learn(response.StatusCode, answered)
		secrets.learnWebToken(request.Header.Get("Authorization"))
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

// environment returns a step's environment, without anything of the machine that runs the tests.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{
		"PATH", "HOME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
		"AWS_DEFAULT_REGION",
		"AWS_PROFILE",
		"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
		"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL",
		"GITHUB_API_URL",
		"GITHUB_SERVER_URL",
		"GITHUB_WORKSPACE", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "RUNNER_NAME", "HTTPS_PROXY",
		"HTTP_PROXY",
		"NO_PROXY", "TMPDIR",
	} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, "GOCOVERDIR="+os.Getenv("GOCOVERDIR"))
}
