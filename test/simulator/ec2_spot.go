package simulator

import (
	"strings"
	"time"
)

// spotRequest is the request that each spot instance has. EC2 still shows it, and its tags, when the instance is gone.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html
type spotRequest struct {
	id   string
	on   *instance
	tags *tagged
}

// requestSpot makes the request of a new instance, with the tags that the launch gives to requests.
func (call *ec2Call) requestSpot(i *instance, p *plan) string {
	id := call.w.id("sir")[:12]
	call.region.requests = append(call.region.requests, &spotRequest{id: id, on: i,
		tags: newTags(p.tags["spot-instances-request"])})
	return id
}

// taggableRequest returns the tags of a request by its id.
func (call *ec2Call) taggableRequest(id string) (*tagged, *ec2Error) {
	for _, r := range call.region.requests {
		if r.id == id && !call.w.now.Before(r.on.visible) {
			context := tagContext(r.tags.shown)
			call.addTagKeys(context)
			return r.tags, call.allowedTo("ec2:"+call.x.operation, context, "spot-instances-request/"+id)
		}
	}
	return nil, fail("InvalidSpotInstanceRequestID.NotFound", "The spot instance request ID '%s' does not exist", id)
}

// status is the code of the request's status, and its state.
func (r *spotRequest) status() (code, state string) {
	if r.on.state != "terminated" && r.on.state != "shutting-down" {
		return "fulfilled", "active"
	}
	if strings.HasPrefix(r.on.reasonCode, "Server.Spot") {
		return "instance-terminated-no-capacity", "closed"
	}
	return "instance-terminated-by-user", "closed"
}

// updated is when the status became what it is.
func (r *spotRequest) updated() time.Time {
	if n := len(r.on.turns); n > 0 && r.on.state != "running" && r.on.state != "pending" {
		return r.on.turns[n-1]
	}
	return r.on.launched
}

func describeSpotRequests(call *ec2Call) ([]node, *ec2Error) {
	ids := call.form.list("SpotInstanceRequestId")
	return describe(call, "spotInstanceRequestSet", call.region.requests,
		func(r *spotRequest) bool { return selects(ids, r.id) && !call.w.now.Before(r.on.visible) },
		(*spotRequest).attributes, (*spotRequest).nodes)
}

func (r *spotRequest) attributes() attributes {
	code, state := r.status()
	return fixed(r.tags.shown, map[string]string{
		"spot-instance-request-id": r.id, "instance-id": r.on.id, "status-code": code, "state": state,
		"type": "one-time",
	})
}

func (r *spotRequest) nodes() []node {
	code, state := r.status()
	return []node{
		leaf("spotInstanceRequestId", r.id), leaf("type", "one-time"), leaf("state", state),
		branch("status", leaf("code", code), leaf("message", code), leaf("updateTime", isoTime(r.updated()))),
		leaf("instanceId", r.on.id),
		leaf("createTime", isoTime(r.on.launched)), tagSet(r.tags.shown),
	}
}
