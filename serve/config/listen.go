package config

import (
	"fmt"
	"net/netip"
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
		s.warn(s.at[keyListen], fmt.Sprintf("listen %s shows the names of repositories and jobs to everyone who "+
			"reaches it", text), "let a firewall or a security group allow the monitoring alone, or write "+
			DefaultListen)
	}
	return text
}
