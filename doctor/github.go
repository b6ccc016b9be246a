package doctor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// githubChecks are the checks of GitHub.
type githubChecks struct{ x *examination }

// lookAtToken checks who signs in, and whether they may manage runners.
func (c githubChecks) lookAtToken(ctx context.Context) []Finding {
	err := c.x.registry.MayRegister(ctx)
	who := c.x.registry.SignedIn()
	valid := look{check: "github token"}
	if who.IsApp() {
		valid.check = "github app"
	}
	manage := look{check: "manage runners", about: c.x.request.Scope}
	call, _ := errors.AsType[*github.CallError](err)
	switch class := github.ClassOf(err); {
	case class == github.Intercepted:
		return []Finding{valid.failed(github.AdviceIntercepted, "%s", err), manage.unchecked("GitHub was not reached")}
	case call != nil && call.SignIn && call.Hint != "":
		return []Finding{valid.failed(call.Hint, "%s", err), manage.unchecked("the sign-in failed")}
	case class == github.Unauthorized:
		fix := cmp.Or(call.Hint, "renew the token, and check that the secret contains it")
		return []Finding{valid.failed(fix, "%s, and GitHub does not accept it: %s", who.Kind, err),
			manage.unchecked("the token is refused")}
	case class == github.Forbidden:
		return []Finding{valid.ok("%s, valid", who), manage.failed(adviceOn(err, who.Kind), "the token may not: %s",
			err)}
	case class == github.NotFound:
		return []Finding{valid.ok("%s, valid", who), manage.failed(cmp.Or(call.Hint, manageFix(who.Kind)),
			"it does not exist, or the token may not see it: %s", err)}
	case err != nil:
		return []Finding{valid.unreadAtGitHub(ctx, err), manage.unreadAtGitHub(ctx, err)}
	}
	findings := []Finding{valid.ok("%s, valid", who), manage.ok("GitHub issues registration tokens")}
	if who.IsApp() {
		findings[1] = manage.ok("GitHub issues registration tokens; the App's token has %s", who.PermissionList())
		findings = append(findings, c.appLacks(who)...)
	}
	return append(findings, c.tokenEnds(who)...)
}

// appLacks warns if an optional permission is missing that this start would use.
func (c githubChecks) appLacks(who github.Identity) []Finding {
	if c.x.request.Existing == nil || who.Permissions["actions"] != "" {
		return nil
	}
	l := look{check: "github app", about: "actions: read"}
	return []Finding{l.warning("give the App 'actions: read' (Repository permissions > Actions), and accept it at "+
		who.Installation.URL,
		"the App may not see whether a run is finished, so a machine counts as in use by its run until it is stopped")}
}

// expiresSoon is how long before its expiry a token is reported.
const expiresSoon = 7 * 24 * time.Hour

// tokenEnds warns if a personal access token expires soon. An App's token is renewed.
func (c githubChecks) tokenEnds(who github.Identity) []Finding {
	if who.IsApp() || who.Until.IsZero() || who.Until.Sub(c.x.request.Now) > expiresSoon {
		return nil
	}
	l := look{check: "github token", about: "expiration"}
	return []Finding{l.warning("create a new token and store it in the secret, or sign in as a GitHub App "+
		"(app-client-id, app-private-key)", "it expires at %s", who.Until.UTC().Format(time.DateTime+" MST"))}
}

const neededOfToken = "'administration: write' on the repository (organization: 'organization_self_hosted_runners: " +
	"write'; classic: the scope repo, admin:org or manage_runners:enterprise)"

// adviceOn returns what to do about a refusal: GitHub's reason if it is known, else the permission that is needed.
func adviceOn(err error, kind string) string {
	if call, ok := errors.AsType[*github.CallError](err); ok && (call.Refusal != "" || call.Accepted != "" ||
		call.Hint != "") {
		return call.Advice(neededOfToken)
	}
	return manageFix(kind)
}

func manageFix(kind string) string {
	fix := "the token needs " + neededOfToken
	if strings.Contains(kind, "GITHUB_TOKEN") {
		fix += "; the workflow's own GITHUB_TOKEN cannot be given that"
	}
	return fix
}

// minCallsLeft is how many calls a start with retries may need.
const minCallsLeft = 200

func (c githubChecks) lookAtLimit(ctx context.Context) []Finding {
	l := look{check: "github rate limit"}
	rate, err := c.x.registry.RateLimit(ctx)
	switch {
	case github.ClassOf(err) == github.NotFound:
		return []Finding{l.ok("this GitHub server sets none")}
	case err != nil:
		return []Finding{l.unreadAtGitHub(ctx, err)}
	case rate.Remaining == 0:
		return []Finding{l.failed("wait, or use a token of its own for this action",
			"all %d calls of the hour are used, until %s", rate.Limit, rate.Reset.UTC().Format(time.TimeOnly+" MST"))}
	case rate.Remaining < minCallsLeft:
		return []Finding{l.warning("use a token of its own for this action", "%d of %d calls are left until %s",
			rate.Remaining, rate.Limit, rate.Reset.UTC().Format(time.TimeOnly+" MST"))}
	}
	return []Finding{l.ok("%d of %d calls are left", rate.Remaining, rate.Limit)}
}

