package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// addressRetry is how often an address is tried again that another process has, such as the one that this one is the
// standby of.
const addressRetry = 5 * time.Second

// show answers at an address until ctx ends. An address that cannot be had stops nothing else.
func show(ctx context.Context, address string, handler http.Handler, log *slog.Logger) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	said := false
	for ctx.Err() == nil {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", address)
		if err == nil {
			log.Info("the page is at http://" + address + "/, the metrics are at http://" + address + "/metrics")
			err = server.Serve(listener)
		}
		if ctx.Err() != nil {
			return
		}
		if !said {
			said = true
			log.Warn("the page and the metrics are not shown", "listen", address, "error", err.Error(), "retry",
				addressRetry.String(), "hint", "give the file another address for listen, or write listen: off")
		}
		select {
		case <-time.After(addressRetry):
		case <-ctx.Done():
		}
	}
}
