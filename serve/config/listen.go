package config

import (
	"fmt"
	"net/netip"
	"regexp"
)

// DefaultListen is where metrics and the page are shown to programs of the same host.
const DefaultListen = "127.0.0.1:9810"

// listenOff shows them nowhere.
const listenOff = "off"

// listen reads where metrics and the page are shown; empty is nowhere.
func (s section) listen() string {
	text := s.text(keyListen, "for example listen: "+DefaultListen)
	switch text {
	case "":
		return DefaultListen
	case listenOff:
		return ""
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil || at.Port() == 0 {
		s.problem(s.at[keyListen], fmt.Sprintf("has listen %q, which is not an IP address with a port", text),
			"for example listen: "+DefaultListen+", or 0.0.0.0:9810 for all of the host's addresses, or "+listenOff)
		return ""
	}
	if !at.Addr().IsLoopback() {
		s.warn(s.at[keyListen], fmt.Sprintf("listen %s shows the names of repositories and jobs to "+
			"everyone who reaches it", text), "let a firewall or a security group allow the monitoring alone, or "+
			"write "+DefaultListen)
	}
	return text
}

// hostForm is a DNS name, or a name of a network of containers, which may have underscores.
var hostForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*$`)

// hosts reads the names by which the page and the metrics may be asked for.
func (s section) hosts() []string {
	const example = "for example hosts: [runners.example.com]"
	list := s.texts(keyHosts, example)
	for _, host := range list {
		_, err := netip.ParseAddr(host)
		switch {
		case err == nil:
			s.problem(s.at[keyHosts], fmt.Sprintf("has the IP address %q in hosts", host),
				"leave it out: IP addresses and localhost are answered always")
		case !hostForm.MatchString(host) || len(host) > 253:
			s.problem(s.at[keyHosts], fmt.Sprintf("has the host %q, which is not a host's name", host),
				example+": without https://, port and wildcards")
		}
	}
	return list
}
