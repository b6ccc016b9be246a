package action

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxSetupScript limits what is read of a file; the limit of user data is far lower.
const maxSetupScript = 1 << 20

// readInside reads a file of the workspace. A container action sees the workspace at another path than the job does, so
// the name is taken relative to it, and neither ".." nor a link leads out of it.
func readInside(workspace, name string) (string, error) {
	if workspace == "" {
		return "", errors.New("GITHUB_WORKSPACE is not set")
	}
	if path.IsAbs(name) { // such as from ${{ github.workspace }}
		inside, ok := strings.CutPrefix(path.Clean(name), path.Clean(workspace)+"/")
		if !ok {
			return "", errors.New("it is not in the workspace")
		}
		name = inside
	}
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return "", plainPathError(err)
	}
	defer func() { _ = root.Close() }()
	file, err := root.Open(path.Clean(name))
	if err != nil {
		return "", plainPathError(err)
	}
	defer func() { _ = file.Close() }()
	about, err := file.Stat()
	if err != nil {
		return "", plainPathError(err)
	}
	if !about.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxSetupScript+1))
	if err != nil {
		return "", plainPathError(err)
	}
	if len(raw) > maxSetupScript {
		return "", fmt.Errorf("it is longer than %d bytes", maxSetupScript)
	}
	return string(raw), nil
}

// plainPathError returns the error without the path, which the caller names.
func plainPathError(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
