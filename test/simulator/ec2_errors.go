package simulator

import (
	"bytes"
	"fmt"
	"net/http"
)

// ec2Error is a refusal in EC2's words: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
type ec2Error struct {
	status        int
	code, message string
}

func (e *ec2Error) Error() string { return e.code + ": " + e.message }

// fail returns an error with the status that EC2 gives with its code.
func fail(code, format string, args ...any) *ec2Error {
	return &ec2Error{status: statusOf(code), code: code, message: fmt.Sprintf(format, args...)}
}

// statusOf is the HTTP status of an error code. Capacity comes as 500, which is what makes SDKs repeat it.
func statusOf(code string) int {
	switch code {
	case "InsufficientInstanceCapacity", "InsufficientHostCapacity", "InternalError", "InternalFailure":
		return http.StatusInternalServerError
	case "RequestLimitExceeded", "Unavailable", "ServiceUnavailable", "EC2ThrottledException":
		return http.StatusServiceUnavailable
	case "AuthFailure":
		return http.StatusUnauthorized
	case "UnauthorizedOperation", "AccessDenied", "InvalidClientTokenId", "OptInRequired",
		"AuthFailure.ServiceLinkedRoleCreationNotPermitted":
		return http.StatusForbidden
	case "DryRunOperation":
		return http.StatusPreconditionFailed
	}
	return http.StatusBadRequest
}

var errThrottled = &ec2Error{status: http.StatusServiceUnavailable, code: "RequestLimitExceeded",
	message: "Request limit exceeded."}

func (c *cloud) errorAnswer(e *ec2Error) answer {
	id := c.requestID()
	var b bytes.Buffer
	b.WriteString(xmlHead)
	branch("Response",
		branch("Errors", branch("Error", leaf("Code", e.code), leaf("Message", e.message))),
		leaf("RequestID", id),
	).write(&b)
	return answer{status: e.status, header: xmlHeader(id), body: b.Bytes(), code: e.code}
}

func xmlHeader(requestID string) http.Header {
	return http.Header{"Content-Type": {"text/xml;charset=UTF-8"}, "X-Amzn-Requestid": {requestID},
		"Server": {"AmazonEC2"}}
}
