// Command qrs-replay verifies seals and recomputes the runs they speak of.
//
// It is small enough to be read and links no network code: no net/http, no crypto/tls, no crypto/x509, no store. What it needs is given
// to it as files. It is not the program that made the seal; it shares with it the engine, the formats of package seal
// and the proofs of package ledger.
//
// It reads exposure as CSV: the reader of Parquet links net/http. Signals, arguments and exit codes are here and in
// cli.go, the verbs in one file each. Begin with run.
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
