package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const maxRequest = 1 << 20

// Server is a world on a loopback socket.
type Server struct {
	// EC2URL is for AWS_ENDPOINT_URL (both EC2 and STS answer there), GitHubURL for GITHUB_API_URL; neither ends in a
	// slash.
	EC2URL, GitHubURL string
	// IDTokenURL is for ACTIONS_ID_TOKEN_REQUEST_URL.
	IDTokenURL string

	server *http.Server
	done   chan error
}

// Listen serves w on a free port of 127.0.0.1 until Close.
func Listen(w *World) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	base := "http://" + listener.Addr().String()
	s := &Server{EC2URL: base, GitHubURL: base + gheBase, IDTokenURL: base + idTokenPath + "?api-version=2.0",
		done: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.Handle(gheBase+"/", w.GitHubHandler())
	mux.HandleFunc(actionsOnGHES, func(rw http.ResponseWriter, req *http.Request) { w.serve(rw, req, serviceActions) })
	mux.Handle("/", w.EC2Handler())
	s.server = &http.Server{Handler: closed(w.besideIDTokens(mux)), ReadHeaderTimeout: time.Minute}
	go func() { s.done <- s.server.Serve(listener) }()
	return s, nil
}

// closed lets nobody out of the world who takes it for a proxy: there is nothing else to connect to.
func closed(world http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodConnect {
			http.Error(rw, "the world has no way to "+req.Host, http.StatusBadGateway)
			return
		}
		world.ServeHTTP(rw, req)
	})
}

// Close ends the server and every connection, hanging ones too, and waits for the listener to be gone.
func (s *Server) Close() error {
	err := s.server.Close()
	if serveErr := <-s.done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// gheBase is where a GitHub Enterprise Server has its API; Listen uses it too, so that one port serves both services.
const gheBase = "/api/v3"

// besideIDTokens serves GitHub's OIDC endpoint, whose path a mux would clean, and all else by next.
func (w *World) besideIDTokens(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if req.URL.Path == idTokenPath {
			w.serve(rw, req, serviceOIDC)
			return
		}
		next.ServeHTTP(rw, req)
	})
}

// EC2Handler serves EC2 and STS at "/"; which one is meant stands in the request's signature.
func (w *World) EC2Handler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		w.besideIDTokens(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			w.serve(rw, req, serviceOfSignature(req))
		})).ServeHTTP(rw, req)
	})
}

// GitHubHandler serves GitHub's REST API, at "/" and, as an Enterprise Server does, at "/api/v3".
func (w *World) GitHubHandler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		w.serve(rw, req, serviceGitHub)
	})
}

func (w *World) serve(rw http.ResponseWriter, req *http.Request, service string) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, req.Body, maxRequest))
	if err != nil {
		http.Error(rw, "request cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	if service == serviceEC2 && req.Header.Get("Authorization") == "" && strings.Contains(string(body),
		"Action=AssumeRoleWithWebIdentity") {
		service = serviceSTS // nobody signs this one
	}
	// A handler sees only the path; the hooks are for those who want to know the whole address.
	if req.URL.Host == "" {
		req.URL.Scheme, req.URL.Host = "http", req.Host
	}
	a, end := w.exchange(req.Context(), newDarkness(), req, body, service)
	switch end {
	case delivered:
		copyHeader(rw.Header(), a.header)
		rw.WriteHeader(a.status)
		_, _ = rw.Write(a.body) // the client may be gone, which is no concern of the world's
	case cutMiddle:
		hangUp(rw, a)
	case refused, cut, abandoned:
		hangUp(rw, answer{})
	}
}

func copyHeader(to, from http.Header) {
	for k, v := range from {
		to[k] = v
	}
}

// hangUp ends the connection by a reset, after the first half of the answer if there is one. A listening socket cannot
// refuse a single connection: for a client over HTTP refused is therefore a reset too.
func hangUp(rw http.ResponseWriter, a answer) {
	hijacker, ok := rw.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, buf, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = conn.Close() }()
	if a.status != 0 {
		var head strings.Builder
		fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n", a.status, http.StatusText(a.status), len(a.body))
		_ = a.header.Write(&head)
		head.WriteString("\r\n")
		_, _ = buf.WriteString(head.String())
		_, _ = buf.Write(a.body[:len(a.body)/2])
		_ = buf.Flush()
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}
