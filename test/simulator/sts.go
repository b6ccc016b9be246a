package simulator

import (
	"bytes"
	"net/http"
	"time"
)

// stsAct answers STS, of which the world knows GetCallerIdentity and the two ways to assume a role.
func (c *cloud) stsAct(x *exchange, f form) answer {
	id := c.requestID()
	switch x.operation {
	case "GetCallerIdentity":
		key, failure := c.authenticate(x)
		if failure != nil {
			return stsError(asSTS(failure), id)
		}
		account := c.w.cfg.Account
		return stsResult(x.operation, id, leaf("Arn", c.arnOf(key)), leaf("UserId", "AIDASIMULATED0000000"),
			leaf("Account", account))
	case "AssumeRole":
		return c.sessionAnswer(x, f, id, c.assumeRole)
	case "AssumeRoleWithWebIdentity":
		return c.sessionAnswer(x, f, id, c.assumeRoleWithWebIdentity)
	}
	c.w.wonder("unknown STS action %q", x.operation)
	return stsError(fail("InvalidAction", "Could not find operation %s for version 2011-06-15", x.operation), id)
}

// sessionParams are all that the world knows of the calls that give sessions.
var sessionParams = map[string]bool{"Action": true, "Version": true, "RoleArn": true, "RoleSessionName": true,
	"DurationSeconds": true, "WebIdentityToken": true}

func (c *cloud) sessionAnswer(x *exchange, f form, id string, assume func(*exchange, form) (*stsSession,
	*ec2Error)) answer {
	for _, name := range f.top() {
		if !sessionParams[name] {
			c.w.wonder("unknown parameter %s of %s", name, x.operation)
		}
	}
	s, failure := assume(x, f)
	if failure != nil {
		return stsError(asSTS(failure), id)
	}
	return stsResult(x.operation, id,
		branch("AssumedRoleUser", leaf("Arn", s.arn), leaf("AssumedRoleId", "AROASIMULATED0000000:"+
			f["RoleSessionName"])),
		branch("Credentials", leaf("AccessKeyId", s.key.ID), leaf("SecretAccessKey", "secret-"+c.w.hex(33)),
			leaf("SessionToken", s.token),
			leaf("Expiration", s.ends.Add(c.w.cfg.ClockSkew).UTC().Format(time.RFC3339))),
	)
}

// asSTS says in STS's words that a key is not known.
func asSTS(failure *ec2Error) *ec2Error {
	if failure.code == "AuthFailure" || failure.code == "UnrecognizedClientException" {
		return fail("InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	return failure
}

func stsResult(operation, id string, kids ...node) answer {
	var b bytes.Buffer
	b.WriteString(`<` + operation + `Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`)
	branch(operation+"Result", kids...).write(&b)
	branch("ResponseMetadata", leaf("RequestId", id)).write(&b)
	b.WriteString("</" + operation + "Response>")
	return answer{status: http.StatusOK, header: xmlHeader(id), body: b.Bytes()}
}

// errSTSThrottled is how STS, and IAM, ask to slow down.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-sts-requests
var errSTSThrottled = &ec2Error{status: http.StatusBadRequest, code: "Throttling", message: "Rate exceeded"}

// stsError is an error in the form of the plain query protocol, which is not EC2's.
func stsError(e *ec2Error, requestID string) answer {
	var b bytes.Buffer
	b.WriteString(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`)
	branch("Error", leaf("Type", "Sender"), leaf("Code", e.code), leaf("Message", e.message)).write(&b)
	leaf("RequestId", requestID).write(&b)
	b.WriteString("</ErrorResponse>")
	return answer{status: e.status, header: xmlHeader(requestID), body: b.Bytes(), code: e.code}
}
