package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// inDir is a path of the file, which is relative to the file's directory.
func inDir(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// readFile reads a file of at most so many bytes. Its error says what is wrong, without the path.
func readFile(name string, most int64) (string, error) {
	about, err := os.Stat(name)
	if err != nil {
		return "", withoutPath(err)
	}
	if !about.Mode().IsRegular() { // to open a pipe may last for ever
		return "", errors.New("it is not a file")
	}
	file, err := os.Open(name) //nolint:gosec // named by the operator
	if err != nil {
		return "", withoutPath(err)
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return "", withoutPath(err)
	}
	if int64(len(raw)) > most {
		return "", fmt.Errorf("it is longer than %d bytes", most)
	}
	return string(raw), nil
}

func withoutPath(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// maxSecret bounds what is read as a token or a private key.
const maxSecret = 64 << 10

// secret reads the file of a secret, and warns of one that everybody on this machine may read. ok is false where there
// is none, or it cannot be read.
func (f *findings) secret(s section, key, name string) (text string, ok bool) {
	if name == "" {
		return "", false
	}
	text, err := readFile(name, maxSecret)
	if err != nil {
		s.problem(s.at[key], fmt.Sprintf("has %s %s, which cannot be read: %v", key, name, err),
			"give the path of a file that the user of this program may read")
		return "", false
	}
	if about, err := os.Stat(name); err == nil && about.Mode().IsRegular() && about.Mode().Perm()&0o007 != 0 {
		s.warn(s.at[key], fmt.Sprintf("github has %s %s with mode %04o: everybody on this machine may read it", key,
			name, about.Mode().Perm()), "chmod 600 "+name)
	}
	return text, true
}
