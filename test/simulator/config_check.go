package simulator

import (
	"errors"
	"fmt"
	"slices"
)

func (c *Config) check() error {
	if c.Speed < 0 {
		return fmt.Errorf("speed is %g: it must be positive", c.Speed)
	}
	if err := c.loadPolicies(); err != nil {
		return err
	}
	for _, f := range c.Faults {
		if err := f.check(); err != nil {
			return err
		}
	}
	for _, s := range c.Subnets {
		if regionOfZone(s.Zone) == s.Zone {
			return fmt.Errorf("subnet %s has zone %q, which names no region", s.ID, s.Zone)
		}
		if !slices.Contains(c.Regions, regionOfZone(s.Zone)) && !slices.ContainsFunc(defaultSubnets,
			func(o Subnet) bool { return o.ID == s.ID }) {
			return fmt.Errorf("subnet %s is in zone %s of a region that the world does not have", s.ID, s.Zone)
		}
	}
	for _, i := range c.Instances {
		if err := c.checkSeed(i); err != nil {
			return err
		}
	}
	for _, g := range c.Guests {
		if err := g.check(); err != nil {
			return err
		}
	}
	return nil
}

// loadPolicies reads the documents of all policies.
func (c *Config) loadPolicies() error {
	err := errors.Join(c.Policy.load(), c.SCP.load())
	for n := range c.Keys {
		err = errors.Join(err, c.Keys[n].Policy.load())
	}
	for n := range c.Roles {
		err = errors.Join(err, c.Roles[n].load(c.Account, c.Repositories[0]))
	}
	return err
}

// checkSeed looks for what an instance seed names.
func (c *Config) checkSeed(s InstanceSeed) error {
	if s.Subnet != "" && !slices.ContainsFunc(c.Subnets, func(o Subnet) bool { return o.ID == s.Subnet }) {
		return fmt.Errorf("instance %s has unknown subnet %s", s.ID, s.Subnet)
	}
	if s.Image != "" && !slices.ContainsFunc(c.Images, func(o Image) bool { return o.ID == s.Image }) {
		return fmt.Errorf("instance %s has unknown image %s", s.ID, s.Image)
	}
	if s.Type != "" && !slices.ContainsFunc(c.InstanceTypes, func(o InstanceType) bool { return o.Name == s.Type }) {
		return fmt.Errorf("instance %s has unknown type %s", s.ID, s.Type)
	}
	return nil
}

// regionOfZone returns the region of a zone, such as us-east-1 for us-east-1a.
func regionOfZone(zone string) string {
	if zone == "" {
		return ""
	}
	if last := zone[len(zone)-1]; last >= 'a' && last <= 'z' {
		return zone[:len(zone)-1]
	}
	return zone
}
