// Package machine tests that start, pool, bake and check use every field of a machine.Machine.
package machine

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/marqo-ai/ec2-github-runner/ami"
	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/doctor"
	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/machine"
	"github.com/marqo-ai/ec2-github-runner/runner"
	"github.com/marqo-ai/ec2-github-runner/runner/pool"
	"github.com/marqo-ai/ec2-github-runner/runner/post"
	"github.com/marqo-ai/ec2-github-runner/runner/tags"
	"github.com/marqo-ai/ec2-github-runner/runner/tags/key"
	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

const repository = "demo-org/demo"

// usual is a machine with its own image and mappings, not in the home region. Fields that are not set here are filled
// with samples, so that new ones take part.
func usual() machine.Machine {
	at := machine.NewPlacement("eu-west-1", "ami-0ccccccccccccccc1", "subnet-0ccccccccccccccc1", "sg-0ccccccccccccccc1")
	at.Element = 1
	m := machine.Machine{
		Architecture: "amd64", Placements: []machine.Placement{at}, InstanceTypes: []string{"t3.xlarge"},
		Markets: []string{machine.Spot}, SpotMax: "0.5", Devices: `[{"DeviceName":"/dev/sdf","Ebs":{"VolumeSize":7}}]`,
		Root: machine.RootVolume{Device: "/dev/sdb", GiB: 60, Type: "gp3"}, Metadata: `{"HttpTokens":"required"}`,
		Overlay: `{"KeyName":"my-key"}`, RunnerVersion: "2.330.0", HomeDir: "/opt/runner",
	}
	fill(reflect.ValueOf(&m).Elem(), "field")
	return m
}

// ofArchitecture is a machine whose image, types and root volume are those of an architecture.
func ofArchitecture() machine.Machine {
	m := usual()
	m.Architecture, m.Placements = "arm64", []machine.Placement{
		machine.NewPlacement("", "", "subnet-0aaaaaaaaaaaaaaa1", "sg-0aaaaaaaaaaaaaaa1"),
	}
	m.InstanceTypes, m.TypesOfArchitecture, m.Markets = []string{"a1.xlarge", "t4g.xlarge"}, true,
		[]string{machine.OnDemand}
	m.Devices, m.HomeDir = "", ""
	return m
}

// fill sets zero fields to a sample of their kind.
func fill(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fill(v.Index(i), name)
		}
	case reflect.String:
		if v.String() == "" {
			v.SetString("sample-" + strings.ToLower(name))
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		if v.Int() == 0 {
			v.SetInt(7)
		}
	default:
		panic("no sample of " + v.Kind().String() + " for " + name)
	}
}

// paths lists the fields of a value, recursively: "Placements", "Placements.SubnetID". A list is dropped as a whole,
// and each field of its first element.
func paths(t reflect.Type, prefix string) (list []string) {
	for i := range t.NumField() {
		field := t.Field(i)
		list = append(list, prefix+field.Name)
		kind := field.Type
		if kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		if kind.Kind() == reflect.Struct {
			list = append(list, paths(kind, prefix+field.Name+".")...)
		}
	}
	return list
}

// without returns a machine with a field dropped, as if code forgot it.
func without(m machine.Machine, path string) machine.Machine {
	v := reflect.ValueOf(&m).Elem()
	for name := range strings.SplitSeq(path, ".") {
		if v.Kind() == reflect.Slice {
			own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(own, v)
			v.Set(own)
			v = v.Index(0)
		}
		v = v.FieldByName(name)
	}
	v.SetZero()
	return m
}

// handOver is one consumer of a machine.
type handOver struct {
	name string
	// seen returns what services and the fingerprint see of a machine.
	seen func(ctx context.Context, t *testing.T, s *scene, m machine.Machine) string
	// apart lists the fields that it does not use, and why. Dropping them must change nothing.
	apart map[string]string
}

const (
	forMessages = "it only numbers the element in messages"
	onDemand    = "the machines of a pool are on-demand"
	atTheClaim  = "the start that claims the machine sets it"
	notBaked    = "an image has none: mode bake does not read the input"
	bakesOwn    = "a bake has its own region and base image"
	asked       = "a separate call uses it, not the launch"
)

