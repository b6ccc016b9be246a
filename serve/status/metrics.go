package status

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// prefix begins the name of every metric.
const prefix = "ec2_github_runner_"

// Metric describes one metric: the documentation and the dashboard are held to this list.
type Metric struct {
	Name   string // without the prefix
	Type   string // counter, gauge or histogram
	Labels string // comma-separated
	Help   string
}

// Names of the metrics.
const (
	jobsAssigned   = "jobs_assigned"
	jobsRunning    = "jobs_running"
	jobsWaiting    = "jobs_waiting"
	jobsCompleted  = "jobs_completed_total"
	machines       = "machines"
	machinesMax    = "machines_max"
	machinesMin    = "machines_min"
	machinesWarm   = "machines_warm"
	notInFile      = "machines_not_in_file"
	launchToOnline = "launch_to_online_seconds"
	queuedToStart  = "queued_to_started_seconds"
	refusals       = "refusals_total"
	launchesPaused = "launches_paused"
	spotTaken      = "spot_interruptions_total"
	session        = "session"
	pollAge        = "last_poll_age_seconds"
	lookAge        = "last_look_age_seconds"
	reloadGood     = "config_reload_successful"
	reloadTime     = "config_reload_timestamp_seconds"
	info           = "info"
)

// List is every metric of this program. Beside it /metrics has those of the Go runtime and of the process.
var List = []Metric{
	{jobsAssigned, "gauge", "set", "Jobs that GitHub has assigned to the set, running ones among them."},
	{jobsRunning, "gauge", "set", "Jobs that run, by GitHub's count."},
	{jobsWaiting, "gauge", "set", "Jobs that wait for a runner, by GitHub's count."},
	{jobsCompleted, "counter", "set,result", "Jobs completed, by GitHub's result."},
	{machines, "gauge", "set,state", "Machines by state: launching, starting, idle, busy, ending, warming or stopped."},
	{machinesMax, "gauge", "set", "The file's max: machines at the same time."},
	{machinesMin, "gauge", "set", "The file's min: idle runners kept online."},
	{machinesWarm, "gauge", "set", "The file's warm: stopped machines kept for the next jobs."},
	{notInFile, "gauge", "set", "Machines of sets that are not in the file: another file's, or left behind."},
	{launchToOnline, "histogram", "set", "Time from EC2's answer to a launch until the runner was seen online."},
	{queuedToStart, "histogram", "set", "Time from a job's queueing until a runner had it, by GitHub's clock."},
	{refusals, "counter", "set,by,code", "Refusals of EC2 (by its error code) and of GitHub (by the status)."},
	{launchesPaused, "gauge", "set", "1 while no machine is launched after a refusal."},
	{spotTaken, "counter", "set", "Spot machines that EC2 took with their job."},
	{session, "gauge", "set,state", "1 for the session's state: listening, standby, refused or connecting."},
	{pollAge, "gauge", "set", "Time since GitHub answered a poll. An idle poll is answered after 50 s."},
	{lookAge, "gauge", "",
		"Time since a look began that saw all machines and runners, or since the start. One begins every 30 s."},
	{reloadGood, "gauge", "", "0 if the file was read again and could not be served, so that nothing was changed."},
	{reloadTime, "gauge", "", "When the file was read again last; 0 if never."},
	{info, "gauge", "version,scope", "Always 1."},
}

// Bounds of the histograms, in seconds. A warm machine is online after 10 s, a cold one after 20 s to 2 minutes.
var (
	onlineBounds = []float64{5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600}
	queuedBounds = []float64{1, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600}
)

// Metrics count what happens; what is so at a moment comes from a Snapshot. They are safe for concurrent use.
type Metrics struct{ counted *metrics.Set }

// NewMetrics returns metrics that have counted nothing.
func NewMetrics() *Metrics {
	metrics.ExposeMetadata(true)
	return &Metrics{counted: metrics.NewSet()}
}

// Online notes that a runner was seen online so long after EC2 had answered its launch.
func (m *Metrics) Online(set string, took time.Duration) {
	m.counted.GetOrCreatePrometheusHistogramExt(name(launchToOnline, "set", set), onlineBounds).
		Update(max(0, took.Seconds()))
}

