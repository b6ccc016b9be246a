package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// The services of AWS beside EC2 and STS, each with the one call that the world knows of it.

// iamAct answers IAM, of which the world knows GetRole for the role of spot.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
func (c *cloud) iamAct(x *exchange, f form) answer {
	id := c.requestID()
	name := f["RoleName"]
	arn := "arn:aws:iam::" + c.w.cfg.Account + ":role/aws-service-role/spot.amazonaws.com/" + name
	switch failure := c.mayAsk(x, "iam:GetRole", arn); {
	case x.operation != "GetRole":
		c.w.wonder("unknown IAM action %q", x.operation)
		return stsError(fail("InvalidAction", "Could not find operation %s for version 2010-05-08", x.operation), id)
	case failure != nil:
		return stsError(failure, id)
	case name != "AWSServiceRoleForEC2Spot" || c.w.cfg.NoSpotRole:
		return stsError(&ec2Error{status: http.StatusNotFound, code: "NoSuchEntity", message: "The role with name " +
			name +
			" cannot be found."}, id)
	}
	var b bytes.Buffer
	b.WriteString(`<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">`)
	branch("GetRoleResult", branch("Role", leaf("RoleName", name), leaf("Arn", arn))).write(&b)
	branch("ResponseMetadata", leaf("RequestId", id)).write(&b)
	b.WriteString("</GetRoleResponse>")
	return answer{status: http.StatusOK, header: xmlHeader(id), body: b.Bytes()}
}

// mayAsk finds the caller's key and holds an action of another service than EC2 against its policy.
func (c *cloud) mayAsk(x *exchange, action, resource string) *ec2Error {
	key, failure := c.authenticate(x)
	if failure != nil && failure.code == "SignatureDoesNotMatch" {
		return failure
	}
	if failure != nil {
		return fail("InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	if why := c.w.cfg.denial(key, action, resource, request{}); why != "" {
		return fail("AccessDenied", "User: %s is not authorized to perform: %s on resource: %s %s", c.arnOf(key),
			action,
			resource, why)
	}
	return nil
}

const defaultQuota = 1000

// understandQuota reads a call of Service Quotas, which speaks JSON.
// https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
func (c *cloud) understandQuota(x *exchange, req *http.Request, body []byte) {
	_, x.operation, _ = strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	var in struct{ ServiceCode, QuotaCode string }
	err := json.Unmarshal(body, &in)
	x.params["ServiceCode"], x.params["QuotaCode"] = in.ServiceCode, in.QuotaCode
	x.act = func() answer {
		if x.operation != "GetServiceQuota" || err != nil || in.ServiceCode != "ec2" {
			c.w.wonder("unknown call of Service Quotas: %s %s", x.operation, body)
			return quotaError(fail("UnknownOperationException", "the world does not know it"))
		}
		if failure := c.mayAsk(x, "servicequotas:GetServiceQuota", "*"); failure != nil {
			failure.code = jsonCode(failure.code)
			return quotaError(failure)
		}
		value, set := c.w.cfg.Quotas[in.QuotaCode]
		if !set {
			value = defaultQuota
		}
		raw, err := json.Marshal(map[string]any{"Quota": map[string]any{"QuotaCode": in.QuotaCode, "ServiceCode": "ec2",
			"Unit": "None", "Value": value}})
		if err != nil {
			panic("simulator: encode answer: " + err.Error())
		}
		return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
			body: raw}
	}
}

// jsonCode is the name of an error in the services that speak JSON.
func jsonCode(code string) string {
	if code == "SignatureDoesNotMatch" {
		return "InvalidSignatureException"
	}
	return code + "Exception"
}

func quotaError(e *ec2Error) answer {
	raw, err := json.Marshal(map[string]string{"__type": e.code, "Message": e.message})
	if err != nil {
		panic("simulator: encode answer: " + err.Error())
	}
	return answer{status: e.status, header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, body: raw,
		code: e.code}
}

// dryRun answers a dry run of a call on instances: they must exist, and the call must be allowed on them. A policy that
// goes by what an instance has (its tags) refuses one that does not exist.
func (call *ec2Call) dryRun(operation string) *ec2Error {
	ids := append(call.form.list("InstanceId"), call.form.list("ResourceId")...)
	if id := call.form["InstanceId"]; id != "" {
		ids = append(ids, id)
	}
	context := request{}
	for _, tag := range call.form.group("Tag") {
		context["aws:TagKeys"] = append(context["aws:TagKeys"], tag["Key"])
		context["aws:RequestTag/"+tag["Key"]] = []string{tag["Value"]}
	}
	for _, id := range ids {
		i := call.region.byID[id]
		r := request{}
		if i != nil {
			r = tagContext(i.tags.shown)
		}
		for k, v := range context {
			r[k] = v
		}
		if failure := call.allowedTo("ec2:"+operation, r, "instance/"+id); failure != nil {
			return failure
		}
		if i == nil {
			return fail("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
		}
	}
	return errDryRun
}
