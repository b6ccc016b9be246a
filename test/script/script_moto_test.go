package script

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// motoWorld is an independent EC2, moto, with the simulator's GitHub; its instances get machines of the simulator. It
// neither refuses for capacity nor knows client tokens, so only marked scripts run there.
type motoWorld struct{ url string }

// TestMotoScripts runs the scripts that name moto in their first line, one after the other, since moto has only one
// state: scripts/moto with go test -run Moto ./test/script
func TestMotoScripts(t *testing.T) {
	address := os.Getenv("EGR_MOTO_URL")
	marked := markedScripts(t, "moto", 3)
	if address == "" {
		return // without moto only the marks are checked
	}
	testscript.RunT(sequential{t}, atMoto(scriptParams(marked), address))
}

// markedScripts returns the scripts that name another world in their first line, at least that many.
func markedScripts(t *testing.T, world string, least int) []string {
	t.Helper()
	files, err := filepath.Glob("test/script/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	marked := slices.DeleteFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err != nil || !strings.HasPrefix(string(text), "# worlds: simulator "+world+"\n")
	})
	if len(marked) < least {
		t.Errorf("%d scripts are marked for %s, want some", len(marked), world)
	}
	return marked
}

// atMoto makes scripts run on moto.
func atMoto(params testscript.Params, address string) testscript.Params {
	params.UpdateScripts = false
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		err := setup(env)
		env.Values[sceneKey{}] = &scene{moto: &motoWorld{url: address}}
		return err
	}
	return params
}

// sequential is a testing.T whose subtests do not run in parallel.
type sequential struct{ *testing.T }

// Parallel implements testscript.T.
func (sequential) Parallel() {}

// Run implements testscript.T.
func (s sequential) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(sequential{t}) })
}

// Verbose implements testscript.T.
func (sequential) Verbose() bool { return testing.Verbose() }

// begin resets moto, points the script at it, and simulates machines for its instances until the script ends.
func (m *motoWorld) begin(ts *testscript.TestScript, world *simulator.World) {
	response, err := http.Post(m.url+"/moto-api/reset", "", nil)
	ts.Check(err)
	ts.Check(response.Body.Close())
	ts.Setenv("AWS_ENDPOINT_URL", m.withConsoles(ts, world))
	var images struct {
		List []struct {
			ID           string `xml:"imageId"`
			Architecture string `xml:"architecture"`
			Platform     string `xml:"platform"`
		} `xml:"imagesSet>item"`
	}
	m.call(ts, "us-east-1", &images, "DescribeImages")
	for _, image := range images.List {
		if image.Platform == "" && image.Architecture == "x86_64" {
			ts.Setenv("world_image", image.ID)
		}
	}
	var subnets struct {
		List []struct {
			ID string `xml:"subnetId"`
		} `xml:"subnetSet>item"`
	}
	m.call(ts, "us-east-1", &subnets, "DescribeSubnets")
	ts.Setenv("world_subnet", subnets.List[0].ID)
	var groups struct {
		List []struct {
			ID string `xml:"groupId"`
		} `xml:"securityGroupInfo>item"`
	}
	m.call(ts, "us-east-1", &groups, "DescribeSecurityGroups")
	ts.Setenv("world_group", groups.List[0].ID)

	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { m.attach(ctx, ts, world) })
	ts.Defer(func() { cancel(); done.Wait() })
}

// attach starts and ends simulated machines as instances come and go.
func (m *motoWorld) attach(ctx context.Context, ts *testscript.TestScript, world *simulator.World) {
	on := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		for _, i := range m.instances(ts) {
			alive := i.State == "pending" || i.State == "running"
			switch {
			case alive && !on[i.ID]:
				on[i.ID] = true
				world.AttachGuest(i.ID, i.LaunchIndex, i.UserData)
			case alive && !world.GuestIsOn(i.ID): // it has powered itself off
				action := "StopInstances"
				if i.ShutdownBehavior == "terminate" {
					action = "TerminateInstances"
				}
				m.call(ts, i.Region, &struct{}{}, action, "InstanceId.1", i.ID)
			case !alive && on[i.ID]:
				on[i.ID] = false
				world.DetachGuest(i.ID)
			}
		}
	}
}

var motoRegions = []string{"us-east-1", "eu-west-1"}

// instances lists moto's instances, with the fields that scripts use.
func (m *motoWorld) instances(ts *testscript.TestScript) []simulator.Instance {
	var list []simulator.Instance
	for _, region := range motoRegions {
		var answer struct {
			List []struct {
				ID     string    `xml:"instanceId"`
				State  string    `xml:"instanceState>name"`
				Type   string    `xml:"instanceType"`
				Image  string    `xml:"imageId"`
				Subnet string    `xml:"subnetId"`
				Zone   string    `xml:"placement>availabilityZone"`
				Begun  time.Time `xml:"launchTime"`
				Index  int       `xml:"amiLaunchIndex"`
				Cycle  string    `xml:"instanceLifecycle"`
				Groups []struct {
					ID string `xml:"groupId"`
				} `xml:"groupSet>item"`
				Tags []struct {
					Key   string `xml:"key"`
					Value string `xml:"value"`
				} `xml:"tagSet>item"`
			} `xml:"reservationSet>item>instancesSet>item"`
		}
		m.call(ts, region, &answer, "DescribeInstances")
		for _, i := range answer.List {
			made := simulator.Instance{
				ID: i.ID, Region: region, Zone: i.Zone, Subnet: i.Subnet, Image: i.Image, Type: i.Type, State: i.State,
				Launched:    i.Begun,
				LaunchIndex: i.Index, Market: "on-demand", Tags: map[string]string{}, UserData: m.attribute(ts, region,
					i.ID,
					"userData"),
				ShutdownBehavior: string(m.attribute(ts, region, i.ID, "instanceInitiatedShutdownBehavior")),
			}
			if i.Cycle != "" {
				made.Market = i.Cycle
			}
			for _, group := range i.Groups {
				made.SecurityGroups = append(made.SecurityGroups, group.ID)
			}
			for _, tag := range i.Tags {
				made.Tags[tag.Key] = tag.Value
			}
			list = append(list, made)
		}
	}
	return list
}

func (m *motoWorld) leftovers(ts *testscript.TestScript) []simulator.Instance {
	return slices.DeleteFunc(m.instances(ts),
		func(i simulator.Instance) bool { return i.State == "terminated" || i.State == "shutting-down" })
}

func (m *motoWorld) attribute(ts *testscript.TestScript, region, id, name string) []byte {
	var answer struct {
		UserData string `xml:"userData>value"`
		Shutdown string `xml:"instanceInitiatedShutdownBehavior>value"`
	}
	m.call(ts, region, &answer, "DescribeInstanceAttribute", "InstanceId", id, "Attribute", name)
	if name != "userData" {
		return []byte(answer.Shutdown)
	}
	data, err := base64.StdEncoding.DecodeString(answer.UserData)
	ts.Check(err)
	return data
}

// call calls moto by EC2's query protocol. moto reads the region from the signature and does not verify it.
func (m *motoWorld) call(ts *testscript.TestScript, region string, into any, action string, pairs ...string) {
	form := url.Values{"Action": {action}, "Version": {"2016-11-15"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	request, err := http.NewRequest(http.MethodPost, m.url+"/", strings.NewReader(form.Encode()))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIADEMO/20260101/"+region+
		"/ec2/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		ts.Check(fmt.Errorf("moto: %s: %s: %s", action, response.Status, text))
	}
	ts.Check(xml.Unmarshal(text, into))
}
