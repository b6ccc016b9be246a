package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
)

// TestACheckThatHangsIsCut: one check stops with its context and reports what it has, one never returns, one is quick.
// All are reported in order, in little more than ten seconds.
func TestACheckThatHangsIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		checks := []Check{
			probe{"obedient", func(ctx context.Context) []Finding {
				<-ctx.Done()
				return []Finding{look{check: "obedient"}.unread(ctx, ctx.Err())}
			}},
			probe{"deaf", func(context.Context) []Finding { <-release; return nil }},
			probe{"quick", func(context.Context) []Finding { return []Finding{look{check: "quick"}.ok("fine")} }},
		}
		begin := time.Now()
		report := run(t.Context(), checks)
		took := time.Since(begin)
		close(release) // or the bubble would not end
		if took < CheckTimeout || took > CheckTimeout+lastWord {
			t.Errorf("it took %s", took)
		}
		var got []string
		for _, f := range report.Findings {
			got = append(got, fmt.Sprintf("%s %s: %s", f.Check, f.Result, f.Reason))
		}
		want := "obedient not checked: no answer within 10s|deaf not checked: it did not end within 10s|quick ok: fine"
		if strings.Join(got, "|") != want {
			t.Errorf("got %s, want %s", strings.Join(got, "|"), want)
		}
	})
}

func TestAQuestionIsAskedOnce(t *testing.T) {
	x := &examination{known: map[string]*answer{}}
	var asked atomic.Int32
	things := make([]int, 50)
	for i := range things {
		things[i] = i
	}
	each(things, func(i int) string { return fmt.Sprint(i) }, func(int) []Finding {
		value, err := once(x, "key", func() (string, error) { asked.Add(1); return "value", nil })
		if value != "value" || err != nil {
			t.Errorf("got %q and %v", value, err)
		}
		return nil
	})
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// TestSilenceIsNotHealth: no error of any class results in OK, and only "not found" is a finding about the resource
// itself.
func TestSilenceIsNotHealth(t *testing.T) {
	l := look{check: "image", needs: "ec2:DescribeImages"}
	for _, code := range []string{"UnauthorizedOperation", "RequestLimitExceeded", "AuthFailure", "InternalError",
		"InsufficientInstanceCapacity", "Odd", ""} {
		f := l.unread(t.Context(), &refusal.CallError{Code: code})
		if f.Result != Unchecked {
			t.Errorf("%q: %s", code, f.Result)
		}
		if (f.Needs != "") != (code == "UnauthorizedOperation") {
			t.Errorf("%q: needs %q", code, f.Needs)
		}
	}
	if f := l.unread(t.Context(), &refusal.CallError{Code: "InvalidAMIID.NotFound"}); f.Result != Failed {
		t.Errorf("not found: %s", f.Result)
	}
	for class := github.Other; class <= github.Unknown; class++ {
		if f := l.unreadAtGitHub(t.Context(), &github.CallError{Class: class}); f.Result != Unchecked {
			t.Errorf("class %d: %s", class, f.Result)
		}
	}
}

// TestARightIsOnlyProvedByEC2: what each response to a dry run proves, with and without an instance to use.
func TestARightIsOnlyProvedByEC2(t *testing.T) {
	const there = "i-0123456789abcdef0"
	denied, unknown := &refusal.CallError{Code: "UnauthorizedOperation"},
		&refusal.CallError{Code: "InvalidInstanceID.NotFound"}
	for _, c := range []struct {
		name, id string
		err      error
		want     Result
	}{
		{"allowed", there, nil, OK},
		{"refused for one that is there", there, denied, Failed},
		{"refused for none", noInstance, denied, Unchecked},
		{"not found for none", noInstance, unknown, OK},
		{"not found for one that is there: it ended meanwhile", there, unknown, Unchecked},
		{"throttled", there, &refusal.CallError{Code: "RequestLimitExceeded"}, Unchecked},
		{"lost", there, errors.New("connection reset"), Unchecked},
	} {
		got := look{needs: "ec2:TerminateInstances"}.right(t.Context(), c.id, c.err, Failed, "")
		if got.Result != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got.Result, c.want)
		}
	}
}

