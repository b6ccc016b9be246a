package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// addressRetry is how often the program tries to listen at an address that another process uses, such as the process
// whose standby it is.
const addressRetry = 5 * time.Second

// show serves the page and the metrics until ctx ends. An address in use does not stop anything else.
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
