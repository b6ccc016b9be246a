package simulator

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// InstanceSeed is an instance that lives in the world from its beginning. What is empty gets a value from the world's
// first subnet, image and instance type.
type InstanceSeed struct {
	ID     string            `yaml:"id"`
	Subnet string            `yaml:"subnet"`
	Image  string            `yaml:"image"`
	Type   string            `yaml:"type"`
	State  string            `yaml:"state"` // default running
	Market string            `yaml:"market"`
	Tags   map[string]string `yaml:"tags"`
	Token  string            `yaml:"client-token"`
	Age    time.Duration     `yaml:"age"` // since its launch, default 24h
	// Runner is the name of a registered runner (in Runners) that comes online when the instance is started. Its owner
	// lends such a machine out: tags of ec2-github-runner do not count as touched.
	Runner string `yaml:"runner"`
}

// seedInstances fills the world with what lives in it already.
func (c *cloud) seedInstances() {
	for _, s := range c.w.cfg.Instances {
		c.seedInstance(s)
	}
	for n := range c.w.cfg.ForeignInstances {
		c.seedInstance(InstanceSeed{Tags: map[string]string{"Name": fmt.Sprintf("somebody-elses-%d", n+1)}})
	}
}

func (c *cloud) seedInstance(s InstanceSeed) {
	if err := c.w.cfg.checkSeed(s); err != nil {
		panic("simulator: " + err.Error())
	}
	subnet, _ := c.subnet(orText(s.Subnet, c.w.cfg.Subnets[0].ID))
	r := c.regions[regionOfZone(subnet.Zone)]
	if r == nil {
		panic("simulator: instance seed needs a subnet in a region of the world")
	}
	img := r.image(s.Image)
	if img == nil {
		img = r.images[0]
	}
	kind, _ := c.kind(orText(s.Type, c.w.cfg.InstanceTypes[0].Name))
	age := s.Age
	if age == 0 {
		age = 24 * time.Hour
	}
	i := &instance{
		id: orText(s.ID, c.w.id("i")), region: r.name, zone: subnet.Zone, subnet: subnet.ID, vpc: subnet.VPC,
		reservation: c.w.id("r"),
		image:       img, kind: kind, market: orText(s.Market, marketOnDemand), state: orText(s.State, "running"),
		tags: newTags(s.Tags), token: s.Token,
		launched: c.w.now.Add(-age).Truncate(time.Second), visible: c.w.now.Add(-age), shutdown: "stop", initial: true,
		privateIP: "10.200.0.1", params: form{},
	}
	i.volumes = []*volume{{
		id: c.w.id("vol"), zone: i.zone, created: i.launched, visible: i.visible, device: img.RootDevice,
		size: img.VolumeSize, kind: "gp3",
		on: i, initial: true, tags: newTags(s.Tags),
	}}
	i.shownToken = c.w.cfg.shows(s.Token, i.market)
	if i.state == "terminated" {
		i.terminated, i.volumes = c.w.now, nil
		c.w.hideTags(i.tags)
	}
	i.guest = &guest{w: c.w, i: i, id: i.id, service: s.Runner, on: i.state == "running", starts: 1}
	if r := c.w.hub.named(s.Runner); r != nil && i.guest.on {
		i.guest.runner, r.machine = r, i.guest
	}
	i.original = i.ownerState()
	c.initial = append(c.initial, i)
	r.add(i)
}

// lentTags begins the keys that may be set on a machine that is lent out.
const lentTags = "ec2-github-runner:"

// ownerState is what nobody but its owner may change about an instance. What is stopping is as good as stopped.
func (i *instance) ownerState() string {
	tags, state := clone(i.tags.set), i.state
	if i.guest.service != "" {
		maps.DeleteFunc(tags, func(key, _ string) bool { return strings.HasPrefix(key, lentTags) })
	}
	if state == "stopping" {
		state = "stopped"
	}
	return fmt.Sprint(state, tags, i.shutdown, string(i.userData), i.kind.Name)
}

// RunnerSeed is a runner that is registered from the beginning.
type RunnerSeed struct {
	Scope     string   `yaml:"scope"` // default Config.ForeignScope
	Name      string   `yaml:"name"`
	Labels    []string `yaml:"labels"`
	Offline   bool     `yaml:"offline"`
	Busy      bool     `yaml:"busy"`
	Ephemeral bool     `yaml:"ephemeral"`
	ID        int64    `yaml:"id"`
	Group     int64    `yaml:"group"`
}

// Run is a workflow run.
type Run struct {
	Repository string `yaml:"repository"` // default the first of Config.Repositories
	ID         int64  `yaml:"id"`
	Attempt    int    `yaml:"attempt"`
	Status     string `yaml:"status"`     // queued, in_progress (the default) or completed
	Conclusion string `yaml:"conclusion"` // success, failure, cancelled …; only of a completed one
	// Jobs are those of the newest attempt that no machine of the world runs, such as start jobs.
	Jobs []RunJob `yaml:"jobs"`
	// Old refuses to run it again, as GitHub does after a month.
	Old bool `yaml:"old"`
}

