package simulator

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
)

// Transport is a way into a world for clients in the same process, for use as http.Client.Transport. It routes by host
// and answers as the network would, net errors included.
type Transport struct {
	world *World
	dark  *darkness
}

// Transport creates a new way into the world. Each has a darkness of its own: a test that kills one client takes a
// transport for it alone.
func (w *World) Transport() *Transport { return &Transport{world: w, dark: newDarkness()} }

// Dark is the client's death as the world sees it: nothing that goes through this transport is answered any more, until
// the request's context ends.
func (t *Transport) Dark() { t.dark.fall() }

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		if closeErr := req.Body.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return nil, err
		}
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	service := t.world.serviceOf(req.URL.Hostname())
	if service == serviceGitHub && strings.HasPrefix(req.URL.Path, actionsOnGHES) {
		service = serviceActions
	}
	if service == "" {
		t.world.surprise("request to unknown host %s", req.URL.Hostname())
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host",
			Name:       req.URL.Hostname(),
			IsNotFound: true}}
	}
	a, end := t.world.exchange(req.Context(), t.dark, req, body, service)
	switch end {
	case delivered:
		return a.response(req), nil
	case refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address(req), Err: os.NewSyscallError("connect",
			syscall.ECONNREFUSED)}
	case cut:
		return nil, &net.OpError{Op: "read", Net: "tcp", Addr: address(req), Err: os.NewSyscallError("read",
			syscall.ECONNRESET)}
	case cutMiddle:
		resp := a.response(req)
		resp.Body = &brokenBody{ctx: req.Context(), rest: a.body[:len(a.body)/2]}
		return resp, nil
	case abandoned:
		return nil, context.Cause(req.Context())
	}
	panic(fmt.Sprintf("simulator: fate %d", end))
}

// brokenBody returns the first part of an answer and then the error of a connection that ends too early.
type brokenBody struct {
	ctx  context.Context
	rest []byte
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if len(b.rest) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *brokenBody) Close() error { return nil }

// address stands in for the peer in net errors; 192.0.2.0/24 is reserved for documentation (RFC 5737).
func address(*http.Request) net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

var awsHost = regexp.MustCompile(`^(ec2|sts)(?:\.([a-z0-9-]+))?\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$`)

// serviceOf returns which service answers at host, or "" for none.
func (w *World) serviceOf(host string) string {
	if m := awsHost.FindStringSubmatch(host); m != nil {
		return m[1]
	}
	if host == "api.github.com" {
		return serviceGitHub
	}
	if host == actionsHost {
		return serviceActions
	}
	if strings.HasSuffix(host, idTokenHosts) {
		return serviceOIDC
	}
	for _, h := range w.cfg.GitHubHosts {
		if h == host {
			return serviceGitHub
		}
	}
	return ""
}
