package ec2

import (
	"strings"
	"time"
)

// Ending is who ended an instance, as EC2 says.
type Ending string

// The endings. One that EC2 does not name is none of them.
const (
	endingUnknown Ending = ""
	EndingSpot    Ending = "spot"   // EC2 took a spot instance back
	EndingHost    Ending = "host"   // EC2 failed: the host, or a launch that got no further
	EndingUser    Ending = "user"   // somebody ended it by the API
	EndingItself  Ending = "itself" // it was shut down from inside
)

// endings are EC2's codes.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
var endings = map[string]Ending{
	"Server.SpotInstanceTermination":   EndingSpot,
	"Server.SpotInstanceShutdown":      EndingSpot,
	"Server.InternalError":             EndingHost,
	"Server.ScheduledStop":             EndingHost,
	"Client.UserInitiatedShutdown":     EndingUser,
	"Client.UserInitiatedHibernate":    EndingUser,
	"Client.InstanceTerminated":        EndingUser,
	"Client.InstanceInitiatedShutdown": EndingItself,
}

// Ending returns who ended an instance that is not running any more, or is about to end.
func (i Instance) Ending() Ending {
	if i.State == Pending || i.State == Running {
		return endingUnknown
	}
	code, _, _ := strings.Cut(i.StateReason, ":")
	return endings[code]
}

// transitionTime reads the time that EC2 puts behind the reason of an instance's last change of state: "User initiated
// (2026-11-29 20:14:00 GMT)". It is zero where there is none, as where EC2 took a spot instance back.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
func transitionTime(reason string) time.Time {
	_, text, _ := strings.Cut(reason, "(")
	at, err := time.Parse("2006-01-02 15:04:05 MST", strings.TrimSuffix(text, ")"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
