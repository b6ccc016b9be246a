package simulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stsSession is what AssumeRole… gave out. EC2 and all others know it by its access key.
type stsSession struct {
	key   *Key // of the role
	arn   string
	token string
	ends  time.Time
}

func (r *Role) load(account, repository string) error {
	if r.Name == "" {
		return fmt.Errorf("a role has no name")
	}
	if r.MaxSession == 0 {
		r.MaxSession = time.Hour
	}
	trust := orText(r.Trust, fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::%[1]s:root"}, "Action": "sts:AssumeRole"},
		{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::%[1]s:oidc-provider/%[2]s"}, "Action": `+
		`"sts:AssumeRoleWithWebIdentity",
		 "Condition": {"StringEquals": {"%[2]s:aud": "sts.amazonaws.com"}, "StringLike": {"%[2]s:sub": `+
		`"repo:%[3]s:*"}}}]}`,
		account, idTokenIssuer, repository))
	var doc struct {
		Version, ID string
		Statement   []trustStatement
	}
	decoder := json.NewDecoder(strings.NewReader(trust))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return fmt.Errorf("read trust policy of role %s: %w", r.Name, err)
	}
	for _, s := range doc.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Principal) == 0 {
			return fmt.Errorf("read trust policy of role %s: a statement has effect %q and principal %v", r.Name,
				s.Effect,
				s.Principal)
		}
		for operator := range s.Condition {
			if !slices.Contains(conditionOperators, operator) {
				return fmt.Errorf("read trust policy of role %s: condition operator %s is not known", r.Name, operator)
			}
		}
	}
	r.statements = doc.Statement
	return r.Policy.load()
}

