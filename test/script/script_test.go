package script

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// update writes the actual texts into the golden files of the scripts: EGR_UPDATE=1 go test -run TestScripts
// ./test/script
var update = os.Getenv("EGR_UPDATE") != ""

// TestScripts runs every script of test/script/testdata: env and inputs in, effects out. A script sees these commands
// beside testscript's own:
//
//	world [FILE]                 begin a world, by a simulator configuration in YAML; sets the environment of a step,
//	                             and world_image, world_subnet and world_group, which every world has
//	step [FLAGS] FILE            run the program with the inputs in FILE (YAML; ${out_NAME}, ${world_NAME} and
//	                             ${file_NAME} stand for an output, a thing of the world, a file's text), as GitHub
//	                             runs a step; its outputs become variables out_NAME with hyphens made to underscores.
//	                             FLAGS:
//	                               -exit N          the exit code that it must have, 0 if not given; -1 after KILL
//	                               -within TIME     how long it may take, from the signal on if there is one
//	                               -signal NAMES    send INT, TERM or KILL, or several with commas in between,
//	                               -at REGEXP       at the first line that matches, or
//	                               -at-call NAME    when the call is under way, or
//	                               -at-acted NAME   when it has had its effect and its answer is under way
//	                               -at-nth N        the Nth of those calls
//	post [-exit N] FILE          run the post step of the step FILE, in the world that step left
//	neat WHAT                    print log, output, state or summary of the last step for stdout, with what differs
//	                             from run to run (ids, nonces, times, secrets) made the same
//	annotations                  print the warnings and errors of the last step, neatly, for stdout
//	cloud [asked|all]            print what EC2 and GitHub have, for stdout; asked: with the parameters of
//	                             RunInstances; all: also what is there from the beginning
//	power ID on|off              do what the owner of a machine does by hand in the EC2 console
//	reclaim CODE                 end the newest instance from EC2's side, with StateReason's code
//	run FILE                     let the workflow run that FILE (YAML) describes be so from now on
//	reruns                       print what was asked to run again, for stdout
//	images                       print the images and snapshots that were made, for stdout
//	console                      print what the newest machine has written to its console, for stdout
//	calls [SERVICE]              print how often each operation was called, for stdout
//	oidc                         from now on the steps' job may ask for OIDC tokens, and has no access keys
//	userdata                     print the user data of the newest instance, for stdout
//	part [-quoted] NAME          print one of its texts, packages or script, with a newline at the end; -quoted as a
//	                             Go string
//	(a world with apps)          writes their private key into app.pem, and as people paste it into app.escaped,
//	                             app.base64 and others
//	nothing-left [-images]       fail if an instance or a registration is left, or something of others was touched;
//	                             -images: or an image or a snapshot is left
//	next-job SECRETS             print the last step's outputs as another job gets them, where the step's job has the
//	                             secrets of a file
//	job LABEL DURATION           queue a job, and wait until it runs
//	serve NAME FILE              start an ec2-github-runner-serve with a file, in which ${world_NAME} are replaced
//	serve-end NAME CODE [SIGNAL] send it a signal, wait for its end, within 5 s of the signal, and judge its exit
//	                             code; its log is NAME.log then
//	serve-reload NAME FILE [COUNT]  put another file in the place of its own, or delete that (none), and let it reload
//	                             (SIGHUP), once or so often
//	page PATH [HOST]             print what the server answers that has ${world_listen}: /, /metrics, /readyz
//	serve-log NAME               print what it has logged, for stdout
//	queue SET COUNT DURATION     queue jobs for a scale set
//	delete-set SET               delete a scale set on GitHub's pages
//	drop-session SET             end the session of a scale set without a word to its holder
//	end-tokens SET|-admin        end the token of its session, or the admin tokens of all, before their time
//	jobs, sets                   print how many jobs of scale sets are in which state, and the sets, for stdout
//	text FILE BYTES              write a file of so many bytes of words; noise FILE BYTES of what no compression
//	                             makes shorter
//	eventually COMMAND [WORD] REGEXP
//	                             repeat a command above until its output matches and EC2 and GitHub list what there
//	                             is, for a minute at most
//
// Of each step it is checked besides, without being asked for: no secret (token, keys, registration token, JIT
// configuration) appears in the log but in a mask, nor in a file; every secret in use was masked; and every line of a
// machine or of a service is harmless. Every exchange with GitHub is held against GitHub's own description, and
// whatever the simulator does not model fails. A script whose first line is "# worlds: simulator moto" runs against
// moto too, and one with "# worlds: simulator emulator" against scaleset-emulator.
func TestScripts(t *testing.T) {
	t.Parallel()
	if raceDetector {
		testscript.Run(t, scriptParams(racedFiles()))
		return
	}
	testscript.Run(t, scriptParams(nil))
}