func TestWayOut(t *testing.T) {
	everywhere := func(via string) []ec2.Route {
		return []ec2.Route{{To: "10.0.0.0/8", Via: "local", Active: true}, {To: "0.0.0.0/0", Via: via, Active: true}}
	}
	for _, c := range []struct {
		name    string
		routes  []ec2.Route
		public  *bool
		subnet  bool
		private bool // an Enterprise Server
		want    Result
	}{
		{"internet gateway and the subnet's address", everywhere("igw-1"), nil, true, false, OK},
		{"internet gateway and an address asked for", everywhere("igw-1"), new(true), false, false, OK},
		{"internet gateway, address refused", everywhere("igw-1"), new(false), true, false, Failed},
		{"internet gateway, no address", everywhere("igw-1"), nil, false, false, Failed},
		{"NAT", everywhere("nat-1"), nil, false, false, OK},
		{"transit gateway", everywhere("tgw-1"), new(false), false, false, OK},
		{"blackhole", []ec2.Route{{To: "0.0.0.0/0", Via: "nat-1"}}, nil, true, false, Failed},
		{"local only", everywhere("igw-1")[:1], nil, true, false, Failed},
		{"local only, with a GitHub of one's own", everywhere("igw-1")[:1], nil, true, true, Unchecked},
		{"no table at all", nil, nil, true, false, Failed},
	} {
		x := &examination{request: Request{Public: !c.private}}
		if got := x.way(look{}, wanted{public: c.public}, ec2.Subnet{PublicIP: c.subnet},
			c.routes); got.Result != c.want {
			t.Errorf("%s: got %s (%s), want %s", c.name, got.Result, got.Reason, c.want)
		}
	}
}

func TestPort443(t *testing.T) {
	rule := func(protocol string, from, to int, cidr ...string) ec2.SecurityGroup {
		return ec2.SecurityGroup{Egress: []ec2.EgressRule{{Protocol: protocol, From: from, To: to, To4: cidr}}}
	}
	for _, c := range []struct {
		name   string
		groups []ec2.SecurityGroup
		want   Result
	}{
		{"all", []ec2.SecurityGroup{rule("-1", 0, 0, "0.0.0.0/0")}, OK},
		{"443", []ec2.SecurityGroup{rule("tcp", 443, 443, "0.0.0.0/0")}, OK},
		{"a range", []ec2.SecurityGroup{rule("tcp", 1, 65535, "0.0.0.0/0")}, OK},
		{"the second group lets it out", []ec2.SecurityGroup{rule("tcp", 80, 80, "0.0.0.0/0"),
			rule("tcp", 443, 443, "0.0.0.0/0")}, OK},
		{"another port", []ec2.SecurityGroup{rule("tcp", 80, 80, "0.0.0.0/0")}, Failed},
		{"UDP", []ec2.SecurityGroup{rule("udp", 443, 443, "0.0.0.0/0")}, Failed},
		{"nothing", []ec2.SecurityGroup{{}}, Failed},
		{"some addresses", []ec2.SecurityGroup{rule("tcp", 443, 443, "140.82.112.0/20")}, Warning},
		{"prefix lists", []ec2.SecurityGroup{{Egress: []ec2.EgressRule{{Protocol: "-1", Others: true}}}}, Warning},
	} {
		if got := lets443(look{}, c.groups); got.Result != c.want {
			t.Errorf("%s: got %s (%s), want %s", c.name, got.Result, got.Reason, c.want)
		}
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"2.300.0", "2.329.0", true}, {"2.329.0", "2.329.0", false}, {"2.1000.0", "2.329.0", false},
		{"3.0.0", "2.329.0", false}, {"latest", "2.329.0", false}, {"2.300", "2.329.0", false},
		{"2.300.0", "", false}} {
		if got := older(c.a, c.b); got != c.want {
			t.Errorf("%s before %s: got %t", c.a, c.b, got)
		}
	}
}