// trusts decides whether somebody may assume the role. kind is "AWS" or "Federated", principals are what may stand
// there for them.
func (r *Role) trusts(action, kind string, principals []string, context request) bool {
	allowed := false
	for _, s := range r.statements {
		s.Resource = texts{"*"}
		named := slices.ContainsFunc(s.Principal[kind],
			func(p string) bool { return p == "*" || slices.Contains(principals, p) })
		if !named || !s.fits(action, "*", context) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

// role finds the role of an ARN, nil if the account has none of that name.
func (c *cloud) role(arn string) *Role {
	name, ok := strings.CutPrefix(arn, "arn:aws:iam::"+c.w.cfg.Account+":role/")
	if !ok {
		return nil
	}
	for n := range c.w.cfg.Roles {
		if c.w.cfg.Roles[n].Name == name {
			return &c.w.cfg.Roles[n]
		}
	}
	return nil
}

var (
	stsARN         = regexp.MustCompile(`^arn:[a-z-]+:iam::\d{12}:role/[\x21-\x7e]+$`)
	stsSessionName = regexp.MustCompile(`^[\w+=,.@-]*$`)
)

// constraints are the checks that STS makes of parameters before anything else.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_RequestParameters
func constraints(f form) (duration time.Duration, failure *ec2Error) {
	wrong := func(value, name, rule string) *ec2Error {
		return fail("ValidationError",
			"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, name,
			rule)
	}
	name := f["RoleSessionName"]
	switch {
	case len(f["RoleArn"]) < 20:
		return 0, wrong(f["RoleArn"], "roleArn", "have length greater than or equal to 20")
	case !stsARN.MatchString(f["RoleArn"]):
		return 0, fail("ValidationError", "Request ARN is invalid")
	case len(name) < 2:
		return 0, wrong(name, "roleSessionName", "have length greater than or equal to 2")
	case len(name) > 64:
		return 0, wrong(name, "roleSessionName", "have length less than or equal to 64")
	case !stsSessionName.MatchString(name):
		return 0, wrong(name, "roleSessionName", `satisfy regular expression pattern: [\w+=,.@-]*`)
	}
	seconds := 3600
	if text := f["DurationSeconds"]; text != "" {
		n, err := strconv.Atoi(text)
		switch {
		case err != nil || n > 43200:
			return 0, wrong(text, "durationSeconds", "have value less than or equal to 43200")
		case n < 900:
			return 0, wrong(text, "durationSeconds", "have value greater than or equal to 900")
		}
		seconds = n
	}
	return time.Duration(seconds) * time.Second, nil
}

// assumeRole gives a session to whoever signs the request, if the role trusts them and their own policy does not forbid
// it.
func (c *cloud) assumeRole(x *exchange, f form) (*stsSession, *ec2Error) {
	key, failure := c.authenticate(x)
	if failure != nil {
		return nil, failure
	}
	duration, failure := constraints(f)
	if failure != nil {
		return nil, failure
	}
	role, who := c.role(f["RoleArn"]), c.arnOf(key)
	if role == nil || c.w.cfg.denial(key, "sts:AssumeRole", f["RoleArn"], request{}) != "" ||
		!role.trusts("sts:AssumeRole", "AWS", []string{who, c.w.cfg.Account, "arn:aws:iam::" + c.w.cfg.Account +
			":root"},
			request{}) {
		return nil, fail("AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", who,
			f["RoleArn"])
	}
	if key.session != nil && duration > time.Hour {
		return nil, fail("ValidationError",
			"The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	return c.newSession(role, f["RoleSessionName"], duration)
}

// assumeRoleWithWebIdentity gives a session to whoever has a token that the role trusts. Nobody signs the request.
func (c *cloud) assumeRoleWithWebIdentity(_ *exchange, f form) (*stsSession, *ec2Error) {
	duration, failure := constraints(f)
	if failure != nil {
		return nil, failure
	}
	if failure := c.w.oidc.verify(f["WebIdentityToken"]); failure != nil {
		return nil, failure
	}
	role, token := c.role(f["RoleArn"]), c.w.oidc.tokens[f["WebIdentityToken"]]
	context := request{idTokenIssuer + ":aud": {token.audience}, idTokenIssuer + ":sub": {c.w.cfg.OIDC.Subject}}
	provider := "arn:aws:iam::" + c.w.cfg.Account + ":oidc-provider/" + idTokenIssuer
	if role == nil || !role.trusts("sts:AssumeRoleWithWebIdentity", "Federated", []string{provider}, context) {
		return nil, fail("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	return c.newSession(role, f["RoleSessionName"], duration)
}

func (c *cloud) newSession(role *Role, name string, duration time.Duration) (*stsSession, *ec2Error) {
	if duration > role.MaxSession {
		return nil, fail("ValidationError",
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	s := &stsSession{
		arn: "arn:aws:sts::" + c.w.cfg.Account + ":assumed-role/" + role.Name[strings.LastIndex(role.Name, "/")+1:] +
			"/" +
			name,
		token: "session-token-" + c.w.hex(64), ends: c.w.now.Add(duration),
	}
	s.key = &Key{ID: "ASIA" + strings.ToUpper(c.w.hex(16)), Policy: role.Policy, session: s}
	c.sessions[s.key.ID] = s
	return s, nil
}

// arnOf is whose a key is.
func (c *cloud) arnOf(key *Key) string {
	if key != nil && key.session != nil {
		return key.session.arn
	}
	return "arn:aws:iam::" + c.w.cfg.Account + ":user/simulated"
}

// ofSession finds a key that STS has given out. known is false for all other keys.
func (c *cloud) ofSession(x *exchange) (key *Key, failure *ec2Error, known bool) {
	s := c.sessions[x.caller]
	switch {
	case s == nil && len(c.w.cfg.Roles) > 0 && strings.HasPrefix(x.caller, "ASIA"), s != nil &&
		s.token != x.sessionToken:
		return nil, fail("AuthFailure", "AWS was not able to validate the provided access credentials"), true
	case s == nil:
		return nil, nil, false
	case !c.w.now.Before(s.ends):
		return nil, expired(x.service), true
	}
	return s.key, nil, true
}