// RunJob is a job of a workflow run.
type RunJob struct {
	ID         int64  `yaml:"id"`
	Name       string `yaml:"name"`
	Runner     string `yaml:"runner"`     // the name of the runner that had it; none had it if empty
	RunnerID   int64  `yaml:"runner-id"`  // its id; GitHub tells it of every job that a runner had
	Status     string `yaml:"status"`     // default completed
	Conclusion string `yaml:"conclusion"` // default success
	// BeganAgo and EndedAgo are how long before SetRun it began and ended: by default with the world, and at SetRun,
	// as a job does whose runner GitHub has missed for some time.
	BeganAgo time.Duration `yaml:"began-ago"`
	EndedAgo time.Duration `yaml:"ended-ago"`

	began, ended time.Time
}

// Rerun is a run, or one job of it, that was asked to run again.
type Rerun struct {
	Repository string
	Run, Job   int64 // Job is 0 where the whole run was asked for
	Attempt    int   // that began with it
}

// RunnerGroup is a runner group of an organization or enterprise.
type RunnerGroup struct {
	Scope string `yaml:"scope"`
	ID    int64  `yaml:"id"`
	Name  string `yaml:"name"`
}

// Token is a token that GitHub knows. Patterns may hold wildcards.
type Token struct {
	Value string `yaml:"value"`
	Login string `yaml:"login"`
	// Admin are the scopes whose runners it may manage: "owner/repo", "org" or "enterprises/name".
	Admin []string `yaml:"admin"`
	// Read are further repositories and organizations that it may see, without managing their runners: GitHub answers
	// 403 there, and 404 for those that it may not see.
	Read []string `yaml:"read"`
	// Actions is actions:read, which workflow runs need; Rerun is actions:write.
	Actions bool `yaml:"actions"`
	Rerun   bool `yaml:"rerun"`
	// Expired and revoked tokens are unknown: 401.
	Expired bool `yaml:"expired"`
	// ExpiresIn is when it ends, which GitHub says in a header of each answer; 0 says nothing.
	ExpiresIn time.Duration `yaml:"expires-in"`
	// Limit is the number of calls an hour, default 5,000; Used is how many of them others have spent already.
	Limit int `yaml:"limit"`
	Used  int `yaml:"used"`
	// Scopes is the X-OAuth-Scopes header of a classic token, empty for others.
	Scopes string `yaml:"scopes"`
}

// SetRun adds or changes a workflow run.
func (w *World) SetRun(run Run) {
	w.enter()
	defer w.mu.Unlock()
	run.Repository = orText(run.Repository, w.cfg.Repositories[0])
	w.hub.setRun(run)
}

// AddRunner registers a further runner, which belongs to somebody else.
func (w *World) AddRunner(s RunnerSeed) {
	w.enter()
	defer w.mu.Unlock()
	w.hub.seedRunner(s)
}

// RemoveRunner removes a registration by its name, as its owner does. It reports whether there was one.
func (w *World) RemoveRunner(name string) bool {
	w.enter()
	defer w.mu.Unlock()
	r := w.hub.scope(w.cfg.ForeignScope).byName[strings.ToLower(name)]
	if r == nil {
		return false
	}
	w.hub.remove(r)
	r.original = r.ownerState() // nobody is blamed for it
	return true
}

// AddInstance adds a further instance, which belongs to somebody else, and gives its id.
func (w *World) AddInstance(s InstanceSeed) string {
	w.enter()
	defer w.mu.Unlock()
	s.ID = orText(s.ID, w.id("i"))
	s.Tags = maps.Clone(s.Tags)
	w.cloud.seedInstance(s)
	return s.ID
}

// EndInstance ends an instance from EC2's side, as an interruption of spot does: code is StateReason's, such as
// "Server.SpotInstanceTermination".
func (w *World) EndInstance(id, code string) {
	w.enter()
	defer w.mu.Unlock()
	if i := w.cloud.find(id); i != nil {
		w.cloud.end(i, "terminated", code, GuestRule{Reason: code}.reasonText())
	}
}

// Power starts or stops an instance as its owner does by hand. It tells whether that could be done.
func (w *World) Power(id string, on bool) bool {
	w.enter()
	defer w.mu.Unlock()
	i := w.cloud.find(id)
	switch {
	case i == nil, on && i.state != "stopped", !on && i.state != "running":
		return false
	case on:
		w.cloud.restart(i)
	default:
		w.cloud.end(i, "stopped", "Client.UserInitiatedShutdown",
			"Client.UserInitiatedShutdown: User initiated shutdown")
	}
	return true
}

// SetCapacity replaces all pools.
func (w *World) SetCapacity(pools ...Pool) {
	w.enter()
	defer w.mu.Unlock()
	w.cfg.Capacity = append([]Pool(nil), pools...)
}

// SetPolicy replaces the account's policy.
func (w *World) SetPolicy(p Policy) {
	w.enter()
	defer w.mu.Unlock()
	if err := p.load(); err != nil {
		panic("simulator: " + err.Error())
	}
	w.cfg.Policy = p
}

// AddImage adds a further image, which somebody has just made.
func (w *World) AddImage(i Image) {
	w.enter()
	defer w.mu.Unlock()
	w.cloud.seedImage(w.cloud.regions[i.Region], i)
}

// RemoveImage deregisters an image, as its owner does. Instances that were launched from it go on, and stopped ones can
// be started. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/deregister-ami.html
func (w *World) RemoveImage(id string) {
	w.enter()
	defer w.mu.Unlock()
	for _, r := range w.cloud.regions {
		if i := r.image(id); i != nil {
			i.gone, i.initial = true, false
		}
	}
}
