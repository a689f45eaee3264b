// Command qrsd runs a Florida hurricane catastrophe model on local cores.
//
// It holds the verbs, one file each; signals, arguments and exit codes are here. What the verbs do is in
// cmd/qrsd/internal and in the engine. Begin with run.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], console{out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}
