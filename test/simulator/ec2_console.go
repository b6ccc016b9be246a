package simulator

import (
	"encoding/base64"
	"slices"
	"time"
)

// consoleLimit is how much of the console EC2 keeps: the last 64 KB.
const consoleLimit = 64 << 10

// posted is when the text was taken that EC2 shows without Latest: shortly after the last change of the instance's
// state, and at no time between the changes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
func (call *ec2Call) posted(i *instance) time.Time {
	for _, turn := range slices.Backward(i.turns) {
		if taken := turn.Add(call.w.scaled(call.w.cfg.Timing.Console)); !taken.After(call.w.now) {
			return taken
		}
	}
	return time.Time{}
}

func getConsoleOutput(call *ec2Call) ([]node, *ec2Error) {
	instances, failure := call.named(false)
	if failure != nil {
		return nil, failure
	}
	if len(instances) != 1 {
		return nil, fail("MissingParameter", "The request must contain the parameter InstanceId")
	}
	i := instances[0]
	if failure := call.allowedOn("ec2:GetConsoleOutput", instances); failure != nil {
		return nil, failure
	}
	latest := call.form["Latest"] == "true"
	if latest && i.kind.NotNitro {
		return nil, fail("UnsupportedOperation",
			"This instance type does not support retrieving the latest console logs. Latest console logs are only "+
				"supported on Nitro instances.")
	}
	until := call.w.now
	if !latest {
		until = call.posted(i)
	}
	text := i.guest.consoleUntil(until)
	if len(text) > consoleLimit {
		text = text[len(text)-consoleLimit:]
	}
	return []node{leaf("instanceId", i.id), leaf("timestamp", isoTime(until)),
		leaf("output", base64.StdEncoding.EncodeToString([]byte(text)))}, nil
}
