package runner

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// latest is the runner version that GitHub offers.
const latest = "latest"

// software is what a machine may download, and the token that it needs for it.
type software struct {
	list  []bootstrap.Software
	token string // of a GitHub Enterprise Server; it lives for some minutes
}

// software asks GitHub for the runner's download with the user's token: the machine itself would have to ask an API
// that answers sixty times an hour per address. Without an answer it still does.
func (st *start) software(ctx context.Context) (software, error) {
	offered, err := st.Registry.Downloads(ctx)
	if err != nil {
		st.log.Debug("the runner downloads cannot be listed", "error", err)
	}
	return chooseSoftware(ctx, st.Registry, offered, st.request.WebURL, st.groups[0].RunnerVersion, st.warn)
}

// chooseSoftware takes what is offered, or looks the wanted release up.
func chooseSoftware(ctx context.Context, registry *github.Client, offered []github.Download, webURL, wanted string,
	warn func(string)) (software, error) {
	if wanted == "" || wanted == latest || offers(offered, wanted) {
		return offeredSoftware(offered), nil
	}
	if !strings.HasPrefix(webURL, "https://github.com/") {
		warn(fmt.Sprintf("this GitHub server offers runner %s only, so runner-version %s is not used",
			offeredVersion(offered), wanted))
		return offeredSoftware(offered), nil
	}
	released, err := registry.Release(ctx, wanted)
	if github.ClassOf(err) == github.NotFound {
		return software{}, &diagnosis.RefusedError{
			Message: fmt.Sprintf("The 'runner-version' input is %q, and there is no such release of the runner.",
				wanted),
			Hint: "take a version from https://github.com/actions/runner/releases, or leave the input out",
		}
	}
	if err != nil {
		warn(fmt.Sprintf("the release of runner %s cannot be read (%v), so its checksum is not known and the download "+
			"is "+
			"not checked", wanted, err))
		return releaseSoftware(wanted), nil
	}
	for _, download := range released {
		if download.SHA256 == "" {
			warn(fmt.Sprintf("GitHub tells no checksum for runner %s, so the download is not checked", wanted))
			break
		}
	}
	return offeredSoftware(released), nil
}

func offers(list []github.Download, version string) bool {
	return offeredVersion(list) == version
}

func offeredVersion(list []github.Download) string {
	for _, d := range list {
		if d.OS == "linux" {
			return versionOf(d.Filename)
		}
	}
	return "none"
}

// offeredSoftware keeps what runs on the machines that are started here.
func offeredSoftware(downloads []github.Download) software {
	var s software
	for _, d := range downloads {
		if d.OS == "linux" && (d.Architecture == "x64" || d.Architecture == "arm64") {
			s.list = append(s.list, bootstrap.Software{Architecture: d.Architecture, URL: d.URL, SHA256: d.SHA256,
				Version: versionOf(d.Filename)})
			s.token = cmp.Or(s.token, d.Token)
		}
	}
	return s
}

// releaseSoftware names the downloads of a release by the form that their addresses have.
func releaseSoftware(version string) software {
	var s software
	for _, architecture := range []string{"x64", "arm64"} {
		s.list = append(s.list, bootstrap.Software{
			Architecture: architecture, Version: version,
			URL: fmt.Sprintf(
				"https://github.com/actions/runner/releases/download/v%s/actions-runner-linux-%s-%s.tar.gz",
				version,
				architecture,
				version,
			),
		})
	}
	return s
}

// versionOf reads the version out of a file name such as actions-runner-linux-x64-2.330.0.tar.gz.
func versionOf(filename string) string {
	base := strings.TrimSuffix(filename, ".tar.gz")
	return base[strings.LastIndex(base, "-")+1:]
}

// Software is the runner of a version, for each kind of processor, and the token that downloading it needs. Unlike a
// start, which can leave it to its machine, an image must know what is in it.
func Software(ctx context.Context, registry *github.Client, webURL, version string,
	warn func(string)) (list []bootstrap.Software, token string, err error) {
	offered, err := registry.Downloads(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("find out which runner to bake: %w", err)
	}
	chosen, err := chooseSoftware(ctx, registry, offered, webURL, version, warn)
	return chosen.list, chosen.token, err
}