func scriptParams(files []string) testscript.Params {
	p := testscript.Params{
		Files:               files,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		UpdateScripts:       update,
		Setup: func(env *testscript.Env) error {
			env.Values[sceneKey{}] = &scene{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"world":        beginWorld,
			"step":         runStep,
			"post":         runPostStep,
			"oidc":         signInByOIDC,
			"neat":         printing(neat),
			"annotations":  printing(annotations),
			"cloud":        printing(showCloud),
			"images":       printing(showImages),
			"volumes":      printing(showVolumes),
			"detach":       detachVolumes,
			"console":      printing(showConsole),
			"calls":        printing(showCalls),
			"userdata":     printing(showUserData),
			"part":         printing(showPart),
			"nothing-left": nothingLeft,
			"job":          runJob,
			"next-job":     printing(nextJob),
			"text":         writeText(words),
			"noise":        writeText(noise),
			"eventually":   eventually,
			"power":        turnPower,
			"reclaim":      reclaim,
			"run":          setRun,
			"reruns":       printing(showReruns),
			"serve":        serve,
			"serve-end":    endServer,
			"serve-reload": reloadServer,
			"serve-unread": leaveUnread,
			"serve-log":    printing(showServerLog),
			"page":         printing(showPage),
			"queue":        queueJobs,
			"delete-set":   deleteSet,
			"drop-session": dropSession,
			"end-tokens":   endTokens,
			"jobs":         printing(showJobs),
			"sets":         printing(showSets),
		},
	}
	if files == nil {
		p.Files = allScripts()
	}
	return p
}

// slowScripts wait longest in real time. They begin first, so that none of them is still running when the others are
// done.
var slowScripts = []string{
	"stop_other_region", "throttled", "diagnosis_keep_failed", "bake_image", "diagnosis_image", "bake_killed",
	"spot_shows_no_token", "panic_moves_on", "existing_busy", "bake_regions_killed", "sign_in_weather",
	"diagnosis_network", "diagnosis_setup", "order_spot_score", "bake_unchanged", "tags_read_old",
	"killed_while_creating", "bake_regions", "bake_regions_fail", "bake_cancelled", "check_bad_days",
	"pool_killed_before_start", "bake_fails", "bake_prune", "stop_region_silent",
}

// allScripts returns the files of all scripts, the slow ones first.
func allScripts() []string {
	files := make([]string, 0, len(slowScripts))
	for _, name := range slowScripts {
		files = append(files, filepath.Join("test/script/testdata", name+".txtar"))
	}
	all, _ := filepath.Glob("test/script/testdata/*.txtar") // fails only for an invalid pattern
	return append(files, slices.DeleteFunc(all, func(file string) bool { return slices.Contains(files, file) })...)
}

type sceneKey struct{}

// scene is the state of a script.
type scene struct {
	world   *simulator.World
	moto    *motoWorld // EC2, if not the world's
	secrets *secrets
	// emulator is GitHub's scale-set service, if not the world's; servers run in the background, by name.
	emulator *emulatorWorld
	servers  map[string]*server
	// policies, by mode, are in force while a step of that mode runs; nil means the world's own.
	policies map[string]string
	last     string // the step that ran last
	log      string // its log
}

func sceneOf(ts *testscript.TestScript) *scene { return ts.Value(sceneKey{}).(*scene) }

// instances returns the instances that did not exist at the beginning, oldest first.
func (s *scene) instances(ts *testscript.TestScript) []simulator.Instance {
	if s.moto != nil {
		return s.moto.instances(ts)
	}
	list := slices.DeleteFunc(s.world.Snapshot().Instances, func(i simulator.Instance) bool { return i.Initial })
	slices.SortStableFunc(list, func(a, b simulator.Instance) int { return a.Launched.Compare(b.Launched) })
	return list
}

func printing(show func(*testscript.TestScript, []string) string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		_, err := fmt.Fprint(ts.Stdout(), show(ts, args))
		ts.Check(err)
	}
}

