package status

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The page needs no sign-in, so a browser must not read it for another site: by DNS rebinding, a site's own name leads
// to an address that only the browser reaches, and its scripts read the answers as their own. The Host header still has
// that name. An IP address cannot be rebound, and browsers resolve localhost to their own machine.
// https://owasp.org/www-community/attacks/DNS_Rebinding
// https://datatracker.ietf.org/doc/html/rfc6761#section-6.3

// isKnownHost reports whether a request's Host header is an IP address, localhost, or one of names.
func isKnownHost(header string, names []string) bool {
	host := header
	if name, _, err := net.SplitHostPort(header); err == nil {
		host = name
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")); err == nil {
		return true
	}
	is := func(name string) bool { return strings.EqualFold(strings.TrimSuffix(host, "."), name) }
	return is("localhost") || slices.ContainsFunc(names, is)
}

// refuseHost answers a request for a host that the file does not name, without anything of that request in it.
// https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20
func refuseHost(w http.ResponseWriter) {
	answer(w, textPlain, http.StatusMisdirectedRequest, "This page is shown for an IP address, for localhost, and for "+
		"the names that the file has under hosts.\n")
}