func (c githubChecks) lookAtGroup(ctx context.Context) []Finding {
	id, name := c.x.request.GroupID, c.x.request.GroupName
	l := look{check: "runner group", about: cmp.Or(name, strconv.FormatInt(id, 10))}
	if name == "" && id <= 1 {
		return []Finding{l.ok("the default group")}
	}
	groups, err := c.x.registry.Groups(ctx)
	switch github.ClassOf(err) {
	case github.NotFound, github.Forbidden:
		return []Finding{l.unchecked("the groups of %s may not be listed: %s", c.x.request.Scope, err)}
	}
	if err != nil {
		return []Finding{l.unreadAtGitHub(ctx, err)}
	}
	var names []string
	for _, g := range groups {
		if g.Name == name || (name == "" && g.ID == id) {
			return []Finding{l.ok("%s has it", c.x.request.Scope)}
		}
		names = append(names, g.Name)
	}
	return []Finding{l.failed("use one of: "+strings.Join(names, ", "), "%s has no such runner group",
		c.x.request.Scope)}
}

// lookAtVersion checks the version that would be downloaded, and those in images made by this action.
func (c githubChecks) lookAtVersion(ctx context.Context) []Finding {
	l := look{check: "runner version", about: c.x.request.RunnerVersion}
	var findings []Finding
	switch version := c.x.request.RunnerVersion; version {
	case "", "latest":
		findings = append(findings, c.newestVersion(ctx, l))
	default:
		findings = append(findings, c.version(ctx, l, version, true))
	}
	var seen []string
	for _, w := range c.x.wanted(ctx) {
		image, err := c.x.image(ctx, w.region, w.asked.Placement.ImageID)
		version := image.Tags[c.x.request.VersionTag]
		if err != nil || version == "" || slices.Contains(seen, image.ID) {
			continue
		}
		seen = append(seen, image.ID)
		findings = append(findings, c.version(ctx, look{check: "runner version", about: version + " of " + image.ID},
			version, false))
	}
	return findings
}

func (c githubChecks) newestVersion(ctx context.Context, l look) Finding {
	offered, err := c.x.registry.Downloads(ctx)
	if err != nil {
		return l.unreadAtGitHub(ctx, err)
	}
	for _, d := range offered {
		if d.OS == "linux" {
			return l.ok("GitHub offers %s", d.Filename)
		}
	}
	return l.failed("ask the administrators of the GitHub server", "GitHub offers no runner for Linux")
}

// version checks one version of the runner. One that would be downloaded must exist as a release.
func (c githubChecks) version(ctx context.Context, l look, version string, download bool) Finding {
	const fix = "leave runner-version out, or use a newer one from https://github.com/actions/runner/releases"
	if download && c.x.request.Public {
		if _, err := c.x.registry.Release(ctx, version); github.ClassOf(err) == github.NotFound {
			return l.failed(fix, "there is no such release of the runner")
		}
	}
	refused := func(since string) Finding {
		if download {
			return l.failed(fix, "GitHub refuses it%s", since)
		}
		return l.warning("bake the image again (mode: bake)",
			"GitHub refuses it%s; the machine downloads a newer one at each start", since)
	}
	registration, runtime, err := c.x.registry.Deprecation(ctx, version)
	if err != nil {
		if c.x.request.Public && older(version, c.x.request.MinimumVersion) { // known without GitHub's answer
			return refused(" (it accepts " + c.x.request.MinimumVersion + " and newer ones)")
		}
		return l.unreadAtGitHub(ctx, err)
	}
	for _, end := range []time.Time{registration, runtime} {
		if !end.IsZero() && !end.After(c.x.request.Now) {
			return refused(" since " + end.UTC().Format(time.DateOnly))
		}
	}
	for _, end := range []time.Time{registration, runtime} {
		if !end.IsZero() {
			return l.ok("GitHub accepts it until %s", end.UTC().Format(time.DateOnly))
		}
	}
	return l.ok("GitHub accepts it")
}

// older reports whether version a is older than b; false if one of them is not of the form 2.329.0.
func older(a, b string) bool {
	var x, y [3]int
	for _, v := range []struct {
		text string
		into *[3]int
	}{{a, &x}, {b, &y}} {
		parts := strings.Split(v.text, ".")
		if len(parts) != len(v.into) {
			return false
		}
		for n, part := range parts {
			number, err := strconv.Atoi(part)
			if err != nil {
				return false
			}
			v.into[n] = number
		}
	}
	return slices.Compare(x[:], y[:]) < 0
}
