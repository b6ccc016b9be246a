package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The author of the release's commit is the bot of GitHub Actions, which GitHub recognises by its mail address.
// https://api.github.com/users/github-actions%5Bbot%5D
const (
	botName = "github-actions[bot]"
	botMail = "41898282+github-actions[bot]@users.noreply.github.com"
)

// maxTarball limits the size in bytes of a release as the runner downloads it for each job that uses it.
// https://docs.github.com/rest/repos/contents#download-a-repository-archive-tar
const maxTarball = 13_000_000

// release is what determines a release's commit, besides HEAD.
type release struct {
	version    version
	image      string            // with its digest
	repository string            // OWNER/NAME
	programs   map[string][]byte // by name in native/
}

// releaseCommit creates the commit of a release, which is on no branch. Its parent is HEAD, and its tree consists of
// the files of HEAD that isKept selects, with the image in action.yml and the programs in native/. It depends only on
// HEAD and the release and has HEAD's date, so that the same release is always the same commit.
func (r repository) releaseCommit(ctx context.Context, rel release) (string, error) {
	files, err := r.releaseFiles(ctx, rel)
	if err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp("", "release")
	if err != nil {
		return "", fmt.Errorf("make release commit: %w", err)
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // a folder for temporary files
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(scratch, "index")}
	var list strings.Builder
	for _, f := range files {
		fmt.Fprintf(&list, "%s %s\t%s\x00", f.mode, f.blob, f.name)
	}
	if _, err := r.git(ctx, index, list.String(), "update-index", "-z", "--add", "--index-info"); err != nil {
		return "", err
	}
	tree, err := r.git(ctx, index, "", "write-tree")
	if err != nil {
		return "", err
	}
	date, err := r.git(ctx, nil, "", "show", "--no-patch", "--format=%cI", "HEAD")
	if err != nil {
		return "", err
	}
	who := []string{
		"GIT_AUTHOR_NAME=" + botName, "GIT_AUTHOR_EMAIL=" + botMail, "GIT_AUTHOR_DATE=" + date,
		"GIT_COMMITTER_NAME=" + botName, "GIT_COMMITTER_EMAIL=" + botMail, "GIT_COMMITTER_DATE=" + date,
	}
	message := fmt.Sprintf("Release %s\n\naction.yml names the image that was built from the parent of this commit, "+
		"and native/ holds\nthe program of that image.\n", rel.version)
	return r.git(ctx, who, message, "commit-tree", "--no-gpg-sign", "-p", "HEAD", tree)
}

// releaseFiles writes the files of a release's tree as blobs and returns them.
func (r repository) releaseFiles(ctx context.Context, rel release) ([]file, error) {
	files, err := r.files(ctx)
	if err != nil {
		return nil, err
	}
	head, err := r.git(ctx, nil, "", "rev-parse", "HEAD")
	if err != nil {
		return nil, err
	}
	doc := document{version: rel.version, repository: rel.repository, commit: head, files: map[string]bool{}}
	for _, f := range files {
		doc.files[f.name] = true
	}
	for i, f := range files {
		text, err := r.text(ctx, f.blob)
		if err != nil {
			return nil, err
		}
		adapted := doc.adapt(f.name, text)
		if f.name == "action.yml" {
			if adapted, err = withImage(adapted, rel.image); err != nil {
				return nil, err
			}
		}
		if adapted == text {
			continue
		}
		if files[i].blob, err = r.blob(ctx, adapted); err != nil {
			return nil, err
		}
	}
	sums, err := checksums(rel.programs)
	if err != nil {
		return nil, err
	}
	blob, err := r.blob(ctx, sums)
	if err != nil {
		return nil, err
	}
	files = append(files, file{"100644", blob, "native/checksums.json"})
	for _, name := range slices.Sorted(maps.Keys(rel.programs)) {
		if blob, err = r.blob(ctx, string(rel.programs[name])); err != nil {
			return nil, err
		}
		files = append(files, file{"100755", blob, "native/" + name})
	}
	return files, nil
}

// text returns the content of a blob.
func (r repository) text(ctx context.Context, blob string) (string, error) {
	var out bytes.Buffer
	err := r.run(ctx, nil, "", &out, "cat-file", "blob", blob)
	return out.String(), err
}

// blob writes a blob and returns its name.
func (r repository) blob(ctx context.Context, content string) (string, error) {
	return r.git(ctx, nil, content, "hash-object", "-w", "--stdin")
}

// tarball returns the size of a commit as a tar.gz, in bytes.
func (r repository) tarball(ctx context.Context, commit string) (int, error) {
	var size counter
	err := r.run(ctx, nil, "", &size, "archive", "--format=tar.gz", commit)
	return int(size), err
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
