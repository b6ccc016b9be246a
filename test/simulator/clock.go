package simulator

import "time"

// serviceNow is the time by the clocks of AWS and GitHub, of which the client's own may be far.
func (w *World) serviceNow() time.Time { return w.now.Add(w.cfg.ClockSkew) }

// How far a signature's time may be from AWS's.
const (
	maxSkew    = 5 * time.Minute
	maxEC2Skew = 15 * time.Minute
)

// timely refuses a signature of another time. AWS accepts five minutes:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html. EC2 refuses in the words for
// wrong keys, which is what people with a wrong clock meet
// (https://repost.aws/knowledge-center/ec2-troubleshoot-authfailure-cli names the clock as a cause), and beyond fifteen
// minutes by RequestExpired: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func (c *cloud) timely(x *exchange) *ec2Error {
	if x.signedAt.IsZero() {
		return nil
	}
	const form = "20060102T150405Z"
	now := c.w.serviceNow()
	switch off := now.Sub(x.signedAt); {
	case off.Abs() <= maxSkew:
		return nil
	case x.service == serviceEC2 && off.Abs() > maxEC2Skew:
		return fail("RequestExpired", "Request has expired.")
	case x.service == serviceEC2:
		return fail("AuthFailure", "AWS was not able to validate the provided access credentials")
	case off > 0:
		return forged("Signature expired: %s is now earlier than %s (%s - 5 min.)", x.signedAt.Format(form),
			now.Add(-maxSkew).UTC().Format(form), now.UTC().Format(form))
	default:
		return forged("Signature not yet current: %s is still later than %s (%s + 5 min.)", x.signedAt.Format(form),
			now.Add(maxSkew).UTC().Format(form), now.UTC().Format(form))
	}
}

func forged(format string, args ...any) *ec2Error {
	failure := fail("SignatureDoesNotMatch", format, args...)
	failure.status = 403
	return failure
}
