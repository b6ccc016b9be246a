//go:build boottest

package boot

import (
	"archive/tar"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// cacheDir returns the folder that keeps, between runs, what takes long to make.
func cacheDir() (string, error) {
	base := os.Getenv("EGR_CACHE")
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(user, "ec2-github-runner")
	}
	dir := filepath.Join(base, "boottest")
	return dir, os.MkdirAll(dir, 0o755)
}

// buildMachine compiles the program inside the container and returns its path.
func buildMachine(dir string) (string, error) {
	path := filepath.Join(dir, "machine")
	cmd := exec.Command("go", "build", "-tags", "boottest", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o",
		path+".new", "./machine")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build machine: %w\n%s", err, out)
	}
	// Another run may have the old one open.
	return path, os.Rename(path+".new", path)
}

// Sizes of the stand-in runner's tarballs: as large as the real one for timings, otherwise small.
const (
	largeTarball = 189 << 20
	smallTarball = 5 << 20
)

// standinDir contains the stand-in runner's scripts, laid out as in the real archive.
const standinDir = "standin/runner/"

func standinFiles() ([]string, error) {
	top, err := filepath.Glob(standinDir + "*.*")
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Glob(standinDir + "bin/*")
	return append(top, bin...), err
}

// libraries are those that config.sh checks with ldd.
var libraries = []string{"bin/libcoreclr.so", "bin/libSystem.Security.Cryptography.Native.OpenSsl.so",
	"bin/libSystem.IO.Compression.Native.so"}

// tarball makes the runner's archive of about that size, once, and returns its path.
func tarball(dir, machine, version string, size int) (string, error) {
	hash := sha256.New()
	standins, err := standinFiles()
	if err != nil {
		return "", err
	}
	for _, file := range append(standins, machine, "parts.go") {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		hash.Write(text)
	}
	path := filepath.Join(dir,
		fmt.Sprintf("runner-%s-%d-%s.tar.gz", version, size>>20, hex.EncodeToString(hash.Sum(nil))[:12]))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	file, err := os.CreateTemp(dir, "runner")
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	if err := writeTarball(file, machine, version, size); err != nil {
		return "", fmt.Errorf("write tarball: %w", err)
	}
	return path, os.Rename(file.Name(), path)
}

type counter struct {
	io.Writer
	n int
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += n
	return n, err
}

func writeTarball(to io.Writer, machine, version string, size int) error {
	count := &counter{Writer: to}
	zip, err := gzip.NewWriterLevel(count, gzip.BestSpeed)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(zip)
	add := func(name string, mode int64, text []byte) error {
		// The real one's files belong to the user that built it.
		header := &tar.Header{Name: "./" + name, Mode: mode, Size: int64(len(text)), Uid: 1001, Gid: 127,
			Uname: "runner", Gname: "docker", Format: tar.FormatGNU}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err := archive.Write(text)
		return err
	}
	if err := addRunner(add, archive, machine, version); err != nil {
		return err
	}
	// The rest of the real one is node and .NET, much of which compresses to a third.
	random := mathrand.New(mathrand.NewPCG(1, uint64(size)))
	block := make([]byte, 192<<10)
	for i := 0; count.n < size || i < 3; i++ {
		for n := range block {
			if n%3072 < 1024 {
				block[n] = byte(random.Uint32())
			} else {
				block[n] = "function () { return this.value; } "[n%35]
			}
		}
		if err := add(fmt.Sprintf("externals/node%d/lib/%d.js", i%2*4+20, i), 0o644, block); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return zip.Close()
}

// addRunner adds the stand-in runner's own files.
func addRunner(add func(string, int64, []byte) error, archive *tar.Writer, machine, version string) error {
	program, err := os.ReadFile(machine)
	if err != nil {
		return err
	}
	files, err := standinFiles()
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := add(strings.TrimPrefix(file, standinDir), 0o755, text); err != nil {
			return err
		}
	}
	for _, name := range []string{"bin/Runner.Listener", "bin/Runner.Worker"} {
		if err := add(name, 0o755, program); err != nil {
			return err
		}
	}
	// The runner's own node, and libraries that config.sh checks: hard links of one file.
	for _, name := range append(libraries, "externals/node20/bin/node") {
		target := strings.Repeat("../", strings.Count(name, "/")) + "bin/Runner.Worker"
		link := &tar.Header{Name: "./" + name, Linkname: target, Typeflag: tar.TypeSymlink, Mode: 0o777, Uid: 1001,
			Gid: 127, Format: tar.FormatGNU}
		if err := archive.WriteHeader(link); err != nil {
			return err
		}
	}
	if err := add("bin/RunnerService.js", 0o644, []byte("// The stand-in node knows what is in here.\n")); err != nil {
		return err
	}
	if err := add("bin/version", 0o644, []byte(version+"\n")); err != nil {
		return err
	}
	return nil
}

// fileSum returns the SHA-256 of a file, in hex.
func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// certificates writes a test CA (ca.pem) and GitHub's certificate signed by it.
func certificates(dir string) error {
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "boottest"}, IsCA: true,
		BasicConstraintsValid: true,
		NotBefore:             time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageCertSign,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "github.com"}, DNSNames: hosts,
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name     string
		template *x509.Certificate
		public   *ecdsa.PublicKey
	}{{"ca.pem", ca, &caKey.PublicKey}, {"github.pem", leaf, &key.PublicKey}} {
		der, err := x509.CreateCertificate(rand.Reader, c.template, ca, c.public, caKey)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, c.name), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE",
			Bytes: der}),
			0o644); err != nil {
			return err
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "github.key"),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// makeHostKey makes an RSA key as ssh-keygen does, in PEM.
func makeHostKey() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
}

// hosts are the names that lead to the stand-in GitHub, and to vendors of packages.
var hosts = []string{
	"github.com", "api.github.com", "release-assets.githubusercontent.com",
	"deb.debian.org", "security.debian.org", "cdn.amazonlinux.com", "download.docker.com", "nvidia.github.io",
}

// baseImage returns an image with systemd and cloud-init, made by scripts/engine.
func baseImage(name string) (string, error) {
	cmd := exec.Command("../../scripts/engine", "image", name)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("make image %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// imageWith returns the base image with an archive unpacked in one of its folders.
func imageWith(base, archive, folder string) (string, error) {
	key := sha256.Sum256([]byte(base + filepath.Base(archive) + folder))
	tag := "egr/boottest:" + hex.EncodeToString(key[:])[:16]
	if _, err := engine("image", "inspect", tag); err == nil {
		return tag, nil
	}
	dir, err := os.MkdirTemp("", "image")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if out, err := exec.Command("cp", archive, dir+"/runner.tar.gz").CombinedOutput(); err != nil {
		return "", fmt.Errorf("copy archive: %w\n%s", err, out)
	}
	text := fmt.Sprintf("FROM %s\nADD runner.tar.gz %s/\n", base, folder)
	if err := os.WriteFile(dir+"/Dockerfile", []byte(text), 0o600); err != nil {
		return "", err
	}
	_, err = engine("build", "--quiet", "--tag", tag, dir)
	return tag, err
}
