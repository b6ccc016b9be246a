package ami

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
	"github.com/marqo-ai/ec2-github-runner/machine"
)

// vendors responds for the vendors' repositories: with the status for each address that contains a key, else with 200.
// 0 means no response.
type vendors map[string]int

// RoundTrip implements http.RoundTripper.
func (v vendors) RoundTrip(request *http.Request) (*http.Response, error) {
	status := http.StatusOK
	for text, answer := range v {
		if strings.Contains(request.URL.String(), text) {
			status = answer
		}
	}
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: http.NoBody, Request: request}, nil
}

func TestChooseLTS(t *testing.T) {
	t.Parallel()
	image := func(id, suite, version, day string) ec2.Image {
		name := "ubuntu/images/hvm-ssd-gp3/ubuntu-" + suite + "-" + version + "-amd64-server-" +
			strings.ReplaceAll(day, "-",
				"")
		return ec2.Image{ID: id, Name: name, Architecture: "x86_64", Created: day + "T06:00:00.000Z"}
	}
	images := []ec2.Image{
		image("jammy", "jammy", "22.04", "2026-11-20"), image("noble-old", "noble", "24.04", "2026-04-20"),
		image("noble", "noble", "24.04", "2026-04-25"),
		image("resolute", "resolute", "26.04", "2026-04-24"), image("stonking", "stonking", "26.10", "2026-10-20"),
		image("odd", "zesty", "27.04", "2027-04-20"),
		{ID: "minimal", Name: "ubuntu-minimal/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-minimal-20261101",
			Created: "2026-11-01T06:00:00.000Z"},
	}
	const day1, august, later = "2026-04-24", "2026-08-31", "2026-11-29"
	for name, c := range map[string]struct {
		now, architecture string
		web               vendors
		want, says        string
	}{
		"on its first day": {day1, "amd64", vendors{}, "noble",
			"using Ubuntu 24.04 LTS (noble): Ubuntu 26.04 LTS (resolute) is not past its first point release (not " +
				"before September 2026)"},
		"in August": {august, "amd64", vendors{}, "noble", "is not past its first point release"},
		"after its point release": {later, "amd64", vendors{}, "resolute",
			"using Ubuntu 26.04 LTS (resolute): it is the newest one that is past its first point release"},
		"Docker has no repository": {later, "amd64", vendors{"docker.com/linux/ubuntu/dists/resolute/": 404}, "noble",
			"(resolute) is not in Docker's repository yet"},
		"NVIDIA has none": {later, "cuda", vendors{"repos/ubuntu2604/x86_64/": 404}, "noble",
			"using Ubuntu 24.04 LTS (noble): Ubuntu 26.04 LTS (resolute) is not in NVIDIA's repository yet"},
		"NVIDIA has none, without cuda": {later, "amd64", vendors{"repos/ubuntu2604/": 404}, "resolute",
			": it is the newest one"},
		"no answer": {later, "cuda", vendors{"": 0}, "resolute",
			"Docker's repository does not say whether it has resolute, so it is assumed to: "},
		"a proxy says no": {later, "amd64", vendors{"": 403}, "resolute", "HTTP status"},
		"it fails":        {later, "amd64", vendors{"": 503}, "resolute", "HTTP status"},
		"no repository at all": {later, "amd64", vendors{"": 404}, "resolute",
			"level=WARN msg=\"using Ubuntu 26.04 LTS (resolute) although not everything supports it yet"},
	} {
		var log bytes.Buffer
		now, err := time.Parse(time.DateOnly, c.now)
		if err != nil {
			t.Fatal(err)
		}
		b := &bake{
			baker: &Baker{Web: &http.Client{Transport: c.web}}, wanted: machine.Machine{Architecture: c.architecture},
			begun: now,
			log:   slog.New(slog.NewTextHandler(&log, nil)),
		}
		chosen, found := baseSearch{b}.chooseLTS(t.Context(), longTermReleases(images))
		if !found || chosen.image.ID != c.want || !strings.Contains(log.String(), c.says) {
			t.Errorf("%s: took %s, want %s; the log says\n%s", name, chosen.image.ID, c.want, log.String())
		}
	}
	if _, found := (baseSearch{&bake{}}).chooseLTS(t.Context(), longTermReleases(images[4:])); found {
		t.Error("an image that is of no long-term release is taken")
	}
}
