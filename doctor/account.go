package doctor

import (
	"context"
	"fmt"
	"slices"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

const credentialsFix = "write role-to-assume and aws-region, or set the credentials up in an earlier step of the " +
	"same job; they may have expired, or be of another partition"

func (x *examination) lookAtCredentials(ctx context.Context) []Finding {
	l := look{check: "credentials", needs: "sts:GetCallerIdentity"}
	caller, err := x.caller(ctx)
	switch {
	case err == nil:
		return []Finding{l.ok("%s of account %s%s", caller.ARN, caller.Account, x.until())}
	case refusal.IsSignIn(err) && refusal.ClassOf(err) == refusal.Credentials:
		return []Finding{l.failed(refusal.HintOf(err), "%s", err)}
	case refusal.ClassOf(err) == refusal.Credentials:
		return []Finding{l.failed(credentialsFix, "%s", err)}
	}
	return []Finding{l.unread(ctx, err)}
}

// until describes when the credentials expire, if the action has made their session.
func (x *examination) until() string {
	session, ok := x.cloud.Session()
	if !ok {
		return ""
	}
	return ", until " + session.Until.UTC().Format("2006-01-02 15:04 MST") + "; the session renews itself"
}

const regionFix = "correct the region's name, or enable the region for the account"

func (x *examination) isKnown(ctx context.Context) bool {
	_, err := x.caller(ctx)
	return err == nil
}

func (x *examination) lookAtRegions(ctx context.Context) []Finding {
	l := look{check: "region", needs: "ec2:DescribeRegions"}
	enabled, _, err := x.cloud.Account().Regions(ctx)
	var findings []Finding
	for _, region := range x.regions() {
		l.about = region
		switch {
		case refusal.ClassOf(err) == refusal.Credentials && x.isKnown(ctx):
			findings = append(findings,
				l.failed(regionFix, "EC2 in this region refuses credentials that AWS accepts: %s",
					reason(err)))
		case err != nil:
			findings = append(findings, l.unread(ctx, err))
		case !slices.Contains(enabled, region):
			findings = append(findings, l.failed(regionFix, "the account has no such region enabled"))
		default:
			findings = append(findings, l.ok("enabled for the account"))
		}
	}
	return findings
}

// lookAtSpotRole looks for the role that spot instances need. Without it the first spot launch creates it, if the
// credentials allow that.
func (x *examination) lookAtSpotRole(ctx context.Context) []Finding {
	l := look{check: "spot role", about: "AWSServiceRoleForEC2Spot", needs: "iam:GetRole"}
	asksSpot := func(w wanted) bool { return w.offering.Market == machine.Spot }
	if !slices.ContainsFunc(x.wanted(ctx), asksSpot) {
		return []Finding{l.ok("no spot instance is requested")}
	}
	has, err := x.cloud.Account().HasSpotRole(ctx, x.regions()[0])
	switch {
	case err != nil:
		return []Finding{l.unread(ctx, err)}
	case !has:
		return []Finding{l.failed("create it once: aws iam create-service-linked-role --aws-service-name "+
			"spot.amazonaws.com",
			"the account has never used spot instances, so it lacks EC2's role for them")}
	}
	return []Finding{l.ok("the account has it")}
}

// lookAtSpotScores asks whether EC2 would return scores. Without them a start keeps the given order.
func (x *examination) lookAtSpotScores(ctx context.Context) []Finding {
	l := look{check: "spot scores", about: "order: spot-score", needs: "ec2:GetSpotPlacementScores"}
	types := map[string]bool{}
	for _, w := range x.wanted(ctx) {
		if w.offering.Market == machine.Spot {
			types[w.asked.InstanceType] = true
		}
	}
	err := x.cloud.Account().MayGetSpotScores(ctx, "")
	switch {
	case refusal.ClassOf(err) == refusal.Denied:
		f := l.warning("allow ec2:GetSpotPlacementScores", "EC2 gives no scores, so the given order is kept: %s",
			reason(err))
		f.Needs = l.needs
		return []Finding{f}
	case err != nil:
		return []Finding{l.unread(ctx, err)}
	case len(types) < ec2.MinScoredTypes:
		return []Finding{l.warning(fmt.Sprintf("give at least %d instance types", ec2.MinScoredTypes),
			"with %d types for spot the scores are low everywhere", len(types))}
	}
	return []Finding{l.ok("EC2 would give the scores")}
}

func (x *examination) lookAtQuotas(ctx context.Context) []Finding {
	const check = "vcpu quota"
	return orNothing(each(x.wanted(ctx),
		func(w wanted) string { return w.region + w.asked.InstanceType + w.offering.Market },
		func(w wanted) []Finding {
			l := look{check: check, about: in(w.asked.InstanceType+" "+w.offering.Market, w.region),
				needs: "servicequotas:GetServiceQuota"}
			if w.asked.InstanceType == "" {
				return []Finding{l.unchecked("the launch template sets the type")}
			}
			return []Finding{x.quota(ctx, l, w)}
		}), check, "nothing is to be launched")
}

func (x *examination) quota(ctx context.Context, l look, w wanted) Finding {
	kind, found, err := x.instanceType(ctx, w.region, w.asked.InstanceType)
	if err != nil || !found {
		return l.unchecked("the number of the type's vCPUs is not known, see instance type")
	}
	quota, known, err := x.cloud.Account().VCPUQuota(ctx, w.region, w.asked.InstanceType, w.offering.Market)
	need := kind.VCPUs * max(w.launch.Count, 1)
	fix := "ask for more in the Service Quotas console (" + quota.Code + "), or take a smaller type"
	switch {
	case err != nil:
		return l.unread(ctx, err)
	case !known:
		return l.unchecked("the quota of this family of types is not known here")
	case need > quota.Limit:
		return l.failed(fix, "%d vCPUs are needed, and the quota is %d", need, quota.Limit)
	case need > quota.Limit-quota.Used:
		return l.warning(fix, "%d vCPUs are needed, and %d of the quota of %d are in use now", need, quota.Used,
			quota.Limit)
	}
	return l.ok("%d vCPUs are needed; of the quota of %d are %d in use", need, quota.Limit, quota.Used)
}