var handOvers = []handOver{
	{"start", started, map[string]string{"Placements.Element": forMessages}},
	{"pool", pooled, map[string]string{
		"Placements.Element": forMessages, "Markets": onDemand, "SpotMax": onDemand, "PreRunnerScript": atTheClaim,
		"Service": atTheClaim, "JobReport": atTheClaim,
	}},
	{"fingerprint", fingerprinted, map[string]string{
		"Placements.Element": forMessages, "Markets": onDemand, "SpotMax": onDemand, "PreRunnerScript": atTheClaim,
		"Service": atTheClaim, "User": atTheClaim, "JobReport": atTheClaim, "Tags": atTheClaim, "Tags.Key": atTheClaim,
		"Tags.Value": atTheClaim,
	}},
	{"bake", baked, map[string]string{
		"Placements.Element": forMessages, "Placements.Region": bakesOwn, "Placements.ImageID": bakesOwn,
		"Markets": notBaked, "SpotMax": notBaked, "HomeDir": notBaked, "Packages": notBaked,
		"PreRunnerScript": notBaked,
		"User":            notBaked, "Service": notBaked, "RunnerVersion": asked, "JobReport": notBaked,
	}},
	{"check", checked, map[string]string{"Placements.Element": forMessages, "RunnerVersion": asked}},
}

// TestNoFieldIsForgotten drops each field of a machine in turn, at each consumer: EC2's requests, or the fingerprint,
// must differ.
func TestNoFieldIsForgotten(t *testing.T) {
	t.Parallel()
	fields := paths(reflect.TypeFor[machine.Machine](), "")
	for _, h := range handOvers {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			machines := []machine.Machine{usual(), ofArchitecture()}
			if h.name == "bake" { // a bake runs in the home region
				machines[0].Placements = slices.Clone(machines[1].Placements)
			}
			whole := []string{h.look(t, machines[0]), h.look(t, machines[1])}
			for i, seen := range whole {
				if again := h.look(t, machines[i]); seen == "" || seen != again {
					t.Fatalf("two looks at machine %d differ:\n%s\n%s", i, seen, again)
				}
			}
			for _, field := range fields {
				reason, apart := h.apart[field]
				differs := slices.ContainsFunc([]int{0, 1}, func(i int) bool {
					return h.look(t, without(machines[i], field)) != whole[i]
				})
				switch {
				case !differs && !apart:
					t.Errorf("without %s nothing changes", field)
				case differs && apart:
					t.Errorf("%s is not an exception any more (%s)", field, reason)
				}
			}
			for field := range h.apart {
				if !slices.Contains(fields, field) {
					t.Errorf("there is no field %s", field)
				}
			}
		})
	}
}

// TestFingerprintOfTheRequest: what is read from the image, such as the size of its volume, is not part of the
// fingerprint.
func TestFingerprintOfTheRequest(t *testing.T) {
	t.Parallel()
	m := ofArchitecture()
	m.Root.GiB = 20 // smaller than the image's
	for _, h := range handOvers {
		if h.name != "fingerprint" {
			continue
		}
		want := m.Fingerprint(machine.NewPlacement("us-east-1", "", m.Placements[0].SubnetID,
			m.Placements[0].SecurityGroupIDs...), "t4g.xlarge")
		if got := h.look(t, m); !strings.Contains(got, want) {
			t.Errorf("the entries have %s, but a start looks for %s", got, want)
		}
	}
}

// scene is a world, and the requests that a client has sent to EC2.
type scene struct {
	world *simulator.World
	mu    sync.Mutex
	asked []url.Values
}

