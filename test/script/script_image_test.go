package script

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/marqo-ai/ec2-github-runner/test/simulator"
)

// made returns the images and snapshots that a script's steps have made.
func (s *scene) made(ts *testscript.TestScript) []simulator.Made {
	if s.moto != nil {
		return s.moto.made(ts)
	}
	return s.world.Images()
}

// showImages prints one line for each new image and each of its snapshots, with their tags.
func showImages(ts *testscript.TestScript, _ []string) string {
	var b strings.Builder
	for _, m := range sceneOf(ts).made(ts) {
		kind := "image"
		if m.Snapshot {
			kind = "snapshot"
		}
		fmt.Fprintf(&b, "%s %s %s region=%s size=%d name=%s\n", kind, m.ID, m.State, m.Region, m.GiB, m.Name)
		for _, key := range sorted(m.Tags) {
			fmt.Fprintf(&b, "  %s-tag %s=%s\n", kind, key, m.Tags[key])
		}
	}
	return b.String()
}

// showConsole prints the console of the newest instance.
func showConsole(ts *testscript.TestScript, _ []string) string {
	instances := sceneOf(ts).instances(ts)
	if len(instances) == 0 {
		ts.Fatalf("there is no instance")
	}
	return strings.ReplaceAll(instances[len(instances)-1].Console, "\r", "")
}

// made returns moto's images and snapshots.
func (m *motoWorld) made(ts *testscript.TestScript) []simulator.Made {
	type tags []struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	}
	plain := func(list tags) map[string]string {
		all := map[string]string{}
		for _, tag := range list {
			all[tag.Key] = tag.Value
		}
		return all
	}
	var images struct {
		List []struct {
			ID    string `xml:"imageId"`
			Name  string `xml:"name"`
			State string `xml:"imageState"`
			Tags  tags   `xml:"tagSet>item"`
		} `xml:"imagesSet>item"`
	}
	m.call(ts, "us-east-1", &images, "DescribeImages", "Owner.1", "self")
	var list []simulator.Made
	for _, i := range images.List {
		list = append(list, simulator.Made{ID: i.ID, Name: i.Name, State: i.State, Region: "us-east-1",
			Tags: plain(i.Tags)})
	}
	var snapshots struct {
		List []struct {
			ID          string `xml:"snapshotId"`
			Description string `xml:"description"`
			State       string `xml:"status"`
			Tags        tags   `xml:"tagSet>item"`
		} `xml:"snapshotSet>item"`
	}
	m.call(ts, "us-east-1", &snapshots, "DescribeSnapshots", "Owner.1", "self")
	for _, s := range snapshots.List {
		if strings.HasPrefix(s.Description, "Created by CreateImage(i-") {
			list = append(list, simulator.Made{ID: s.ID, Name: s.Description, State: s.State, Region: "us-east-1",
				Tags: plain(s.Tags), Snapshot: true})
		}
	}
	return list
}

// withConsoles proxies moto, whose consoles are the same for every machine, and replaces them by the machines' own.
func (m *motoWorld) withConsoles(ts *testscript.TestScript, world *simulator.World) string {
	target, err := url.Parse(m.url)
	ts.Check(err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(raw)))
		form, err := url.ParseQuery(string(raw))
		if err != nil || form.Get("Action") != "GetConsoleOutput" {
			if form.Get("Action") == "CreateImage" {
				withoutSnapshotTags(r, form)
			}
			proxy.ServeHTTP(w, r)
			return
		}
		text := base64.StdEncoding.EncodeToString([]byte(world.GuestConsole(form.Get("InstanceId"))))
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(
			w,
			"<GetConsoleOutputResponse><instanceId>%s</instanceId><output>%s</output></GetConsoleOutputResponse>",
			form.Get("InstanceId"),
			text,
		)
	}))
	ts.Defer(server.Close)
	return server.URL
}

// withoutSnapshotTags removes the tags of snapshots from a CreateImage call: moto does not know them, and fails.
func withoutSnapshotTags(r *http.Request, form url.Values) {
	for key := range form {
		number, _, _ := strings.Cut(strings.TrimPrefix(key, "TagSpecification."), ".")
		if form.Get("TagSpecification."+number+".ResourceType") == "snapshot" &&
			!strings.HasSuffix(key, ".ResourceType") {
			form.Del(key)
		}
	}
	for key := range form {
		if form.Get(key) == "snapshot" && strings.HasSuffix(key, ".ResourceType") {
			form.Del(key)
		}
	}
	text := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
}
