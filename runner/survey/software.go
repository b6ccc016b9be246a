package survey

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/marqo-ai/ec2-github-runner/bootstrap"
	"github.com/marqo-ai/ec2-github-runner/github"
	"github.com/marqo-ai/ec2-github-runner/runner/diagnosis"
)

// latest is the value of runner-version for the version that GitHub offers.
const latest = "latest"

// Software is what machines may download: one runner version, for each architecture.
type Software struct {
	List  []bootstrap.Software // empty if GitHub did not answer: then the machine asks GitHub itself
	Token string               // for downloads from a GitHub Enterprise Server; valid for some minutes
}

// Version returns the runner's version; empty if unknown.
func (s Software) Version() string {
	if len(s.List) == 0 {
		return ""
	}
	return s.List[0].Version
}

// Downloads is a scope at GitHub and the runner version that its machines should have.
type Downloads struct {
	Registry *github.Client
	WebURL   string       // of the scope
	Version  string       // empty or "latest" for the one that GitHub offers
	Warn     func(string) // reports what does not prevent a launch
}

// Find lists the runner's downloads with the user's token: a machine itself would have to use an API that allows sixty
// calls an hour per address. If GitHub does not answer, the machine does so all the same; only the debug log says so.
func (d Downloads) Find(ctx context.Context, log *slog.Logger) (Software, error) {
	offered, err := d.Registry.Downloads(ctx)
	if err != nil {
		log.Debug("cannot list the runner downloads", "error", err)
	}
	return d.choose(ctx, offered)
}

// Require is Find for an image, whose contents must be known: it returns an error if GitHub does not answer.
func (d Downloads) Require(ctx context.Context) (Software, error) {
	offered, err := d.Registry.Downloads(ctx)
	if err != nil {
		return Software{}, fmt.Errorf("list the runner downloads for the image: %w", err)
	}
	return d.choose(ctx, offered)
}

// choose selects from the offered downloads, or reads the wanted release.
func (d Downloads) choose(ctx context.Context, offered []github.Download) (Software, error) {
	wanted := d.Version
	if wanted == "" || wanted == latest || offeredVersion(offered) == wanted {
		return offeredSoftware(offered), nil
	}
	if !strings.HasPrefix(d.WebURL, "https://github.com/") {
		d.Warn(fmt.Sprintf("this GitHub server offers runner %s only, so runner-version %s is not used",
			offeredVersion(offered), wanted))
		return offeredSoftware(offered), nil
	}
	released, err := d.Registry.Release(ctx, wanted)
	if github.ClassOf(err) == github.NotFound {
		return Software{}, &diagnosis.RefusedError{
			Message: fmt.Sprintf("The 'runner-version' input is %q, but there is no such release of the runner.",
				wanted),
			Hint: "use a version from https://github.com/actions/runner/releases, or omit the input",
		}
	}
	if err != nil {
		d.Warn(fmt.Sprintf("the release of runner %s cannot be read (%v), so its checksum is unknown and the "+
			"download is not checked", wanted, err))
		return releaseSoftware(wanted), nil
	}
	for _, download := range released {
		if download.SHA256 == "" {
			d.Warn(fmt.Sprintf("GitHub publishes no checksum for runner %s, so the download is not checked", wanted))
			break
		}
	}
	return offeredSoftware(released), nil
}

func offeredVersion(list []github.Download) string {
	for _, d := range list {
		if d.OS == "linux" {
			return versionOf(d.Filename)
		}
	}
	return "none"
}

// offeredSoftware keeps the downloads for Linux on x64 and arm64.
func offeredSoftware(downloads []github.Download) Software {
	var s Software
	for _, d := range downloads {
		if d.OS == "linux" && (d.Architecture == "x64" || d.Architecture == "arm64") {
			s.List = append(s.List, bootstrap.Software{Architecture: d.Architecture, URL: d.URL, SHA256: d.SHA256,
				Version: versionOf(d.Filename)})
			s.Token = cmp.Or(s.Token, d.Token)
		}
	}
	return s
}

// releaseSoftware names the downloads of a release, whose addresses have a fixed form.
func releaseSoftware(version string) Software {
	var s Software
	for _, architecture := range []string{"x64", "arm64"} {
		s.List = append(s.List, bootstrap.Software{
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

// versionOf parses the version from a file name such as actions-runner-linux-x64-2.330.0.tar.gz.
func versionOf(filename string) string {
	base := strings.TrimSuffix(filename, ".tar.gz")
	return base[strings.LastIndex(base, "-")+1:]
}
