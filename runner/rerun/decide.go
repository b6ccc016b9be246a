package rerun

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/marqo-ai/ec2-github-runner/github"
)

// byRun groups losses by run and keeps, of each run, only those of its latest attempt.
func byRun(losses []loss) [][]loss {
	slices.SortFunc(losses, func(a, b loss) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(b.attempt, a.attempt), cmp.Compare(a.instance, b.instance))
	})
	var groups [][]loss
	for _, l := range losses {
		last := len(groups) - 1
		switch {
		case last < 0 || groups[last][0].run != l.run:
			groups = append(groups, []loss{l})
		case groups[last][0].attempt == l.attempt:
			groups[last] = append(groups[last], l)
		}
	}
	return groups
}

// decide returns what to do about the machines that a run lost in one attempt. It makes no API calls. The first rule
// that applies decides:
//  1. a run that cannot be read, that is not over, that has a newer attempt or that was cancelled or succeeded is
//     left alone;
//  2. a run that has had its attempts is left alone;
//  3. a run without a job that failed with its lost machines is left alone: it lost nothing;
//  4. the one job that started the machines runs again;
//  5. if it is not exactly one job, the whole run does.
func decide(group []loss, seen view, most int) Rerun {
	v := Rerun{Run: group[0].run, Attempt: group[0].attempt}
	for _, l := range group {
		v.Instances = append(v.Instances, l.instance)
	}
	v.Why = spared(v, seen, most)
	if v.Why != "" {
		return v
	}
	interrupted := slices.DeleteFunc(slices.Clone(group), func(l loss) bool { return !failedOn(l, seen.jobs) })
	if len(interrupted) == 0 {
		v.Why = "no job of it failed because EC2 reclaimed its machine"
		return v
	}
	v.Decided, v.Why = true, fmt.Sprintf("EC2 reclaimed %d of its machines with their jobs", len(interrupted))
	if job, one := starterOf(interrupted, seen.jobs); one {
		v.Job, v.JobName = job.ID, job.Name
	}
	return v
}

// spared returns why a run must not run again, whatever it lost, or "".
func spared(v Rerun, seen view, most int) string {
	switch {
	case seen.gone:
		return "the run is gone, or the token cannot see it"
	case seen.run.Attempt != v.Attempt:
		return fmt.Sprintf("attempt %d of it has begun since", seen.run.Attempt)
	case !seen.run.Completed:
		return "the run is not over"
	case seen.run.Cancelled:
		return "the run was cancelled"
	case seen.run.Succeeded:
		return "the run succeeded without the lost job"
	case v.Attempt > most:
		return fmt.Sprintf("it has had %d attempts, and rerun-interrupted allows %d more than the first", v.Attempt,
			most)
	}
	return ""
}

// noticeTime is how long before its machine's end a job may fail because of it: EC2 gives notice two minutes before it
// terminates the machine, and reports the end once the machine has shut down.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
const noticeTime = 5 * time.Minute

// failedOn reports whether a job failed because EC2 reclaimed its machine: its runner had the job, and the machine
// ended while the job ran. A job that failed before has failed by itself, and one that began later ran on another
// machine of the same name. As far as ids or times are unknown, the name decides.
func failedOn(l loss, jobs []github.Job) bool {
	return slices.ContainsFunc(jobs, func(j github.Job) bool {
		switch {
		case !j.Failed || j.RunnerName != l.runner || l.runnerID != 0 && j.RunnerID != 0 && j.RunnerID != l.runnerID:
			return false
		case l.ended.IsZero() || j.Started.IsZero() || j.Ended.IsZero():
			return true
		}
		return !j.Ended.Add(noticeTime).Before(l.ended) && !j.Started.After(l.ended)
	})
}

// starterOf returns the one job that started all the machines; one is false if the start job of a machine is unknown or
// is not the only job with its runner's name.
func starterOf(group []loss, jobs []github.Job) (starter github.Job, one bool) {
	for _, l := range group {
		found := slices.DeleteFunc(slices.Clone(jobs), func(j github.Job) bool {
			return l.startedBy == "" || j.RunnerName != l.startedBy
		})
		if len(found) != 1 || one && found[0].ID != starter.ID {
			return github.Job{}, false
		}
		starter, one = found[0], true
	}
	return starter, one
}
