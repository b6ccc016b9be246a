package simulator

// Key is an access key.
type Key struct {
	ID string `yaml:"id"`
	// State is "" for a good key, or "expired" (RequestExpired in newer words; EC2 answers ExpiredToken for session tokens), or
	// "unrecognized" for one that EC2 answers UnrecognizedClientException to, or "invalid" for AuthFailure.
	State  string `yaml:"state"`
	Policy Policy `yaml:"policy"`
}

// Policy says what callers may do. Actions are written as in IAM, "ec2:RunInstances", with wildcards. Deny beats Allow; an
// empty Allow allows everything.
type Policy struct {
	Allow []string `yaml:"allow"`
	Deny  []string `yaml:"deny"`
	// ForbiddenTags are patterns of tag keys that an organization's tag policy refuses: TagPolicyViolation.
	ForbiddenTags []string `yaml:"forbidden-tags"`
}

func (p Policy) permits(action string) bool {
	for _, d := range p.Deny {
		if wildcard(d, action) {
			return false
		}
	}
	for _, a := range p.Allow {
		if wildcard(a, action) {
			return true
		}
	}
	return len(p.Allow) == 0
}

// authenticate finds the caller's key.
func (c *cloud) authenticate(x *exchange) (*Key, *ec2Error) {
	if x.caller == "" {
		return nil, fail("AuthFailure", "AWS was not able to validate the provided access credentials")
	}
	if len(c.w.cfg.Keys) == 0 {
		return &Key{ID: x.caller}, nil
	}
	for n := range c.w.cfg.Keys {
		k := &c.w.cfg.Keys[n]
		if k.ID != x.caller {
			continue
		}
		switch k.State {
		case "":
			return k, nil
		case "expired":
			return nil, fail("ExpiredToken", "The security token included in the request is expired")
		case "unrecognized":
			return nil, fail("UnrecognizedClientException", "The security token included in the request is invalid")
		}
	}
	return nil, fail("AuthFailure", "AWS was not able to validate the provided access credentials")
}

// allowed refuses an action that the key or the account's policy denies.
func (call *ec2Call) allowed(action string) *ec2Error {
	if call.key.Policy.permits(action) && call.w.cfg.Policy.permits(action) {
		return nil
	}
	return fail("UnauthorizedOperation", "You are not authorized to perform this operation. User: arn:aws:iam::%s:user/simulated is not authorized to perform: %s because no identity-based policy allows the %s action. Encoded authorization failure message: c2ltdWxhdGVk",
		call.w.cfg.Account, action, action)
}

// mayLaunch asks for the permissions that RunInstances needs beside its own: to tag what it launches, and to pass the role.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
func (call *ec2Call) mayLaunch(p *plan) *ec2Error {
	if len(p.tags) > 0 {
		if failure := call.allowed("ec2:CreateTags"); failure != nil {
			return failure
		}
	}
	if p.profile != "" {
		return call.allowed("iam:PassRole")
	}
	return nil
}

// allowedOn is allowed for an action on these instances.
func (call *ec2Call) allowedOn(action string, _ []*instance) *ec2Error { return call.allowed(action) }
