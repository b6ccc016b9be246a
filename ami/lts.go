package ami

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/marqo-ai/ec2-github-runner/ec2"
)

// ubuntuPattern matches the names of Ubuntu's server images; ubuntuName parses one:
// ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261001. Daily, minimal and Pro images have other names.
const ubuntuPattern = "ubuntu/images/hvm-ssd-gp3/ubuntu-*-server-*"

var ubuntuName = regexp.MustCompile(
	`^ubuntu/images/hvm-ssd-gp3/ubuntu-([a-z]+)-([0-9]{2})\.04-(?:amd64|arm64)-server-[0-9.]+$`)

// lts is a long-term support release of Ubuntu with its newest image.
type lts struct {
	suite string // such as noble
	year  int    // such as 24
	image ec2.Image
}

func (l lts) String() string { return fmt.Sprintf("Ubuntu %d.04 LTS (%s)", l.year, l.suite) }

// longTermReleases returns the long-term support releases (those of April in even years) of the images, the newest
// first.
// https://ubuntu.com/about/release-cycle
func longTermReleases(images []ec2.Image) []lts {
	byYear := map[int]lts{}
	for _, image := range images {
		found := ubuntuName.FindStringSubmatch(image.Name)
		if found == nil {
			continue
		}
		year, _ := strconv.Atoi(found[2]) // two digits
		best := byYear[year].image
		newer := cmp.Or(cmp.Compare(image.Created, best.Created), cmp.Compare(image.Name, best.Name)) > 0
		if year%2 == 0 && newer {
			byYear[year] = lts{found[1], year, image}
		}
	}
	var list []lts
	for _, release := range byYear {
		list = append(list, release)
	}
	slices.SortFunc(list, func(a, b lts) int { return cmp.Compare(b.year, a.year) })
	return list
}

// pointRelease returns when a release has certainly had its first point release: it is planned for the first half of
// August and was published in that month each time (20.04.1 on the 6th, 22.04.1 on the 11th, 24.04.1 on the 29th). From
// then on Ubuntu itself offers the upgrade from the previous release; EC2's data about an image do not show the point
// release. https://documentation.ubuntu.com/project/release-team/list-of-releases/
func (l lts) pointRelease() time.Time {
	return time.Date(2000+l.year, time.September, 1, 0, 0, 0, 0, time.UTC)
}

// repository is a vendor's package repository, and the file that exists if it has a release.
type repository struct{ vendor, address string }

// repositories returns the repositories that the recipe installs from, and NVIDIA's CUDA repository, which has a
// release once NVIDIA has tested it. https://docs.docker.com/engine/install/ubuntu/
// https://docs.nvidia.com/cuda/cuda-installation-guide-linux/
func (s baseSearch) repositories(l lts) []repository {
	list := []repository{{"Docker", "https://download.docker.com/linux/ubuntu/dists/" + l.suite + "/Release"}}
	if s.b.wanted.Architecture == "cuda" {
		processor := map[string]string{"x86_64": "x86_64", "arm64": "sbsa"}[l.image.Architecture]
		list = append(list, repository{"NVIDIA",
			fmt.Sprintf("https://developer.download.nvidia.com/compute/cuda/repos/ubuntu%d04/%s/Release", l.year,
				processor)})
	}
	return list
}

// chooseLTS returns the newest release that everything else supports or, if there is none, the newest release.
func (s baseSearch) chooseLTS(ctx context.Context, releases []lts) (chosen lts, found bool) {
	if len(releases) == 0 {
		return lts{}, false
	}
	var passed []string
	for _, release := range releases {
		why := s.notYet(ctx, release)
		if why == "" {
			reason := "it is the newest one that is past its first point release and that the vendors' " +
				"repositories have"
			if len(passed) > 0 {
				reason = strings.Join(passed, "; ")
			}
			s.b.info("using %s: %s", release, reason)
			return release, true
		}
		passed = append(passed, release.String()+" "+why)
	}
	s.b.warn(fmt.Sprintf("using %s although not everything supports it yet: %s; to use another one, "+
		"set base-image-id", releases[0], strings.Join(passed, "; ")))
	return releases[0], true
}

// notYet returns why a release is not to be used yet, or "". A repository that does not respond is assumed to have the
// release; if it does not, the builder reports that.
func (s baseSearch) notYet(ctx context.Context, release lts) string {
	if out := release.pointRelease(); s.b.begun.Before(out) {
		return fmt.Sprintf("is not past its first point release (not before %s)", out.Format("January 2006"))
	}
	for _, r := range s.repositories(release) {
		there, err := s.publishes(ctx, r.address)
		switch {
		case err != nil:
			s.b.info("%s's repository does not say whether it has %s, so it is assumed to: %v", r.vendor,
				release.suite, err)
		case !there:
			return fmt.Sprintf("is not in %s's repository yet (%s)", r.vendor, r.address)
		}
	}
	return ""
}

// publishTimeout limits the request to a repository.
const publishTimeout = 5 * time.Second

var errNoClient = errors.New("no HTTP client is set")

// publishes reports whether a repository has a file. Only a 404 means that it does not: a 403 may come from a proxy.
func (s baseSearch) publishes(ctx context.Context, address string) (there bool, err error) {
	if s.b.baker.Web == nil {
		return false, errNoClient
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, address, nil)
	if err != nil {
		return false, err
	}
	response, err := s.b.baker.Web.Do(request)
	if err != nil {
		return false, err
	}
	_ = response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, fmt.Errorf("HTTP status %s", response.Status)
}
