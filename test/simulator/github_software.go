package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// platforms are the operating systems and architectures that the runner is published for.
var platforms = []struct{ os, arch, ending string }{
	{"osx", "x64", "tar.gz"}, {"osx", "arm64", "tar.gz"}, {"linux", "x64", "tar.gz"}, {"linux", "arm", "tar.gz"},
	{"linux", "arm64", "tar.gz"}, {"win", "x64", "zip"}, {"win", "arm64", "zip"},
}

// software is one file of a release of the runner. Its checksum is Config.Checksums', or else made from the name, as
// the world has no tarballs.
type software struct{ os, arch, file, url, sum string }

func (h *hub) softwareOf(version string) []software {
	var list []software
	for _, p := range platforms {
		file := fmt.Sprintf("actions-runner-%s-%s-%s.%s", p.os, p.arch, version, p.ending)
		list = append(list, software{p.os, p.arch, file, orText(h.w.cfg.DownloadBase,
			"https://github.com/actions/runner/releases/download/v"+version) + "/" + file,
			orText(h.w.cfg.Checksums[file], sumOf(file))})
	}
	return list
}

// listDownloads: https://docs.github.com/rest/actions/self-hosted-runners#list-runner-applications-for-a-repository
func listDownloads(call *hubCall) answer {
	var list []map[string]string
	for _, s := range call.softwareOf(call.w.cfg.RunnerVersion) {
		list = append(list, map[string]string{"os": s.os, "architecture": s.arch, "filename": s.file,
			"download_url":    s.url,
			"sha256_checksum": s.sum})
	}
	return hubJSON(http.StatusOK, list)
}

// getRelease answers for the releases of the runner's own repository:
// https://docs.github.com/rest/releases/releases#get-a-release-by-tag-name
func getRelease(call *hubCall) answer {
	version := call.w.cfg.RunnerVersion
	if tag, given := call.params["tag"]; given {
		version = strings.TrimPrefix(tag, "v")
		if tag == version || (version != call.w.cfg.RunnerVersion && !slices.Contains(call.w.cfg.RunnerReleases,
			version)) {
			return hubError(http.StatusNotFound, "Not Found")
		}
	}
	base, author := call.base+"/repos/actions/runner/releases/1", call.ownerJSON("actions")
	var assets []map[string]any
	for n, s := range call.softwareOf(version) {
		assets = append(assets, map[string]any{"id": n + 1, "node_id": fmt.Sprintf("RA_%d", n+1), "name": s.file,
			"label": nil, "content_type": "application/octet-stream", "state": "uploaded",
			"size": 1, "digest": "sha256:" + s.sum, "download_count": 0, "uploader": author,
			"url": fmt.Sprintf("%s/assets/%d",
				base, n+1), "browser_download_url": s.url,
			"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"})
	}
	return hubJSON(http.StatusOK, map[string]any{"id": 1, "node_id": "RE_1", "tag_name": "v" + version, "name": "v" +
		version, "target_commitish": "main", "draft": false, "prerelease": false,
		"author": author, "assets": assets, "url": base, "assets_url": base + "/assets", "upload_url": base +
			"/assets{?name,label}", "html_url": "https://github.com/actions/runner/releases/tag/v" + version,
		"tarball_url": nil, "zipball_url": nil, "created_at": "2026-01-01T00:00:00Z",
		"published_at": "2026-01-01T00:00:00Z"})
}

// getDeprecation returns when a version of the runner is or was refused: those below Config.MinRunnerVersion already
// are.
func getDeprecation(call *hubCall) answer {
	version := call.params["version"]
	out := map[string]any{"runner_version": version, "registration_deprecates_at": nil, "runtime_deprecates_at": nil}
	if older(version, call.w.cfg.MinRunnerVersion) {
		past := call.w.now.Add(-24 * time.Hour).UTC().Format(time.RFC3339)
		out["registration_deprecates_at"], out["runtime_deprecates_at"] = past, past
	}
	return hubJSON(http.StatusOK, out)
}

// older compares versions such as 2.329.0.
func older(a, b string) bool {
	return slices.Compare(numbers(a), numbers(b)) < 0
}

func numbers(version string) []int {
	var list []int
	for part := range strings.SplitSeq(strings.TrimPrefix(version, "v"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil // no version at all is older than any
		}
		list = append(list, n)
	}
	return list
}
