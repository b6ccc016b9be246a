package serve

import (
	"cmp"
	"time"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner/survey"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/serve/queue"
)

// Times of a machine. The machine itself gives up a little earlier than a look would end it.
const (
	registrationTimeout = 8 * time.Minute
	dueTime             = 10 * time.Minute
	lifetime            = 24 * time.Hour
)

// template builds the launch requests of a set. It makes no call.
type template struct {
	url    string // of the repository, organization or enterprise
	scope  string
	set    string
	region string // home region, of placements that name none
}

// identified is the runner of a machine that is to be launched. Its times are fixed: a repeated request must be the
// same.
type identified struct {
	name         string
	registration queue.Registration
	due, expires time.Time
}

// userData returns the user data of the runner's machine.
func (t template) userData(by identified, found offer) ([]byte, error) {
	return bootstrap.Spec{
		Machine: found.machine, URL: t.url, Name: by.name, JITConfig: by.registration.JIT,
		Software: found.software.List, DownloadToken: found.software.Token, Ephemeral: true,
		RegistrationTimeout: registrationTimeout, MaxLifetime: lifetime,
	}.UserData()
}

// tags returns the tags of the runner's machine.
func (t template) tags(id tags.Identity, by identified, found offer) map[string]string {
	own := ownTags(id, t.set, by.registration.ID, by.due, by.expires)
	if found.machine.JobReport {
		own[key.JobReport] = "true"
	}
	return own
}

// launch returns the launch request of one runner's machine.
func (t template) launch(by identified, found offer) (ec2.LaunchSpec, error) {
	data, err := t.userData(by, found)
	if err != nil {
		return ec2.LaunchSpec{}, err
	}
	id := identity(t.scope, by.name)
	own := t.tags(id, by, found)
	return ec2.LaunchSpec{
		Machine: found.machine, UserData: func(int) []byte { return data }, NeedsTags: true, KeepTag: key.KeepVolumes,
		OwnTags: func(int) map[string]string { return own }, TokenTag: key.ClientToken,
		Token: func(offering, try int) string { return id.ClientToken(by.name, 0, offering, try) },
	}, nil
}

// warm returns the launch request of warm machines. They have no runner yet and are all alike.
func (t template) warm(due, expires time.Time, found offer, offerings []ec2.Offering) (ec2.LaunchSpec, error) {
	data, err := bootstrap.Spec{Machine: found.machine, URL: t.url, Software: found.software.List,
		DownloadToken: found.software.Token, Warm: true, RegistrationTimeout: warmUpTime}.UserData()
	if err != nil {
		return ec2.LaunchSpec{}, err
	}
	id := identity(t.scope, "")
	own := func(offering int) map[string]string {
		values := ownTags(id, t.set, 0, due, expires)
		delete(values, key.RunnerName)
		delete(values, key.RunnerID)
		values[key.Fingerprint] = t.fingerprint(offerings[offering], found)
		return values
	}
	return ec2.LaunchSpec{
		Machine: found.machine, UserData: func(int) []byte { return data }, NeedsTags: true, Stops: true,
		KeepTag: key.KeepVolumes, OwnTags: own, TokenTag: key.ClientToken,
		Token: func(offering, try int) string { return id.ClientToken("warm "+t.set, 0, offering, try) },
	}, nil
}

// fingerprint identifies what an offering launches. It changes with the image, the settings and the runner version.
func (t template) fingerprint(o ec2.Offering, found offer) string {
	at := o.Placement
	at.Region = cmp.Or(at.Region, t.region)
	return found.machine.Fingerprint(at, o.InstanceType+" "+found.software.Version())
}

// fingerprints returns the fingerprints of all warm machines that the file asks for.
func (t template) fingerprints(found offer) map[string]bool {
	prints := map[string]bool{}
	for _, o := range warmOfferings(found.offerings) {
		prints[t.fingerprint(o, found)] = true
	}
	return prints
}

// warmOfferings returns the offerings for warm machines, all on-demand: EC2 cannot stop a spot instance and start it
// again later.
func warmOfferings(offerings []ec2.Offering) (list []ec2.Offering) {
	seen := map[string]bool{}
	for _, o := range offerings {
		o.Market = machine.OnDemand
		at := o.InstanceType + " " + o.Placement.Region + " " + o.Placement.SubnetID + " " + o.Placement.ImageID
		if !seen[at] {
			seen[at], list = true, append(list, o)
		}
	}
	return list
}

// jitLength is the length of a JIT configuration, about 4 KB of base64.
const jitLength = 4600

// sample returns a launch request with a made-up registration.
func (t template) sample(wanted machine.Machine) (ec2.LaunchSpec, error) {
	now := time.Now()
	by := identified{name: newName("", t.set), due: now.Add(dueTime), expires: now.Add(lifetime),
		registration: queue.Registration{ID: 1, JIT: tags.RandomText(jitLength)}}
	return t.launch(by, offer{machine: wanted, software: survey.LikelySoftware()})
}
