package action

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/pool"
	"github.com/marqo-ai/ec2-github-runner/runner/rerun"
	"github.com/marqo-ai/ec2-github-runner/runner/stop"
	"github.com/marqo-ai/ec2-github-runner/runner/sweep"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
)

// The modes.
const (
	modeStart = "start"
	modeStop  = "stop"
	modeSweep = "sweep"
	modeCheck = "check"
	modeBake  = "bake"
	modePool  = "pool"
)

var modes = []string{modeStart, modeStop, modeSweep, modeCheck, modeBake, modePool}

// defaultAPIURL is the API of github.com.
const defaultAPIURL = "https://api.github.com"

// Request is the content of the inputs and the environment, typed and checked. Only the request of the mode is set.
type Request struct {
	Mode   string
	Token  string
	App    *appSignIn // instead of Token
	Scope  string     // where runners register: owner/repo
	APIURL string
	Region string // from the input; the SDK reads the environment's
	AWS    awsSignIn
	// CACertificates are PEM blocks of a private CA.
	CACertificates string
	Run            tags.Run
	Start          *runner.StartRequest
	Stop           *stop.Request
	Sweep          *sweep.Request
	Rerun          *rerun.Request // with Sweep; nil if no job is to run again
	Pool           *pool.Request
	Bake           *ami.Request
	WebURL         string   // of the scope
	Annotations    bool     // mode check: report problems as annotations
	Notes          []string // for the log
	Warnings       []string
}

// Parse reads the inputs. It makes no call. On failure the error is an *InvalidError that lists every problem.
func Parse(getenv func(string) string) (Request, error) {
	return newReader(getenv).parse()
}

func (r *reader) parse() (Request, error) {
	request := r.common()
	if slices.Contains(modes, request.Mode) {
		r.withoutEffect(request.Mode)
	}
	switch request.Mode {
	case "":
		r.refuse("The 'mode' input is not specified", "for example mode: start")
	case modeStart:
		request.Start = r.start(request)
	case modeStop:
		request.Stop = stopReader{r}.stop(request)
	case modeSweep:
		r.sweep(&request)
	case modeCheck:
		r.check(&request)
	case modeBake:
		request.WebURL = webURL(r.getenv("GITHUB_SERVER_URL"), request.Scope)
		request.Bake = bakeReader{r}.bake(request)
	case modePool:
		r.pool(&request)
	default:
		r.refuse(fmt.Sprintf("Wrong mode. Allowed values: %s.", strings.Join(modes, ", ")), "")
	}
	if request.App != nil {
		request.App.needsOf(request)
	}
	request.Notes, request.Warnings = r.notes, r.warnings
	return request, r.invalid.orNil()
}

// what returns the mode whose remains a post step removes.
func (request Request) what() string {
	if request.Mode == modeBake || request.Mode == modePool {
		return request.Mode
	}
	return modeStart
}

// ParsePost reads what the post step needs. Problems of other inputs were reported by the main step.
func ParsePost(getenv func(string) string) (Request, error) {
	r := newReader(getenv)
	request := r.common()
	if request.App != nil {
		request.App.needsOf(request)
	}
	return request, r.invalid.orNil()
}

// common reads what every mode needs.
func (r *reader) common() Request {
	request := Request{
		Mode: r.text("mode"), Token: r.text("github-token"), APIURL: r.getenv("GITHUB_API_URL"),
		Run: tags.Run{Repository: r.getenv("GITHUB_REPOSITORY"), ID: r.getenv("GITHUB_RUN_ID"),
			Attempt: r.getenv("GITHUB_RUN_ATTEMPT"), RunnerName: r.getenv("RUNNER_NAME")},
	}
	if request.Mode != modeSweep { // sweep reads a list of regions
		request.Region = r.region("region", r.text("region"))
	}
	request.App = signInReader{r}.appSignIn(request.Token)
	if strings.ContainsFunc(request.Token, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
		r.refuse("The 'github-token' input contains a space or a line break, which a token never does.",
			"paste the secret again, as one line and without anything before or after it")
	}
	request.APIURL = cmp.Or(request.APIURL, defaultAPIURL)
	owner, repo, ok := strings.Cut(request.Run.Repository, "/")
	if !ok || owner == "" || repo == "" || strings.Contains(repo, "/") {
		r.refuse(fmt.Sprintf("GITHUB_REPOSITORY is %q, which is not of the form owner/repo", request.Run.Repository),
			"GitHub sets it for every step; outside of GitHub set it yourself")
	}
	request.Scope = cmp.Or(r.scope(), request.Run.Repository)
	request.CACertificates = r.certificates()
	request.AWS = signInReader{r}.awsSignIn()
	return request
}

