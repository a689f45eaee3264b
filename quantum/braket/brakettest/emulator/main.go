// The program emulator serves package brakettest as a process of its own, for tests that are no Go: Amazon Braket and Amazon S3 on a free port of
// this host, with the noise of a device and AWS's example credentials. It prints its address and ends with its standard input, so that it
// outlives nobody who started it.
//
//	go run ./quantum/braket/brakettest/emulator
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/qrsrisk/qrsd/quantum/braket/brakettest"
)

func main() {
	polls := flag.Int("polls", 0, "how often a task is asked for in each state before its next one; 0: once, less: it is complete at once")
	flag.Parse()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	service := brakettest.New(brakettest.Options{Seed: 3, Polls: *polls, Noise: brakettest.Noise{Depolarising: 0.002, Read1As0: 0.003, Read0As1: 0.003}})
	server := &http.Server{Handler: service, ReadHeaderTimeout: time.Minute}
	fmt.Printf("http://%s\n", at.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it, nobody asks any more
		_ = server.Close()
	}()
	if err := server.Serve(at); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
