package ec2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
)

// This file asks other AWS services one question each with requests that it signs itself: their SDK packages would
// enlarge the program more than the answers are worth.

// spotRole is the service-linked role with which EC2 launches spot instances.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html
const spotRole = "AWSServiceRoleForEC2Spot"

// HasSpotRole reports whether the account has the role that spot instances need. It needs iam:GetRole.
func (a Account) HasSpotRole(ctx context.Context, region string) (bool, error) {
	form := "Action=GetRole&Version=2010-05-08&RoleName=" + spotRole
	_, err := a.ask(ctx, signedCall{
		operation: "get role " + spotRole, service: "iam", region: iamRegion(region), host: iamHost(region),
		contentType: "application/x-www-form-urlencoded; charset=utf-8", body: form,
	})
	if call, ok := errors.AsType[*refusal.CallError](err); ok && call.Code == "NoSuchEntity" {
		return false, nil
	}
	return err == nil, err
}

// iamRegion returns the region of IAM's endpoint, which is the same for all regions of a partition.
// https://docs.aws.amazon.com/general/latest/gr/iam-service.html
func iamRegion(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "cn-north-1"
	case strings.HasPrefix(region, "us-gov-"):
		return "us-gov-west-1"
	}
	return "us-east-1"
}

func iamHost(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "iam.cn-north-1.amazonaws.com.cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "iam.us-gov.amazonaws.com"
	}
	return "iam.amazonaws.com"
}

func quotasHost(region string) string {
	host := "servicequotas." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	return host
}

// quota returns the value of one of EC2's quotas. It needs servicequotas:GetServiceQuota.
// https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
func (a Account) quota(ctx context.Context, region, code string) (float64, error) {
	raw, err := a.ask(ctx, signedCall{
		operation: "get service quota " + code, service: "servicequotas", region: region, host: quotasHost(region),
		contentType: "application/x-amz-json-1.1", target: "ServiceQuotasV20190624.GetServiceQuota",
		body: fmt.Sprintf(`{"ServiceCode":"ec2","QuotaCode":%q}`, code),
	})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Quota struct{ Value *float64 }
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Quota.Value == nil {
		return 0, &refusal.CallError{Operation: "get service quota " + code, Message: "the response cannot be parsed",
			Err: err}
	}
	return *answer.Quota.Value, nil
}

// signedCall is a POST request to an AWS service.
type signedCall struct {
	operation, service, region, host, contentType, target, body string
}

// maxAnswer limits how much of a response is read, in bytes.
const maxAnswer = 1 << 20

// skewThreshold is the difference of clocks above which a refused signature is attributed to them, as in the SDK.
const skewThreshold = 4 * time.Minute

// ask makes a call, and repeats it with the service's clock if the local one is wrong.
func (a Account) ask(ctx context.Context, call signedCall) ([]byte, error) {
	raw, ahead, err := a.askAt(ctx, call, 0)
	if refused, ok := errors.AsType[*refusal.CallError](err); ok && ahead.Abs() > skewThreshold &&
		isSignature(refused.Code) {
		raw, _, err = a.askAt(ctx, call, ahead)
	}
	return raw, err
}

// isSignature reports whether an error code may be caused by a wrong clock.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
func isSignature(code string) bool {
	return code == "SignatureDoesNotMatch" || code == "InvalidSignatureException" || code == "RequestTimeTooSkewed"
}

// askAt makes a call with a signature dated later than now by the given time. It returns how far the service's clock is
// ahead.
func (a Account) askAt(ctx context.Context, call signedCall, later time.Duration) (raw []byte, ahead time.Duration,
	err error) {
	request, err := a.signed(ctx, call, time.Now().Add(later))
	if err != nil {
		return nil, 0, refusal.Of(call.operation, err)
	}
	response, err := a.client.cfg.HTTPClient.Do(request)
	if err != nil {
		return nil, 0, refusal.Of(call.operation, err)
	}
	defer func() { _ = response.Body.Close() }()
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		ahead = time.Until(date)
	}
	raw, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, ahead, refusal.Of(call.operation, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, ahead, answerError(call.operation, response, raw)
	}
	return raw, ahead, nil
}

func (a Account) signed(ctx context.Context, call signedCall, at time.Time) (*http.Request, error) {
	if a.client.cfg.Credentials == nil {
		return nil, errors.New("no credentials are set")
	}
	credentials, err := a.client.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	address := "https://" + call.host
	if base := aws.ToString(a.client.cfg.BaseEndpoint); base != "" {
		address = strings.TrimSuffix(base, "/")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/", bytes.NewReader([]byte(call.body)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", call.contentType)
	if call.target != "" {
		request.Header.Set("X-Amz-Target", call.target)
	}
	sum := sha256.Sum256([]byte(call.body))
	err = v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), call.service, call.region, at)
	return request, err
}

// answerError parses an error response in either of the two formats of these services.
func answerError(operation string, response *http.Response, raw []byte) error {
	out := &refusal.CallError{Operation: operation, Status: response.StatusCode,
		RequestID: response.Header.Get("X-Amzn-Requestid"), Message: response.Status}
	var form struct {
		Error struct{ Code, Message string }
	}
	var object struct {
		Type    string `json:"__type"`
		Message string
	}
	switch {
	case xml.Unmarshal(raw, &form) == nil && form.Error.Code != "":
		out.Code, out.Message = form.Error.Code, form.Error.Message
	case json.Unmarshal(raw, &object) == nil && object.Type != "":
		out.Code, out.Message = object.Type[strings.LastIndex(object.Type, "#")+1:], object.Message
	}
	return out
}
