//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// dockerSocket simulates a docker daemon that takes some time to come up: `docker SECONDS`.
func dockerSocket(args []string) error {
	wait, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	after(context.Background(), wait)
	l, err := net.Listen("unix", "/run/docker.sock")
	if err != nil {
		return err
	}
	if group, err := user.LookupGroup("docker"); err == nil {
		gid, _ := strconv.Atoi(group.Gid)
		_ = os.Chown("/run/docker.sock", 0, gid)
	}
	_ = os.Chmod("/run/docker.sock", 0o660)
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintln(c, "docker")
		_ = c.Close()
	}
}

// nvidia is nvidia-smi, which sees its GPU once the machine was booted with the driver's modules.
func nvidia() error {
	if _, err := os.Stat("/run/nvidia-modules-not-loaded"); err == nil {
		return exit(9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")
	}
	fmt.Println("GPU 0: Tesla T4 (UUID: GPU-b0071e57-0000-0000-0000-000000000000)")
	return nil
}

// holdLock holds a lock as apt does: `lock FILE DURATION`.
func holdLock(args []string) error {
	wait, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	file, err := os.OpenFile(args[0], os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return err
	}
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &lock); err != nil {
		return err
	}
	after(context.Background(), wait)
	return nil
}
