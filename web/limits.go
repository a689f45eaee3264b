package web

import (
	"cmp"
	"time"

	"github.com/qrsrisk/qrsd/store/directory"
)

// Limits bound what a client can take. A zero field is the default given with it.
type Limits struct {
	Body        int   // bytes of a request's body, where that is no upload; 64 KiB, and 16 KiB at most where everybody may send it
	Upload      int64 // bytes of the body of an upload, and of what it unpacks to; 1 GiB
	Uploads     int   // that are received or read at the same time; 8
	Header      int   // bytes of a request's line and headers; 16 KiB
	Connections int   // at the same time; 4,096
	// PerAddress is how many of them one address may have, but for trusted proxies; 256.
	PerAddress int
	UploadTime time.Duration // of a whole upload, and again of what is done with it; its next part is to come within Read; 15 min
	Read       time.Duration // of a whole request, and of the handshake before the first; 15 s
	Write      time.Duration // of a whole reply; of a stream, without progress; 30 s
	Idle       time.Duration // between two requests; 60 s
	Work       time.Duration // of a handler; 60 s
	Stop       time.Duration // for requests in hand when the server stops; 20 s
	Heartbeat  time.Duration // between signs of life of a stream of events; 15 s

	Address directory.Rate // of requests from an IPv4 address or IPv6 /64; 400, 100 a second
	User    directory.Rate // of a signed-in user's; 200, 50 a second
	Key     directory.Rate // of an API key's; 400, 100 a second
	Unlock  directory.Rate // of guesses at the store's secret from an address, and four times that from all; 5, one more every 30 s
}

func (l Limits) orDefault() Limits {
	return Limits{
		Body:        cmp.Or(l.Body, 64<<10),
		Upload:      cmp.Or(l.Upload, 1<<30),
		Uploads:     cmp.Or(l.Uploads, 8),
		UploadTime:  cmp.Or(l.UploadTime, 15*time.Minute),
		Header:      cmp.Or(l.Header, 16<<10),
		Connections: cmp.Or(l.Connections, 4096),
		PerAddress:  cmp.Or(l.PerAddress, 256),
		Read:        cmp.Or(l.Read, 15*time.Second),
		Write:       cmp.Or(l.Write, 30*time.Second),
		Idle:        cmp.Or(l.Idle, 60*time.Second),
		Work:        cmp.Or(l.Work, 60*time.Second),
		Stop:        cmp.Or(l.Stop, 20*time.Second),
		Heartbeat:   cmp.Or(l.Heartbeat, 15*time.Second), // proxies take a connection for dead after 30 s and more
		Address:     cmp.Or(l.Address, directory.Rate{Burst: 400, Every: 10 * time.Millisecond}),
		User:        cmp.Or(l.User, directory.Rate{Burst: 200, Every: 20 * time.Millisecond}),
		Key:         cmp.Or(l.Key, directory.Rate{Burst: 400, Every: 10 * time.Millisecond}),
		Unlock:      cmp.Or(l.Unlock, directory.Rate{Burst: 5, Every: 30 * time.Second}),
	}
}
