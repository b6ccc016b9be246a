// Package plan is the interface between the test outside and the world inside the container.
package plan

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// Token and JIT are what the stand-in GitHub accepts.
const (
	Token = "BOOTTESTTOKENBOOTTESTTOKEN"
	Scope = "https://github.com/owner/repo"
)

// Plan describes the world.
type Plan struct {
	// InstanceID, LaunchIndex and the file user-data beside the plan are what the metadata service returns.
	InstanceID  string
	LaunchIndex string
	// LifeCycle is "spot" or, if empty, "on-demand". EC2 reclaims a spot machine once there is a file spot-notice
	// beside the plan.
	LifeCycle string

	// Version is the newest runner, Least the oldest that GitHub accepts.
	Version, Least string
	// JIT is the encoded configuration that GitHub accepts.
	JIT string
	// Tarball is the file that GitHub serves, at Rate bytes a second.
	Tarball string
	Rate    int
	// Silent is how long after the start GitHub and package repositories are unreachable; a file network beside the
	// plan ends it earlier.
	Silent time.Duration
	// Cut ends the n-th download after that many bytes.
	Cut []int64
	// NoRange makes GitHub answer range requests with the whole file.
	NoRange bool
	// Status, if not 0, answers a download; only StatusTimes times, if that is not 0.
	Status, StatusTimes int
	// APIStatus, if not 0, is the API's answer to a request for releases.
	APIStatus int
	// SessionStatus, if not 0, is GitHub's answer to each runner that connects.
	SessionStatus int

	// Vendors is a folder of package repositories, by host.
	Vendors string

	// Configuring and Connecting are how long the runner takes for that.
	Configuring, Connecting time.Duration
	// Jobs are assigned to the runner one after the other.
	Jobs []Job
}

// Message is GitHub's message to a listener: a job, or the version to update to.
type Message struct {
	Job     *Job
	Refresh string
}

// Settings is .runner of a just-in-time configuration, as GitHub writes it: everything is a string.
type Settings struct {
	AgentID       string `json:"AgentId"`
	AgentName     string
	Ephemeral     string
	DisableUpdate string
	WorkFolder    string
}

// EncodeJIT makes a just-in-time configuration: base64 of an object of files, each in base64 again. The padding, as
// long as a key, makes it as long as a real one.
func EncodeJIT(s Settings, key string) string {
	runner, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(map[string][]byte{".runner": runner, ".credentials": []byte(`{"Scheme":"OAuth"}`),
		".credentials_rsaparams": []byte(key)})
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

// DecodeJIT reads the settings of a just-in-time configuration.
func DecodeJIT(jit string) (s Settings, err error) {
	var files map[string][]byte
	text, err := base64.StdEncoding.DecodeString(jit)
	if err == nil {
		err = json.Unmarshal(text, &files)
	}
	if err == nil {
		err = json.Unmarshal(files[".runner"], &s)
	}
	return s, err
}

// Job is one job of a workflow.
type Job struct {
	// Name is the job's name, Script its bash script.
	Name, Script string
	// After is how long after the runner came online the job is assigned.
	After time.Duration
}

// Event is one thing that happened in the container.
type Event struct {
	// At is the kernel's monotonic clock, which container and host share.
	At time.Duration
	// What happened, such as "online" or "job NAME ended".
	What string
	// Detail adds to What, such as a job's output.
	Detail string
}

// Load reads the plan in the folder.
func Load(dir string) (Plan, error) {
	var p Plan
	text, err := os.ReadFile(filepath.Join(dir, "plan.json"))
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

// Save writes the plan into the folder.
func (p Plan) Save(dir string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "plan.json"), text, 0o600)
}
