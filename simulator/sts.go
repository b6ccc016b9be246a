package simulator

import (
	"bytes"
	"net/http"
)

// stsAct answers STS, of which the world knows GetCallerIdentity.
func (c *cloud) stsAct(x *exchange, _ form) answer {
	id := c.requestID()
	if x.operation != "GetCallerIdentity" {
		c.w.wonder("unknown STS action %q", x.operation)
		return stsError(fail("InvalidAction", "Could not find operation %s for version 2011-06-15", x.operation), id)
	}
	if _, failure := c.authenticate(x); failure != nil {
		if failure.code == "AuthFailure" || failure.code == "UnrecognizedClientException" {
			failure = fail("InvalidClientTokenId", "The security token included in the request is invalid.")
		}
		return stsError(failure, id)
	}
	account := c.w.cfg.Account
	var b bytes.Buffer
	b.WriteString(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`)
	branch("GetCallerIdentityResult", leaf("Arn", "arn:aws:iam::"+account+":user/simulated"), leaf("UserId", "AIDASIMULATED0000000"), leaf("Account", account)).write(&b)
	branch("ResponseMetadata", leaf("RequestId", id)).write(&b)
	b.WriteString("</GetCallerIdentityResponse>")
	return answer{status: http.StatusOK, header: xmlHeader(id), body: b.Bytes()}
}

// stsError is an error in the form of the plain query protocol, which is not EC2's.
func stsError(e *ec2Error, requestID string) answer {
	var b bytes.Buffer
	b.WriteString(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`)
	branch("Error", leaf("Type", "Sender"), leaf("Code", e.code), leaf("Message", e.message)).write(&b)
	leaf("RequestId", requestID).write(&b)
	b.WriteString("</ErrorResponse>")
	return answer{status: e.status, header: xmlHeader(requestID), body: b.Bytes(), code: e.code}
}
