//go:build linux

package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/marqo-ai/ec2-github-runner/test/boot/plan"
)

const (
	in  = "/boottest/in"
	out = "/boottest/out"
	// inner is the stand-in GitHub's address for the stand-in runner's programs.
	inner = "127.0.0.1:8088"
)

// monotonic is the kernel's clock, which is the same inside and outside a container.
func monotonic() time.Duration {
	var ts syscall.Timespec
	// CLOCK_MONOTONIC is 1.
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		panic(errno)
	}
	return time.Duration(ts.Nano())
}

// journal is the file of events that the test reads.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

func (j *journal) add(what, detail string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	line, err := json.Marshal(plan.Event{At: monotonic(), What: what, Detail: detail})
	if err != nil {
		panic(err)
	}
	_, _ = j.file.Write(append(line, '\n'))
}

func world() error {
	p, err := plan.Load(in)
	if err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	file, err := os.OpenFile(out+"/events", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	j := &journal{file: file}
	g := &github{plan: p, journal: j, registered: map[string]registration{}, sessions: map[string]*session{}}
	if err := g.load(); err != nil {
		return err
	}
	j.add("power on", "")
	if err := os.WriteFile(out+"/ready", nil, 0o644); err != nil {
		return err
	}
	failed := make(chan error, 4)
	go func() { failed <- http.ListenAndServe("169.254.169.254:80", metadata(p)) }()
	go func() { failed <- http.ListenAndServe(inner, g.inner()) }()
	go func() {
		silence(p.Silent)
		failed <- http.ListenAndServe("127.0.0.1:80", packages(p.Vendors))
	}()
	go func() {
		silence(p.Silent)
		cert, err := tls.LoadX509KeyPair(in+"/github.pem", in+"/github.key")
		if err != nil {
			failed <- err
			return
		}
		server := &http.Server{
			Addr: "127.0.0.1:443", Handler: g.outer(),
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
			// HTTP/1.1 only: there a cut connection is visible as one.
			TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		}
		failed <- server.ListenAndServeTLS("", "")
	}()
	return <-failed
}

// silence waits for d, or until the test says that the network is there.
func silence(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); after(context.Background(), 100*time.Millisecond) {
		if _, err := os.Stat(in + "/network"); err == nil {
			return
		}
	}
}

// after waits for d or for the context's end, and reports whether it was d.
func after(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// metadata is the instance metadata service, version 2.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
func metadata(p plan.Plan) http.Handler {
	const token = "boottest-metadata-token"
	values := map[string]string{
		"ami-id": "ami-0b007e57", "ami-launch-index": p.LaunchIndex, "instance-id": p.InstanceID,
		"instance-type": "t3.medium", "local-hostname": "boottest", "hostname": "boottest",
		"instance-life-cycle": cmp.Or(p.LifeCycle, "on-demand"),
	}
	document, _ := json.Marshal(map[string]string{"region": "us-east-1", "instanceId": p.InstanceID,
		"architecture": "x86_64"}) // texts alone
	dynamic := map[string]string{
		"": "instance-identity/", "instance-identity/": "document", "instance-identity/document": string(document),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, token) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		// cloud-init recognizes EC2 by the machine's firmware, which a container does not have; otherwise it uses this
		// old version, without a token. All other requests need one.
		if r.Header.Get("X-aws-ec2-metadata-token") != token && !strings.HasPrefix(r.URL.Path, "/2009-04-04/") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		// /latest/meta-data/instance-id: version, kind, key.
		path := append(strings.SplitN(r.URL.Path[1:], "/", 3), "", "")
		kind, key := path[1], path[2]
		switch {
		case kind == "user-data":
			http.ServeFile(w, r, in+"/user-data")
		case kind == "meta-data" && key == "":
			for k := range values {
				fmt.Fprintln(w, k)
			}
		case kind == "meta-data" && values[key] != "":
			fmt.Fprint(w, values[key])
		case kind == "meta-data" && key == "spot/instance-action":
			// Not found as long as there is no notice.
			// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
			http.ServeFile(w, r, in+"/spot-notice")
		case kind == "meta-data" && key == "tags/instance/ec2-github-runner:kept-until":
			// A tag that changes while the instance runs appears here a little later.
			// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
			http.ServeFile(w, r, in+"/kept-until")
		case kind == "dynamic" && dynamic[key] != "":
			fmt.Fprint(w, dynamic[key])
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	return mux
}

var errRefused = errors.New("refused")
