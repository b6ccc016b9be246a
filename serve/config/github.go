package config

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/marqo-ai/ec2-github-runner/github"
)

const (
	urlExample = "for example url: https://github.com/owner/repo, https://github.com/owner or " +
		"https://github.com/enterprises/NAME"
	tokenExample = "for example token-file: /etc/ec2-github-runner/token"
	appExample   = "for example app-client-id: Iv23liABCdefGHIjklMN, app-private-key-file: " +
		"/etc/ec2-github-runner/app.pem"
)

// Scope is where the scale sets are.
func (g GitHub) Scope() github.Scope {
	_, scope, _ := splitURL(g.URL)
	return scope
}

// APIURL is the address of GitHub's REST API, as the client of scale sets takes it from the URL.
// https://github.com/actions/scaleset/blob/v0.4.0/config.go
func (g GitHub) APIURL() string {
	at, _, err := splitURL(g.URL)
	if err != nil {
		return ""
	}
	switch host := strings.ToLower(at.Host); {
	case host == "github.com", host == "www.github.com":
		return "https://api.github.com"
	case strings.HasSuffix(host, ".ghe.com"):
		return at.Scheme + "://api." + host
	default:
		return at.Scheme + "://" + at.Host + "/api/v3"
	}
}

// splitURL reads the address of a repository, an organization or an enterprise.
func splitURL(text string) (*url.URL, github.Scope, error) {
	at, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil {
		return nil, github.Scope{}, err
	}
	scope, err := github.ParseScope(strings.TrimPrefix(at.Path, "/"))
	return at, scope, err
}

// gitHub reads which GitHub to serve, and who signs in there. Files are relative to dir.
func (f *findings) gitHub(s section, dir string) GitHub {
	if s.wrong {
		return GitHub{}
	}
	s.only(GitHubKeys, nil)
	g := GitHub{
		URL: s.text(keyURL, urlExample), AppID: s.text(keyAppID, appExample),
		TokenFile:         inDir(dir, s.text(keyTokenFile, tokenExample)),
		AppPrivateKeyFile: inDir(dir, s.text(keyAppKeyFile, appExample)),
		CACertificates:    f.certificates(s, dir),
	}
	g.URL = s.url(g.URL)
	if n := s.text(keyInstallation, "for example app-installation-id: 12345678"); n != "" {
		id, err := strconv.ParseInt(n, 10, 64)
		if err != nil || id < 1 {
			s.problem(s.at[keyInstallation], fmt.Sprintf("has app-installation-id %q, which is no number", n),
				"it is the number at the end of the installation's address; leave it out and it is looked up")
		}
		g.AppInstallationID = id
	}
	f.signIn(s, g)
	return g
}

// url checks the address.
func (s section) url(text string) string {
	line := s.lineOf(keyURL)
	if text == "" {
		s.problem(line, "has no url", urlExample)
		return ""
	}
	at, _, err := splitURL(text)
	switch {
	case at != nil && at.User != nil:
		s.problem(line, "has a url with a password in it", "a secret is given by a file: "+tokenExample)
		return ""
	case err != nil, at.Scheme != "https" && at.Scheme != "http", at.Host == "", at.RawQuery != "", at.Fragment != "":
		s.problem(line, fmt.Sprintf("has the url %q, which is not that of a repository, an organization "+
			"or an enterprise", text), urlExample)
		return ""
	case strings.HasSuffix(at.Path, ".git"):
		s.problem(line, fmt.Sprintf("has the url %q, which is that of a Git repository", text),
			"leave out the ending .git")
		return ""
	case at.Scheme == "http" && !isLoopback(at.Hostname()):
		s.warn(line, "github has a url without TLS: the token travels in clear text", "write https://")
	}
	return strings.TrimRight(text, "/")
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// signIn checks that there is one way to sign in, and that its file can be read.
func (f *findings) signIn(s section, g GitHub) {
	isApp := s.has(keyAppID) || s.has(keyAppKeyFile) || s.has(keyInstallation)
	switch {
	case g.TokenFile != "" && isApp:
		s.problem(s.lineOf(keyTokenFile), "has token-file and the keys of an App, and signs in once",
			"leave out token-file to sign in as the App, or the App's keys to use the token")
	case g.TokenFile == "" && !isApp:
		s.problem(s.line, "does not say who signs in", appExample+"; or "+tokenExample)
	case isApp && g.AppID == "":
		s.problem(s.line, "has keys of an App and no app-client-id", appExample)
	case isApp && g.AppPrivateKeyFile == "":
		s.problem(s.lineOf(keyAppID), "has app-client-id and no app-private-key-file", appExample)
	}
	if g.AppID != "" && !(github.AppOptions{ID: g.AppID}).HasValidID() {
		s.problem(s.at[keyAppID],
			fmt.Sprintf("has app-client-id %q, which is neither a client id nor an App id", g.AppID),
			appExample)
	}
	if text, ok := f.secret(s, keyTokenFile, g.TokenFile); ok {
		s.token(text)
	}
	if text, ok := f.secret(s, keyAppKeyFile, g.AppPrivateKeyFile); ok {
		s.appKey(text)
	}
}

// token checks what the file of a token holds, and shows nothing of it.
func (s section) token(text string) {
	text = strings.TrimSpace(text)
	const hint = "write the token alone into the file, as one line"
	switch {
	case text == "":
		s.problem(s.at[keyTokenFile], "has a token-file that is empty", hint)
	case strings.ContainsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }):
		s.problem(s.at[keyTokenFile], "has a token-file with a blank or a line break within, which no token has", hint)
	}
}

// appKey checks what the file of a private key holds, and shows nothing of it.
func (s section) appKey(text string) {
	_, err := github.ReadKey(text)
	if err == nil {
		return
	}
	s.problem(s.at[keyAppKeyFile], "has an app-private-key-file that cannot be used: "+err.Error(),
		"generate a private key under General > Private keys of the App's settings and take the .pem file as it is; a "+
			"passphrase is removed by openssl rsa -in FILE.pem -traditional")
}

// certificates reads a private CA's certificates, given as PEM or by the path of such a file.
func (f *findings) certificates(s section, dir string) string {
	const hint = "it must be one or more PEM blocks that begin with -----BEGIN CERTIFICATE-----, or the " +
		"path of such a file"
	text := s.text(keyCA, hint)
	if text == "" {
		return ""
	}
	if !strings.Contains(text, "\n") && !strings.HasPrefix(text, "-----BEGIN") {
		read, err := readFile(inDir(dir, text), maxFile)
		if err != nil {
			s.problem(s.at[keyCA], fmt.Sprintf("has ca-certificates %q, which cannot be read: %v", text, err), hint)
			return ""
		}
		text = strings.TrimSpace(read)
	}
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
		s.problem(s.at[keyCA], "has ca-certificates that hold no certificate that can be read", hint)
		return ""
	}
	return text
}