var scopeForm = regexp.MustCompile(`^([\w.-]+|[\w.-]+/[\w.-]+)$`)

// scope reads where the runners register; "" means the workflow's repository.
func (r *reader) scope() string {
	scope := r.text("runner-scope")
	if scope != "" && !scopeForm.MatchString(scope) {
		r.refuse(fmt.Sprintf("The 'runner-scope' input is %q, which is not a valid scope.", scope),
			"it must be owner/repo, an organization's name, or enterprises/NAME")
	}
	return scope
}

// certificates reads the certificates of a private CA.
func (r *reader) certificates() string {
	text := r.text("ca-certificates")
	if text != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
		r.refuse("The 'ca-certificates' input contains no valid certificate.",
			"it must be one or more PEM blocks that begin with -----BEGIN CERTIFICATE-----")
	}
	return text
}

func (r *reader) region(name, value string) string {
	if value != "" && !machine.IsRegion(value) {
		r.refuse(fmt.Sprintf("The '%s' input is %q, which is not a valid region name.", name, value),
			"for example eu-west-1")
	}
	return value
}

// checkRegion reports whether every placement has a region, given the home region.
func (request Request) checkRegion(home string) error {
	invalid := &InvalidError{}
	if home != "" && !machine.IsRegion(home) {
		invalid.add(fmt.Sprintf("AWS_REGION is %q, which is not a valid region name", home),
			"for example AWS_REGION: eu-west-1")
	}
	if home == "" && request.needsHome() {
		invalid.add("no AWS region is set",
			"set aws-region: eu-west-1, or set AWS_REGION, as aws-actions/configure-aws-credentials does")
	}
	return invalid.orNil()
}

// needsHome reports whether the request needs a home region, since it does not name all regions itself.
func (request Request) needsHome() bool {
	start := request.Start
	if request.Pool != nil {
		start = &request.Pool.Start
	}
	if start == nil {
		return request.Mode != modeStart
	}
	if machines, are := keptBy(start); are {
		return machines.Region == ""
	}
	for _, group := range start.Groups {
		for _, placement := range group.Placements {
			if placement.Region == "" {
				return true
			}
		}
	}
	return false
}

// label reads the label, which is passed to GitHub verbatim.
func (r *reader) label() string {
	label := r.text("label")
	for _, c := range label {
		if c == ',' || unicode.IsControl(c) {
			r.refuse(fmt.Sprintf("The 'label' input is %q, which contains a comma or a control character: GitHub "+
				"would create several labels from it.", label),
				"for example label: build-42")
			break
		}
	}
	return label
}

// waiting reads how long and how often to look for the runner.
func (r *reader) waiting() runner.Waiting {
	var waiting runner.Waiting
	if seconds, given := r.whole("startup-quiet-period-seconds", 30); given {
		if seconds < 0 {
			r.warn("The 'startup-quiet-period-seconds' input is %d, which is taken as 0", seconds)
		}
		quiet := time.Duration(max(seconds, 0)) * time.Second
		waiting.QuietPeriod = &quiet
	}
	const retry = 10 // seconds, machulav's default, used for values that are not a number
	if seconds, given := r.whole("startup-retry-interval-seconds", retry); given {
		if taken := max(cmp.Or(seconds, retry), 1); taken != seconds {
			r.warn("The 'startup-retry-interval-seconds' input is %d, so %d is taken; write a whole number such as %d",
				seconds, taken, retry)
			seconds = taken
		}
		interval := time.Duration(seconds) * time.Second
		waiting.RetryInterval = &interval
	}
	usual, _, _ := leadingNumber(inputOf("startup-timeout-minutes").fallback)
	minutes, given := r.whole("startup-timeout-minutes", usual)
	switch {
	case given && minutes == 0:
		r.warn("The 'startup-timeout-minutes' input is 0, so %d is taken; write a whole number such as %[1]d", usual)
		minutes = usual
	case minutes < 0:
		r.refuse(fmt.Sprintf("The 'startup-timeout-minutes' input is %d, which leaves no time to wait.", minutes),
			fmt.Sprintf("for example startup-timeout-minutes: %d", usual))
	}
	waiting.Timeout = time.Duration(minutes) * time.Minute
	return waiting
}
