package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

const templateSays = "no subnet is named: the launch template sets it, or EC2 uses the default one"

func subnetKey(w wanted) string {
	if w.asked.Placement.SubnetID == "" {
		return ""
	}
	return w.region + " " + w.asked.Placement.SubnetID
}

func (x *examination) lookAtSubnets(ctx context.Context) []Finding {
	const check = "subnet"
	return orNothing(each(x.wanted(ctx), subnetKey, func(w wanted) []Finding {
		l := look{check: check, about: in(w.asked.Placement.SubnetID, w.region), needs: "ec2:DescribeSubnets"}
		subnet, err := x.subnet(ctx, w.region, w.asked.Placement.SubnetID)
		need := x.machinesOf(w.launch)
		switch {
		case err != nil:
			return []Finding{l.unread(ctx, err)}
		case subnet.Free < need:
			return []Finding{l.failed("use a larger subnet, or release addresses (unused network interfaces)",
				"it has %d free addresses, and %d are needed", subnet.Free, need)}
		}
		return []Finding{l.ok("in %s, with %d free addresses", subnet.Zone, subnet.Free)}
	}), check, templateSays)
}

// machinesOf returns how many machines a launch requests at once.
func (x *examination) machinesOf(launch *Launch) int { return max(launch.Count, 1) }

func (x *examination) lookAtGroups(ctx context.Context) []Finding {
	const check = "security group"
	var findings []Finding
	seen := map[string]bool{}
	for _, w := range x.wanted(ctx) {
		var groups []ec2.SecurityGroup
		complete := true
		for _, id := range w.asked.Placement.SecurityGroupIDs {
			group, err := x.securityGroup(ctx, w.region, id)
			complete = complete && err == nil
			groups = append(groups, group)
			if key := subnetKey(w) + " " + id; !seen[key] {
				seen[key] = true
				l := look{check: check, about: in(id, w.region), needs: "ec2:DescribeSecurityGroups"}
				findings = append(findings, x.sameVPC(ctx, l, w, group, err))
			}
		}
		key := w.region + " " + strings.Join(w.asked.Placement.SecurityGroupIDs, " ")
		if len(groups) > 0 && complete && !seen[key] {
			seen[key] = true
			l := look{check: "outbound port 443", about: in(strings.Join(w.asked.Placement.SecurityGroupIDs, ", "),
				w.region)}
			findings = append(findings, lets443(l, groups))
		}
	}
	return orNothing(findings, check,
		"no security group is named: the launch template sets it, or EC2 uses the VPC's default one")
}

func (x *examination) sameVPC(ctx context.Context, l look, w wanted, group ec2.SecurityGroup, err error) Finding {
	if err != nil {
		return l.unread(ctx, err)
	}
	if w.asked.Placement.SubnetID == "" {
		return l.unchecked("of %s; the instance's VPC is not known before the launch", group.VPC)
	}
	subnet, err := x.subnet(ctx, w.region, w.asked.Placement.SubnetID)
	switch {
	case err != nil:
		return l.unchecked("of %s; the subnet's VPC cannot be read, see subnet", group.VPC)
	case subnet.VPC != group.VPC:
		return l.failed("use a group and a subnet of one VPC", "it is of %s, and %s is of %s", group.VPC, subnet.ID,
			subnet.VPC)
	}
	return l.ok("%s, in %s like %s", group.Name, group.VPC, subnet.ID)
}

// lets443 checks the outbound rules of all groups of an instance together.
func lets443(l look, groups []ec2.SecurityGroup) Finding {
	const fix = "add an outbound rule for TCP port 443 to 0.0.0.0/0"
	var some []string
	for _, group := range groups {
		for _, rule := range group.Egress {
			if !rule.Lets(443) {
				continue
			}
			if slices.Contains(rule.To4, "0.0.0.0/0") {
				return l.ok("outbound port 443 is allowed")
			}
			some = append(some, rule.To4...)
			if rule.Others {
				some = append(some, "prefix lists, groups or IPv6 addresses")
			}
		}
	}
	if len(some) == 0 {
		return l.failed(fix, "outbound port 443 is not allowed, so the machine cannot reach GitHub")
	}
	return l.warning(fix, "outbound port 443 is allowed to some addresses only (%s); whether GitHub is among "+
		"them is not checked", strings.Join(some, ", "))
}

func (x *examination) lookAtWays(ctx context.Context) []Finding {
	const check = "internet access"
	key := func(w wanted) string {
		if subnetKey(w) == "" {
			return ""
		}
		if w.public == nil {
			return subnetKey(w)
		}
		return fmt.Sprint(subnetKey(w), *w.public)
	}
	return orNothing(each(x.wanted(ctx), key, func(w wanted) []Finding {
		l := look{check: check, about: in(w.asked.Placement.SubnetID, w.region), needs: "ec2:DescribeRouteTables"}
		subnet, err := x.subnet(ctx, w.region, w.asked.Placement.SubnetID)
		if err != nil {
			return []Finding{l.unchecked("the subnet cannot be read, see subnet")}
		}
		routes, err := once(x, "routes "+subnetKey(w),
			func() ([]ec2.Route, error) { return x.cloud.Account().Routes(ctx, w.region, subnet) })
		if err != nil {
			return []Finding{l.unread(ctx, err)}
		}
		return []Finding{x.way(l, w, subnet, routes)}
	}), check, templateSays)
}

// way checks the default route. GitHub has no IPv6, so only IPv4 counts.
// https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html
func (x *examination) way(l look, w wanted, subnet ec2.Subnet, routes []ec2.Route) Finding {
	i := slices.IndexFunc(routes, func(r ec2.Route) bool { return r.To == "0.0.0.0/0" })
	if i < 0 {
		if !x.request.Public {
			return l.unchecked("the subnet has no default route; whether your GitHub server is reachable without one " +
				"is not known here")
		}
		return l.failed("add a route to a NAT gateway, or to an internet gateway with public addresses; VPC "+
			"endpoints do not lead to GitHub",
			"the subnet has no default route, so its machines cannot reach GitHub")
	}
	route := routes[i]
	switch {
	case !route.Active:
		return l.failed("correct the subnet's default route", "its default route leads to %s, which no longer exists",
			cmp.Or(route.Via, "nothing"))
	case !strings.HasPrefix(route.Via, "igw-"):
		return l.ok("by %s", route.Via)
	case w.public != nil && *w.public, w.public == nil && subnet.PublicIP:
		return l.ok("by %s, with a public address", route.Via)
	}
	return l.failed("enable public addresses for the subnet, request one in launch-parameters (NetworkInterfaces: "+
		"[{AssociatePublicIpAddress: true}]), or use a NAT gateway",
		"the default route leads to %s, and the machine gets no public address, without which it has "+
			"no internet access",
		route.Via)
}