// showCloud prints one line for each new instance, oldest first, and each new runner.
func showCloud(ts *testscript.TestScript, args []string) string {
	var b strings.Builder
	asked, all := len(args) == 1 && args[0] == "asked", len(args) == 1 && args[0] == "all"
	instances := sceneOf(ts).instances(ts)
	if all && sceneOf(ts).moto == nil {
		instances = sceneOf(ts).world.Snapshot().Instances
	}
	for _, i := range instances {
		fmt.Fprintf(&b, "instance %s %s region=%s zone=%s type=%s market=%s image=%s subnet=%s groups=%s profile=%s "+
			"shutdown=%s token=%s\n", i.ID, i.State, i.Region, i.Zone, i.Type, i.Market, i.Image, i.Subnet,
			strings.Join(i.SecurityGroups, ","), i.Profile, i.ShutdownBehavior, i.ClientToken)
		for _, key := range sorted(i.Tags) {
			fmt.Fprintf(&b, "  tag %s=%s\n", key, i.Tags[key])
		}
		for _, key := range sorted(i.VolumeTags) {
			fmt.Fprintf(&b, "  volume-tag %s=%s\n", key, i.VolumeTags[key])
		}
		for _, key := range sorted(i.Params) {
			if asked && key != "UserData" {
				fmt.Fprintf(&b, "  asked %s=%s\n", key, i.Params[key])
			}
		}
	}
	for _, r := range sceneOf(ts).world.Snapshot().Runners {
		if !r.Initial || all {
			fmt.Fprintf(&b, "runner %s %s scope=%s labels=%s busy=%t jit=%t group=%d\n", r.Name, r.Status, r.Scope,
				strings.Join(r.Labels, ","), r.Busy, r.JIT, r.Group)
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

func newestUserData(ts *testscript.TestScript) []byte {
	instances := sceneOf(ts).instances(ts)
	if len(instances) == 0 {
		ts.Fatalf("there is no instance")
	}
	return unzip(ts, instances[len(instances)-1].UserData)
}

func showUserData(ts *testscript.TestScript, _ []string) string { return string(newestUserData(ts)) }

var partLine = regexp.MustCompile(`(?m)^part_([a-z]+)='(\d+) (\d+) (.*)'$`)

// showPart cuts a text out of the user data as the machine does: by its distance from the end and its length.
func showPart(ts *testscript.TestScript, args []string) string {
	switch {
	case len(args) == 1:
		return strings.TrimSuffix(readPart(ts, args[0]), "\n") + "\n"
	case len(args) == 2 && args[0] == "-quoted":
		return strconv.Quote(readPart(ts, args[1])) + "\n"
	}
	ts.Fatalf("usage: part [-quoted] NAME")
	return ""
}

func readPart(ts *testscript.TestScript, name string) string {
	data := newestUserData(ts)
	for _, found := range partLine.FindAllSubmatch(data, -1) {
		if string(found[1]) != name {
			continue
		}
		from, length := len(data)-number(ts, string(found[2])), number(ts, string(found[3]))
		text := string(data[from : from+length])
		switch decoder := string(found[4]); decoder {
		case "cat", `tr \n \0`: // shown as sent: one name per line
			return text
		case "base64 -d":
			return decodeBase64(ts, text)
		default:
			ts.Fatalf("part %s has the decoder %s", name, decoder)
		}
	}
	ts.Fatalf("the user data has no part %s", name)
	return ""
}

// turnPower starts or stops a machine as its owner does.
func turnPower(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || (args[1] != "on" && args[1] != "off") {
		ts.Fatalf("usage: power ID on|off")
	}
	if !sceneOf(ts).world.Power(args[0], args[1] == "on") {
		ts.Fatalf("there is no instance %s, or it cannot be turned %s", args[0], args[1])
	}
}

// reclaim ends the newest instance as EC2 does, with a code in its state reason.
func reclaim(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: reclaim CODE")
	}
	list := sceneOf(ts).instances(ts)
	sceneOf(ts).world.EndInstance(list[len(list)-1].ID, args[0])
}

func nothingLeft(ts *testscript.TestScript, neg bool, args []string) {
	scene := sceneOf(ts)
	instances, runners := scene.world.Leftovers()
	if scene.moto != nil {
		instances = scene.moto.leftovers(ts)
	}
	if len(args) == 1 && args[0] == "-images" {
		if text := showImages(ts, nil); text != "" {
			ts.Fatalf("left: %s", text)
		}
	}
	volumes := scene.leftVolumes(ts)
	if neg {
		if len(instances)+len(runners)+len(volumes) == 0 {
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
	for _, v := range volumes {
		ts.Logf("left: volume %s, which was %s of %s", v.ID, v.Device, v.Instance)
	}
	changed := scene.world.Changed()
	for _, what := range changed {
		ts.Logf("touched: %s", what)
	}
	if len(instances)+len(runners)+len(volumes)+len(changed) > 0 {
		ts.Fatalf("%d instances, %d runners and %d volumes are left, %d foreign things were changed", len(instances),
			len(runners), len(volumes), len(changed))
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
		return slices.ContainsFunc(world.Jobs(),
			func(j simulator.JobState) bool { return j.Label == args[0] && j.State != "queued" })
	})
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually COMMAND [WORD] REGEXP")
	}
	shows := map[string]func(*testscript.TestScript,
		[]string) string{"cloud": showCloud, "images": showImages, "volumes": showVolumes, "calls": showCalls,
		"userdata": showUserData, "console": showConsole, "serve-log": showServerLog, "jobs": showJobs,
		"sets": showSets, "page": showPage}
	show, known := shows[args[0]]
	if !known {
		ts.Fatalf("eventually: unknown command %s", args[0])
	}
	last := len(args) - 1
	pattern := compile(ts, args[last])
	world := sceneOf(ts).world
	until(ts, args[0]+" matches "+args[last],
		func() bool { return world.Settled() && pattern.MatchString(show(ts, args[1:last])) })
}

// until polls every 50 ms, for at most a minute.
func until(ts *testscript.TestScript, what string, done func() bool) {
	for deadline := time.Now().Add(time.Minute); !done(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("timeout of a minute while waiting until %s", what)
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