// Started notes that a job has waited so long for a runner.
func (m *Metrics) Started(set string, waited time.Duration) {
	m.counted.GetOrCreatePrometheusHistogramExt(name(queuedToStart, "set", set), queuedBounds).
		Update(max(0, waited.Seconds()))
}

// Completed notes that a job is over.
func (m *Metrics) Completed(set, result string) {
	m.counted.GetOrCreateCounter(name(jobsCompleted, "set", set, "result", result)).Inc()
}

// RefusedByEC2 notes an error code of EC2.
func (m *Metrics) RefusedByEC2(set, code string) {
	m.counted.GetOrCreateCounter(name(refusals, "set", set, "by", "ec2", "code", code)).Inc()
}

// RefusedByGitHub notes an HTTP status of GitHub, 0 for a call without an answer.
func (m *Metrics) RefusedByGitHub(set string, status int) {
	code := "no answer"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	m.counted.GetOrCreateCounter(name(refusals, "set", set, "by", "github", "code", code)).Inc()
}

// SpotTaken notes that EC2 took a spot machine with its job.
func (m *Metrics) SpotTaken(set string) {
	m.counted.GetOrCreateCounter(name(spotTaken, "set", set)).Inc()
}

// Write writes everything in Prometheus' text format.
func (m *Metrics) Write(w io.Writer, s Snapshot) {
	now := metrics.NewSet()
	gauge := func(value float64, metric string, labels ...string) {
		now.NewGauge(name(metric, labels...), func() float64 { return value })
	}
	gauge(1, info, "version", s.Version, "scope", s.Scope)
	gauge(oneIf(s.Reload.Problem == ""), reloadGood)
	reloaded := 0.0
	if !s.Reload.At.IsZero() {
		reloaded = float64(s.Reload.At.Unix())
	}
	gauge(reloaded, reloadTime)
	looked := s.Looked
	if looked.IsZero() { // else no alert would tell of a process that has never seen anything
		looked = s.Started
	}
	gauge(s.At.Sub(looked).Seconds(), lookAge)
	for _, set := range s.NotInFile {
		gauge(float64(set.Machines), notInFile, "set", set.Name)
	}
	for _, set := range s.Sets {
		gaugesOf(set, s.At, func(value float64, metric string, labels ...string) {
			gauge(value, metric, append([]string{"set", set.Name}, labels...)...)
		})
	}
	var text bytes.Buffer
	m.counted.WritePrometheus(&text)
	now.WritePrometheus(&text)
	_, _ = w.Write(withHelp(text.String()))
	metrics.WriteProcessMetrics(w)
}

// gaugesOf gives what is so for a set.
func gaugesOf(s Set, at time.Time, gauge func(value float64, metric string, labels ...string)) {
	gauge(float64(s.Assigned), jobsAssigned)
	gauge(float64(s.Running), jobsRunning)
	gauge(float64(s.Waiting), jobsWaiting)
	gauge(float64(s.Max), machinesMax)
	gauge(float64(s.Min), machinesMin)
	gauge(float64(s.Warm), machinesWarm)
	gauge(oneIf(!s.Paused.IsZero()), launchesPaused)
	counts := s.count()
	for _, state := range States {
		gauge(float64(counts[state]), machines, "state", string(state))
	}
	for _, state := range Sessions {
		gauge(oneIf(s.Session == state), session, "state", string(state))
	}
	if s.Session == Listening {
		gauge(at.Sub(s.Polled).Seconds(), pollAge)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// withHelp fills in what the library leaves empty.
func withHelp(text string) []byte {
	pairs := make([]string, 0, 2*len(List))
	for _, m := range List {
		line := "# HELP " + prefix + m.Name
		pairs = append(pairs, line+"\n", line+" "+m.Help+"\n")
	}
	return []byte(strings.NewReplacer(pairs...).Replace(text))
}

// escapeLabel writes a text as the value of a label.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
var escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// name is a metric with its labels: name, value, name, value and so on.
func name(metric string, labels ...string) string {
	var text strings.Builder
	text.WriteString(prefix + metric)
	for i := 0; i+1 < len(labels); i += 2 {
		text.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		text.WriteString(labels[i] + `="` + escapeLabel.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD")) + `"`)
	}
	if len(labels) > 0 {
		text.WriteString("}")
	}
	return text.String()
}