func (h handOver) look(t *testing.T, m machine.Machine) (seen string) {
	t.Helper()
	bubble := synctest.Test
	if h.name == "check" { // its calls wait on a lock, which stops the virtual clock
		bubble = func(t *testing.T, f func(*testing.T)) { f(t) }
	}
	bubble(t, func(t *testing.T) {
		config := simulator.Config{RunnerReleases: []string{"2.330.0"}}
		config.More.Images = []simulator.Image{
			{
				ID: "ami-0aaaaaaaaaaaaab01", Region: "us-east-1",
				Name:  "al2023-ami-2023.9.20261012.0-kernel-6.12-arm64",
				Owner: "137112412989", Architecture: "arm64", RootDevice: "/dev/xvda", NewArm: true,
				Created: "2026-10-12T06:00:00Z",
			}, {
				ID: "ami-0aaaaaaaaaaaaab02", Region: "us-east-1", Name: "github-runner-arm64", Owner: "self",
				Architecture: "arm64",
				RootDevice:   "/dev/xvda", VolumeSize: 30, NewArm: true, Created: "2026-10-12T06:00:00Z",
				Runner: "2.335.0",
				Tags: map[string]string{
					key.Architecture: "arm64", key.RunnerVersion: "2.335.0", key.System: "Amazon Linux 2023",
				},
			}, {
				ID: "ami-0aaaaaaaaaaaaab03", Region: "us-east-1",
				Name:  "al2023-ami-2023.9.20261012.0-kernel-6.12-x86_64",
				Owner: "137112412989", Architecture: "x86_64", RootDevice: "/dev/xvda", Created: "2026-10-12T06:00:00Z",
			},
		}
		if h.name == "check" {
			config.Timing.EC2, config.Timing.GitHub, config.Timing.RunInstances = time.Millisecond, time.Millisecond,
				time.Millisecond
		}
		s := &scene{world: simulator.New(config)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		seen = h.seen(ctx, t, s, m)
	})
	return seen
}

// RoundTrip implements http.RoundTripper: it records RunInstances calls on their way into the world.
func (s *scene) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") == "RunInstances" {
			form.Set("host", request.URL.Host)
			s.mu.Lock()
			s.asked = append(s.asked, form)
			s.mu.Unlock()
		}
	}
	return s.world.Transport().RoundTrip(request)
}

func (s *scene) cloud() *ec2.Client {
	return ec2.New(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIADEMO", "demo-secret", ""),
		HTTPClient: &http.Client{Transport: s},
	})
}

