package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Release returns the Linux downloads of a released version of the runner, such as "2.330.0". Only github.com has it:
// an Enterprise Server has no such repository. SHA256 is empty for assets from before June 2025, for which GitHub
// publishes no digest.
// https://docs.github.com/en/rest/releases/releases#get-a-release-by-tag-name
func (c *Client) Release(ctx context.Context, version string) ([]Download, error) {
	var answer struct {
		Assets []struct {
			Name   string `json:"name"`
			URL    string `json:"browser_download_url"`
			Digest string `json:"digest"`
		} `json:"assets"`
	}
	operation := "get release " + version + " of the runner"
	if err := c.call(ctx, operation, http.MethodGet, "repos/actions/runner/releases/tags/v"+version,
		&answer); err != nil {
		return nil, err
	}
	var list []Download
	for _, asset := range answer.Assets {
		for _, architecture := range []string{"x64", "arm64"} {
			if asset.Name != fmt.Sprintf("actions-runner-linux-%s-%s.tar.gz", architecture, version) {
				continue
			}
			sum, _ := strings.CutPrefix(asset.Digest, "sha256:")
			list = append(list, Download{OS: "linux", Architecture: architecture, URL: asset.URL, Filename: asset.Name,
				SHA256: sum})
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: the release has no download for Linux", operation)
	}
	return list, nil
}
