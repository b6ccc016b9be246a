package simulator

import (
	"time"
)

// cloud is EC2: regions with what lives in them. World's lock guards it.
type cloud struct {
	w       *World
	regions map[string]*region
	buckets map[string]*bucket
	tickets int // addresses given out
	initial []*instance
	seeded  []*volume // the volumes of the beginning
	// sessions that STS has given out, by access key.
	sessions map[string]*stsSession
	// scored are the requests that were scored, and when.
	scored map[string]time.Time
}

// region is one region of EC2. Instances stand in the order of their launch.
type region struct {
	name      string
	instances []*instance
	byID      map[string]*instance
	images    []*image
	snapshots []*snapshot
	volumes   []*volume
	requests  []*spotRequest
	launches  map[string]*launch // by zone and client token
	copied    map[string]*copied // by client token
	free      map[string]int     // addresses left, by subnet
}

// launch is what a client token stands for.
type launch struct {
	reservation string
	params      string
	instances   []*instance
}

// instance is one instance, its machine included.
type instance struct {
	id, region, zone, subnet, vpc string
	reservation                   string
	image                         *image
	kind                          InstanceType
	market                        string // "on-demand" or "spot"
	spotRequest                   string
	state                         string
	reasonCode, reasonText        string
	transition                    string // StateTransitionReason
	tags                          *tagged
	token, shownToken             string
	userData                      []byte
	launched                      time.Time
	visible                       time.Time // from then on DescribeInstances shows it
	terminated                    time.Time
	index                         int // AmiLaunchIndex
	shutdown                      string
	profile, keyName              string
	reserved                      string // id of the capacity reservation that it uses
	groups                        []string
	privateIP, publicIP           string
	volumes                       []*volume
	metadata                      form
	params                        form
	initial                       bool // part of the initial population
	original                      string
	guest                         *guest
	turns                         []time.Time // when its state was changed, which is when its console is posted
	boots                         int         // counts boots, so that what an earlier one planned finds itself outdated
}

// image and snapshot are what CreateImage makes and DeregisterImage removes.
type image struct {
	Image
	tags      *tagged
	made      time.Time
	visible   time.Time // from then on DescribeImages shows it
	gone      bool
	snapshots []*snapshot
	initial   bool
	task      *copyTask // nil: it is no copy
}

type snapshot struct {
	id, region, description string
	device, volume          string
	size                    int
	kept                    bool // in its image's mapping, DeleteOnTermination is false
	tags                    *tagged
	made                    time.Time
	gone, initial           bool
	image                   *image
	encrypted               bool
	task                    *copyTask // nil: it is no copy
	visible                 time.Time // from then on EC2 knows the snapshot of a copy
	doomed                  bool      // deleted while it was copied: it goes when it is whole
}

func newCloud(w *World) *cloud {
	c := &cloud{w: w, regions: map[string]*region{}, buckets: map[string]*bucket{}, sessions: map[string]*stsSession{},
		scored: map[string]time.Time{}}
	for _, name := range w.cfg.Regions {
		c.regions[name] = &region{name: name, byID: map[string]*instance{}, launches: map[string]*launch{},
			copied: map[string]*copied{},
			free:   map[string]int{}}
	}
	for _, s := range w.cfg.Subnets {
		if r := c.regions[regionOfZone(s.Zone)]; r != nil {
			r.free[s.ID] = max(0, orInt(s.Free, 4091))
		}
	}
	for _, i := range w.cfg.Images {
		if r := c.regions[i.Region]; r != nil {
			c.seedImage(r, i)
		}
	}
	c.seedInstances()
	c.seedVolumes()
	return c
}

// seedImage puts a configured image with its snapshot into a region.
func (c *cloud) seedImage(r *region, i Image) {
	if i.Owner == "" || i.Owner == "self" {
		i.Owner = c.w.cfg.Account
	}
	i.VolumeSize = orInt(i.VolumeSize, 8)
	i.RootDevice = orText(i.RootDevice, "/dev/sda1")
	i.State = orText(i.State, "available")
	i.Created = orText(i.Created, "2026-01-01T00:00:00.000Z")
	made, _ := time.Parse(time.RFC3339, i.Created)
	img := &image{Image: i, tags: newTags(i.Tags), made: made, initial: true}
	root := ImageVolume{Device: i.RootDevice, Size: i.VolumeSize, Kept: i.KeepsRoot}
	for _, v := range append([]ImageVolume{root}, i.Volumes...) {
		s := &snapshot{
			id: c.w.id("snap"), region: r.name, device: v.Device, size: orInt(v.Size, i.VolumeSize), kept: v.Kept,
			made:    made,
			initial: true, image: img, tags: newTags(nil), description: "Created by CreateImage for " + i.ID,
		}
		img.snapshots = append(img.snapshots, s)
		r.snapshots = append(r.snapshots, s)
	}
	r.images = append(r.images, img)
}

func (r *region) image(id string) *image {
	for _, i := range r.images {
		if i.ID == id && !i.gone {
			return i
		}
	}
	return nil
}

func (c *cloud) subnet(id string) (Subnet, bool) {
	for _, s := range c.w.cfg.Subnets {
		if s.ID == id {
			return s, true
		}
	}
	return Subnet{}, false
}

func (c *cloud) group(id string) (SecurityGroup, bool) {
	for _, g := range c.w.cfg.SecurityGroups {
		if g.ID == id {
			return g, true
		}
	}
	return SecurityGroup{}, false
}

func (c *cloud) kind(name string) (InstanceType, bool) {
	for _, k := range c.w.cfg.InstanceTypes {
		if k.Name == name {
			return k, true
		}
	}
	return InstanceType{}, false
}

// find looks an instance up in all regions.
func (c *cloud) find(id string) *instance {
	for _, r := range c.regions {
		if i := r.byID[id]; i != nil {
			return i
		}
	}
	return nil
}

// listed reports whether DescribeInstances knows the instance: not at once after its launch, and not long after its
// end.
func (c *cloud) listed(i *instance) bool {
	if c.w.now.Before(i.visible) {
		return false
	}
	return i.state != "terminated" || c.w.now.Before(i.terminated.Add(c.w.cfg.Timing.Listed))
}