func (s *scene) registry(t *testing.T) *github.Client {
	scope, err := github.ParseScope(repository)
	if err != nil {
		t.Fatal(err)
	}
	client, err := github.New(github.Options{BaseURL: github.DefaultBaseURL, Token: "ghp_demo", Scope: scope,
		Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

var (
	egrValue = regexp.MustCompile(`(?m)^(egr_[a-z0-9_]+)=([A-Za-z0-9+/]*={0,2})$`)
	secret   = regexp.MustCompile(`(?m)^egr_(token|other)=.*$`)
	tagKey   = regexp.MustCompile(`^TagSpecification\.\d+\.Tag\.\d+\.Key$`)
)

// tag removes a tag from a request and returns its value.
func tag(form url.Values, key string) (value string) {
	for name := range form {
		if tagKey.MatchString(name) && form.Get(name) == key {
			name = strings.TrimSuffix(name, "Key") + "Value"
			value = form.Get(name)
			form.Del(name)
		}
	}
	return value
}

// launches returns the requests to EC2, without values that differ for each run: nonce, token and times.
func (s *scene) launches() (list []string) {
	for _, form := range s.asked {
		var lines []string
		nonce := tag(form, key.Nonce)
		for _, own := range []string{key.OtherName, key.DueAt, key.ExpiresAt, key.PoolUntil} {
			tag(form, own)
		}
		for _, name := range slices.Sorted(maps.Keys(form)) {
			value := form.Get(name)
			if name == "UserData" {
				value = secret.ReplaceAllString(readable(value), "")
			}
			lines = append(lines, name+"="+strings.ReplaceAll(value, nonce, "NONCE"))
		}
		list = append(list, strings.Join(lines, "\n"))
	}
	return list
}

// readable returns user data as bash reads it, with its values decoded.
func readable(data string) string {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return err.Error()
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return string(raw)
	}
	plain, err := io.ReadAll(unpacked)
	if err != nil {
		return err.Error()
	}
	return egrValue.ReplaceAllStringFunc(string(plain), func(line string) string {
		part := egrValue.FindStringSubmatch(line)
		value, _ := base64.StdEncoding.DecodeString(part[2])
		return part[1] + "=" + string(value)
	})
}

// journal discards everything.
type journal struct{}

func (journal) Begun(tags.Identity) error             { return nil }
func (journal) Registering([]post.Registration) error { return nil }
func (journal) Asking(string, string) error           { return nil }
func (journal) Taking(string, string) error           { return nil }
func (journal) Claiming([]post.Claim) error           { return nil }
func (journal) Launched(tags.Handoff) error           { return nil }
func (journal) Secret(string)                         {}
func (journal) Imaging(ami.Begun) error               { return nil }
func (journal) Baked(ami.Baked) error                 { return nil }

func (s *scene) starter(t *testing.T) *runner.Starter {
	return &runner.Starter{
		Cloud: s.cloud(), Registry: s.registry(t), Journal: journal{}, Log: slog.New(slog.DiscardHandler),
		Fresh: func() (*ec2.Client, *github.Client) { return s.cloud(), s.registry(t) },
	}
}

func startOf(m machine.Machine) runner.StartRequest {
	return runner.StartRequest{
		Run: tags.Run{Repository: repository, ID: "4711", Attempt: "1"}, Scope: repository,
		WebURL: "https://github.com/" + repository, OwnTags: true, GroupID: 1, MaxLifetime: 24 * time.Hour,
		Waiting: runner.Waiting{Timeout: 2 * time.Minute}, Groups: []runner.Group{{Label: "tests", Machine: m}},
	}
}

// A machine that lacks a field may be refused: then nothing is requested.

func started(ctx context.Context, t *testing.T, s *scene, m machine.Machine) string {
	_, _ = s.starter(t).Start(ctx, startOf(m))
	return strings.Join(s.launches(), "\n\n")
}

// pooled returns the launch of a warm machine, without its fingerprint.
func pooled(ctx context.Context, t *testing.T, s *scene, m machine.Machine) string {
	_ = fingerprinted(ctx, t, s, m)
	return strings.Join(s.launches(), "\n\n")
}

// fingerprinted returns the fingerprint of a warm machine.
func fingerprinted(ctx context.Context, t *testing.T, s *scene, m machine.Machine) string {
	request := pool.Request{
		Name: "tests", Size: 1, MaxAge: 24 * time.Hour, WarmUp: 30 * time.Minute, Start: startOf(m),
	}
	_, _ = pool.Fill(ctx, s.starter(t), request)
	var prints []string
	for _, form := range s.asked {
		prints = append(prints, tag(form, key.Fingerprint))
	}
	return fmt.Sprint(prints)
}

func baked(ctx context.Context, _ *testing.T, s *scene, m machine.Machine) string {
	id := tags.NewIdentity(startOf(m).Run, repository, "bake")
	baker := ami.Baker{Cloud: s.cloud(), Fresh: s.cloud, Journal: journal{}, Log: slog.New(slog.DiscardHandler)}
	_, _ = baker.Bake(ctx, ami.Request{
		Identity: ami.Identity{
			Nonce: id.Nonce, Ours: id.ImageTags(), Mine: id.NonceTags(), Builder: id.BuilderTags,
			Token:   id.BuilderToken,
			KeepTag: key.KeepVolumes,
		},
		BaseImages: []string{"ami-0aaaaaaaaaaaaab01", "ami-0aaaaaaaaaaaaab03"}, Keep: 3, Timeout: 10 * time.Minute,
		Builders: []machine.Machine{m}, Software: []bootstrap.Software{
			{Architecture: "x64", URL: "https://example.com/x.tar.gz", Version: "2.335.0"},
			{Architecture: "arm64", URL: "https://example.com/a.tar.gz", Version: "2.335.0"},
		},
	})
	return strings.Join(s.launches(), "\n\n")
}

// checked returns a check's requests to EC2 and its findings.
func checked(ctx context.Context, t *testing.T, s *scene, m machine.Machine) string {
	samples, err := startOf(m).SampleLaunches()
	if err != nil {
		return err.Error()
	}
	request := doctor.Request{Scope: repository, SystemTag: key.System, ArchitectureTag: key.Architecture,
		Now: time.Now()}
	for _, sample := range samples {
		request.Launches = append(request.Launches, doctor.Launch(sample))
	}
	var found []string
	for _, f := range doctor.Examine(ctx, s.cloud(), s.registry(t), request).Findings {
		found = append(found, fmt.Sprint(f.Check, f.About, f.Result))
	}
	probes := s.launches()
	slices.Sort(probes) // they are sent concurrently
	return strings.Join(slices.Concat(probes, found), "\n\n")
}
