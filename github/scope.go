package github

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Scope is where runners register: "owner/repo", "org" or "enterprises/name".
type Scope struct{ text string }

var scopePart = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// ParseScope parses a scope.
func ParseScope(text string) (Scope, error) {
	parts := strings.Split(text, "/")
	for _, part := range parts {
		if !scopePart.MatchString(part) || part == "." || part == ".." {
			return Scope{}, fmt.Errorf("%q is not a scope such as owner/repo, org or enterprises/name", text)
		}
	}
	if len(parts) > 2 {
		return Scope{}, fmt.Errorf("%q is not a scope such as owner/repo, org or enterprises/name", text)
	}
	return Scope{text}, nil
}

// String returns the scope as it is written in inputs and tags.
func (s Scope) String() string { return s.text }

// IsRepository reports whether the scope is a repository.
func (s Scope) IsRepository() bool {
	return strings.Contains(s.text, "/") && !s.IsEnterprise()
}

// IsEnterprise reports whether the scope is an enterprise.
func (s Scope) IsEnterprise() bool { return strings.HasPrefix(s.text, "enterprises/") }

// IsOrganization reports whether the scope is an organization.
func (s Scope) IsOrganization() bool { return s.text != "" && !strings.Contains(s.text, "/") }

func (s Scope) apiPath() string {
	switch {
	case s.IsEnterprise():
		return s.text
	case s.IsRepository():
		return "repos/" + s.text
	default:
		return "orgs/" + s.text
	}
}

// WebURL returns the address that a runner of the scope is configured with; server is GITHUB_SERVER_URL.
func (s Scope) WebURL(server string) string {
	address, err := url.JoinPath(server, s.text)
	if err != nil {
		return strings.TrimSuffix(server, "/") + "/" + s.text
	}
	return address
}
