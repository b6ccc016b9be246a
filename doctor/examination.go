package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/ec2/refusal"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// examination is one run of all checks. Questions that several checks ask are asked once.
type examination struct {
	cloud    *ec2.Client
	registry *github.Client
	request  Request

	mu    sync.Mutex
	known map[string]*answer
}

// answer is the answer to a question, asked by the first check that needs it.
type answer struct {
	once  sync.Once
	value any
	err   error
}

// once asks a question, identified by key, once in an examination.
func once[T any](x *examination, key string, ask func() (T, error)) (T, error) {
	x.mu.Lock()
	a := x.known[key]
	if a == nil {
		a = &answer{}
		x.known[key] = a
	}
	x.mu.Unlock()
	a.once.Do(func() { a.value, a.err = ask() })
	value, _ := a.value.(T)
	return value, a.err
}

func (x *examination) regionOf(p machine.Placement) string { return cmp.Or(p.Region, x.cloud.Region()) }

func (x *examination) subnet(ctx context.Context, region, id string) (ec2.Subnet, error) {
	return once(x, "subnet "+region+" "+id,
		func() (ec2.Subnet, error) { return x.cloud.Account().Subnet(ctx, region, id) })
}

func (x *examination) securityGroup(ctx context.Context, region, id string) (ec2.SecurityGroup, error) {
	return once(x, "group "+region+" "+id, func() (ec2.SecurityGroup, error) {
		return x.cloud.Account().SecurityGroup(ctx, region, id)
	})
}

func (x *examination) image(ctx context.Context, region, id string) (ec2.Image, error) {
	return once(x, "image "+region+" "+id, func() (ec2.Image, error) { return x.cloud.Images().Get(ctx, region, id) })
}

func (x *examination) instanceType(ctx context.Context, region, name string) (kind ec2.InstanceType, found bool,
	err error) {
	type known struct {
		kind  ec2.InstanceType
		found bool
	}
	k, err := once(x, "type "+region+" "+name, func() (known, error) {
		kind, found, err := x.cloud.Account().InstanceType(ctx, region, name)
		return known{kind, found}, err
	})
	return k.kind, k.found, err
}

func (x *examination) caller(ctx context.Context) (ec2.Caller, error) {
	return once(x, "caller", func() (ec2.Caller, error) { return x.cloud.Account().Caller(ctx, x.regions()[0]) })
}

// newest returns the image that a start would choose for a placement without one.
func (x *examination) newest(ctx context.Context, region string, tags map[string]string) (ec2.Image, bool, error) {
	type known struct {
		image ec2.Image
		found bool
	}
	k, err := once(x, fmt.Sprintf("newest %s %v", region, tags), func() (known, error) {
		image, found, err := x.cloud.Images().Newest(ctx, region, tags)
		return known{image, found}, err
	})
	return k.image, k.found, err
}

// regions returns the regions of all placements.
func (x *examination) regions() []string {
	var list []string
	for _, launch := range x.request.Launches {
		for _, offering := range launch.Offerings {
			if region := x.regionOf(offering.Placement); !slices.Contains(list, region) {
				list = append(list, region)
			}
		}
	}
	if len(list) == 0 && x.request.Existing != nil {
		list = []string{cmp.Or(x.request.Existing.Region, x.cloud.Region())}
	}
	if len(list) == 0 {
		list = []string{x.cloud.Region()}
	}
	return list
}

// look is a question of a check: what it is about, and what it needs.
type look struct {
	check, about string
	needs        string // IAM action
}

func (l look) ok(format string, args ...any) Finding {
	return Finding{Check: l.check, About: l.about, Result: OK, Reason: fmt.Sprintf(format, args...)}
}

func (l look) failed(fix, format string, args ...any) Finding {
	return Finding{Check: l.check, About: l.about, Result: Failed, Reason: fmt.Sprintf(format, args...), Fix: fix}
}

func (l look) warning(fix, format string, args ...any) Finding {
	return Finding{Check: l.check, About: l.about, Result: Warning, Reason: fmt.Sprintf(format, args...), Fix: fix}
}

func (l look) unchecked(format string, args ...any) Finding {
	return Finding{Check: l.check, About: l.about, Result: Unchecked, Reason: fmt.Sprintf(format, args...)}
}

// reason returns EC2's message without the encoded part, which only AWS can read.
func reason(err error) string {
	text, _, _ := strings.Cut(refusal.Reason(err), " Encoded authorization failure message:")
	return text
}

// notFound is the fix for resources that EC2 does not know.
const notFound = "images, subnets and groups exist in one region each: check the id, and that it belongs to this region"

// unread returns the finding for a failed call to EC2. Only "not found" is a finding about the resource itself.
func (l look) unread(ctx context.Context, err error) Finding {
	if finding, cut := l.cut(ctx, err); cut {
		return finding
	}
	switch refusal.ClassOf(err) {
	case refusal.NotFound:
		return l.failed(notFound, "%s", reason(err))
	case refusal.Denied:
		f := l.unchecked("the credentials do not allow this check (needs %s)", l.needs)
		f.Needs = l.needs
		return f
	case refusal.Throttle:
		return l.unchecked("AWS is throttling: %s", reason(err))
	case refusal.Credentials:
		return l.unchecked("the credentials are refused, see credentials")
	case refusal.Unknown:
		return l.unchecked("no answer: %s", err)
	}
	return l.unchecked("%s", err)
}

// unreadAtGitHub returns the finding for a failed call to GitHub.
func (l look) unreadAtGitHub(ctx context.Context, err error) Finding {
	if finding, cut := l.cut(ctx, err); cut {
		return finding
	}
	if call, ok := errors.AsType[*github.CallError](err); ok && call.SignIn && call.Hint != "" {
		return l.unchecked("the sign-in failed, see github app")
	}
	switch github.ClassOf(err) {
	case github.RateLimited:
		return l.unchecked("GitHub is throttling: %s", err)
	case github.Unauthorized:
		return l.unchecked("the token is refused, see github token")
	case github.Unknown:
		return l.unchecked("no answer: %s", err)
	}
	return l.unchecked("%s", err)
}

// cut returns the finding for a check that ran out of time, if it did.
func (l look) cut(ctx context.Context, err error) (Finding, bool) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return l.unchecked("no answer within %s", CheckTimeout), true
	}
	return Finding{}, false
}
