package simulator

import "encoding/base64"

// consoleLimit is how much of the console EC2 keeps: the last 64 KB.
const consoleLimit = 64 << 10

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
		return nil, fail("UnsupportedOperation", "This instance type does not support retrieving the latest console logs. Latest console logs are only supported on Nitro instances.")
	}
	until := call.w.now
	if !latest {
		until = until.Add(-call.w.scaled(call.w.cfg.Timing.Console))
	}
	text := i.guest.consoleUntil(until)
	if len(text) > consoleLimit {
		text = text[len(text)-consoleLimit:]
	}
	return []node{leaf("instanceId", i.id), leaf("timestamp", isoTime(until)), leaf("output", base64.StdEncoding.EncodeToString([]byte(text)))}, nil
}
