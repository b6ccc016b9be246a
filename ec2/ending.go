package ec2

import (
	"strings"
	"time"
)

// Ending is who or what ended an instance, according to EC2.
type Ending string

// The endings. Other reasons are endingUnknown.
const (
	endingUnknown Ending = ""
	EndingSpot    Ending = "spot"   // EC2 interrupted the spot instance
	EndingHost    Ending = "host"   // EC2 failed: the host, or the launch
	EndingUser    Ending = "user"   // somebody ended it through the API
	EndingItself  Ending = "itself" // it was shut down from inside
)

// endings are the endings by EC2's codes.
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

// Ending returns who or what ended the instance, if it is neither running nor about to.
func (i Instance) Ending() Ending {
	if i.State == Pending || i.State == Running {
		return endingUnknown
	}
	code, _, _ := strings.Cut(i.StateReason, ":")
	return endings[code]
}

// transitionTime returns the time in the reason of an instance's last change of state, as in "User initiated
// (2026-11-29 20:14:00 GMT)". It is zero if there is none, as after an interruption of a spot instance.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
func transitionTime(reason string) time.Time {
	_, text, _ := strings.Cut(reason, "(")
	at, err := time.Parse("2006-01-02 15:04:05 MST", strings.TrimSuffix(text, ")"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
